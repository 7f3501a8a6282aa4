// SparseRows equal the dense matrix that they stand for.
#include <unroll/tensor/sparse.h>

#include "tests/support.h"

#include <unroll/tensor/indexing.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/threads.h>

#include <algorithm>

using namespace unroll;

namespace {

using Ids = std::vector<Index>;

// The elements of x that are not 0.
SparseRows sparse_of(const Tensor& x) {
  Ids starts{0}, ids;
  std::vector<double> values;
  for (Index n = 0; n < x.size(0); ++n) {
    for (Index v = 0; v < x.size(1); ++v)
      if (x.at({n, v}) != 0) ids.push_back(v), values.push_back(x.at({n, v}));
    starts.push_back(static_cast<Index>(ids.size()));
  }
  const auto stored = static_cast<Index>(ids.size());
  return {starts, ids, Tensor::from(values, {stored}), x.size(1)};
}

// [n, v], about a third of it not 0.
Tensor mostly_zero(Generator& g, Index n, Index v) {
  return mul(g.normal({n, v}, 0, 1, f64),
             less(g.uniform({n, v}, 0, 1, f64), Tensor::scalar(0.3, f64)));
}

}  // namespace

TEST_CASE("sparse rows equal the dense matrix: back again, products, sums, batches") {
  Generator g(1);
  for (int round = 0; round < 50; ++round) {
    const Index n = g.below(8), v = 1 + g.below(9), d = 1 + g.below(40);
    const Tensor x = mostly_zero(g, n, v), w = g.normal({v, d}, 0, 1, f64),
                 c = g.normal({n, d}, 0, 1, f64);
    const SparseRows sparse = sparse_of(x);
    CHECK(sparse.rows() == n);
    CHECK(sparse.columns() == v);
    CHECK(distance(sparse.dense(), x) == 0);
    CHECK(distance(sparse.counted().dense(), x) == 0);
    CHECK(distance(sparse.to(f32).to(f64).dense(), x) < 1e-6);
    CHECK(sparse.row_of_values().numel() == sparse.stored());
    if (n == 0) continue;
    CHECK(distance(matmul(sparse, w), matmul(x, w)) < 1e-12);
    CHECK(distance(matmul(sparse.to(f32), w.to(f32)), matmul(x, w)) < 1e-4);
    CHECK(distance(sparse.sums(), sum(x, 1)) < 1e-12);
    const TransposedProduct t = transposed_matmul(sparse, c);
    CHECK(distance(index_add(t.rows, 0, t.ids, v), matmul(x.transpose(), c)) < 1e-12);
    std::vector<Index> batch;
    for (int i = 0; i < 5; ++i) batch.push_back(g.below(n));
    CHECK(distance(sparse.select(batch).dense(), index_select(x, 0, batch)) == 0);
  }
}

TEST_CASE("ids that come several times in a row add up") {
  const SparseRows rows = SparseRows::from({{2, 0, 2}, {}, {1}}, 4);
  CHECK(rows.dense().str() == Tensor::of({{1, 0, 2, 0}, {0, 0, 0, 0}, {0, 1, 0, 0}}).str());
  const SparseRows counted = rows.counted();
  CHECK(counted.ids() == IndexTensor(Ids{0, 2, 1}));
  CHECK(counted.starts() == IndexTensor(Ids{0, 2, 2, 3}));
  CHECK(distance(counted.dense(), rows.dense()) == 0);
  CHECK(counted.values().str() == Tensor::of({1, 2, 1}).str());
  const SparseRows none = SparseRows::from({{}, {}}, 3);
  CHECK(matmul(none, Tensor::ones({3, 2})).str() == Tensor::zeros({2, 2}).str());
  CHECK(SparseRows().rows() == 0);
  CHECK(SparseRows().dense().numel() == 0);
}

TEST_CASE("sparse products are the same with any number of threads") {
  Generator g(2);
  std::vector<std::vector<Index>> lists(500);
  for (auto& list : lists)
    for (Index i = g.below(60); i > 0; --i) list.push_back(g.below(1000));
  const SparseRows x = SparseRows::from(lists, 1000);
  const Tensor w = random({1000, 64}, 3, f32);
  const int before = threads();
  set_threads(1);
  const Tensor one = matmul(x, w);
  set_threads(4);
  CHECK(distance(matmul(x, w), one) == 0);
  set_threads(before);
}

TEST_CASE("sparse rows whose parts do not fit are refused") {
  const Tensor two = Tensor::ones({2});
  check_refused([&] { SparseRows(Ids{0, 2}, Ids{1, 3}, two, 3); }, "SparseRows");
  check_refused(
      [&] {
        SparseRows(Ids{0, 1}, Ids{1, 2}, two, 3);
      },
      "ascend from 0 to the number of ids, 2");
  check_refused([&] { SparseRows(Ids{0, 2, 1, 2}, Ids{1, 2}, two, 3); }, "ascend from 0");
  check_refused([&] { SparseRows(Ids{1, 2}, Ids{1, 2}, two, 3); }, "ascend from 0");
  check_refused([&] { SparseRows(Ids{}, Ids{1, 2}, two, 3); }, "starts [N + 1]");
  check_refused([&] { SparseRows(Ids{0, 2}, Ids{1, 2}, Tensor::ones({3}), 3); }, "values [K]");
  check_refused([&] { SparseRows(Ids{0, 2}, Ids{1, 2}, Tensor(), 3); }, "got [2], [2] and none");
  check_refused([] { (void)SparseRows::from({{-1}}, 3); }, "SparseRows");
  const SparseRows x = SparseRows::from({{0}}, 3);
  check_refused(
      [&] {
        (void)matmul(x, Tensor::ones({2, 2}));
      },
      "a matrix [3, D] was required for sparse rows of 3 columns: got [2, 2]");
  check_refused([&] { (void)matmul(x, Tensor()); }, "got none");
  check_refused([&] { (void)matmul(x, Tensor::ones({3, 2}, f64)); }, "f64");
  check_refused([&] { (void)transposed_matmul(x, Tensor::ones({2, 2})); }, "for 1 sparse rows");
  check_refused([&] { (void)x.select(std::vector<Index>{1}); }, "rows in [0, 1) were required");
}
