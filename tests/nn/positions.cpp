// Positions that are added to rows: by their definition, the same in batches and in streams.
#include "tests/nn/random_sequences.h"

#include <unroll/nn/positions.h>

#include <cmath>

using namespace unroll;

TEST_CASE("sinusoidal positions are sines and cosines of t / base^(2 i / D), also for an odd D") {
  for (const DType dtype : {f32, f64})
    for (const Index dim : {1, 6, 7}) {
      const nn::SinusoidalPositions positions({.dim = dim, .base = 100});
      const IndexTensor at = IndexTensor::of({0, 1, 50, 100000});
      const Tensor table = positions.table(at, dtype);
      CHECK(table.dtype() == dtype);
      for (Index n = 0; n < 4; ++n)
        for (Index j = 0; j < dim; ++j) {
          const double angle =
              static_cast<double>(at[n]) /
              std::pow(100, static_cast<double>(j / 2 * 2) / static_cast<double>(dim));
          CHECK(table.at({n, j}) == doctest::Approx(j % 2 == 0 ? std::sin(angle) : std::cos(angle))
                                        .epsilon(dtype == f32 ? 1e-6 : 1e-10));
        }
    }
}

TEST_CASE("positions count the steps of each sequence of a ragged batch") {
  Generator g(1);
  const nn::SinusoidalPositions fixed({.dim = 4});
  const nn::LearnedPositions learned({.max_length = 9, .dim = 4, .stddev = 1, .dtype = f64});
  const nn::Sequence x = random_sequence(g, {3, 9, 1, 5}, 4);
  const auto check_all = [&](const auto& positions) {
    const nn::Sequence y = positions(x);
    CHECK(y.layout == x.layout);
    for (Index b = 0; b < x.size(); ++b) {
      const Var own = x.at(b);
      const Var expected = positions(own, IndexTensor::arange(own.size(0)));
      CHECK(distance(y.at(b).value(), expected.value()) == 0);
    }
    // Equal rows of a table become different ones.
    const nn::Gathered same(Var(Tensor::ones({1, 4}, f64)), IndexTensor::of({0, 0, 0}),
                            SequenceLayout({3}));
    CHECK(distance(positions(same).rows.value(),
                   positions(Var(Tensor::ones({3, 4}, f64)), IndexTensor::arange(3)).value()) == 0);
  };
  check_all(fixed);
  check_all(learned);
}

TEST_CASE("learned positions are rows of their weight, and only those used get a gradient") {
  const nn::LearnedPositions positions({.max_length = 5, .dim = 2, .stddev = 1, .dtype = f64});
  const Tensor x = random({3, 2}, 1);
  const IndexTensor at = IndexTensor::of({4, 0, 4});
  CHECK(distance(positions(x, at).value() - x, index_select(positions.weight.value(), 0, at)) <
        1e-15);
  const auto gradient =
      gradients_of([&] { return sum(positions(x, at)); }, nn::parameters(positions));
  CHECK(distance(gradient[0], Tensor::of({{1, 1}, {0, 0}, {0, 0}, {0, 0}, {2, 2}}, f64)) == 0);
}

TEST_CASE("sequences longer than max_length and rows of another size are refused") {
  const nn::LearnedPositions positions({.max_length = 3, .dim = 2});
  const nn::SinusoidalPositions fixed({.dim = 2});
  const auto rows = [](Index length, Index dim) {
    return nn::Sequence(random({length, dim}, 1, f32), SequenceLayout({length}));
  };
  CHECK(positions(rows(3, 2)).rows.shape() == Shape({3, 2}));
  check_refused([&] { (void)positions(rows(4, 2)); },
                "LearnedPositions: positions in [0, 3) were required (.max_length): got 3");
  check_refused([&] { (void)positions(random({1, 2}, 1, f32), IndexTensor::of({-1})); }, "got -1");
  check_refused(
      [&] { (void)positions(rows(2, 3)); },
      "LearnedPositions: rows [N, 2] and positions [N] were required: got [2, 3] and [2]");
  check_refused([&] { (void)fixed(rows(2, 3)); }, "SinusoidalPositions: rows [N, 2]");
  check_refused([&] { (void)fixed(random({2, 2}, 1, f32), IndexTensor::arange(3)); }, "and [3]");
  check_refused([] { nn::SinusoidalPositions({.dim = 0}); }, "got 0 and 10000");
  check_refused([] { nn::SinusoidalPositions({.dim = 2, .base = -1}); }, "got 2 and -1");
  check_refused([] { nn::LearnedPositions({.max_length = 0, .dim = 2}); }, "got 0 and 2");
}
