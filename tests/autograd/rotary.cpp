// Rotary positions: the rotation by its definition, and the relations that make it useful.
#include "tests/support.h"

#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/rotary.h>

#include <cmath>
#include <complex>
#include <limits>

using namespace unroll;

TEST_CASE(
    "rotary multiplies each pair of columns, as a complex number, by exp(i position / base^..)") {
  Generator g(1);
  for (DType dtype : {f32, f64})
    for (const bool interleaved : {false, true}) {
      const Index size = 6, heads = 2, extra = 6, rows = 5;
      const Tensor x = g.normal({rows, heads * size + extra}, 0, 1, dtype);
      const IndexTensor positions = IndexTensor::of({0, 1, 1, 100000, 7});
      const Tensor y =
          rotary(x, positions,
                 {.size = size, .heads = heads, .base = 50, .interleaved = interleaved})
              .value();
      for (Index n = 0; n < rows; ++n) {
        for (Index h = 0; h < heads; ++h)
          for (Index i = 0; i < size / 2; ++i) {
            const Index first = h * size + (interleaved ? 2 * i : i),
                        second = first + (interleaved ? 1 : size / 2);
            const double angle =
                static_cast<double>(positions[n]) / std::pow(50, 2.0 * static_cast<double>(i) / 6);
            const auto z =
                std::complex<double>(x.at({n, first}), x.at({n, second})) * std::polar(1.0, angle);
            const double tolerance = dtype == f32 ? 1e-6 : 1e-10;
            CHECK(std::abs(z - std::complex<double>(y.at({n, first}), y.at({n, second}))) <
                  tolerance);
          }
        CHECK(distance(x.select(0, n).narrow(0, heads * size, extra),
                       y.select(0, n).narrow(0, heads * size, extra)) == 0);
      }
    }
}

TEST_CASE("the product of two rotated rows depends on the distance of their positions only") {
  const Tensor q = random({1, 8}, 1), k = random({1, 8}, 2);
  for (const bool interleaved : {false, true}) {
    const auto product = [&](Index a, Index b) {
      const RotaryOptions o{.size = 8, .interleaved = interleaved};
      return sum(rotary(q, IndexTensor::of({a}), o).value() *
                 rotary(k, IndexTensor::of({b}), o).value())
          .item();
    };
    for (const Index distance : {0, 1, 5, -3})
      for (const Index at : {3, 17, 40})
        CHECK(product(at, at + distance) ==
              doctest::Approx(product(3, 3 + distance)).epsilon(1e-12));
    CHECK(product(0, 1) != doctest::Approx(product(0, 2)).epsilon(1e-3));
  }
}

TEST_CASE(
    "rotary accepts no rows, views, and any number of threads; it refuses what does not fit") {
  CHECK(rotary(Tensor::zeros({0, 4}), IndexTensor(std::vector<Index>{})).shape() == Shape({0, 4}));
  const Tensor x = random({6, 5}, 3);
  const IndexTensor positions = IndexTensor::arange(5);
  const Tensor view = x.transpose().narrow(1, 0, 4);
  CHECK(distance(rotary(view, positions).value(), rotary(view.contiguous(), positions).value()) ==
        0);
  check_refused([&] { (void)rotary(x, IndexTensor::arange(6)); },
                "rotary: heads of an even size that divides the 5 columns");
  check_refused([&] { (void)rotary(x.narrow(1, 0, 4), positions); },
                "rotary: rows [N, C] and positions [N] were required: got [6, 4] and [5]");
  check_refused(
      [&] { (void)rotary(x.narrow(1, 0, 4), IndexTensor::arange(6), {.size = 4, .heads = 2}); },
      "got 2 heads of 4");
  for (const double base : {0.0, -1.0, std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN()})
    check_refused([&] { (void)rotary(x.narrow(1, 0, 4), IndexTensor::arange(6), {.base = base}); },
                  "rotary: a finite base above 0 was required");
}
