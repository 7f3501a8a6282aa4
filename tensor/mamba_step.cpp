#include <unroll/tensor/kernels/conv.h>
#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/kernels/row.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/kernels/selective_scan.h>
#include <unroll/tensor/kernels/transpose.h>
#include <unroll/tensor/mamba_step.h>

#include <algorithm>

namespace unroll {
namespace {

// y [n] = init + a w, w [k, n]
template <class T>
void multiply(const T* a, const Tensor& w, const T* init, T* y) {
  const Index k = w.shape()[0], n = w.shape()[1];
  kernels::multiply_row<T>(n, init, {a, {w.data<T>(), k, n, n}}, {a, {w.data<T>(), 0, n, n}}, y);
}

template <class T>
void step(const MambaStep& s, MambaStepResult& out) {
  using namespace kernels;
  const FlushDenormals flush;
  const Index dim = s.x.shape()[1], channels = s.d.shape()[0], states = s.a_log.shape()[1],
              taps = s.conv_w.shape()[0], rank = s.dt_proj.shape()[0];
  Scratch<T> room(dim + 5 * channels + rank + 2 * states + 2 * states * channels);
  T *const normed = room.get(), *const uz = normed + dim, *const u = uz + 2 * channels,
           *const delta = u + channels, *const y = delta + channels,
           *const selected = y + channels,  // delta before dt_proj, b, c
               *const rates = selected + rank + 2 * states, *const a = rates + states * channels;
  T mean, rstd;
  normalise_rows<T>(s.x.data<T>(), s.gain.data<T>(), nullptr, normed, &mean, &rstd, 1, dim, s.eps,
                    false);
  multiply<T>(normed, s.in_proj, nullptr, uz);

  const T *const before = s.conv.data<T>(), *const w = s.conv_w.data<T>();
  Taps<T> of;
  for (Index k = 0; k < taps; ++k)
    of.add(static_cast<int>(k), w + k * channels, k + 1 < taps ? before + k * channels : uz,
           channels);
  table<ConvKernels, T>().rows(1, channels, of, s.conv_b.data<T>(), {u, channels});
  T* const after = out.conv.data<T>();
  std::copy_n(before + channels, (taps - 2) * channels, after);
  std::copy_n(uz, channels, after + (taps - 2) * channels);
  unary<T>(Unary::silu, u, u, channels);

  multiply<T>(u, s.x_proj, nullptr, selected);
  multiply<T>(selected, s.dt_proj, nullptr, delta);
  // a = -exp(a_log), [E, S] -> [S, E]
  unary<T>(Unary::exp, s.a_log.data<T>(), rates, states * channels);
  unary<T>(Unary::neg, rates, rates, states * channels);
  transpose<T>(rates, states, a, channels, states, channels);
  const Index offsets[] = {0, 1};
  selective_forward<T>({offsets, 1, false}, {channels, states},
                       {{u, channels},
                        {delta, channels},
                        {selected + rank, states},
                        {selected + rank + states, states},
                        {uz + channels, channels},
                        a,
                        s.d.data<T>(),
                        s.dt_bias.data<T>(),
                        s.h.data<T>()},
                       y, out.h.data<T>(), nullptr);
  multiply<T>(y, s.out_proj, s.x.data<T>(), out.out.data<T>());
}

}  // namespace

MambaStepResult mamba_step(const MambaStep& s) {
  const DType dtype = s.x.dtype();
  const Tensor h = s.h.transpose(1, 2).contiguous();  // [1, S, E]; a view after the first step
  MambaStepResult out{Tensor::empty(s.x.shape(), dtype), Tensor::empty(s.conv.shape(), dtype),
                      Tensor::empty(h.shape(), dtype)};
  const MambaStep turned{s.x,       s.gain,  s.in_proj, s.conv_w,   s.conv_b, s.x_proj, s.dt_proj,
                         s.dt_bias, s.a_log, s.d,       s.out_proj, s.conv,   h,        s.eps};
  dispatch(dtype, [&]<class T>() { step<T>(turned, out); });
  out.h = out.h.transpose(1, 2);
  return out;
}

}  // namespace unroll
