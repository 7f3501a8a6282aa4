// Naive: an n-d array as plain as can be, which tensors are compared with. Every value is found
// from its index by a function.
#pragma once

#include "tests/support.h"

#include <cmath>
#include <vector>

namespace unroll {

using Place = std::vector<Index>;

// Calls f(place) for every index of an array, the last axis fastest.
template <class F>
void for_each_place(const Place& shape, F&& f) {
  for (Index size : shape)
    if (size == 0) return;
  Place at(shape.size(), 0);
  while (true) {
    f(at);
    std::size_t axis = shape.size();
    while (axis > 0 && ++at[axis - 1] == shape[axis - 1]) at[--axis] = 0;
    if (axis == 0) return;
  }
}

struct Naive {
  Place shape;
  std::vector<double> values;

  double at(const Place& place) const {
    std::size_t flat = 0;
    for (std::size_t i = 0; i < shape.size(); ++i)
      flat = flat * static_cast<std::size_t>(shape[i]) + static_cast<std::size_t>(place[i]);
    return values.at(flat);
  }
};

template <class F>
Naive naive(const Place& shape, F value_at) {
  Naive out{shape, {}};
  for_each_place(shape, [&](const Place& at) { out.values.push_back(value_at(at)); });
  return out;
}

// Reads through the strides, without the library's help.
inline Naive naive_of(const Tensor& x) {
  const auto strides = x.strides();
  return naive(Place(x.shape().begin(), x.shape().end()), [&](const Place& at) {
    Index offset = 0;
    for (std::size_t i = 0; i < at.size(); ++i) offset += at[i] * strides[i];
    return x.dtype() == f32 ? static_cast<double>(x.data<float>()[offset])
                            : x.data<double>()[offset];
  });
}

// Equal shapes, and values within the tolerance, relative where they are large; NaN equals NaN.
inline bool same(const Tensor& x, const Naive& expected, double tolerance = 0) {
  const Naive got = naive_of(x);
  if (got.shape != expected.shape || got.values.size() != expected.values.size()) return false;
  for (std::size_t i = 0; i < got.values.size(); ++i) {
    const double a = got.values[i], b = expected.values[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!(std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)))) return false;
  }
  return true;
}

inline Shape as_shape(const Place& sizes) { return Shape(std::span<const Index>(sizes)); }

// Up to `most` axes of 0 (seldom) to 5 elements.
inline Shape random_shape(Generator& g, int least, int most) {
  Place sizes;
  const Index rank = least + g.below(most - least + 1);
  for (Index i = 0; i < rank; ++i) sizes.push_back(g.below(40) == 0 ? 0 : 1 + g.below(5));
  return as_shape(sizes);
}

// A tensor of the shape, often a view with odd strides: axes swapped, a part of a larger one,
// every element one.
inline Tensor random_strided(Generator& g, const Shape& shape, DType dtype) {
  std::vector<int> order, back(static_cast<std::size_t>(shape.rank()));
  for (Index i : g.permutation(shape.rank())) order.push_back(static_cast<int>(i));
  Place sizes, starts;
  for (int axis : order) {
    const bool part = g.below(2) == 0;
    starts.push_back(part ? g.below(3) : 0);
    sizes.push_back(shape[axis] + starts.back() + (part ? g.below(3) : 0));
  }
  Tensor x = g.normal(as_shape(sizes), 0, 1, dtype);
  for (std::size_t i = 0; i < order.size(); ++i) {
    x = x.narrow(static_cast<int>(i), starts[i], shape[order[i]]);
    back[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  }
  return x.permute(back);
}

}  // namespace unroll
