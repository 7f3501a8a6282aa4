// sort, argsort, topk, one_hot, tril and triu, allclose, categorical, and ids as tensors.
#include "tests/support.h"

#include <unroll/tensor/indexing.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace unroll;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Small whole numbers, so that equal ones are there.
Tensor few_values(const Shape& shape, std::uint64_t seed) {
  return Generator(seed).integers(shape, -3, 4).to(f64);
}

}  // namespace

TEST_CASE("sorted values ascend or descend, equal ones in their order, on any axis and view") {
  for (const Shape& shape : {Shape{7}, Shape{3, 5}, Shape{2, 5, 4}, Shape{3, 0}, Shape{1, 1}})
    for (int axis = 0; axis < shape.rank(); ++axis)
      for (const bool transposed : {false, true}) {
        const Tensor x =
            transposed ? few_values(shape, 3).permute(shape.rank() == 1   ? std::vector{0}
                                                      : shape.rank() == 2 ? std::vector{1, 0}
                                                                          : std::vector{2, 0, 1})
                       : few_values(shape, 3);
        for (const bool descending : {false, true}) {
          const Sorted s = sort(x, axis, {.descending = descending});
          CHECK(s.values.shape() == x.shape());
          CHECK(distance(s.values, gather(x, axis, s.indices)) == 0);
          CHECK(s.indices == argsort(x, axis - x.rank(), {.descending = descending}));
          const Index n = x.size(axis);
          for (Index i = 0; x.numel() > 0 && i + 1 < n; ++i) {
            const Tensor now = s.values.select(axis, i), next = s.values.select(axis, i + 1);
            CHECK(min(descending ? less_equal(next, now) : less_equal(now, next)).item() == 1);
            const Tensor where_now = s.indices.select(axis, i).to(f64),
                         where_next = s.indices.select(axis, i + 1).to(f64);
            CHECK(max(equal(now, next) * less(where_next, where_now)).item() == 0);
          }
          if (!descending) continue;
          for (Index k = 0; k <= n; ++k) {
            const Sorted top = topk(x, k, axis);
            CHECK(distance(top.values, s.values.narrow(axis, 0, k)) == 0);
            CHECK(top.indices == s.indices.narrow(axis, 0, k));
          }
        }
      }
}

TEST_CASE("NaN counts as the largest in sort and argmax, and as the smallest in argmin") {
  const Tensor x = Tensor::of({2, kNaN, -kInf, kInf, kNaN, 0});
  CHECK(argsort(x) == IndexTensor({2, 5, 0, 3, 1, 4}));
  CHECK(argsort(x, 0, {.descending = true}) == IndexTensor({1, 4, 3, 0, 5, 2}));
  CHECK(argtopk(x, 3) == IndexTensor({1, 4, 3}));
  CHECK(argmax(x)[0] == 1);
  CHECK(argmin(x)[0] == 1);
  CHECK(argmin(Tensor::of({{3, 1, 1}, {0, 2, -1}}), 1) == IndexTensor({1, 2}));
}

TEST_CASE("sorting refuses invalid axes and counts") {
  const Tensor x = random({2, 3}, 1);
  check_refused([&] { (void)sort(x, 2); }, "sort: an axis in [-2, 1] was required");
  check_refused([&] { (void)topk(x, 4); }, "topk: a number in [0, 3] was required on axis 1");
  check_refused([&] { (void)topk(x, -1); }, "got -1");
  check_refused([] { (void)sort(Tensor::scalar(1)); }, "sort: an axis was required: got a scalar");
  CHECK_THROWS_AS((void)sort(Tensor()), std::invalid_argument);
}

TEST_CASE("one_hot has a single 1 in each row, at the id") {
  const IndexTensor ids = IndexTensor::of({{0, 3}, {2, 2}});
  const Tensor x = one_hot(ids, 4, f64);
  CHECK(x.shape() == Shape({2, 2, 4}));
  CHECK(argmax(x) == ids);
  CHECK(distance(sum(x, -1), Tensor::ones({2, 2}, f64)) == 0);
  CHECK(one_hot(std::vector<Index>{}, 3).shape() == Shape({0, 3}));
  check_refused([&] { (void)one_hot(ids, 3); }, "one_hot: ids in [0, 3) were required: got 3");
  check_refused([] { (void)one_hot(IndexTensor(), 3); }, "one_hot: ids were required");
}

