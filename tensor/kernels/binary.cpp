#include <unroll/tensor/kernels/elementwise.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/binary.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {
namespace functions2 {

#define UNROLL_FUNCTION(name, value)                        \
  struct name {                                             \
    template <class D, class V>                             \
    static HWY_INLINE V f([[maybe_unused]] D d, V a, V b) { \
      return value;                                         \
    }                                                       \
  };
UNROLL_FUNCTION(add, hn::Add(a, b))
UNROLL_FUNCTION(sub, hn::Sub(a, b))
UNROLL_FUNCTION(mul, hn::Mul(a, b))
UNROLL_FUNCTION(div, hn::Div(a, b))
// If either is NaN, the result is NaN.
UNROLL_FUNCTION(minimum, hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b))
UNROLL_FUNCTION(maximum, hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b))
UNROLL_FUNCTION(equal, hn::IfThenElseZero(hn::Eq(a, b), hn::Set(d, 1)))
UNROLL_FUNCTION(less, hn::IfThenElseZero(hn::Lt(a, b), hn::Set(d, 1)))
UNROLL_FUNCTION(less_equal, hn::IfThenElseZero(hn::Le(a, b), hn::Set(d, 1)))
#undef UNROLL_FUNCTION

struct pow {
  template <class D, class V>
  static HWY_INLINE V each(D d, V a, V b) {
    using T = hn::TFromD<D>;
    HWY_ALIGN T base[HWY_MAX_BYTES / sizeof(T)], exponent[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(a, d, base);
    hn::Store(b, d, exponent);
    for (std::size_t i = 0; i < hn::Lanes(d); ++i) base[i] = std::pow(base[i], exponent[i]);
    return hn::Load(d, base);
  }
#if HWY_TARGET != HWY_SCALAR
  // exp(b log(a)), computed in f64 for half of the lanes of an f32 vector.
  template <class DH, class VH>
  static HWY_INLINE VH of_half(DH d, VH a, VH b) {
    const hn::Rebind<double, DH> wide;
    const auto power = hn::Mul(hn::PromoteTo(wide, b), hn::Log(wide, hn::PromoteTo(wide, a)));
    // Beyond +-200 the result is 0 or infinity in f32.
    const auto limit = hn::Set(wide, 200.0);
    return hn::DemoteTo(d, hn::Exp(wide, hn::Min(hn::Max(power, hn::Neg(limit)), limit)));
  }
#endif
  template <class D, class V>
  static HWY_INLINE V f(D d, V a, V b) {
#if HWY_TARGET != HWY_SCALAR
    if constexpr (Is32<D>::value) {
      // The fast path takes normal a > 0, or a < 0 if b is an integer, whose lowest bit gives the
      // sign.
      const auto size = hn::Abs(a), range = hn::Abs(b);
      const auto normal =
          hn::And(hn::Ge(size, hn::Set(d, 0x1p-126F)), hn::Lt(size, hn::Set(d, 0x1p127F)));
      const auto moderate = hn::Lt(range, hn::Set(d, 0x1p23F));
      const auto whole = hn::Eq(hn::Round(b), b);
      const auto positive = hn::Gt(a, hn::Zero(d));
      if (HWY_LIKELY(hn::AllTrue(d, hn::And(hn::And(normal, moderate), hn::Or(positive, whole))))) {
        const hn::Half<D> dh;
        const V power = hn::Combine(d, of_half(dh, hn::UpperHalf(dh, size), hn::UpperHalf(dh, b)),
                                    of_half(dh, hn::LowerHalf(dh, size), hn::LowerHalf(dh, b)));
        const hn::RebindToSigned<D> di;
        const auto odd = hn::BitCast(d, hn::ShiftLeft<31>(hn::ConvertTo(di, b)));
        return hn::IfThenElse(positive, power, hn::Or(power, odd));
      }
    }
#endif
    return each(d, a, b);
  }
};

}  // namespace functions2

// Strides are 0 or 1, as for binary(); n is a multiple of the number of lanes.
template <class F, class T>
void values(const T* a, Index stride_a, const T* b, Index stride_b, T* y, Index n) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index i = 0; i < n; i += lanes)
    hn::StoreU(F::f(d, hn::LoadU(d, a + i * stride_a), hn::LoadU(d, b + i * stride_b)), d, y + i);
}

template <class T>
using Pass = void (*)(const T* a, Index stride_a, const T* b, Index stride_b, T* y, Index n);
#define UNROLL_VALUE(name) values<functions2::name, T>,
template <class T>
constexpr Pass<T> kValues[] = {UNROLL_BINARY_OPS(UNROLL_VALUE)};
#undef UNROLL_VALUE

template <class T>
void binary_run(Binary op, const T* a, Index stride_a, const T* b, Index stride_b, T* y, Index n) {
  if (n == 0) return;
  const Pass<T> pass = kValues<T>[static_cast<std::size_t>(op)];
  copies_of_one(a, stride_a, b, stride_b, [=](const T* a_at, const T* b_at) {
    whole_vectors<2>({a_at, b_at}, {stride_a, stride_b}, y, n,
                     [=](const T* const* from, T* to, Index count) {
                       pass(from[0], stride_a, from[1], stride_b, to, count);
                     });
  });
}

template <class T>
void where_run(const T* const* from, const Index* strides, T* y, Index n) {
  const hn::ScalableTag<T> d;
  const auto at = [&](int k, Index i, Index count) HWY_ATTR {
    return strides[k] == 0 ? hn::Set(d, *from[k]) : load(from[k] + i, count);
  };
  each<T>(n, [&](Index i, Index count) HWY_ATTR {
    const auto zero = hn::Eq(at(0, i, count), hn::Zero(d));  // false for NaN
    store(hn::IfThenElse(zero, at(2, i, count), at(1, i, count)), y + i, count);
  });
}

template <class T>
bool all_finite_run(const T* x, Index n) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto sum = hn::Zero(d);  // x - x is 0 for finite x, otherwise NaN
  Index i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    sum = hn::Add(sum, hn::Sub(v, v));
  }
  if (i < n) {
    const auto v = load_n(d, x + i, static_cast<std::size_t>(n - i));
    sum = hn::Add(sum, hn::Sub(v, v));
  }
  return hn::AllTrue(d, hn::Eq(sum, hn::Zero(d)));
}

}  // namespace

UNROLL_KERNELS(BinaryKernels, binary_run<T>, where_run<T>, all_finite_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(BinaryKernels)
}  // namespace unroll::kernels
#endif
