// Sums and extremes over any axes, running sums, softmax: against a naive array, and with the
// values that go wrong first.
#include "naive.h"

#include <limits>

using namespace unroll;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

Axes random_axes(Generator& g, int rank) {
  Axes out;
  for (Index i : g.permutation(rank))
    if (g.below(2)) out.push_back(static_cast<int>(g.below(2) ? i : i - rank));
  return out;
}

// Folds the values of x that share their place off the reduced axes; keepdim leaves sizes of 1.
template <class F>
Naive folded(const Naive& x, const Axes& axes, bool keepdim, double start, F f) {
  const auto rank = x.shape.size();
  std::vector<bool> gone(rank, axes.empty());
  for (int axis : axes)
    gone[static_cast<std::size_t>(axis < 0 ? axis + static_cast<int>(rank) : axis)] = true;
  const auto kept = [&](const Place& place) {
    Place out;
    for (std::size_t i = 0; i < rank; ++i) {
      if (!gone[i]) out.push_back(place[i]);
      if (gone[i] && keepdim) out.push_back(0);
    }
    return out;
  };
  Place shape = x.shape;
  for (std::size_t i = 0; i < rank; ++i)
    if (gone[i]) shape[i] = 1;
  shape = keepdim ? shape : kept(shape);
  return naive(shape, [&](const Place& to) {
    double value = start;
    for_each_place(x.shape, [&](const Place& at) {
      if (kept(at) == to) value = f(value, x.at(at));
    });
    return value;
  });
}

}  // namespace

TEST_CASE("sum, mean, max and min over any axes equal loops over the elements") {
  Generator g(1);
  for (int round = 0; round < 1000; ++round) {
    const Shape shape = random_shape(g, 0, 4);
    const Tensor x = random_strided(g, shape, round % 2 ? f32 : f64);
    const Axes axes = random_axes(g, shape.rank());
    const bool keepdim = g.below(2);
    const Naive n = naive_of(x);
    const auto plus = [](double a, double b) { return a + b; };
    const Naive total = folded(n, axes, keepdim, 0, plus);
    CHECK(same(sum(x, axes, {.keepdim = keepdim}), total, 1e-5));
    CHECK(reduced_shape("test", shape, axes, {.keepdim = keepdim}) == as_shape(total.shape));
    if (x.numel() == 0) continue;
    Naive average = total;
    for (double& v : average.values)
      v *= static_cast<double>(total.values.size()) / static_cast<double>(n.values.size());
    CHECK(same(mean(x, axes, {.keepdim = keepdim}), average, 1e-5));
    CHECK(same(max(x, axes, {.keepdim = keepdim}),
               folded(n, axes, keepdim, -kInf, [](double a, double b) { return std::max(a, b); })));
    CHECK(same(min(x, axes, {.keepdim = keepdim}),
               folded(n, axes, keepdim, kInf, [](double a, double b) { return std::min(a, b); })));
  }
}

TEST_CASE("rows and columns of every length from 0 to 70 are summed whole") {
  for (DType dtype : {f32, f64})
    for (Index n = 0; n <= 70; ++n) {
      const Tensor x = Tensor::arange(n * 3, dtype).reshape({3, n});
      const Naive expected = naive({3}, [&](const Place& at) {
        return static_cast<double>(n * n * at[0] + n * (n - 1) / 2);
      });
      CHECK(same(sum(x, {1}), expected));
      CHECK(same(sum(x.transpose().contiguous(), {0}), expected));
    }
}

TEST_CASE("columns of long and wide matrices with any row stride are reduced whole") {
  Generator g(7);
  for (DType dtype : {f32, f64})
    for (int round = 0; round < 20; ++round) {
      const Index rows = 1 + g.below(300), columns = 1 + g.below(round % 2 ? 3000 : 40);
      const Tensor x =
          g.integers({rows, columns + 3}, -9, 10).to(dtype).narrow(1, g.below(4), columns);
      const std::vector<double> v = x.to_vector<double>();
      std::vector<double> total(static_cast<std::size_t>(columns)), most(total.size(), -kInf);
      for (std::size_t i = 0; i < v.size(); ++i) {
        total[i % total.size()] += v[i];  // exact: small integers
        most[i % total.size()] = std::max(most[i % total.size()], v[i]);
      }
      CHECK(sum(x, {0}).to_vector<double>() == total);
      CHECK(max(x, {0}).to_vector<double>() == most);
      CHECK(min(neg(x), {0}).to_vector<double>() ==
            neg(Tensor::from(most, {columns}, dtype)).to_vector<double>());
    }
}

