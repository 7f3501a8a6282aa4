// Products of matrices against three loops: batches, broadcasting, transposed views, empty sizes.
#include "naive.h"

#include <unroll/tensor/matmul.h>
#include <unroll/tensor/threads.h>

#include <limits>

using namespace unroll;

namespace {

double element(const Naive& x, const Place& batch, Index row, Index column) {
  Place at(batch.end() - static_cast<std::ptrdiff_t>(x.shape.size() - 2), batch.end());
  for (std::size_t i = 0; i < at.size(); ++i)
    if (x.shape[i] == 1) at[i] = 0;
  at.push_back(row), at.push_back(column);
  return x.at(at);
}

// Operands with at least two axes.
Naive product(const Tensor& a, const Tensor& b) {
  const Naive na = naive_of(a), nb = naive_of(b);
  const auto lead = [](const Tensor& x) {
    return as_shape(Place(x.shape().begin(), x.shape().end() - 2));
  };
  const Shape batch = broadcast("test", lead(a), lead(b));
  Place shape(batch.begin(), batch.end());
  shape.push_back(a.shape()[-2]), shape.push_back(b.shape()[-1]);
  return naive(shape, [&](Place at) {
    const Index column = at.back(), row = at[at.size() - 2];
    at.resize(at.size() - 2);
    double total = 0;
    for (Index k = 0; k < a.shape()[-1]; ++k)
      total += element(na, at, row, k) * element(nb, at, k, column);
    return total;
  });
}

Index random_size(Generator& g) { return g.below(12) == 0 ? 0 : 1 + g.below(g.below(4) ? 6 : 40); }

Place random_batch(Generator& g, const Place& like) {
  Place out = like;
  for (Index& size : out)
    if (g.below(3) == 0) size = 1;
  out.erase(out.begin(), out.begin() + g.below(static_cast<Index>(out.size()) + 1));
  return out;
}

}  // namespace

TEST_CASE("matmul equals three loops, over random batches, broadcasts and strides") {
  Generator g(1);
  for (int round = 0; round < 1500; ++round) {
    const DType dtype = round % 2 ? f32 : f64;
    const Index m = random_size(g), k = random_size(g), n = random_size(g);
    Place whole;
    for (Index i = g.below(4); i > 0; --i) whole.push_back(g.below(15) == 0 ? 0 : 1 + g.below(3));
    Place sa = random_batch(g, whole), sb = random_batch(g, whole);
    sa.insert(sa.end(), {m, k}), sb.insert(sb.end(), {k, n});
    const auto make = [&](const Place& s) {
      return g.below(3) ? random_strided(g, as_shape(s), dtype)
                        : g.normal(as_shape(s), 0, 1, dtype);
    };
    const Tensor a = make(sa), b = make(sb);
    CHECK_MESSAGE(same(matmul(a, b), product(a, b), dtype == f32 ? 1e-5 : 1e-13), a.shape(), " x ",
                  b.shape(), " ", name_of(dtype));
  }
}

TEST_CASE("large products of transposed and expanded operands equal their sums") {
  Generator g(2);
  for (DType dtype : {f32, f64}) {
    const double tolerance = dtype == f32 ? 2e-4 : 1e-12;
    const Tensor a = g.normal({70, 130}, 0, 1, dtype), b = g.normal({130, 90}, 0, 1, dtype);
    const Naive expected = product(a, b);
    const auto turned = [](const Tensor& x) { return x.transpose().contiguous().transpose(); };
    CHECK(same(matmul(a, b), expected, tolerance));
    CHECK(same(matmul(turned(a), b), expected, tolerance));
    CHECK(same(matmul(a, turned(b)), expected, tolerance));
    CHECK(same(matmul(turned(a), turned(b)), expected, tolerance));
    CHECK(same(matmul(b.transpose(), a.transpose()).transpose(), expected, tolerance));
    const Tensor row = g.normal({1, 130}, 0, 1, dtype).expand({70, 130});
    CHECK(same(matmul(row, b), product(row, b), tolerance));
    const Tensor many = matmul(a.expand({3, 70, 130}), b.unsqueeze(0));
    for (Index i = 0; i < 3; ++i) CHECK(distance(many.select(0, i), matmul(a, b)) < tolerance);
  }
}

// Freivalds' check: (A B) r = A (B r) for a vector r of signs, which an error in any element of the
// product spoils. Its largest difference, over the square root of what was summed up.
double unlike_product(Generator& g, const Tensor& c, const Tensor& a, const Tensor& b) {
  const Index m = a.shape()[0], k = a.shape()[1], n = b.shape()[1];
  const auto numbers = [](const Tensor& x) { return x.to(f64).contiguous().to_vector<double>(); };
  const std::vector<double> nc = numbers(c), na = numbers(a), nb = numbers(b);
  std::vector<double> signs(static_cast<std::size_t>(n));
  for (double& s : signs) s = g.below(2) ? 1 : -1;
  const auto times = [](const std::vector<double>& x, const std::vector<double>& v) {
    std::vector<double> out(x.size() / v.size());
    for (std::size_t i = 0; i < out.size(); ++i)
      for (std::size_t j = 0; j < v.size(); ++j) out[i] += x[i * v.size() + j] * v[j];
    return out;
  };
  const std::vector<double> whole = times(nc, signs), parts = times(na, times(nb, signs));
  double worst = 0;
  for (Index i = 0; i < m; ++i)
    worst = std::max(
        worst, std::abs(whole[static_cast<std::size_t>(i)] - parts[static_cast<std::size_t>(i)]));
  return worst / std::sqrt(static_cast<double>(n * k));
}

