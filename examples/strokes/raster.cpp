#include "examples/strokes/raster.h"

#include <algorithm>
#include <cmath>

namespace strokes {
namespace {

constexpr double kShare = 20.0 / 28, kRadius = 1, kEdge = 1;  // of the side; pixels; pixels

double distance_to(const Point& p, const Point& a, const Point& b) {
  const double dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy;
  const double at =
      squared > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / squared, 0.0, 1.0) : 0;
  return std::hypot(p.x - a.x - at * dx, p.y - a.y - at * dy);
}

}  // namespace

std::vector<float> rasterised(const Drawing& drawing, Index side) {
  const Drawing d = normalised(drawing);
  const auto pixels = static_cast<double>(side);
  const auto place = [&](const Point& p) {
    return Point{pixels * (0.5 + kShare * p.x), pixels * (0.5 - kShare * p.y)};
  };
  std::vector<float> out(static_cast<std::size_t>(side * side));
  for (const Stroke& stroke : d.strokes)
    for (std::size_t i = 0; i < stroke.size(); ++i) {
      const Point a = place(stroke[i > 0 ? i - 1 : 0]), b = place(stroke[i]);
      const double reach = kRadius + kEdge;
      const auto first = [&](double v) { return std::max<Index>(0, std::lround(v - reach - 1)); };
      const auto last = [&](double v) { return std::min(side - 1, std::lround(v + reach)); };
      for (Index row = first(std::min(a.y, b.y)); row <= last(std::max(a.y, b.y)); ++row)
        for (Index column = first(std::min(a.x, b.x)); column <= last(std::max(a.x, b.x));
             ++column) {
          const Point centre{static_cast<double>(column) + 0.5, static_cast<double>(row) + 0.5};
          const double ink =
              std::clamp((kRadius - distance_to(centre, a, b)) / kEdge + 0.5, 0.0, 1.0);
          float& pixel = out[static_cast<std::size_t>(row * side + column)];
          pixel = std::max(pixel, static_cast<float>(ink));
        }
    }
  return out;
}

}  // namespace strokes
