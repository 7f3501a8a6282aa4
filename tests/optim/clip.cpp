// Clipping of gradients by norm and by value.
#include "kinds.h"

#include <unroll/nn/layers.h>

#include <cmath>
#include <limits>

using namespace unroll;

TEST_CASE("clipping by norm scales all gradients to one common norm, as by hand") {
  for (bool with_rows : {false, true})
    for (double limit : {0.01, 1.0, 1e6}) {
      const Param w(random({3, 4}, 1)), table(random({5, 2}, 2));
      Tape tape;
      Gradients g = tape.backward(sum(w * random({3, 4}, 3)) +
                                  (with_rows ? sum(embedding(IndexTensor({1, 1, 4}), table))
                                             : sum(table * random({5, 2}, 4))));
      const Tensor a = g[w], b = g[table];
      const double norm = std::sqrt(sum(square(a)).item() + sum(square(b)).item());
      CHECK(optim::clip_norm(g, limit) == doctest::Approx(norm).epsilon(1e-14));
      const double factor = norm > limit ? limit / (norm + 1e-6) : 1;
      CHECK(distance(g[w], mul(a, factor)) < 1e-13);
      CHECK(distance(g[table], mul(b, factor)) < 1e-13);
      CHECK(g.find(table.id())->is_rows() == with_rows);
    }
}

TEST_CASE("clip_value clamps every element") {
  const Param w(random({3, 4}, 1)), table(random({5, 2}, 2));
  Tape tape;
  Gradients g =
      tape.backward(sum(w * random({3, 4}, 3)) + sum(embedding(IndexTensor({1, 1, 4}), table)));
  const Tensor a = g[w], b = g[table];
  optim::clip_value(g, 0.7);
  for (Index i = 0; i < 12; ++i)
    CHECK(g[w].flatten().at({i}) == std::clamp(a.flatten().at({i}), -0.7, 0.7));
  for (Index i = 0; i < 10; ++i)
    CHECK(g[table].flatten().at({i}) == std::clamp(b.flatten().at({i}), -0.7, 0.7));
  CHECK(max(abs(a)).item() > 0.7);
}

TEST_CASE(
    "clip_norm does not overflow for huge f32 gradients, and reports NaN and infinity without "
    "spreading them") {
  const Param a(Tensor::ones({4})), b(Tensor::ones({2}));
  const auto gradients = [&](double x, double y) {
    Tape tape;
    return tape.backward(sum(a * x) + sum(b * y));
  };
  Gradients huge = gradients(3e30, 4e30);
  CHECK(optim::clip_norm(huge, 1) ==
        doctest::Approx(std::sqrt(4 * 9 + 2 * 16) * 1e30).epsilon(1e-6));
  CHECK(sum(square(huge[a])).item() + sum(square(huge[b])).item() ==
        doctest::Approx(1).epsilon(1e-5));
  // Nor do tiny ones underflow, in f32 or in f64.
  for (const DType dtype : {f32, f64})
    for (const double size :
         {1e-22, 1e-30, dtype == f32 ? 1e-36 : 1e-200, dtype == f32 ? 1e37 : 1e200}) {
      CAPTURE(size);
      const Param many(Tensor::ones({1'000'000}, dtype)), few(Tensor::ones({3}, dtype));
      Tape tape;
      Gradients tiny =
          tape.backward(sum(many * Tensor::full({1'000'000}, size, dtype)) + sum(few * 0.0));
      const double norm = 1e3 * tiny[many].at({0});
      CHECK(optim::clip_norm(tiny, 2 * norm) == doctest::Approx(norm).epsilon(1e-12));
      CHECK(optim::clip_norm(tiny, 0.5 * norm) == doctest::Approx(norm).epsilon(1e-12));
      CHECK(optim::clip_norm(tiny, norm) == doctest::Approx(0.5 * norm).epsilon(2e-6));
      CHECK(optim::clip_norm(tiny, norm) <= 0.5 * norm);
    }
  Gradients nan = gradients(1, NAN);
  CHECK(std::isnan(optim::clip_norm(nan, 0.1)));
  CHECK(distance(nan[a], Tensor::ones({4})) == 0);
  Gradients infinite = gradients(1, std::numeric_limits<double>::infinity());
  CHECK(std::isinf(optim::clip_norm(infinite, 0.1)));
  CHECK(distance(infinite[a], Tensor::ones({4})) == 0);
}
