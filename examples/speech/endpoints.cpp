#include "examples/speech/endpoints.h"

#include <algorithm>

namespace speech {
namespace {

constexpr float kAbove = 12, kQuietest = -50;  // dB

}  // namespace

float Endpoints::threshold() const {
  return std::max(kQuietest, *std::min_element(last_.begin(), last_.end()) + kAbove);
}

std::optional<Segment> Endpoints::push(float level) {
  const bool loud = level > threshold();
  last_[static_cast<std::size_t>(time_) % kBackground] = level;
  ++time_;
  loud_ = loud ? loud_ + 1 : 0;
  quiet_ = loud ? 0 : quiet_ + 1;
  if (!begun_ && loud_ >= kConfirmed) begun_ = std::max(free_, time_ - loud_ - kBefore);
  if (!begun_ || (quiet_ < kAfter && time_ - *begun_ < kLongest)) return {};
  const Segment out{*begun_, time_};
  begun_.reset();
  if (quiet_ < kAfter) free_ = time_;  // cut within speech
  loud_ = 0;
  return out;
}

namespace {

struct Found {
  Samples padded;
  std::vector<Segment> segments;
  Samples between(Index begin, Index end) const {  // frames
    // The window of the last frame ends kWindow - kHop after its hop.
    const Index last = std::min(std::ssize(padded), end * kHop + kWindow - kHop);
    return {padded.begin() + begin * kHop, padded.begin() + last};
  }
};

Found found_in(const Samples& samples) {
  Found out{Samples(kLead), {}};
  out.padded.insert(out.padded.end(), samples.begin(), samples.end());
  out.padded.resize(out.padded.size() + kPadding);
  Endpoints endpoints;
  for (const Frame& frame : log_mel(out.padded))
    if (const auto segment = endpoints.push(frame.level)) out.segments.push_back(*segment);
  return out;
}

}  // namespace

std::vector<Samples> pieces(const Samples& samples) {
  constexpr Index kPause = 10;  // frames
  const Found found = found_in(samples);
  std::vector<Segment> words;
  for (const Segment& s : found.segments) {
    if (!words.empty() && s.begin < words.back().end + kPause)
      words.back().end = s.end;
    else
      words.push_back(s);
  }
  std::vector<Samples> out;
  for (const Segment& s : words) out.push_back(found.between(s.begin, s.end));
  return out;
}

Samples trimmed(const Samples& samples) {
  const Found found = found_in(samples);
  if (found.segments.empty()) return {};
  return found.between(found.segments.front().begin, found.segments.back().end);
}

}  // namespace speech
