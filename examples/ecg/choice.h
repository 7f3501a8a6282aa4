// The options of the program beside the common ones.
#pragma once

#include "examples/common/options.h"
#include "examples/ecg/recording.h"

namespace ecg {

inline constexpr const char* kProgram = "ecg";
// What a model was trained for, in the metadata of its file.
inline constexpr const char* kTask = "task";
inline constexpr const char* kForecast = "forecast";
inline constexpr const char* kSeries = "series";
inline constexpr const char* kBeats = "beats";
inline constexpr Index kMaxHidden = 1024;

struct Choice {
  double frequency = 0;  // 0: not given
  Index channel = 0;     // 0: not given
  Index window = 12'000, chunk = 0;
  std::vector<std::string> ucr, wfdb;
  Index hidden = 0, seeds = 0;  // 0: the default of the task
  bool class_weights = false;

  Source source(const std::string& path) const { return {path, frequency, channel}; }
};

}  // namespace ecg
