// Views of any strides, made at random: whatever is computed of one is what is computed of its
// row-major copy.
#include "tests/support.h"
#include "tests/tensor/memory_order.h"

#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/unary.h>

#include <algorithm>
#include <cmath>

using namespace unroll;

namespace {

Index at_random(Generator& g, Index low, Index high) { return low + g.below(high - low); }

// A view of that shape: its axes in another order in memory, cut out of a larger tensor, turned
// round or repeated.
Tensor view_at_random(Generator& g, const Shape& shape, DType dtype) {
  const std::vector<Index> order = g.permutation(shape.rank());
  std::vector<int> axes(order.begin(), order.end());
  std::vector<Index> sizes(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) sizes[order[i]] = shape[static_cast<int>(i)];
  Tensor base;
  const int kind = static_cast<int>(g.below(4));
  if (kind == 0) {  // in another order
    base = g.uniform(Shape(std::span<const Index>(sizes)), -2, 2, dtype);
  } else if (kind == 1) {  // part of something larger
    std::vector<Index> larger = sizes;
    for (Index& n : larger) n += g.below(3);
    base = g.uniform(Shape(std::span<const Index>(larger)), -2, 2, dtype);
    for (int i = 0; i < base.rank(); ++i)
      base = base.narrow(i, g.below(larger[i] - sizes[i] + 1), sizes[i]);
  } else if (kind == 2) {  // one axis repeated
    std::vector<Index> fewer = sizes;
    if (!fewer.empty()) fewer[g.below(static_cast<Index>(fewer.size()))] = 1;
    base = g.uniform(Shape(std::span<const Index>(fewer)), -2, 2, dtype)
               .expand(Shape(std::span<const Index>(sizes)));
  } else {  // every second element of one axis
    std::vector<Index> larger = sizes;
    const int axis =
        larger.empty() ? 0 : static_cast<int>(g.below(static_cast<Index>(larger.size())));
    if (!larger.empty()) larger[axis] *= 2;
    base = g.uniform(Shape(std::span<const Index>(larger)), -2, 2, dtype);
    if (!larger.empty()) {
      std::vector<Index> steps(base.strides().begin(), base.strides().end());
      steps[axis] *= 2;
      base = make_view(base, Shape(std::span<const Index>(sizes)), steps, 0);
    }
  }
  return base.permute(axes);
}

Shape shape_at_random(Generator& g) {
  const Index rank = g.below(5);
  std::vector<Index> sizes;
  for (Index i = 0; i < rank; ++i) {
    const Index kind = g.below(8);
    sizes.push_back(kind == 0  ? 1
                    : kind < 6 ? at_random(g, 2, 9)
                    : rank < 3 ? at_random(g, 30, 300)
                               : 17);
  }
  return Shape(std::span<const Index>(sizes));
}

// A shape that broadcasts to the given one.
Shape smaller(Generator& g, const Shape& shape) {
  std::vector<Index> sizes(shape.begin() + g.below(shape.rank() + 1), shape.end());
  for (Index& n : sizes)
    if (g.below(3) == 0) n = 1;
  return Shape(std::span<const Index>(sizes));
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.to_vector<double>() == b.to_vector<double>();
}

}  // namespace

TEST_CASE("an elementwise op of any views gives what it gives of their row-major copies") {
  Generator g(1);
  for (int round = 0; round < 400; ++round) {
    const DType dtype = round % 2 ? f32 : f64;
    const Shape shape = shape_at_random(g);
    const Tensor a = view_at_random(g, shape, dtype);
    const Tensor b = view_at_random(g, g.below(2) ? shape : smaller(g, shape), dtype);
    const Tensor c = view_at_random(g, smaller(g, shape), dtype);
    CAPTURE(round);
    CAPTURE(shape.str());
    CAPTURE(b.shape().str());
    CAPTURE(c.shape().str());
    const Tensor ac = a.clone(), bc = b.clone(), cc = c.clone();
    REQUIRE(ac.is_contiguous());
    CHECK(same(add(a, b), add(ac, bc)));
    CHECK(same(sub(b, a), sub(bc, ac)));
    CHECK(same(maximum(a, b), maximum(ac, bc)));
    CHECK(same(neg(a), neg(ac)));
    CHECK(same(square(c), square(cc)));
    CHECK(same(where(less(c, Tensor::scalar(0, dtype)), a, b),
               where(less(cc, Tensor::scalar(0, dtype)), ac, bc)));
    const Tensor h = view_at_random(g, shape, dtype);
    CHECK(same(apply_gradient(kernels::Unary::square, h, a), mul(mul(h.clone(), ac), 2)));
    // Written through the strides of a view that has each element once.
    const DType other = dtype == f32 ? f64 : f32;
    CHECK(same(a.to(other), ac.to(other)));
    if (shape.rank() > 0) CHECK(same(flip(a, -1), flip(ac, -1)));
    if (is_dense(a)) {
      Tensor into = Tensor::empty_like(a);
      CHECK(same_order(into, a));
      into.copy_(h);
      CHECK(same(into, h));
      add_into(into, a);
      CHECK(same(into, add(h.clone(), ac)));
      into.fill_(3);
      CHECK(same(into, Tensor::full(shape, 3, dtype)));
    }
    Tensor large = Tensor::zeros(shape.inserted(shape.rank(), 2), dtype);
    Tensor every_second = large.select(-1, 1);
    every_second.copy_(a);
    CHECK(same(every_second, ac));
    CHECK(sum(large.select(-1, 0)).item() == 0);
  }
}

