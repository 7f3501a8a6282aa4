// The baseline without learning: the label of the nearest training recording by dynamic time
// warping (Sakoe and Chiba 1978) of log-mel features, from which their mean over the word is
// subtracted.
#pragma once

#include "examples/speech/features.h"
#include "examples/speech/words.h"

namespace speech {

using Track = std::vector<std::array<float, kBands>>;  // one row each 20 ms
Track track_of(const Samples& samples);

// The lowest sum of Euclidean distances over monotone paths from both beginnings to both ends,
// divided by the sum of the lengths. The path stays within a quarter of the length (at least 8
// rows) of the diagonal. Infinite if it exceeds `give_up`.
double warped_distance(const Track& a, const Track& b, double give_up);

class NearestNeighbour {
 public:
  // At most kTemplates recordings, the same number of each label, spaced evenly in their order.
  explicit NearestNeighbour(const Words& words);
  std::string operator()(const Word& word) const;  // its label
  Index size() const { return std::ssize(tracks_); }

 private:
  static constexpr std::size_t kTemplates = 600;
  std::vector<Track> tracks_;
  std::vector<std::string> labels_;
};

}  // namespace speech
