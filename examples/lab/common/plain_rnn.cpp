#include "examples/lab/common/plain_rnn.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

namespace lab {

std::string plain_rnn_source() {
  const std::string path = UNROLL_SOURCE_DIR "/examples/lab/common/plain_rnn.h",
                    text = unroll::read_file(path);
  const std::size_t begin = text.find("// The parameters of a time step."),
                    end = text.find("\n// The lines above");
  unroll::check_io(begin < end && end != std::string::npos,
                   "{}: the RNN and a comment after it were required: got another text", path);
  return text.substr(begin, end - begin);
}

}  // namespace lab