TEST_CASE("large products of any strides are bit-identical on any number of threads") {
  Generator g(5);
  const int before = threads();
  for (int round = 0; round < 60; ++round) {
    const DType dtype = round % 3 ? f32 : f64;
    const double tolerance = dtype == f32 ? 2e-5 : 1e-13;
    // From a few rows of long sums to many columns of short ones, with and without a remainder.
    const auto size = [&](Index most) {
      const Index chosen = 1 + g.below(most);
      return g.below(2) ? chosen : (chosen + 31) / 32 * 32;
    };
    const Index m = size(round % 4 ? 300 : 1200), k = size(round % 5 ? 600 : 2100);
    // Every fourth is large enough for several threads.
    const Index most = round % 4 ? 20'000'000 : 150'000'000;
    const Index n = size(std::clamp<Index>(most / (m * k), 1, 3000));
    const auto make = [&](Index rows, Index columns) {
      const bool turned = g.below(2);
      // Rows one after another, a little apart, or so far that they crowd the cache.
      const Index row = turned ? rows : columns, unit = 2048 / static_cast<Index>(size_of(dtype));
      const Index pads[] = {0, 3, (row + unit - 1) / unit * unit - row};
      const Index pad = pads[g.below(3)];
      const Tensor x =
          turned ? g.normal({columns, rows + pad}, 0, 1, dtype).narrow(1, 0, rows).transpose()
                 : g.normal({rows, columns + pad}, 0, 1, dtype).narrow(1, 0, columns);
      return x;
    };
    const Tensor a = make(m, k), b = make(k, n), bias = g.normal({n}, 0, 1, dtype);
    const Tensor start = g.normal({m, n}, 0, 1, dtype);
    std::vector<Tensor> first;
    for (int count : {1, 2, 3}) {
      set_threads(count);
      Tensor added = start.clone(), wide = Tensor::full({m, n + 5}, 7, dtype);
      Tensor part = wide.narrow(1, 2, n);
      matmul_into(added, a, b);
      linear_into(part, a, b, bias);
      const std::vector<Tensor> results{matmul(a, b), added, part.contiguous()};
      if (first.empty()) {
        first = results;
        CHECK(unlike_product(g, results[0], a, b) < tolerance);
        CHECK(unlike_product(g, sub(added.to(f64), start.to(f64)), a, b) < tolerance);
        CHECK(unlike_product(g, sub(results[2].to(f64), bias.to(f64)), a, b) < tolerance);
        CHECK(distance(wide.narrow(1, 0, 2), Tensor::full({m, 2}, 7, dtype)) == 0);
        CHECK(distance(wide.narrow(1, n + 2, 3), Tensor::full({m, 3}, 7, dtype)) == 0);
      }
      for (std::size_t i = 0; i < results.size(); ++i) CHECK(distance(results[i], first[i]) == 0);
    }
  }
  set_threads(before);
}

TEST_CASE("a 1-D operand is a row on the left and a column on the right") {
  Generator g(3);
  for (int round = 0; round < 100; ++round) {
    const Index k = random_size(g), n = random_size(g), batch = 1 + g.below(3);
    const Tensor v = g.normal({k}, 0, 1, f64), w = g.normal({k}, 0, 1, f64);
    const Tensor b = g.normal({batch, k, n}, 0, 1, f64);
    CHECK(matmul(v, w).shape() == Shape{});
    CHECK(std::abs(matmul(v, w).item() - sum(mul(v, w)).item()) < 1e-13);
    CHECK(distance(matmul(v, b), matmul(v.unsqueeze(0), b).squeeze(1)) == 0);
    CHECK(distance(matmul(b.transpose(), v), matmul(b.transpose(), v.unsqueeze(1)).squeeze(2)) ==
          0);
  }
}