TEST_CASE("reductions propagate NaN and infinities from every position") {
  for (DType dtype : {f32, f64})
    for (Index n : {1, 2, 9, 16, 33, 70})
      for (Index at = 0; at < n; ++at)
        for (bool columns : {false, true}) {
          Tensor x = Tensor::ones({n}, dtype);
          const auto of = [&](Tensor (*op)(const Tensor&, const Axes&, const ReduceOptions&)) {
            return columns ? op(x.unsqueeze(1).expand({n, 3}), 0, {}).at({1})
                           : op(x, {}, {}).item();
          };
          x.set({at}, NAN);
          CHECK(std::isnan(of(sum)));
          CHECK(std::isnan(of(max)));
          CHECK(std::isnan(of(min)));
          x.set({at}, kInf);
          CHECK(of(sum) == kInf);
          CHECK(of(max) == kInf);
          CHECK(of(min) == (n == 1 ? kInf : 1));
          x.set({at}, -kInf);
          CHECK(of(max) == (n == 1 ? -kInf : 1));
          CHECK(of(min) == -kInf);
        }
}

TEST_CASE("a sum of millions of numbers is right to a few units in the last place") {
  const Index n = 5'000'000;
  const double exact = static_cast<double>(n) * static_cast<double>(0.1F);
  const Tensor x = Tensor::full({n}, 0.1);
  CHECK(std::abs(sum(x).item() / exact - 1) < 5e-7);
  CHECK(std::abs(sum(x.reshape({n, 1}).expand({n, 2}), {0}).at({1}) / exact - 1) < 5e-7);
  CHECK(std::abs(mean(x).item() / static_cast<double>(0.1F) - 1) < 5e-7);
  const Tensor d = Tensor::full({n / 5}, 0.1, f64);
  CHECK(std::abs(sum(d).item() / (static_cast<double>(n / 5) * 0.1) - 1) < 2e-15);
}

TEST_CASE("argmax names the first of the largest, NaN counting as the largest, as in NumPy") {
  Generator g(2);
  for (int round = 0; round < 300; ++round) {
    const Shape shape = random_shape(g, 1, 3);
    Tensor x = random_strided(g, shape, round % 2 ? f32 : f64);
    const int axis = static_cast<int>(g.below(shape.rank()));
    if (shape[axis] == 0) continue;
    const IndexTensor best = argmax(x, axis);
    const Tensor largest = max(x, {axis});
    CHECK(best.shape() == largest.shape());
    const auto values = largest.to_vector<double>();
    const Naive n = naive_of(x);
    Index flat = 0;
    for_each_place(Place(best.shape().begin(), best.shape().end()), [&](Place at) {
      at.insert(at.begin() + axis, best[flat]);
      CHECK(n.at(at) == values[static_cast<std::size_t>(flat++)]);
    });
  }
  CHECK(argmax(Tensor::of({1, 3, 3, 2})) == IndexTensor({1}, {}));
  CHECK(argmax(Tensor::of({1, NAN, 3, NAN})) == IndexTensor({1}, {}));
  CHECK(argmax(Tensor::of({NAN, 5})) == IndexTensor({0}, {}));
  CHECK(argmax(Tensor::zeros({3, 0}), 0).numel() == 0);
}

TEST_CASE("cumsum equals a loop, forward and reverse, along any axis") {
  Generator g(3);
  for (int round = 0; round < 300; ++round) {
    const Shape shape = random_shape(g, 1, 3);
    const Tensor x = random_strided(g, shape, f64);
    const int axis = static_cast<int>(g.below(shape.rank()));
    const Naive n = naive_of(x);
    for (bool reverse : {false, true})
      CHECK(same(cumsum(x, axis - shape.rank(), {.reverse = reverse}),
                 naive(n.shape,
                       [&](const Place& at) {
                         double total = 0;
                         for (Place from = at; from[static_cast<std::size_t>(axis)] >= 0 &&
                                               from[static_cast<std::size_t>(axis)] < shape[axis];
                              from[static_cast<std::size_t>(axis)] += reverse ? 1 : -1)
                           total += n.at(from);
                         return total;
                       }),
                 1e-14));
  }
}