TEST_CASE("tril and triu part a matrix at a diagonal") {
  for (const Shape& shape : {Shape{3, 3}, Shape{2, 4}, Shape{2, 4, 2}, Shape{0, 2}, Shape{2, 0}}) {
    const Tensor x = random(shape, 4);
    for (Index diagonal = -4; diagonal <= 4; ++diagonal) {
      CHECK(distance(tril(x, diagonal) + triu(x, diagonal + 1), x) == 0);
      const Tensor low =
          tril(x, diagonal).reshape(Shape{shape.rank() == 3 ? shape[0] : 1, shape[-2], shape[-1]});
      for (Index i = 0; i < shape[-2]; ++i)
        for (Index j = 0; j < shape[-1]; ++j)
          for (Index b = 0; b < low.size(0); ++b)
            if (j - i > diagonal) CHECK(low.at({b, i, j}) == 0);
    }
  }
  const Tensor x = random({3, 5}, 4), row = x.narrow(0, 1, 1).expand({3, 5});
  for (Index diagonal :
       {std::numeric_limits<Index>::min(), Index{-1}, Index{2}, std::numeric_limits<Index>::max()})
    for (const Tensor& v : {x, x.transpose(), row, x.narrow(1, 1, 3)}) {
      CHECK(distance(tril(v, diagonal), tril(v.clone(), diagonal)) == 0);
      CHECK(distance(triu(v, diagonal), triu(v.clone(), diagonal)) == 0);
      if (diagonal < -5) CHECK(sum(abs(tril(v, diagonal))).item() == 0);
      if (diagonal > 5) CHECK(distance(tril(v, diagonal), v) == 0);
    }
  Tensor nan = Tensor::full({2, 2}, kNaN);
  CHECK(tril(nan).at({0, 1}) == 0);
  check_refused([] { (void)tril(Tensor::ones({3})); }, "tril: matrices [.., M, N] were required");
}

TEST_CASE("allclose is NumPy's") {
  const Tensor a = Tensor::of({1, -2, 1e6}, f64);
  CHECK(allclose(a, a));
  CHECK(allclose(a, a * (1 + 0.9e-5)));
  CHECK(!allclose(a, a * (1 + 2e-5)));
  CHECK(allclose(a, a * 1.1, {.relative = 0.2}));
  CHECK(allclose(Tensor::of({0}), Tensor::of({1e-9})));
  CHECK(!allclose(Tensor::of({0}), Tensor::of({1e-7})));
  CHECK(allclose(Tensor::of({0}), Tensor::of({0.5}), {.absolute = 1}));
  CHECK(allclose(Tensor::of({kInf, -kInf}), Tensor::of({kInf, -kInf})));
  CHECK(!allclose(Tensor::of({kInf}), Tensor::of({-kInf})));
  CHECK(!allclose(Tensor::of({1}), Tensor::of({kInf}), {.absolute = 1e300}));
  CHECK(!allclose(Tensor::of({kNaN}), Tensor::of({kNaN})));
  CHECK(allclose(Tensor::of({kNaN}), Tensor::of({kNaN}), {.equal_nan = true}));
  CHECK(!allclose(Tensor::of({kNaN}), Tensor::of({1}), {.equal_nan = true}));
  CHECK(allclose(Tensor::of({0.5}, f32), Tensor::of({0.5}, f64)));
  CHECK(allclose(Tensor::zeros({0}), Tensor::zeros({0})));
  check_refused([&] { (void)allclose(a, Tensor::zeros({2})); }, "allclose: one shape was required");
}