TEST_CASE("linear is a product and a bias; matmul_into adds; linear_into writes spaced rows") {
  Generator g(4);
  for (int round = 0; round < 300; ++round) {
    const DType dtype = round % 2 ? f32 : f64;
    const double tolerance = dtype == f32 ? 2e-5 : 1e-12;
    const Index m = random_size(g), k = random_size(g), n = random_size(g);
    const Tensor x = random_strided(g, {m, k}, dtype), w = random_strided(g, {k, n}, dtype);
    const Tensor b = random_strided(g, {n}, dtype);
    const Tensor expected = add(matmul(x, w), b);
    CHECK(distance(linear(x, w, b), expected) < tolerance);
    CHECK(distance(linear(x, w, {}), matmul(x, w)) < tolerance);
    CHECK(distance(linear(x.unsqueeze(0).unsqueeze(2), w, b), expected.unsqueeze(0).unsqueeze(2)) <
          tolerance);
    Tensor y = g.normal({m, n}, 0, 1, dtype);
    const Tensor before = y.clone();
    matmul_into(y, x, w);
    CHECK(distance(y, add(before, matmul(x, w))) < tolerance);
    Tensor wide = Tensor::full({m, n + 3}, 7, dtype);
    Tensor part = wide.narrow(1, 2, n);
    linear_into(part, x, w, b);
    CHECK(distance(part, expected) < tolerance);
    CHECK(distance(wide.narrow(1, 0, 2), Tensor::full({m, 2}, 7, dtype)) == 0);
    CHECK(distance(wide.narrow(1, n + 2, 1), Tensor::full({m, 1}, 7, dtype)) == 0);
  }
  // A single row that is a column seen from the side: its step from row to row is 1.
  Tensor column = Tensor::zeros({4, 1});
  Tensor row = column.transpose();
  matmul_into(row, Tensor::ones({1, 3}), Tensor::ones({3, 4}));
  CHECK(column.to_vector<float>() == std::vector<float>{3, 3, 3, 3});
  linear_into(row, Tensor::ones({1, 40}), Tensor::ones({40, 4}), {});
  CHECK(column.to_vector<float>() == std::vector<float>{40, 40, 40, 40});
}

TEST_CASE("NaN and infinity in an operand reach the product, also where they are multiplied by 0") {
  for (Index n : {2, 40}) {
    Tensor a = Tensor::zeros({n, n}), b = Tensor::zeros({n, n});
    a.set({1, 0}, NAN);
    CHECK(std::isnan(matmul(a, b).at({1, 1})));
    CHECK(matmul(a, b).at({0, 0}) == 0);
  }
}

TEST_CASE("operands that do not fit are refused with both shapes") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({4, 5}), d = Tensor::zeros({3, 2}, f64);
  const auto says = [](const std::function<void()>& f, const std::string& part) {
    check_says(message_of(f), part);
  };
  says([&] { matmul(a, b); },
       "matmul: inner sizes that agree were required ([.., M, K] x [.., K, N]): got [2, 3] x [4, "
       "5]");
  says([&] { matmul(a, d); }, "matmul: tensors of one type");
  says([&] { matmul(a, Tensor::scalar(1)); }, "at least one axis were required: got [2, 3] and []");
  says(
      [&] {
        matmul(Tensor::zeros({2, 2, 3}), Tensor::zeros({3, 3, 4}));
      },
      "matmul: shapes that broadcast");
  says([&] { matmul(Tensor::zeros({2}), a.transpose()); }, "got [2] x [3, 2]");
  says([&] { matmul(a, Tensor::zeros({2})); }, "got [2, 3] x [2]");
  says([&] { matmul(Tensor(), a); }, "undefined");
  Tensor y = Tensor::zeros({2, 2}), flat = Tensor::zeros({4});
  says([&] { matmul_into(y, a, b); }, "matmul_into: [M, N] += [M, K] x [K, N] was required");
  says([&] { matmul_into(flat, a, b); }, "got [4] += [2, 3] x [4, 5]");
  says([&] { linear(a, b, {}); },
       "linear: x [.., K] and w [K, N] were required: got [2, 3] and [4, 5]");
  says([&] { linear(a, Tensor::zeros({3}), {}); }, "got [2, 3] and [3]");
  says([&] { linear(Tensor::scalar(1), a, {}); }, "linear: x [.., K]");
  const Tensor w = Tensor::zeros({3, 2});
  says([&] { linear(a, w, Tensor::zeros({3})); },
       "linear: a bias of shape [2] was required: got [3]");
  says([&] { linear(a, d, {}); }, "linear: tensors of one type");
  const auto into = [&](Tensor target) { linear_into(target, a, w, {}); };
  says(
      [&] {
        into(Tensor::zeros({2, 3}));
      },
      "linear: rows [2, 2] to write to were required: got [2, 3]");
  says([&] { into(Tensor::zeros({4})); }, "got [4]");
  says([&] { into(Tensor::zeros({2, 2}).transpose()); }, "linear: rows [2, 2]");
  says([&] { into(Tensor::zeros({2, 2}, f64)); }, "linear: tensors of one type");
}

TEST_CASE("the result of a product may replace its operand") {
  const Tensor a = random({20, 20}, 1), b = random({20, 20}, 2);
  Tensor c = b.clone();
  matmul_into(c, c, c);
  CHECK(distance(c, add(b, matmul(b, b))) < 1e-12);
  Tensor y = a.clone();
  linear_into(y, y, b, Tensor());
  CHECK(distance(y, matmul(a, b)) < 1e-12);
  Tensor w = b.clone();
  linear_into(w, a, w, w.select(0, 0));
  CHECK(distance(w, add(matmul(a, b), b.select(0, 0))) < 1e-12);
}
