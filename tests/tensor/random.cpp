// Random numbers: the published vectors of Philox4x32-10, moments, and what they do not depend on.
#include "naive.h"

#include <unroll/tensor/threads.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

using namespace unroll;

namespace {

using Words = std::array<std::uint32_t, 4>;

// As the paper writes it, with a counter of 128 bits.
Words philox(Words c, std::uint32_t k0, std::uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ULL * c[0], p1 = 0xCD9E8D57ULL * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  return c;
}

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0;
};
Moments moments(const Tensor& x) {
  const auto values = x.to_vector<double>();
  const double n = static_cast<double>(values.size());
  Moments m;
  for (double v : values) m.mean += v / n;
  for (double v : values) m.variance += (v - m.mean) * (v - m.mean) / n;
  for (double v : values) {
    const double z = (v - m.mean) / std::sqrt(m.variance);
    m.skew += z * z * z / n, m.kurtosis += z * z * z * z / n;
  }
  return m;
}

}  // namespace

TEST_CASE("the generator is Philox4x32-10: published vectors, and any seed and position") {
  // kat_vectors of Random123
  CHECK(philox({0, 0, 0, 0}, 0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  CHECK(philox({ones, ones, ones, ones}, ones, ones) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  Generator random(1);
  constexpr Index kLow = std::numeric_limits<Index>::min(),
                  kHigh = std::numeric_limits<Index>::max();
  for (int round = 0; round < 200; ++round) {
    const auto bits = random.integers({2}, kLow, kHigh);
    const auto seed = round ? static_cast<std::uint64_t>(bits[0]) : 0;
    const auto position = round ? static_cast<std::uint64_t>(bits[1]) : 0;
    const Words w = philox(
        {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), 0, 0},
        static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
    Generator g;
    g.seek(seed, position);
    const auto f = g.uniform({4}).to_vector<float>();
    for (std::size_t i = 0; i < 4; ++i) CHECK(f[i] == static_cast<float>(w[i] >> 8) / 0x1p24F);
    CHECK(g.position() == position + 1);
    g.seek(seed, position);
    const auto d = g.uniform({2}, 0, 1, f64).to_vector<double>();
    for (std::size_t i = 0; i < 2; ++i) {
      const std::uint64_t word = w[2 * i] | (std::uint64_t{w[2 * i + 1]} << 32);
      CHECK(d[i] == static_cast<double>(word >> 11) / 0x1p53);
    }
    g.seek(seed, position);
    CHECK(g.uniform() == d[0]);
  }
}

TEST_CASE("uniform and normal samples have the moments of their distributions") {
  constexpr Index n = 400'000;
  for (DType dtype : {f32, f64}) {
    Generator g(2);
    const Tensor u = g.uniform({n}, -1, 3, dtype);
    CHECK(min(u).item() >= -1);
    CHECK(max(u).item() <= 3);
    const Moments m = moments(u);
    CHECK(std::abs(m.mean - 1) < 0.01);
    CHECK(std::abs(m.variance - 16.0 / 12) < 0.01);
    CHECK(std::abs(m.kurtosis - 1.8) < 0.02);
    const Moments z = moments(g.normal({n}, 5, 2, dtype));
    CHECK(std::abs(z.mean - 5) < 0.02);
    CHECK(std::abs(z.variance - 4) < 0.04);
    CHECK(std::abs(z.skew) < 0.02);
    CHECK(std::abs(z.kurtosis - 3) < 0.06);
    CHECK(std::abs(mean(g.bernoulli({n}, 0.3, dtype)).item() - 0.3) < 0.004);
    CHECK(sum(g.bernoulli({1000}, 0, dtype)).item() == 0);
    CHECK(sum(g.bernoulli({1000}, 1, dtype)).item() == 1000);
    CHECK(all_finite(g.normal({n}, 0, 1, dtype)));
  }
}

TEST_CASE("random numbers are uncorrelated between neighbours, seeds, and a fork and its parent") {
  constexpr Index n = 200'000;
  const auto correlation = [](const Tensor& a, const Tensor& b) { return mean(mul(a, b)).item(); };
  Generator one(1), two(2);
  Generator fork = one.fork(), second = one.fork();
  const Tensor a = one.normal({n}, 0, 1, f64), b = two.normal({n}, 0, 1, f64);
  const Tensor c = fork.normal({n}, 0, 1, f64), d = second.normal({n}, 0, 1, f64);
  CHECK(std::abs(correlation(a.narrow(0, 0, n - 1), a.narrow(0, 1, n - 1))) < 0.01);
  for (const auto& [x, y] : {std::pair{a, b}, {a, c}, {a, d}, {c, d}, {b, c}})
    CHECK(std::abs(correlation(x, y)) < 0.01);
}

TEST_CASE("integers cover their range evenly, the widest range too") {
  Generator g(3);
  std::array<int, 7> counts{};
  for (Index v : g.integers({70'000}, -3, 4)) ++counts[static_cast<std::size_t>(v + 3)];
  for (int count : counts) CHECK(std::abs(count - 10'000) < 400);
  constexpr Index kLow = std::numeric_limits<Index>::min(),
                  kHigh = std::numeric_limits<Index>::max();
  Index negative = 0;
  for (Index v : g.integers({10'000}, kLow, kHigh)) negative += v < 0;
  CHECK(std::abs(negative - 5000) < 250);
  for (Index v : g.integers({10}, kHigh - 1, kHigh)) CHECK(v == kHigh - 1);
  for (int i = 0; i < 100; ++i) CHECK(g.below(1) == 0);
}

TEST_CASE("a permutation has each index once, and all orders are equally likely") {
  Generator g(4);
  for (Index n : {0, 1, 2, 10, 1000}) {
    auto order = g.permutation(n);
    std::sort(order.begin(), order.end());
    for (Index i = 0; i < n; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
    CHECK(static_cast<Index>(order.size()) == n);
  }
  std::map<std::vector<Index>, int> counts;
  for (int i = 0; i < 12'000; ++i) ++counts[g.permutation(3)];
  CHECK(counts.size() == 6);
  for (const auto& [order, count] : counts) CHECK(std::abs(count - 2000) < 250);
}

TEST_CASE("seek restores a generator: the same numbers follow, on any number of threads") {
  Generator g(5);
  (void)g.uniform({13});
  const auto seed = g.seed(), position = g.position();
  const auto draw = [&] {
    g.seek(seed, position);
    std::vector<Tensor> out{g.uniform({5, 3}), g.normal({100'001}), g.normal({7}, 0, 1, f64),
                            g.bernoulli({9}, 0.5)};
    out.push_back(Tensor::scalar(static_cast<double>(g.below(1000)), f64));
    out.push_back(Tensor::scalar(static_cast<double>(g.permutation(50)[7]), f64));
    out.push_back(Tensor::scalar(g.fork().uniform(), f64));
    return out;
  };
  const int before = threads();
  set_threads(1);
  const auto first = draw();
  set_threads(4);
  const auto again = draw();
  set_threads(before);
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(distance(first[i], again[i]) == 0);
}

TEST_CASE("manual_seed starts this thread's generator anew") {
  manual_seed(9);
  const double first = default_generator().uniform();
  manual_seed(9);
  CHECK(default_generator().uniform() == first);
  CHECK(Generator(9).uniform() == first);
  manual_seed(0);
}

TEST_CASE("invalid parameters of distributions are refused") {
  Generator g;
  const double inf = std::numeric_limits<double>::infinity();
  check_refused([&] { g.uniform({2}, 1, 0); },
                "uniform: finite low <= high was required: got 1 and 0");
  check_refused([&] { g.uniform({2}, NAN, 1); }, "got nan and 1");
  check_refused([&] { g.uniform({2}, -inf, inf); }, "got -inf and inf");
  check_refused(
      [&] { g.normal({2}, 0, -1); },
      "normal: a finite mean and standard deviation of at least 0 were required: got 0 and -1");
  check_refused([&] { g.normal({2}, NAN, 1); }, "got nan and 1");
  check_refused([&] { g.bernoulli({2}, 1.5); },
                "bernoulli: a probability in [0, 1] was required: got 1.5");
  check_refused([&] { g.bernoulli({2}, NAN); }, "got nan");
  check_refused([&] { g.integers({2}, 3, 3); }, "integers: low < high was required: got 3 and 3");
  check_refused([&] { g.below(0); }, "below: a limit above 0 was required: got 0");
  check_refused([&] { g.permutation(-1); },
                "permutation: a count of at least 0 was required: got -1");
  check_refused([&] { g.permutation(Index{1} << 61); }, "permutation: a count that fits memory");
  check_refused([&] { g.integers({Index{1} << 61}, 0, 2); }, "integers: a count that fits memory");
  // What f64 holds may be too much for f32.
  check_refused([&] { g.uniform({4}, -3e38, 3e38); }, "got -3e+38 and 3e+38");
  check_refused([&] { g.uniform({4}, 0, 1e39); }, "finite in f32");
  check_refused([&] { g.normal({4}, 0, 1e39); },
                "finite in f32 were required: got a mean of 0 and a standard deviation of 1e+39");
  check_refused([&] { g.normal({4}, 3e38, 1e38); }, "finite in f32");
  CHECK(all_finite(g.uniform({1000}, -3e38, 3e38, f64)));
  CHECK(all_finite(g.uniform({1000}, -1.7e38, 1.7e38)));
  CHECK(all_finite(g.normal({1000}, 0, 3e37)));
  CHECK(g.uniform({0}).numel() == 0);
  CHECK(g.integers({0}, 0, 1).numel() == 0);
}
