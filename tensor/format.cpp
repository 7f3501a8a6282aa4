// Printing of tensors: aligned rows; long axes shortened to their first and last three elements;
// long rows broken into lines.
#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

namespace unroll {
namespace {

constexpr Index kWhole = 1000;  // elements; larger tensors are shortened
constexpr Index kEdge = 3;
constexpr std::size_t kLine = 80;  // characters

// Calls f(i) for each printed index of an axis, and f(-1) for the indices left out.
template <class F>
void along(const Shape& shape, int axis, F&& f) {
  const Index n = shape[axis];
  const bool shorten = shape.numel() > kWhole && n > 2 * kEdge;
  for (Index i = 0; i < n; ++i) {
    if (shorten && i == kEdge) {
      f(Index{-1});
      i = n - kEdge;
    }
    f(i);
  }
}

// Calls f(row-major index of the element) for each printed element.
template <class F>
void for_each_printed(const Shape& shape, F&& f, int axis = 0, Index flat = 0) {
  if (shape.numel() == 0) return;
  if (axis == shape.rank()) return f(flat);
  along(shape, axis, [&](Index i) {
    if (i >= 0) for_each_printed(shape, f, axis + 1, flat * shape[axis] + i);
  });
}

// The printed elements in brackets, in the order of for_each_printed.
class Brackets {
 public:
  Brackets(const Shape& shape, const std::vector<std::string>& cells)
      : shape_(shape), next_(cells.begin()) {
    for (const std::string& cell : cells) width_ = std::max(width_, cell.size());
    if (shape.numel() == 0) {
      text_ = "[]";
    } else {
      print(0);
    }
  }
  std::string text() && { return std::move(text_); }

 private:
  void print(int axis) {
    if (axis == shape_.rank()) {
      text_ += fmt::format("{:>{}}", *next_++, width_);
      return;
    }
    const std::size_t indent = static_cast<std::size_t>(axis) + 1;
    const auto below = static_cast<std::size_t>(shape_.rank() - 1 - axis);  // axes inside this one
    const std::size_t in_line = std::max<std::size_t>(1, (kLine - indent) / (width_ + 2));
    std::size_t count = 0;
    text_ += '[';
    along(shape_, axis, [&](Index i) {
      if (count > 0) {
        const bool broken = below == 0 && count % in_line == 0;
        text_ += below == 0 && !broken ? ", " : ",";
        text_.append(broken ? 1 : below, '\n');
        if (below > 0 || broken) text_.append(indent, ' ');
      }
      ++count;
      if (i < 0) {
        text_ += "...";
      } else {
        print(axis + 1);
      }
    });
    text_ += ']';
  }

  const Shape& shape_;
  std::vector<std::string>::const_iterator next_;
  std::size_t width_ = 0;
  std::string text_;
};

double element(const Tensor& x, Index flat) {
  Index offset = 0;
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    offset += flat % x.shape()[axis] * x.strides()[axis];
    flat /= x.shape()[axis];
  }
  return dispatch(x.dtype(), [&]<class T>() { return static_cast<double>(x.data<T>()[offset]); });
}

}  // namespace

std::string Tensor::str() const {
  if (!defined()) return "undefined";
  std::vector<double> values;
  for_each_printed(shape(), [&](Index flat) { values.push_back(element(*this, flat)); });
  bool whole = true;
  double largest = 0, smallest = INFINITY;
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    whole = whole && v == std::nearbyint(v);
    largest = std::max(largest, std::abs(v));
    if (v != 0) smallest = std::min(smallest, std::abs(v));
  }
  const bool scientific =
      whole ? largest >= 1e8 : largest >= 1e6 || smallest < 1e-4 || largest / smallest > 1e6;
  std::vector<std::string> cells;
  for (double v : values) {
    cells.push_back(std::isnan(v)       ? "nan"  // whatever its sign bit
                    : !std::isfinite(v) ? fmt::format("{}", v)
                    : scientific        ? fmt::format("{:.4e}", v)
                    : whole             ? fmt::format("{:.0f}.", v)
                                        : fmt::format("{:.4f}", v));
  }
  return fmt::format("{}{}{}", Brackets(shape(), cells).text(),
                     rank() > 0 ? fmt::format("  {}", shape()) : std::string(),
                     dtype() == f64 ? " f64" : "");
}

std::string IndexTensor::str() const {
  if (!defined()) return "undefined";
  std::vector<std::string> cells;
  for_each_printed(shape(), [&](Index flat) { cells.push_back(std::to_string(data()[flat])); });
  return Brackets(shape(), cells).text();
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name_of(dtype); }
std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.str(); }
std::ostream& operator<<(std::ostream& out, const Tensor& t) { return out << t.str(); }
std::ostream& operator<<(std::ostream& out, const IndexTensor& t) { return out << t.str(); }

}  // namespace unroll