TEST_CASE("categorical draws by weight, and never an id of weight 0") {
  Generator g(5);
  const Index rows = 20000;
  const Tensor weights = Tensor::of({0, 1, 3, 0, 4, 0}, f64);
  const IndexTensor ids = g.categorical(weights.expand({rows, 6}));
  CHECK(ids.shape() == Shape({rows}));
  const Tensor share = mean(one_hot(ids, 6, f64), 0);
  for (Index i = 0; i < 6; ++i) {
    const double p = weights.at({i}) / 8;  // within 5 standard deviations
    CHECK(std::abs(share.at({i}) - p) <= 5 * std::sqrt(p * (1 - p) / static_cast<double>(rows)));
  }
  CHECK(g.categorical(Tensor::of({{0, 2}, {5, 0}})) == IndexTensor({1, 0}));
  CHECK(g.categorical(Tensor::of({1e308, 1e308}, f64)).numel() == 1);
  CHECK(g.categorical(Tensor::of({0, 1e-310}, f64)) == IndexTensor({1}, {}));
  CHECK(g.categorical(Tensor::ones({0, 3})).shape() == Shape({0}));
  check_refused([&] { (void)g.categorical(Tensor::of({1, -1})); }, "got -1 in row 0");
  check_refused([&] { (void)g.categorical(Tensor::of({{1, 1}, {0, 0}})); }, "got none in row 1");
  check_refused([&] { (void)g.categorical(Tensor::of({kNaN})); }, "got nan");
  check_refused([&] { (void)g.categorical(Tensor::zeros({2, 0})); }, "at least one class");
}

TEST_CASE("conversion between ids and floating-point values is exact or refused") {
  const IndexTensor ids = IndexTensor::of({{1, -2, 3}, {4, 5, 6}});
  for (const DType type : {f32, f64}) {
    CHECK(ids.to(type).dtype() == type);
    CHECK(IndexTensor::from(ids.to(type)) == ids);
    CHECK(IndexTensor::from(ids.to(type).transpose()) == ids.transpose());
  }
  CHECK(IndexTensor::of({(Index{1} << 24)}).to(f32).item() == 16777216);
  check_refused([] { (void)IndexTensor::of({(Index{1} << 24) + 1}).to(f32); }, "got 16777217 at 0");
  check_refused([] { (void)IndexTensor::of({(Index{1} << 53) + 1}).to(f64); }, "f64 holds exactly");
  check_refused([] { (void)IndexTensor::of({std::numeric_limits<Index>::max()}).to(f64); },
                "f64 holds exactly");
  CHECK(IndexTensor::of({std::numeric_limits<Index>::min()}).to(f64).item() == -0x1p63);
  check_refused([] { (void)IndexTensor::from(Tensor::of({0.5})); }, "whole numbers");
  check_refused([] { (void)IndexTensor::from(Tensor::of({kNaN})); }, "got nan");
  check_refused([] { (void)IndexTensor::from(Tensor::of({1e19}, f64)); }, "got 1e+19");
}

TEST_CASE("narrow, concat, stack and transpose of ids equal those of a Tensor") {
  Generator g(6);
  for (int round = 0; round < 100; ++round) {
    Shape shape{1 + g.below(4), 1 + g.below(4), 1 + g.below(4)};
    const IndexTensor x = g.integers(shape, 0, 100), y = g.integers(shape, 0, 100);
    const Tensor tx = x.to(f64), ty = y.to(f64);
    const auto same = [](const IndexTensor& ids, const Tensor& t) {
      return ids == IndexTensor::from(t);
    };
    for (int axis = -3; axis < 3; ++axis) {
      const Index n = shape[axis], start = g.below(n), length = g.below(n - start + 1);
      CHECK(same(x.narrow(axis, start, length), tx.narrow(axis, start, length)));
      CHECK(same(x.select(axis, start), tx.select(axis, start)));
      CHECK(same(x.select(axis, start - n), tx.select(axis, start)));
      CHECK(same(concat({x, y.narrow(axis, start, length)}, axis),
                 concat({tx, ty.narrow(axis, start, length)}, axis)));
      CHECK(same(stack({x, y}, axis), stack({tx, ty}, axis)));
      for (int other = -3; other < 3; ++other)
        CHECK(same(x.transpose(axis, other), tx.transpose(axis, other)));
    }
    CHECK(same(x.flatten(), tx.flatten()));
  }
  const IndexTensor x = IndexTensor::of({{1, 2}, {3, 4}});
  check_refused([&] { (void)x.narrow(1, 1, 2); }, "narrow: a range within [0, 2)");
  check_refused([&] { (void)x.select(0, 2); }, "select: an index in [-2, 2)");
  check_refused([&] { (void)concat({x, IndexTensor::of({1})}); }, "concat: shapes that differ");
  check_refused([&] { (void)stack({x, x.flatten()}); }, "stack: equal shapes were required");
  check_refused([] { (void)IndexTensor().select(0, 0); }, "select: ids were required");
  check_refused([] { (void)concat(std::vector<IndexTensor>{}); }, "at least one index tensor");
}
