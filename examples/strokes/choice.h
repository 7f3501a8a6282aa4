// The options of the program beside the common ones.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/strokes/task.h"

namespace strokes {

inline constexpr const char* kProgram = "strokes";
inline constexpr Index kMaxHidden = 2048;

struct Choice {
  std::vector<std::string> tasks;  // empty: all but pixels
  std::string model = "lstm";
  program::SizeChoice size;
  Index hidden = 0;  // 0: the task's default
  std::string fonts, alphabet = "digits", images;
  Index copies = 25, per_epoch = 0;  // per_epoch 0: the task's default
};

}  // namespace strokes