TEST_CASE("a result has the memory order that its operands share, and is row-major otherwise") {
  Generator g(2);
  const Tensor a = g.uniform({5, 7}).transpose(), b = g.uniform({5, 7}).transpose();
  CHECK(same_order(neg(a), a));
  CHECK(same_order(add(a, b), a));
  CHECK(same_order(add(a, g.uniform({5})), a));
  CHECK(same_order(mul(a, 2), a));
  CHECK(add(a, g.uniform({7, 5})).is_contiguous());
  CHECK(neg(g.uniform({1, 5}).expand({7, 5})).is_contiguous());
  CHECK(neg(g.uniform({7, 9}).narrow(1, 2, 5)).is_contiguous());
  const Tensor part = g.uniform({9, 7}).transpose().narrow(1, 2, 5);  // neither dense nor row-major
  CHECK(same_order(neg(part), a));
  CHECK(same_order(add(part, a), a));
  CHECK(same_order(flip(a, 0), a));
  CHECK(same_order(a.to(f64), a));
  CHECK(a.expand({2, 7, 5}).to(f64).is_contiguous());
  CHECK(neg(a).contiguous().is_contiguous());
  CHECK(a.clone().is_contiguous());
  CHECK(neg(a).is_unique());
}

TEST_CASE("a reduction of any view is that of its row-major copy") {
  Generator g(3);
  for (int round = 0; round < 300; ++round) {
    const DType dtype = round % 2 ? f32 : f64;
    const Shape shape = shape_at_random(g);
    const Tensor x = view_at_random(g, shape, dtype), copy = x.clone();
    Axes axes;
    for (int i = 0; i < shape.rank(); ++i)
      if (g.below(2)) axes.push_back(i);
    const bool keepdim = g.below(2) != 0;
    CAPTURE(round);
    CAPTURE(shape.str());
    CHECK(same(max(x, axes, {.keepdim = keepdim}), max(copy, axes, {.keepdim = keepdim})));
    CHECK(same(min(x, axes, {.keepdim = keepdim}), min(copy, axes, {.keepdim = keepdim})));
    const Tensor difference =
        sub(sum(x, axes, {.keepdim = keepdim}), sum(copy, axes, {.keepdim = keepdim}));
    const double scale = 1 + static_cast<double>(x.numel());
    const Tensor squares = sub(sum_of_squares(x, axes, {.keepdim = keepdim}),
                               sum(square(copy), axes, {.keepdim = keepdim}));
    CHECK(max(abs(squares)).item() <= 10 * scale * (dtype == f32 ? 1e-6 : 1e-14));
    if (x.numel() > 0) {
      const Tensor centre = mean(copy, axes, {.keepdim = true}), e = sub(copy, centre);
      const Deviations of = deviations(x, centre, axes);
      const double tolerance = 10 * scale * (dtype == f32 ? 1e-6 : 1e-14);
      CHECK(max(abs(sub(of.sum, sum(e, axes, {.keepdim = true})))).item() <= tolerance);
      CHECK(max(abs(sub(of.squares, sum(square(e), axes, {.keepdim = true})))).item() <= tolerance);
    }
    CHECK(max(abs(difference)).item() <= scale * (dtype == f32 ? 1e-6 : 1e-14));
    if (shape.rank() > 0) {
      const int axis = static_cast<int>(g.below(shape.rank()));
      CHECK(argmax(x, axis) == argmax(copy, axis));
    }
  }
}

TEST_CASE("sums over repeated infinities and NaN are infinite and NaN") {
  const Tensor x = Tensor::of({INFINITY, NAN, 3}).expand({4, 3});
  const Tensor y = sum(x, {0});
  CHECK(y.at({0}) == INFINITY);
  CHECK(std::isnan(y.at({1})));
  CHECK(y.at({2}) == 12);
}
