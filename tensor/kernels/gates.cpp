#include <unroll/tensor/kernels/gates.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/gates.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

// forward and backward are the pass over one row.
template <bool kRelu>
struct Rnn {
  // z holds x + h w, and becomes the output; nothing else is saved.
  template <class T>
  static HWY_INLINE void forward(Index h, const T*, T* z, const T*, const T*, const T*, T*, T* out,
                                 T*) {
    const hn::ScalableTag<T> d;
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      const auto v = load(z + j, k);
      store(kRelu ? hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Zero(d), v) : tanh(d, v), out + j,
            k);
    });
  }
  template <class T>
  static HWY_INLINE void backward(Index h, const T* out, const T*, const T*, const T*,
                                  const T* d_row, T* dh, T*, T* dx, T*) {
    const hn::ScalableTag<T> d;
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      auto g = load(dh + j, k);
      if (d_row) g = hn::Add(g, load(d_row + j, k));
      const auto y = load(out + j, k);
      // y is 0, or NaN, where it is not above 0.
      store(kRelu ? hn::IfThenElse(hn::Gt(y, hn::Zero(d)), g, y)
                  : hn::Mul(g, hn::NegMulAdd(y, y, hn::Set(d, T{1}))),
            dx + j, k);
    });
  }
};

// tanh(c') has a loop of its own: within one loop the CPU would wait for c', as it looks ahead by
// two or three vectors only.
struct Lstm {
  // z holds x + h w and becomes i f g o; where they are saved, it is the first 4 H of that, and c'
  // goes behind them.
  template <class T>
  static HWY_INLINE void forward(Index h, const T*, T* z, const T*, const T*, const T* c_before, T*,
                                 T* out, T* c) {
    const hn::ScalableTag<T> d;
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      const auto i = sigmoid(d, load(z + j, k)), f = sigmoid(d, load(z + h + j, k));
      const auto g = tanh(d, load(z + 2 * h + j, k));
      store(i, z + j, k);
      store(f, z + h + j, k);
      store(g, z + 2 * h + j, k);
      store(hn::MulAdd(f, load(c_before + j, k), hn::Mul(i, g)), c + j, k);
    });
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      const auto o = sigmoid(d, load(z + 3 * h + j, k));
      store(o, z + 3 * h + j, k);
      store(hn::Mul(o, tanh(d, load(c + j, k))), out + j, k);
    });
  }
  template <class T>
  static HWY_INLINE void backward(Index h, const T*, const T* saved, const T*, const T* c_before,
                                  const T* d_row, T* dh, T* dc, T* dx, T*) {
    const hn::ScalableTag<T> d;
    const auto one = hn::Set(d, T{1});
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      const auto i = load(saved + j, k), f = load(saved + h + j, k);
      const auto g = load(saved + 2 * h + j, k), o = load(saved + 3 * h + j, k);
      const auto tc = tanh(d, load(saved + 4 * h + j, k));
      auto dy = load(dh + j, k);
      if (d_row) dy = hn::Add(dy, load(d_row + j, k));
      const auto dc_all = hn::MulAdd(hn::Mul(dy, o), hn::NegMulAdd(tc, tc, one), load(dc + j, k));
      store(hn::Mul(hn::Mul(dc_all, g), hn::Mul(i, hn::Sub(one, i))), dx + j, k);
      store(hn::Mul(hn::Mul(dc_all, load(c_before + j, k)), hn::Mul(f, hn::Sub(one, f))),
            dx + h + j, k);
      store(hn::Mul(hn::Mul(dc_all, i), hn::NegMulAdd(g, g, one)), dx + 2 * h + j, k);
      store(hn::Mul(hn::Mul(dy, tc), hn::Mul(o, hn::Sub(one, o))), dx + 3 * h + j, k);
      store(hn::Mul(dc_all, f), dc + j, k);
    });
  }
};

