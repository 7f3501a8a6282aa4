// Where words begin and end in a stream, by the level of its frames: a frame is speech if it is 12
// dB above the background, which is the lowest level of the last 1.5 s.
#pragma once

#include "examples/speech/features.h"

#include <optional>

namespace speech {

inline constexpr Index kBefore = 15, kAfter = 25;  // frames before and after speech in a segment
inline constexpr Index kConfirmed = 5;             // loud frames in a row that begin a segment
inline constexpr Index kLongest = 400;   // frames of a segment; speech goes on in the next
inline constexpr Index kPadding = 5600;  // zero samples after a recording, to end its last segment
// Zero samples before each recording, so that a word at its very beginning is preceded by silence
// too. They are as long as kBefore: the number `begin` of a segment is the frame of the recording
// with which its speech begins.
inline constexpr Index kLead = kBefore * kHop;

struct Segment {
  Index begin = 0, end = 0;  // frames, [begin, end)
};

class Endpoints {
 public:
  // Takes the level of the next frame, in dB. Returns the segment that ends with it, if one does.
  // The kBefore frames before a word may also be the last ones of the segment before.
  std::optional<Segment> push(float level);
  // Where the segment that has begun, but not ended, begins.
  std::optional<Index> begun() const { return begun_; }

 private:
  static constexpr std::size_t kBackground = 150;  // frames
  float threshold() const;

  std::vector<float> last_ = std::vector<float>(kBackground, -60.0F);  // levels, a ring
  Index time_ = 0, loud_ = 0, quiet_ = 0, free_ = 0;
  std::optional<Index> begun_;
};

// The samples of each segment of a recording, and of its last one padded by zeros where the
// recording ends first.
std::vector<Samples> pieces(const Samples& samples);
// The same for a recording of one word, which may pause: from the beginning of the first segment to
// the end of the last one. Empty: no speech.
Samples trimmed(const Samples& samples);

}  // namespace speech
