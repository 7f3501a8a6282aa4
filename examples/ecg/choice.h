// The options of the program beside the common ones.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/ecg/recording.h"

namespace ecg {

inline constexpr const char* kProgram = "ecg";
// What a model was trained for, in the metadata of its file.
inline constexpr const char* kTask = "task";
inline constexpr const char* kForecast = "forecast";
inline constexpr const char* kSeries = "series";
inline constexpr const char* kBeats = "beats";
inline constexpr Index kHidden = 64, kMaxHidden = 1024;

struct Choice {
  double frequency = 0;  // 0: not given
  Index channel = 0;     // 0: not given
  Index window = 12'000, chunk = 0;
  std::vector<std::string> ucr, wfdb;
  std::string model;                   // empty: the default of the task
  Index hidden = kHidden, layers = 0;  // 0: the default of the task
  program::SizeChoice size = {};       // --parameters, --equal-parameters
  Index seeds = 0;                     // 0: the default
  std::string class_weights = "sqrt";  // or none, equal

  bool classifies() const { return !ucr.empty() || !wfdb.empty(); }
  Source source(const std::string& path) const { return {path, frequency, channel}; }
};

}  // namespace ecg
