// How far the vectorised functions are from the true ones, in units in the last place, on every
// SIMD target that was compiled in and that this CPU has.
#include "tests/support.h"
#include "tests/tensor/kernels/targets.h"

#include <unroll/tensor/kernels/elementwise.h>

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

using namespace unroll;
using kernels::Unary;

namespace {

using Real = long double;
Real sigma(Real x) { return 1 / (1 + std::exp(-x)); }

struct Type {
  Real eps, least;  // the distance from 1 to the next number, and from 0
};

// How many units in the last place of the true value a function may be off, in f32 and f64. Where
// rounding is made larger on the way, an error of `slack` is allowed as well.
struct Function {
  Unary op;
  const char* name;
  Real (*f)(Real);
  double ulps32, ulps64;
  Real (*slack)(Real x, const Type& t) = nullptr;
};

// The argument of the sigmoid that gelu_tanh multiplies with.
Real twice_u(Real x) {
  return 2 * std::sqrt(2 / 3.14159265358979323846264L) * (x + 0.044715L * x * x * x);
}
Real normal_cdf(Real x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }
Real gelu(Real x) { return x * normal_cdf(x); }
Real gelu_tanh(Real x) { return x * sigma(twice_u(x)); }

const Function kFunctions[] = {
    {Unary::neg, "neg", [](Real x) { return -x; }, 0, 0},
    {Unary::abs, "abs", [](Real x) { return std::abs(x); }, 0, 0},
    {Unary::square, "square", [](Real x) { return x * x; }, 0.5, 0.501},
    {Unary::sqrt, "sqrt", [](Real x) { return std::sqrt(x); }, 0.5, 0.501},
    {Unary::reciprocal, "reciprocal", [](Real x) { return 1 / x; }, 0.5, 0.501},
    {Unary::relu, "relu", [](Real x) { return x < 0 ? 0 : x; }, 0, 0},
    {Unary::exp, "exp", [](Real x) { return std::exp(x); }, 1.5, 1.5},
    {Unary::log, "log", [](Real x) { return std::log(x); }, 1.5, 1.5},
    {Unary::sin, "sin", [](Real x) { return std::sin(x); }, 3, 3},
    {Unary::cos, "cos", [](Real x) { return std::cos(x); }, 3, 3},
    {Unary::tanh, "tanh", [](Real x) { return std::tanh(x); }, 2, 2.5},
    // It is 0 where the result would not be a normal number, from -88 on in f32 and -746 in f64.
    {Unary::sigmoid, "sigmoid", sigma, 3, 3,
     [](Real, const Type& t) { return t.eps > 1e-10L ? 0x1p-126L : 0x1p-1021L; }},
    {Unary::elu, "elu", [](Real x) { return x > 0 ? x : std::expm1(x); }, 2, 2},
    // In f32 1 + erf cancels on the left; in f64 erfc doubles the rounding of its argument.
    {Unary::gelu, "gelu", gelu, 4, 4,
     [](Real x, const Type& t) {
       return t.eps > 1e-10L ? 2 * std::abs(x) * t.eps
                             : 2 * std::abs(gelu(x)) * x * x * t.eps + std::abs(x) * t.least;
     }},
    {Unary::normal_cdf, "normal_cdf", normal_cdf, 4, 4,
     [](Real x, const Type& t) {
       return 2 * normal_cdf(x) * (1 + x * x) * t.eps + (t.eps > 1e-10L ? 0x1p-126L : t.least);
     }},
    {Unary::gelu_tanh, "gelu_tanh", gelu_tanh, 4, 4,
     [](Real x, const Type& t) {
       return 2 * std::abs(gelu_tanh(x) * twice_u(x)) * t.eps + std::abs(x) * t.least;
     }},
    // The sigmoid ends at the least number.
    {Unary::silu, "silu", [](Real x) { return x * sigma(x); }, 4, 4,
     [](Real x, const Type& t) { return std::abs(x) * t.least; }},
    {Unary::softplus, "softplus",
     [](Real x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); }, 3, 3},
};

// Finite numbers of every size and sign, a dense stretch around zero, and what goes wrong first.
template <class T>
std::vector<T> sweep() {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> out;
  constexpr int kSteps = 8'000;
  const Bits end = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  for (int i = 0; i < kSteps; ++i) {
    const T x = std::bit_cast<T>(static_cast<Bits>(end / kSteps * static_cast<Bits>(i)));
    out.push_back(x), out.push_back(-x);
  }
  for (int i = -6'000; i <= 6'000; ++i) out.push_back(static_cast<T>(i) * static_cast<T>(0.0177));
  constexpr T inf = std::numeric_limits<T>::infinity(), most = std::numeric_limits<T>::max();
  constexpr T least = std::numeric_limits<T>::denorm_min(), normal = std::numeric_limits<T>::min();
  for (T x : {T{0}, least, normal, most, inf, std::numeric_limits<T>::quiet_NaN()})
    out.push_back(x), out.push_back(-x);
  return out;
}

