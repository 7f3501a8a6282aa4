// Whole files, read and written safely.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <string_view>

namespace unroll {

// The bytes of a file; throws std::runtime_error with the path and the system's reason.
std::string read_file(const std::string& path);
// Writes beside the file and then takes its place: after a crash there is the old file or the new
// one, never a part. A device or a pipe (/dev/stdout) is written to as it is.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace unroll
