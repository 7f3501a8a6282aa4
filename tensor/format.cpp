// How a tensor looks in print: rows aligned, long axes shortened to their first and last three.
#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace unroll {
namespace {

constexpr Index kWhole = 1000;  // tensors of up to so many elements are printed whole
constexpr Index kEdge = 3;

std::string bracketed(const Shape& shape, const std::function<std::string(Index flat)>& cell) {
  const bool shorten = shape.numel() > kWhole;
  const auto shown = [&](int axis, auto&& visit) {
    const Index n = shape[axis];
    for (Index i = 0; i < n; ++i) {
      if (shorten && n > 2 * kEdge && i == kEdge) {
        visit(Index{-1});
        i = n - kEdge;
      }
      visit(i);
    }
  };
  std::size_t width = 0;
  std::function<void(int, Index)> measure = [&](int axis, Index flat) {
    if (axis == shape.rank()) {
      width = std::max(width, cell(flat).size());
      return;
    }
    shown(axis, [&](Index i) {
      if (i >= 0) measure(axis + 1, flat * shape[axis] + i);
    });
  };
  if (shape.numel() > 0) measure(0, 0);

  std::function<std::string(int, Index)> print = [&](int axis, Index flat) -> std::string {
    if (axis == shape.rank()) return fmt::format("{:>{}}", cell(flat), width);
    const bool innermost = axis == shape.rank() - 1;
    const std::string separator =
        innermost ? ", "
                  : "," + std::string(static_cast<std::size_t>(shape.rank() - 1 - axis), '\n') +
                        std::string(static_cast<std::size_t>(axis + 1), ' ');
    std::string text = "[";
    bool first = true;
    shown(axis, [&](Index i) {
      if (!first) text += separator;
      first = false;
      text += i < 0 ? "..." : print(axis + 1, flat * shape[axis] + i);
    });
    return text + "]";
  };
  return print(0, 0);
}

}  // namespace

std::string Tensor::str() const {
  if (!defined()) return "undefined";
  const std::vector<double> values = to_vector<double>();
  bool whole = true;
  double largest = 0, smallest = INFINITY;
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    whole = whole && v == std::nearbyint(v);
    largest = std::max(largest, std::abs(v));
    if (v != 0) smallest = std::min(smallest, std::abs(v));
  }
  const bool scientific =
      largest >= 1e6 || (!whole && (smallest < 1e-4 || largest / smallest > 1e6));
  const auto cell = [&](Index i) {
    const double v = values[static_cast<std::size_t>(i)];
    if (!std::isfinite(v)) return fmt::format("{}", v);
    if (scientific) return fmt::format("{:.4e}", v);
    return whole ? fmt::format("{:.0f}.", v) : fmt::format("{:.4f}", v);
  };
  return fmt::format("{}{}{}", bracketed(shape(), cell),
                     rank() > 0 ? fmt::format("  {}", shape()) : std::string(),
                     dtype() == f64 ? " f64" : "");
}

std::string IndexTensor::str() const {
  if (!defined()) return "undefined";
  return bracketed(shape(), [&](Index i) { return fmt::format("{}", data()[i]); });
}

}  // namespace unroll
