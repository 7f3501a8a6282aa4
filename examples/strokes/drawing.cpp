#include "examples/strokes/drawing.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace strokes {
namespace {

constexpr double kMaxLogSpeed = 2;

double distance(const Point& a, const Point& b) { return std::hypot(a.x - b.x, a.y - b.y); }

struct Box {
  double left = INFINITY, right = -INFINITY, bottom = INFINITY, top = -INFINITY;
};
Box box_of(const Drawing& drawing) {
  Box box;
  for (const Stroke& stroke : drawing.strokes)
    for (const Point& p : stroke) {
      box.left = std::min(box.left, p.x), box.right = std::max(box.right, p.x);
      box.bottom = std::min(box.bottom, p.y), box.top = std::max(box.top, p.y);
    }
  return box;
}

Point between(const Point& a, const Point& b, double share) {
  return {a.x + share * (b.x - a.x), a.y + share * (b.y - a.y), a.t + share * (b.t - a.t)};
}

// Walks along a polyline; the distances asked for must not fall.
class Walk {
 public:
  explicit Walk(const Stroke& stroke) : stroke_(stroke) {}
  Point at(double length) {
    while (i_ + 2 < stroke_.size() && before_ + step() < length) before_ += step(), ++i_;
    if (i_ + 1 >= stroke_.size()) return stroke_.back();
    return step() > 0 ? between(stroke_[i_], stroke_[i_ + 1],
                                std::clamp((length - before_) / step(), 0.0, 1.0))
                      : stroke_[i_];
  }

 private:
  double step() const { return distance(stroke_[i_], stroke_[i_ + 1]); }

  const Stroke& stroke_;
  std::size_t i_ = 0;
  double before_ = 0;
};

// Ink per unit of time over the whole drawing; 0 if there is no time.
double mean_speed(const Drawing& drawing) {
  double time = 0;
  for (const Stroke& s : drawing.strokes) time += std::abs(s.back().t - s.front().t);
  return time > 0 ? ink_length(drawing) / time : 0;
}

double log_speed(const Point& a, const Point& b, double mean) {
  const double time = std::abs(b.t - a.t), length = distance(a, b);
  if (mean <= 0 || length <= 0) return 0;
  return time > 0 ? std::clamp(std::log(length / time / mean), -kMaxLogSpeed, kMaxLogSpeed)
                  : kMaxLogSpeed;
}

}  // namespace

bool has_extent(const Drawing& drawing) {
  const Box box = box_of(drawing);
  return box.right > box.left || box.top > box.bottom;
}

double ink_length(const Stroke& stroke) {
  double out = 0;
  for (std::size_t i = 1; i < stroke.size(); ++i) out += distance(stroke[i - 1], stroke[i]);
  return out;
}

double ink_length(const Drawing& drawing) {
  double out = 0;
  for (const Stroke& stroke : drawing.strokes) out += ink_length(stroke);
  return out;
}

Drawing normalised(const Drawing& drawing) {
  unroll::check(has_extent(drawing),
                "normalised: a drawing with two different points was required: got none");
  const Box box = box_of(drawing);
  const double side = std::max(box.right - box.left, box.top - box.bottom);
  Drawing out = drawing;
  for (Stroke& stroke : out.strokes)
    for (Point& p : stroke) {
      p.x = (p.x - box.left - (box.right - box.left) / 2) / side;
      p.y = (p.y - box.bottom - (box.top - box.bottom) / 2) / side;
    }
  return out;
}

Stroke resampled(const Stroke& stroke, Index n) {
  unroll::check(!stroke.empty() && n >= 1,
                "resampled: a stroke with a point, and n >= 1, were required: got {} points, n {}",
                stroke.size(), n);
  const double length = ink_length(stroke);
  Walk walk(stroke);
  Stroke out;
  for (Index i = 0; i + 1 < n; ++i)
    out.push_back(walk.at(length * static_cast<double>(i) / static_cast<double>(n - 1)));
  out.push_back(n == 1 ? stroke.front() : stroke.back());
  return out;
}

Stroke resampled(const Drawing& drawing, Index n) {
  // Distances are measured within strokes, so a jump between strokes is a step of no length.
  std::vector<double> begins{0};
  for (const Stroke& s : drawing.strokes) begins.push_back(begins.back() + ink_length(s));
  const double length = begins.back();
  Stroke out;
  std::size_t s = 0;
  std::vector<Walk> walks;
  for (const Stroke& stroke : drawing.strokes) walks.emplace_back(stroke);
  for (Index i = 0; i < n; ++i) {
    const double at = n > 1 ? length * static_cast<double>(i) / static_cast<double>(n - 1) : 0;
    while (s + 1 < drawing.strokes.size() && begins[s + 1] < at) ++s;
    out.push_back(walks[s].at(at - begins[s]));
  }
  return out;
}

std::vector<Step> path_of(const Drawing& drawing, double spacing) {
  const Drawing d = normalised(drawing);
  const double mean = d.timed ? mean_speed(d) : 0, ink = ink_length(d);
  const Index room = std::max<Index>(1, kMaxSteps - 2 * std::ssize(d.strokes));
  spacing = std::max(spacing, ink / static_cast<double>(room));
  std::vector<Step> out;
  for (const Stroke& stroke : d.strokes) {
    const double length = ink_length(stroke);
    const Index n = length > 0 ? 1 + std::max<Index>(1, std::lround(length / spacing)) : 1;
    const Stroke points = resampled(stroke, n);
    for (std::size_t i = 0; i < points.size(); ++i)
      out.push_back(
          {points[i].x, points[i].y, i > 0, i > 0 ? log_speed(points[i - 1], points[i], mean) : 0});
  }
  return out;
}

unroll::Tensor features(const std::vector<Step>& path) {
  std::vector<float> out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const double dx = i > 0 ? path[i].x - path[i - 1].x : 0,
                 dy = i > 0 ? path[i].y - path[i - 1].y : 0, length = std::hypot(dx, dy);
    for (const double v : {2 * path[i].x, 2 * path[i].y, length > 0 ? dx / length : 0,
                           length > 0 ? dy / length : 0, path[i].down ? 1.0 : 0.0, path[i].speed})
      out.push_back(static_cast<float>(v));
  }
  return unroll::Tensor::from(out, {std::ssize(path), kFeatures});  // [T, D]
}

std::vector<Step> shuffled_steps(const std::vector<Step>& path, unroll::Generator& random) {
  std::vector<Step> out;
  for (const Index i : random.permutation(std::ssize(path))) {
    const Step& step = path[static_cast<std::size_t>(i)];
    out.push_back({.x = step.x, .y = step.y, .down = false});
  }
  return out;
}

Drawing shuffled_strokes(const Drawing& drawing, unroll::Generator& random) {
  Drawing out = drawing;
  out.strokes.clear();
  for (const Index i : random.permutation(std::ssize(drawing.strokes))) {
    out.strokes.push_back(drawing.strokes[static_cast<std::size_t>(i)]);
    if (random.below(2) == 0) std::reverse(out.strokes.back().begin(), out.strokes.back().end());
  }
  return out;
}

}  // namespace strokes
