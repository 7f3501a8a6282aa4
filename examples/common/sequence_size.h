// The number of parameters of a sequence model, without making one; and the check of a model file
// that needs it.
#pragma once

#include "examples/common/model_file.h"
#include "examples/common/sequence_model.h"

namespace program {

// The number of parameters of a SequenceModel with these options.
double parameters_of(const SequenceOptions& options);

// Throws std::runtime_error unless the options in a model file are in range and the file has as
// many values as the SequenceModel has parameters, and `others` more. Call it before the model is
// made: sizes in a damaged file may be too large for memory.
void check_sizes(const std::string& path, const ModelFile& file, const SequenceOptions& options,
                 double others = 0);

}  // namespace program
