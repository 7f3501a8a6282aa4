// What may stand in braces: integers of any type, nested numbers, several tensors. And printing,
// adding in place.
#include "tests/support.h"

#include <unroll/tensor/indexing.h>

#include <cstdint>
#include <limits>
#include <sstream>

using namespace unroll;

namespace {

template <class T>
std::string written(const T& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

}  // namespace

TEST_CASE("sizes and indices are integers of any type, checked against the range") {
  const std::vector<double> v(4);
  const unsigned u = 3;
  const int i = 2;
  const std::uint8_t byte = 5;
  CHECK(Tensor::zeros({v.size(), 3}).shape() == Shape({4, 3}));
  CHECK(Shape{v.size(), u, i, byte}.str() == "[4, 3, 2, 5]");
  CHECK(Tensor::arange(12).reshape({v.size(), -1}).shape() == Shape({4, 3}));
  CHECK(Tensor::arange(12).reshape({v.size(), u}).at({v.size() - 1, u - 1}) == 11);
  CHECK(IndexTensor::of({v.size(), std::size_t{7}}) == IndexTensor({4, 7}));
  CHECK(IndexTensor::arange(12).reshape({u, -1}).shape() == Shape({3, 4}));
  const std::vector<int> none;
  check_refused(
      [&] {
        (void)Tensor::zeros({none.size() - 1, 3});
      },
      "below 2^63 were required: got 18446744073709551615");
  check_refused([&] { (void)Shape{std::uint64_t{1} << 63}; }, "got 9223372036854775808");
  check_refused([&] { (void)Shape{i - 5}; }, "shape: sizes must not be negative: got [-3]");
  CHECK(Shape{std::numeric_limits<Index>::max()}.numel() == std::numeric_limits<Index>::max());
}

TEST_CASE("nested braces give as many axes as they are deep") {
  CHECK(Tensor::of({1, 2, 3}).shape() == Shape({3}));
  CHECK(Tensor::of({{1}, {2}}).shape() == Shape({2, 1}));
  CHECK(Tensor::of({{1, 2}}).shape() == Shape({1, 2}));
  CHECK(Tensor::of({{1}}).shape() == Shape({1, 1}));
  CHECK(Tensor::of({1}).shape() == Shape({1}));
  CHECK(Tensor::of({}).shape() == Shape({0}));
  CHECK(Tensor::of({{}, {}}).shape() == Shape({2, 0}));
  const Tensor cube = Tensor::of({{{1, 2}, {3, 4}, {5, 6}}, {{7, 8}, {9, 10}, {11, 12}}}, f64);
  CHECK(distance(cube, (Tensor::arange(12, f64) + 1).reshape({2, 3, 2})) == 0);
  const int n = 2;
  const float x = 0.5F;
  CHECK(distance(Tensor::of({n, x, 1.5, std::size_t{4}}), Tensor::of({2, 0.5, 1.5, 4})) == 0);
  CHECK(IndexTensor::of({{1, 2}, {3, 4}}) == IndexTensor({1, 2, 3, 4}, {2, 2}));
  CHECK(IndexTensor::of({{1}, {2}}).shape() == Shape({2, 1}));
  CHECK(IndexTensor::of({}).shape() == Shape({0}));
  check_refused(
      [] {
        (void)Tensor::of({{1, 2}, {3}});
      },
      "of: rows of one length were required: got rows of 2 and 1 values");
  check_refused([] { (void)Tensor::of({{1}, 2}); }, "values in braces of one depth");
  check_refused([] { (void)Tensor::of({1, {2}}); }, "values in braces of one depth");
}

TEST_CASE("Tensor::from has the given dtype, by default that of the values") {
  const std::vector<double> doubles{1, 2.5, 3, 4};
  const std::vector<float> floats{1, 2.5, 3, 4};
  CHECK(Tensor::from(doubles, {2, 2}).dtype() == f64);
  CHECK(Tensor::from(floats, {2, 2}).dtype() == f32);
  for (const DType type : {f32, f64}) {
    CHECK(Tensor::from(doubles, {2, 2}, type).dtype() == type);
    CHECK(distance(Tensor::from(floats, {4}, type), Tensor::of({1, 2.5, 3, 4}, f64)) == 0);
    CHECK(Tensor::from({1, 2.5, 3, 4}, {doubles.size() / 2, 2}, type).at({1, 0}) == 3);
  }
  check_refused([] { (void)Tensor::from({1, 2}, {3}); }, "from: 3 values were required");
}

TEST_CASE("tensors and ids are joined and stacked from braces as from a vector") {
  const Tensor a = random({2, 3}, 1), b = random({2, 3}, 2);
  for (int axis : {0, 1, -1}) {
    CHECK(distance(concat({a, b}, axis), concat(std::vector<Tensor>{a, b}, axis)) == 0);
    CHECK(distance(stack({a, b}, axis), stack(std::vector<Tensor>{a, b}, axis)) == 0);
  }
  CHECK(concat({a}).shape() == a.shape());
}

TEST_CASE("tensors, shapes, ids and types write themselves to a stream as str() has it") {
  const Tensor t = random({2, 3}, 1);
  CHECK(written(t) == t.str());
  CHECK(written(Tensor()) == "undefined");
  CHECK(written(Shape{2, 3}) == "[2, 3]");
  CHECK(written(IndexTensor::of({{1, 2}, {3, 4}})) == IndexTensor::of({{1, 2}, {3, 4}}).str());
  CHECK(written(f32) + written(f64) == "f32f64");
}

TEST_CASE("t += u is t = t + u: new elements, and other handles keep the old ones") {
  const Tensor a = random({2, 3}, 1), b = random({3}, 2);
  Tensor t = a;
  t += b;
  CHECK(distance(t, a + b) == 0);
  t -= b, t *= b, t /= b;
  CHECK(distance(t, (a + b - b) * b / b) == 0);
  t = a;
  t += 2, t -= 1, t *= 3, t /= 2;
  CHECK(distance(t, (a + 2.0 - 1.0) * 3.0 / 2.0) == 0);
  CHECK(distance(a, random({2, 3}, 1)) == 0);
}
