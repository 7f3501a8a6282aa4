// Trains the model by CTC on varied recordings.
#pragma once

#include "examples/common/training.h"
#include "examples/speech/model.h"

namespace speech {

struct FitOptions {
  std::string label;
  Index epochs = 0;  // 0: 40, and more for few recordings
  std::uint64_t seed = 1;
};
// Keeps the epoch with the lowest CTC loss on the validation part, of which words with unknown
// letters are left out. Training words that are too short for their letters are left out too.
// Throws std::runtime_error if nothing is left of a part.
program::Curves fit(Model& model, const Letters& letters, const Words& train,
                    const Words& validation, const FitOptions& o, program::Checkpoint& checkpoint);

}  // namespace speech
