// Random numbers and powers on every SIMD target.
#include "tests/support.h"
#include "tests/tensor/kernels/targets.h"

#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/kernels/random.h>

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <vector>

using namespace unroll;

TEST_CASE("random bits do not depend on the SIMD target or on the number generated at once") {
  constexpr std::uint64_t kKey = 0x123456789abcdef0, kFrom = 0xfffffff0;
  std::vector<std::uint64_t> expected;
  for_each_simd_target([&](const char* target) {
    CAPTURE(target);
    std::vector<std::uint64_t> words(2 * 40);
    kernels::philox(kKey, kFrom, words.data(), 40);
    if (expected.empty()) expected = words;
    CHECK(words == expected);
    for (Index count = 1; count < 40; ++count) {
      std::vector<std::uint64_t> part(static_cast<std::size_t>(2 * count) + 1, 77);
      kernels::philox(kKey, kFrom + 3, part.data(), count);
      CHECK(part.back() == 77);
      part.pop_back();
      if (count <= 37) CHECK(std::equal(part.begin(), part.end(), expected.begin() + 6));
    }
  });
}

TEST_CASE("normal samples equal Box and Muller's formula on every SIMD target") {
  const auto check = [&]<class T>(T tolerance) {
    const Tensor uniform = Generator(5).uniform({2 * 37}, 0, 1, dtype_of<T>);
    for_each_simd_target([&](const char* target) {
      CAPTURE(target);
      for (Index pairs : {1, 5, 16, 37}) {
        std::vector<T> values = uniform.to_vector<T>();
        kernels::normal_pairs<T>(values.data(), pairs, T{1}, T{2});
        const std::vector<double> u = uniform.to_vector<double>();
        for (Index i = 0; i < pairs; ++i) {
          const double radius = 2 * std::sqrt(-2 * std::log(1 - u[2 * i]));
          const double angle = 2 * std::numbers::pi * u[2 * i + 1];
          CHECK(std::abs(static_cast<double>(values[2 * i]) - 1 - radius * std::cos(angle)) <=
                tolerance);
          CHECK(std::abs(static_cast<double>(values[2 * i + 1]) - 1 - radius * std::sin(angle)) <=
                tolerance);
        }
        for (std::size_t i = static_cast<std::size_t>(2 * pairs); i < values.size(); ++i)
          CHECK(values[i] == static_cast<T>(u[i]));
      }
    });
  };
  check(4e-6F);
  check(1e-14);
}

TEST_CASE("powers in f32 are those of f64 to the last place, on every SIMD target") {
  Generator g(6);
  const Index n = 2000;
  std::vector<float> a = g.uniform({n}, -3, 3).to_vector<float>();
  std::vector<float> b = g.uniform({n}, -20, 20).to_vector<float>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i % 3 == 0) b[i] = std::round(b[i]);
    if (i % 5 == 0) a[i] = std::ldexp(a[i], static_cast<int>(i % 200) - 100);
  }
  const float special[] = {0.0F,     -0.0F,     1,   -1,     2,     -2, 0.5F,
                           INFINITY, -INFINITY, NAN, 1e-30F, 3e38F, 3,  -3};
  for (float x : special)
    for (float y : special) a.push_back(x), b.push_back(y);
  const auto size = static_cast<Index>(a.size());
  for_each_simd_target([&](const char* target) {
    // Alone and among others, since a vector takes one way for all its lanes.
    for (Index each : {size, Index{1}})
      for (Index from = 0; from < size; from += each) {
        std::vector<float> y(static_cast<std::size_t>(each));
        kernels::binary<float>(kernels::Binary::pow, a.data() + from, 1, b.data() + from, 1,
                               y.data(), each);
        for (Index i = 0; i < each; ++i) {
          const float x = a[from + i], e = b[from + i], got = y[i];
          const auto right =
              static_cast<float>(std::pow(static_cast<double>(x), static_cast<double>(e)));
          const bool tiny =
              std::abs(right) < 1.2e-38F && std::abs(got) < 1.2e-38F;  // denormals count as 0
          const bool close = right == got || (std::isnan(right) && std::isnan(got)) || tiny ||
                             std::abs(got - right) <= std::abs(right) * 1.2e-7F;
          CHECK_MESSAGE(close, fmt::format("{} ** {} on {}: {}, not {}", x, e, target, got, right));
        }
      }
  });
}