struct Gru {
  // r and z go where they are saved, else where the product with the state was.
  template <class T>
  static HWY_INLINE void forward(Index h, const T* x, T* hw, const T* bias, const T* h_before,
                                 const T*, T* saved, T* out, T*) {
    const hn::ScalableTag<T> d;
    T* const rz = saved ? saved : hw;
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      store(sigmoid(d, hn::Add(load(x + j, k), load(hw + j, k))), rz + j, k);
      store(sigmoid(d, hn::Add(load(x + h + j, k), load(hw + h + j, k))), rz + h + j, k);
    });
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      auto q = load(hw + 2 * h + j, k);
      if (bias) q = hn::Add(q, load(bias + j, k));
      const auto n = tanh(d, hn::MulAdd(load(rz + j, k), q, load(x + 2 * h + j, k)));
      if (saved) {
        store(n, saved + 2 * h + j, k);
        store(q, saved + 3 * h + j, k);
      }
      const auto z = load(rz + h + j, k);
      store(hn::MulAdd(z, load(h_before + j, k), hn::Mul(hn::Sub(hn::Set(d, T{1}), z), n)), out + j,
            k);
    });
  }
  // dh becomes the part of the gradient that goes around the product.
  template <class T>
  static HWY_INLINE void backward(Index h, const T*, const T* saved, const T* h_before, const T*,
                                  const T* d_row, T* dh, T*, T* dx, T* dhw) {
    const hn::ScalableTag<T> d;
    const auto one = hn::Set(d, T{1});
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      const auto r = load(saved + j, k), z = load(saved + h + j, k);
      const auto n = load(saved + 2 * h + j, k), q = load(saved + 3 * h + j, k);
      auto dy = load(dh + j, k);
      if (d_row) dy = hn::Add(dy, load(d_row + j, k));
      const auto keep = hn::Sub(one, z);
      const auto dz = hn::Mul(hn::Mul(dy, hn::Sub(load(h_before + j, k), n)), hn::Mul(z, keep));
      const auto dn = hn::Mul(hn::Mul(dy, keep), hn::NegMulAdd(n, n, one));
      const auto dr = hn::Mul(hn::Mul(dn, q), hn::Mul(r, hn::Sub(one, r)));
      store(dr, dx + j, k);
      store(dz, dx + h + j, k);
      store(dn, dx + 2 * h + j, k);
      store(dr, dhw + j, k);
      store(dz, dhw + h + j, k);
      store(hn::Mul(dn, r), dhw + 2 * h + j, k);
      store(hn::Mul(dy, z), dh + j, k);
    });
  }
};

template <class T>
HWY_INLINE T* row_of(T* data, Index stride, Index row) {
  return data ? data + row * stride : nullptr;
}

template <class K, class T>
HWY_NOINLINE void forward_rows(Index rows, Index h, const GatesForward<T>& a) {
  for (Index r = 0; r < rows; ++r)
    K::forward(h, row_of(a.x, a.stride_x, a.ids ? a.ids[r] : r), a.z + r * a.stride_z, a.bias,
               a.h_before + r * h, row_of(a.c_before, a.stride_c_before, r),
               row_of(a.saved, a.stride_saved, r), a.out + r * h, row_of(a.c, a.stride_c, r));
}

template <class K, class T>
HWY_NOINLINE void backward_rows(Index rows, Index h, const GatesBackward<T>& a) {
  for (Index r = 0; r < rows; ++r)
    K::backward(h, a.out + r * h, row_of(a.saved, a.stride_saved, r), a.h_before + r * h,
                row_of(a.c_before, a.stride_c_before, r), row_of(a.d_out, h, r), a.dh + r * h,
                row_of(a.dc, h, r), a.dx + r * a.stride_dx, row_of(a.dhw, a.stride_dx, r));
}

template <class T>
void forward_run(Recurrence kind, Index rows, Index h, const GatesForward<T>& a) {
  if (kind == Recurrence::lstm) return forward_rows<Lstm>(rows, h, a);
  if (kind == Recurrence::gru) return forward_rows<Gru>(rows, h, a);
  if (kind == Recurrence::rnn_relu) return forward_rows<Rnn<true>>(rows, h, a);
  forward_rows<Rnn<false>>(rows, h, a);
}
template <class T>
void backward_run(Recurrence kind, Index rows, Index h, const GatesBackward<T>& a) {
  if (kind == Recurrence::lstm) return backward_rows<Lstm>(rows, h, a);
  if (kind == Recurrence::gru) return backward_rows<Gru>(rows, h, a);
  if (kind == Recurrence::rnn_relu) return backward_rows<Rnn<true>>(rows, h, a);
  backward_rows<Rnn<false>>(rows, h, a);
}

}  // namespace

UNROLL_KERNELS(GateKernels, forward_run<T>, backward_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(GateKernels)
}  // namespace unroll::kernels
#endif
