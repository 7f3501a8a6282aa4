// Initialisers: bounds, moments, orthogonality, and that a seed gives the same numbers.
#include "tests/support.h"

#include <unroll/nn/init.h>

#include <cmath>

using namespace unroll;

namespace {

struct Moments {
  double mean, std, low, high, kurtosis;
};

Moments moments_of(const Tensor& x) {
  const Tensor v = x.to(f64);
  const double m = mean(v).item();
  const Tensor centred = sub(v, Tensor::scalar(m, f64));
  const double variance = mean(square(centred)).item();
  return {m, std::sqrt(variance), min(v).item(), max(v).item(),
          mean(square(square(centred))).item() / (variance * variance)};
}

}  // namespace

TEST_CASE("uniform initialisers fill their bounds evenly") {
  const Shape shape{120, 80};  // [in, out]
  Generator g(1);
  for (DType dtype : {f32, f64}) {
    const nn::InitOptions o{.dtype = dtype, .generator = &g};
    const std::pair<Tensor, double> all[] = {
        {nn::uniform(shape, -0.3, 0.3, o), 0.3},
        {nn::xavier_uniform(shape, 1, o), std::sqrt(6.0 / 200)},
        {nn::xavier_uniform(shape, 2, o), 2 * std::sqrt(6.0 / 200)},
        {nn::kaiming_uniform(shape, 1, o), std::sqrt(3.0 / 120)},
        {nn::kaiming_uniform(shape, std::sqrt(2.0), o), std::sqrt(6.0 / 120)}};
    for (const auto& [x, bound] : all) {
      CHECK(x.dtype() == dtype);
      const Moments m = moments_of(x);
      CHECK(m.low >= -bound * (1 + 1e-6));
      CHECK(m.high <= bound * (1 + 1e-6));
      CHECK(m.low < -0.99 * bound);
      CHECK(m.high > 0.99 * bound);
      CHECK(std::abs(m.mean) < 0.03 * bound);
      CHECK(m.std == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.02));
      CHECK(m.kurtosis == doctest::Approx(1.8).epsilon(0.05));  // flat; a bell has 3
    }
  }
}

TEST_CASE("normal initialisers have their mean and spread") {
  const Shape shape{120, 80};
  Generator g(2);
  const nn::InitOptions o{.dtype = f64, .generator = &g};
  struct Case {
    Tensor x;
    double mean, std;
  };
  const Case all[] = {{nn::normal(shape, 2, 0.5, o), 2, 0.5},
                      {nn::xavier_normal(shape, 1, o), 0, std::sqrt(2.0 / 200)},
                      {nn::xavier_normal(shape, 3, o), 0, 3 * std::sqrt(2.0 / 200)},
                      {nn::kaiming_normal(shape, 1, o), 0, std::sqrt(1.0 / 120)}};
  for (const Case& c : all) {
    const Moments m = moments_of(c.x);
    CHECK(std::abs(m.mean - c.mean) < 0.05 * c.std);
    CHECK(m.std == doctest::Approx(c.std).epsilon(0.03));
    CHECK(m.kurtosis == doctest::Approx(3).epsilon(0.1));
  }
}

TEST_CASE("orthogonal matrices have orthonormal rows or columns, whichever are fewer") {
  Generator g(3);
  for (const Shape& shape : {Shape{5, 5}, Shape{3, 8}, Shape{8, 3}, Shape{1, 4}, Shape{4, 1}})
    for (double gain : {1.0, 0.5}) {
      const Tensor x = nn::orthogonal(shape, gain, {.dtype = f64, .generator = &g});
      REQUIRE(x.shape() == shape);
      const Tensor rows = shape[0] <= shape[1] ? x : x.transpose();
      const Index n = rows.shape()[0];
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j) {
          const double dot = sum(mul(rows.select(0, i), rows.select(0, j))).item();
          CHECK(dot == doctest::Approx(i == j ? gain * gain : 0).epsilon(1e-12));
        }
    }
  CHECK(nn::orthogonal({4, 4}).dtype() == f32);
}

TEST_CASE("initialisers depend on the seed only, and use the thread's generator by default") {
  const auto draw = [] {
    manual_seed(5);
    return nn::xavier_uniform({3, 4});
  };
  CHECK(distance(draw(), draw()) == 0);
  CHECK(distance(nn::xavier_uniform({3, 4}), nn::xavier_uniform({3, 4})) > 0);
  Generator a(7), b(7);
  manual_seed(5);
  const std::uint64_t position = default_generator().position();
  CHECK(distance(nn::orthogonal({3, 4}, 1, {.generator = &a}),
                 nn::orthogonal({3, 4}, 1, {.generator = &b})) == 0);
  CHECK(default_generator().position() == position);
}

TEST_CASE("initialisers refuse shapes that are not [in, out]") {
  check_says(message_of([] { nn::xavier_uniform({3}); }),
             "xavier_uniform: a weight [in, out] was required: got [3]");
  check_says(message_of([] { nn::xavier_normal({3, 2, 1}); }), "xavier_normal: ");
  check_says(message_of([] { nn::kaiming_uniform({}); }), "kaiming_uniform: ");
  check_says(message_of([] { nn::kaiming_normal({4}); }), "kaiming_normal: ");
  check_says(message_of([] { nn::orthogonal({4}); }), "orthogonal: ");
  check_says(message_of([] { nn::uniform({4}, 1, 0); }), "low <= high was required: got 1 and 0");
  check_says(message_of([] { nn::normal({4}, 0, -1); }), "at least 0 were required: got 0 and -1");
  check_says(message_of([] { nn::kaiming_uniform({0, 4}); }), "kaiming_uniform: ");
  check_says(message_of([] { nn::xavier_uniform({0, 0}); }), "xavier_uniform: ");
}