template <class T>
double ulp(Real y) {
  const Real size = std::max<Real>(std::abs(y), std::numeric_limits<T>::min());
  return static_cast<double>(
      std::ldexp(1.0L, std::ilogb(size) + 1 - std::numeric_limits<T>::digits));
}

struct Worst {
  double ulps = 0, at = 0;
  std::string wrong;  // a special value that is not what it should be
};

template <class T>
Worst worst_of(const Function& f, const std::vector<T>& xs) {
  std::vector<T> y(xs.size());
  kernels::unary(f.op, xs.data(), y.data(), static_cast<Index>(xs.size()), T{1}, T{0});
  const Type type{std::numeric_limits<T>::epsilon(), std::numeric_limits<T>::denorm_min()};
  Worst out;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const T got = y[i];
    const Real expected = f.f(static_cast<Real>(xs[i]));
    const T rounded = static_cast<T>(expected);
    if (got == rounded || (std::isnan(got) && std::isnan(rounded))) continue;
    const Real error = std::abs(static_cast<Real>(got) - expected);
    if (f.slack && error <= f.slack(xs[i], type)) continue;
    const double ulps = static_cast<double>(error) / ulp<T>(expected);
    if (!(ulps <= out.ulps)) out.ulps = ulps, out.at = static_cast<double>(xs[i]);
    if (!std::isfinite(ulps)) {
      out.wrong = fmt::format("{}({}) = {}, not {}", f.name, xs[i], got, rounded);
      break;
    }
  }
  return out;
}

template <class T>
void check_accuracy() {
  const std::vector<T> xs = sweep<T>();
  for (const Function& f : kFunctions)
    for_each_simd_target([&](const char* target) {
      const Worst w = worst_of(f, xs);
      CHECK_MESSAGE(w.wrong.empty(), fmt::format("{} on {}", w.wrong, target));
      const double bound = sizeof(T) == 4 ? f.ulps32 : f.ulps64;
      CHECK_MESSAGE(w.ulps <= bound, fmt::format("{} of type {} on {}: {} ulps at {}", f.name,
                                                 name_of(dtype_of<T>), target, w.ulps, w.at));
    });
}

}  // namespace

TEST_CASE("functions in f32 are right to a few units in the last place on every SIMD target") {
  check_accuracy<float>();
}

TEST_CASE("functions in f64 are right to a few units in the last place on every SIMD target") {
  check_accuracy<double>();
}

TEST_CASE("what saturates does so exactly, on every SIMD target") {
  const auto check = [&]<class T>(T) {
    const bool narrow = sizeof(T) == 4;
    // From `at` on, f is `to` (or x itself).
    struct Limit {
      Unary op;
      double at;
      enum { to_zero, to_one, to_minus_one, to_x } to;
    };
    const std::vector<Limit> limits{{Unary::sigmoid, narrow ? 17.0 : 37.0, Limit::to_one},
                                    {Unary::sigmoid, narrow ? -88.0 : -746.0, Limit::to_zero},
                                    {Unary::tanh, narrow ? 9.5 : 20.0, Limit::to_one},
                                    {Unary::tanh, narrow ? -9.5 : -20.0, Limit::to_minus_one},
                                    {Unary::silu, narrow ? 18.0 : 40.0, Limit::to_x},
                                    {Unary::silu, narrow ? -110.0 : -800.0, Limit::to_zero},
                                    {Unary::gelu_tanh, narrow ? 6.0 : 9.0, Limit::to_x},
                                    {Unary::gelu_tanh, -40, Limit::to_zero},
                                    {Unary::softplus, narrow ? 18.0 : 40.0, Limit::to_x},
                                    {Unary::softplus, narrow ? -110.0 : -800.0, Limit::to_zero},
                                    {Unary::normal_cdf, narrow ? 6.0 : 9.0, Limit::to_one},
                                    {Unary::normal_cdf, -40, Limit::to_zero}};
    for_each_simd_target([&](const char* target) {
      CAPTURE(target);
      for (const Limit& limit : limits) {
        CAPTURE(static_cast<int>(limit.op));
        std::vector<T> x;
        for (double scale = 1; scale < 1e6; scale *= 1.37)
          x.push_back(static_cast<T>(limit.at * scale));
        std::vector<T> y(x.size());
        kernels::unary(limit.op, x.data(), y.data(), static_cast<Index>(x.size()), T{0}, T{0});
        for (std::size_t i = 0; i < x.size(); ++i) {
          CAPTURE(x[i]);
          const T expected = limit.to == Limit::to_x      ? x[i]
                             : limit.to == Limit::to_one  ? T{1}
                             : limit.to == Limit::to_zero ? T{0}
                                                          : T{-1};
          CHECK(y[i] == expected);
        }
      }
    });
  };
  check(float{});
  check(double{});
}
