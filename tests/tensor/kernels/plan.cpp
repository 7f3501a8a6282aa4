// Which code computes a product, and in which blocks. That all of it computes the same product is
// tested in tests/tensor/matmul.cpp.
#include "tests/support.h"

#include <unroll/tensor/kernels/plan.h>
#include <unroll/tensor/random.h>

#include <algorithm>

using namespace unroll;
using namespace unroll::kernels;

namespace {

// A random product: f32 or f64, panels of AVX2 or AVX-512, any strides.
ProductShape some_product(Generator& generator) {
  const auto below = [&](Index n) { return generator.below(n); };
  const auto size = [&] { return 1 + below(Index{1} << (1 + below(12))); };
  ProductShape of{};
  of.m = size(), of.n = size(), of.k = size();
  of.a_transposed = below(2) == 1, of.b_transposed = below(2) == 1;
  of.stride_a = (of.a_transposed ? of.m : of.k) + below(3) * 64;
  of.stride_b = (of.b_transposed ? of.k : of.n) + below(3) * 64;
  of.stride_c = of.n;
  of.bytes = below(2) ? 4 : 8;
  of.panel_width = (below(2) ? 64 : 128) / static_cast<Index>(of.bytes);
  return of;
}

bool by_panels(const Plan& plan) {
  return plan.route == Route::panels_packed || plan.route == Route::panels_once;
}

}  // namespace

TEST_CASE("what affects rounding in the plan of a product does not depend on the threads") {
  Generator generator(1);
  int panels = 0;
  for (int i = 0; i < 2000; ++i) {
    const ProductShape of = some_product(generator);
    const Plan one = plan_product(of, 1), many = plan_product(of, 7);
    CHECK(one.route == many.route);
    CHECK(one.depth == many.depth);
    if (one.route == Route::blas) CHECK(one.piece == many.piece);
    panels += by_panels(one);
  }
  CHECK(panels > 100);  // both kinds occur
  CHECK(panels < 1900);
}

TEST_CASE("the blocks of a product by panels cover it, and tasks are whole panels") {
  Generator generator(2);
  for (int i = 0; i < 2000; ++i) {
    const ProductShape of = some_product(generator);
    const Plan plan = plan_product(of, 4);
    if (!by_panels(plan)) continue;
    CHECK(plan.rows >= 1);
    CHECK(plan.columns >= 1);
    CHECK(plan.piece % of.panel_width == 0);
    CHECK(plan.piece >= 1);
    // The blocks of k are even: one block less would not reach.
    const Index blocks = (of.k + plan.depth - 1) / plan.depth;
    CHECK((blocks - 1) * plan.depth < of.k);
    CHECK(blocks * (plan.depth - 1) < of.k);
    CHECK((plan.route == Route::panels_once) == (of.a_transposed && !of.b_transposed));
  }
}

TEST_CASE("tiny products, and those beyond BLAS's integers, are computed by loops") {
  ProductShape of{.m = 8,
                  .n = 8,
                  .k = 8,
                  .stride_a = 8,
                  .stride_b = 8,
                  .stride_c = 8,
                  .a_transposed = false,
                  .b_transposed = false,
                  .bytes = 4,
                  .panel_width = 32};
  CHECK(plan_product(of, 1).route == Route::loops);
  of.k = 9;
  CHECK(plan_product(of, 1).route == Route::blas);
  of.stride_b = Index{1} << 31;
  CHECK(plan_product(of, 1).route == Route::loops);
}

TEST_CASE("a stride without conflicts holds the columns and causes none") {
  for (Index columns = 1; columns < 5000; ++columns)
    for (std::size_t bytes : {4, 8}) {
      const Index stride = without_conflicts(columns, bytes);
      CHECK(stride >= columns);
      CHECK(!has_conflicts(stride, bytes));
    }
}