TEST_CASE("a cumulative sum is the one in long double, rounded once, however long it is") {
  Generator g(8);
  for (const DType dtype : {f32, f64})
    for (int round = 0; round < 60; ++round) {
      const Index n = g.integers({1}, 1, round % 10 == 0 ? 5000 : 40)[0];
      const Index outer = g.integers({1}, 1, 4)[0],
                  inner = g.integers({1}, 1, round % 7 == 0 ? 700 : 6)[0];
      Tensor x = g.uniform({outer, n, inner}, -0.5, 1, dtype);
      if (round % 2) x = x.transpose(0, 2).contiguous().transpose(0, 2);  // strided
      for (const bool reverse : {false, true}) {
        const Tensor y = cumsum(x, 1, {.reverse = reverse});
        double worst = 0;
        for (Index o = 0; o < outer; ++o)
          for (Index j = 0; j < inner; ++j) {
            long double sum = 0, sizes = 0;
            for (Index i = 0; i < n; ++i) {
              const Index at = reverse ? n - 1 - i : i;
              sum += static_cast<long double>(x.at({o, at, j}));
              sizes += std::abs(static_cast<long double>(x.at({o, at, j})));
              const double error =
                  std::abs(static_cast<double>(static_cast<long double>(y.at({o, at, j})) - sum));
              const double bound =
                  dtype == f32
                      ? 0.51 * 0x1p-23 * std::abs(static_cast<double>(sum)) + 1e-12
                      : 0x1p-52 * static_cast<double>(sizes) * static_cast<double>(8 + n / 8);
              worst = std::max(worst, error / bound);
            }
          }
        CHECK(worst <= 1);
      }
    }
  const Tensor tenths = Tensor::full({1'000'000}, 0.1);
  const double tenth = tenths.at({0});
  CHECK(cumsum(tenths, 0).at({999'999}) == static_cast<double>(static_cast<float>(tenth * 1e6)));
  CHECK(cumsum(tenths.reshape({1'000'000, 1}).expand({1'000'000, 2}), 0).at({999'999, 1}) ==
        static_cast<double>(static_cast<float>(tenth * 1e6)));
}

TEST_CASE("in a cumulative sum, NaN and infinity reach all later elements and no earlier one") {
  const double inf = std::numeric_limits<double>::infinity();
  for (const DType dtype : {f32, f64})
    for (const Index n : {1, 5, 16, 37})
      for (Index at = 0; at < n; ++at)
        for (const bool reverse : {false, true})
          for (const bool down : {false, true}) {
            Tensor x = Tensor::ones({n, down ? 3 : 1}, dtype);
            if (!down) x = x.reshape({1, n});
            const int axis = down ? 0 : 1;
            const auto with = [&](double value) {
              Tensor spoilt = x.clone();
              spoilt.narrow(axis, at, 1).fill_(value);
              return cumsum(spoilt, axis, {.reverse = reverse})
                  .select(1 - axis, 0)
                  .to_vector<double>();
            };
            const auto nan = with(NAN), infinite = with(inf);
            for (Index i = 0; i < n; ++i) {
              const bool behind = reverse ? i <= at : i >= at;
              CHECK(std::isnan(nan[i]) == behind);
              CHECK(std::isinf(infinite[i]) == behind);
            }
          }
}

TEST_CASE("the mean of equal elements is that element") {
  for (const DType dtype : {f32, f64})
    for (const Index n : {1, 3, 7, 41, 49, 1000})
      for (const double value : {0.1, 1.0, 1.0 / 3, 12345.678}) {
        const Tensor x = Tensor::full({n}, value, dtype);
        if (static_cast<double>(n) * value < 1e5 && n < 50)
          CHECK(mean(x).item() == doctest::Approx(x.at({0})).epsilon(dtype == f32 ? 1e-7 : 2e-16));
        if (value == 1.0) CHECK(mean(x).item() == 1);
      }
}

TEST_CASE("log softmax and logsumexp keep what is small beside a large maximum") {
  CHECK(log_softmax(Tensor::of({1e4, 9999})).at({0}) == doctest::Approx(-0.31326169).epsilon(1e-6));
  CHECK(log_softmax(Tensor::of({1e8, 1e8})).at({1}) == doctest::Approx(-0.69314718).epsilon(1e-7));
  Generator g(6);
  for (const DType dtype : {f32, f64})
    for (const double offset : {0.0, 1e2, -1e4, 1e7, -3e30})
      for (const Index n : {1, 2, 3, 17, 300, 5000}) {
        // Differences that the type holds exactly at this offset.
        const double unit = std::max(std::abs(offset) * (dtype == f32 ? 0x1p-23 : 0x1p-52), 0.125);
        Tensor x = Tensor::empty({n}, dtype);
        for (Index i = 0; i < n; ++i)
          x.set({i}, offset + unit * static_cast<double>(g.integers({1}, -6, 7)[0]));
        long double sum = 0;
        const auto top = static_cast<long double>(max(x).item());
        for (Index i = 0; i < n; ++i) sum += std::exp(static_cast<long double>(x.at({i})) - top);
        const Tensor y = log_softmax(x), p = softmax(x);
        const double eps = dtype == f32 ? 0x1p-23 : 0x1p-52;
        double worst = 0, worst_p = 0;
        for (Index i = 0; i < n; ++i) {
          const long double expected = static_cast<long double>(x.at({i})) - top - std::log(sum);
          worst = std::max(
              worst, std::abs(static_cast<double>(static_cast<long double>(y.at({i})) - expected)) /
                         (eps * (1 + std::abs(static_cast<double>(expected)))));
          const auto q = static_cast<double>(std::exp(expected));
          worst_p = std::max(worst_p, std::abs(p.at({i}) - q) / (eps * q + 1e-37));
        }
        CAPTURE(offset);
        CAPTURE(n);
        CHECK(worst < 4);
        CHECK(worst_p < 8);
      }
}

TEST_CASE("sum_to is the transpose of broadcasting") {
  Generator g(4);
  for (int round = 0; round < 300; ++round) {
    const Shape whole = random_shape(g, 0, 4);
    Place small(whole.begin(), whole.end());
    for (Index& size : small)
      if (g.below(2)) size = 1;
    small.erase(small.begin(), small.begin() + g.below(whole.rank() + 1));
    const Tensor x = random_strided(g, whole, f64);
    const Tensor u = g.normal(as_shape(small), 0, 1, f64);
    // The transpose of expand: <u, sum_to(x)> = <expand(u), x>.
    const Tensor y = sum_to(x, u.shape());
    CHECK(y.shape() == u.shape());
    CHECK(std::abs(sum(mul(u, y)).item() - sum(mul(u.expand(whole), x)).item()) < 1e-11);
  }
  check_says(message_of([] {
               sum_to(Tensor::zeros({2, 3}), {2, 2});
             }),
             "sum_to: a shape that broadcasts to [2, 3] was required: got [2, 2]");
  check_says(message_of([] { sum_to(Tensor::zeros({3}), {1, 3}); }), "got [1, 3]");
}

TEST_CASE("softmax, its logarithm and logsumexp agree with long sums in double") {
  Generator g(5);
  for (DType dtype : {f32, f64})
    for (Index n : {1, 2, 3, 8, 15, 16, 17, 64, 1000}) {
      const Tensor x = mul(g.normal({5, n}, 0, 1, dtype), 10);
      const auto values = x.to_vector<double>();
      const Tensor y = softmax(x), l = log_softmax(x), z = logsumexp_last(x);
      const double eps = dtype == f32 ? 1e-6 : 1e-14;
      for (Index r = 0; r < 5; ++r) {
        long double total = 0;
        for (Index i = 0; i < n; ++i)
          total += std::exp(static_cast<long double>(values[static_cast<std::size_t>(r * n + i)]));
        CHECK(z.at({r}) == doctest::Approx(static_cast<double>(std::log(total))).epsilon(eps));
        for (Index i = 0; i < n; ++i) {
          const long double v = values[static_cast<std::size_t>(r * n + i)];
          CHECK(std::abs(y.at({r, i}) - static_cast<double>(std::exp(v) / total)) < eps);
          CHECK(std::abs(l.at({r, i}) - static_cast<double>(v - std::log(total))) < 30 * eps);
        }
        CHECK(std::abs(sum(y.select(0, r)).item() - 1) < 4 * eps);
      }
    }
}

TEST_CASE("softmax of huge values does not overflow, and a row of -inf gives zeros") {
  for (DType dtype : {f32, f64})
    for (Index n : {1, 3, 16, 21}) {
      CHECK(distance(softmax(Tensor::full({2, n}, 3e38, dtype)),
                     Tensor::full({2, n}, 1.0 / static_cast<double>(n), dtype)) < 1e-7);
      const Tensor masked = Tensor::full({2, n}, -kInf, dtype);
      CHECK(distance(softmax(masked), Tensor::zeros({2, n}, dtype)) == 0);
      CHECK(max(log_softmax(masked)).item() == -kInf);
      CHECK(min(log_softmax(masked)).item() == -kInf);
      CHECK(logsumexp_last(masked).at({1}) == -kInf);
      Tensor one = masked.clone();
      one.set({1, n - 1}, -2);  // a single one that is not masked takes everything
      CHECK(softmax(one).at({1, n - 1}) == 1);
      CHECK(sum(softmax(one)).item() == 1);
      CHECK(log_softmax(one).at({1, n - 1}) == 0);
      one.set({1, 0}, NAN);
      CHECK(std::isnan(softmax(one).at({1, n - 1})));
      CHECK(softmax(one).at({0, 0}) == 0);
    }
}

TEST_CASE("the gradient of softmax sums to zero in each row, that of log softmax too") {
  Generator g(6);
  for (Index n : {1, 5, 16, 37}) {
    const Tensor x = g.normal({4, n}, 0, 1, f64), u = g.normal({4, n}, 0, 1, f64);
    for (bool logarithm : {false, true}) {
      const Tensor y = logarithm ? log_softmax(x) : softmax(x);
      const Tensor d = logarithm ? log_softmax_gradient(u, y) : softmax_gradient(u, y);
      CHECK(max(abs(sum(d, {1}))).item() < 1e-14);
    }
  }
}

TEST_CASE("reductions over nothing, twice over one axis, or of what does not fit are refused") {
  const Tensor x = Tensor::zeros({2, 3}), none = Tensor::zeros({2, 0});
  check_refused([&] { sum(x, {2}); },
                "sum: an axis in [-2, 1] was required for the shape [2, 3]: got 2");
  check_refused(
      [&] {
        max(x, {0, -2});
      },
      "max: each axis once was required: axis 0 of [2, 3] came twice");
  check_refused([&] { max(none, {1}); },
                "max: at least one element to reduce was required: got the shape [2, 0]");
  check_refused([&] { min(none); }, "min: at least one element");
  check_refused([&] { mean(none); },
                "mean: at least one element was required: got the shape [2, 0]");
  CHECK(same(sum(none, {1}), naive({2}, [](const Place&) { return 0.0; })));
  // A result without elements needs none.
  for (const Shape& empty : {Shape{0, 3}, Shape{0, 0}}) {
    const Tensor x0 = Tensor::zeros(empty);
    for (const Tensor& y :
         {sum(x0, {1}), max(x0, {1}), min(x0, {1}), mean(x0, {1}), logsumexp_last(x0)})
      CHECK(y.shape() == Shape{0});
    CHECK(argmax(x0, 1).shape() == Shape{0});
    CHECK(mean(x0, 1, {.keepdim = true}).shape() == Shape{0, 1});
  }
  check_refused([] { mean(Tensor::zeros({0, 3})); }, "mean: at least one element");
  check_refused([&] { argmax(none, 1); }, "argmax: at least one element was required on axis 1");
  check_refused([&] { argmax(x, 2); }, "argmax: an axis in [-2, 1]");
  check_refused([&] { cumsum(x, 5); }, "cumsum: an axis in [-2, 1]");
  check_refused([] { cumsum(Tensor::scalar(1), 0); }, "cumsum: an axis was required: got a scalar");
  check_refused([] { softmax(Tensor::scalar(1)); },
                "softmax: at least one axis was required: got a scalar");
  check_refused([&] { logsumexp_last(none); },
                "logsumexp: at least one element to reduce was required");
  check_refused([&] { softmax_gradient(none, x); },
                "softmax: a gradient of the shape [2, 3] was required: got [2, 0]");
  check_refused([&] { softmax_gradient(x.to(f64), x); }, "softmax: tensors of one type");
  check_refused([] { sum(Tensor()); }, "undefined");
  CHECK(softmax(none).shape() == Shape{2, 0});
}
