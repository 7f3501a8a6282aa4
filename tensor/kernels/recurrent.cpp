#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/plan.h>
#include <unroll/tensor/kernels/recurrent.h>
#include <unroll/tensor/kernels/row.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/kernels/time_walk.h>
#include <unroll/tensor/kernels/tuning.h>

#include <algorithm>
#include <array>
#include <optional>

namespace unroll::kernels {
namespace {

// Batch rows [lo, hi) through all time steps. `wx` is given where inputs are projected here;
// `aside` has room for two products of these rows.
template <class T>
void forward_shard(Recurrence kind, const Steps& s, Index h, const RecurrentForward<T>& a,
                   Panels<T> w, Panels<T> wx, Index lo, Index hi, T* aside) {
  const TimeWalk walk{s};
  const Index gates = gates_of(kind) * h, width = saved_of(kind) * h;
  const bool lstm = kind == Recurrence::lstm, sums = sums_products(kind);
  for (Index i = 0; i < s.steps; ++i) {
    const Index t = walk.at(i), end = std::min(hi, s.batch(t));
    if (end <= lo) continue;
    const Index row0 = s.offsets[t], prev = walk.before(i);
    // LSTM's product goes where its gates are saved, RNN's where its output stands, GRU's to the
    // side.
    T* const z = lstm ? a.saved + row0 * width : sums ? a.rows + row0 * h : aside - lo * gates;
    const Index stride_z = lstm ? width : sums ? h : gates;
    const T* x = a.ids ? a.x : a.x + row0 * a.stride_x;  // projected inputs, rows stride_x apart
    Index stride_x = a.stride_x;
    const Index* ids = a.ids;
    if (wx.data) {
      // Where the product with the state starts from it, else beside that.
      T* to = sums ? z : aside + (hi - lo - lo) * gates;
      stride_x = stride_z;
      multiply(Matrix<const T>{x + lo * a.dim, end - lo, a.dim, a.dim}, wx, {a.b},
               Matrix<T>{to + lo * stride_x, end - lo, gates, stride_x});
      x = to;
    } else if (ids && sums) {
      for (Index b = lo; b < end; ++b)
        std::copy_n(x + ids[row0 + b] * stride_x, gates, z + b * stride_z);
      x = z, stride_x = stride_z, ids = nullptr;
    }
    walk.each_part(i, lo, end, [&](Index from, Index to, bool continues) {
      const Index n = to - from, row = row0 + from;
      const T* h_before = continues ? a.rows + (prev + from) * h : a.h0 + from * h;
      if (continues || !a.from_zero)
        multiply(Matrix<const T>{h_before, n, h, h}, w,
                 {sums ? x + from * stride_x : nullptr, stride_x},
                 Matrix<T>{z + from * stride_z, n, gates, stride_z});
      else if (!sums)  // where they are summed, x is in place
        std::fill_n(z + from * stride_z, n * gates, T(0));
      GatesForward<T> g{};
      g.x = ids ? x : x + from * stride_x, g.stride_x = stride_x;
      if (ids) g.ids = ids + row;
      g.z = z + from * stride_z, g.stride_z = stride_z;
      g.bias = a.bias, g.h_before = h_before, g.out = a.rows + row * h;
      if (a.saved) g.saved = a.saved + row * width, g.stride_saved = width;
      if (lstm) {
        g.c_before = continues ? a.saved + (prev + from) * width + 4 * h : a.c0 + from * h;
        g.stride_c_before = continues ? width : h;
        g.c = g.saved + 4 * h, g.stride_c = width;
      }
      gates_forward(kind, n, h, g);
    });
    for (Index b = std::max(lo, walk.last(i)); b < end; ++b) {
      std::copy_n(a.rows + (row0 + b) * h, h, a.h + b * h);
      if (lstm) std::copy_n(a.saved + (row0 + b) * width + 4 * h, h, a.c + b * h);
    }
  }
}

template <class T>
void backward_shard(Recurrence kind, const Steps& s, Index h, const RecurrentBackward<T>& a,
                    Panels<T> w, Index lo, Index hi) {
  const TimeWalk walk{s};
  const Index gates = gates_of(kind) * h, width = saved_of(kind) * h;
  const bool lstm = kind == Recurrence::lstm;
  for (Index i = s.steps - 1; i >= 0; --i) {
    const Index t = walk.at(i), end = std::min(hi, s.batch(t));
    if (end <= lo) continue;
    const Index row0 = s.offsets[t], prev = walk.before(i);
    walk.each_part(i, lo, end, [&](Index from, Index to, bool continues) {
      const Index row = row0 + from;
      GatesBackward<T> g{};
      g.out = a.rows + row * h;
      if (a.saved) g.saved = a.saved + row * width, g.stride_saved = width;
      g.h_before = continues ? a.rows + (prev + from) * h : a.h0 + from * h;
      if (lstm) {
        g.c_before = continues ? a.saved + (prev + from) * width + 4 * h : a.c0 + from * h;
        g.stride_c_before = continues ? width : h;
        g.dc = a.dc + from * h;
      }
      if (a.d_rows) g.d_out = a.d_rows + row * h;
      g.dh = a.dh + from * h;
      g.dx = a.dx + row * a.stride_dx, g.stride_dx = a.stride_dx;
      if (a.dhw) g.dhw = a.dhw + row * a.stride_dx;
      gates_backward(kind, to - from, h, g);
    });
    // What goes on to the state before: through the product, and for the GRU also around it.
    T* dh = a.dh + lo * h;
    const Index to = a.to_start ? end : std::min(end, walk.continued(i));
    if (lo >= to) continue;
    const T* dz = (a.dhw ? a.dhw : a.dx) + (row0 + lo) * a.stride_dx;
    multiply(Matrix<const T>{dz, to - lo, gates, a.stride_dx}, w, {a.dhw ? dh : nullptr, h},
             Matrix<T>{dh, to - lo, h, h});
  }
}

}  // namespace

template <class T>
void recurrent_forward(Recurrence kind, const Steps& s, Index h, const RecurrentForward<T>& a) {
  const Index gates = gates_of(kind) * h;
  Scratch<T> packed(packed_size<T>(h, gates));
  const Panels<T> w = pack(Matrix<const T>{a.w, h, gates, gates}, packed.get());
  Scratch<T> packed_x(a.wx ? packed_size<T>(a.dim, gates) : 0);
  Panels<T> wx{};
  if (a.wx) wx = pack(Matrix<const T>{a.wx, a.dim, gates, gates}, packed_x.get());
  Scratch<T> aside(sums_products(kind) ? 0 : 2 * s.batch(0) * gates);
  each_batch_shard(s, gates * h, [&](Index lo, Index hi) {
    forward_shard(kind, s, h, a, w, wx, lo, hi,
                  sums_products(kind) ? nullptr : aside.get() + 2 * lo * gates);
  });
}

template <class T>
void recurrent_backward(Recurrence kind, const Steps& s, Index h, const RecurrentBackward<T>& a) {
  const Index gates = gates_of(kind) * h;
  Scratch<T> packed(packed_size<T>(gates, h));
  const Panels<T> w =
      pack(Matrix<const T>{a.w, h, gates, gates}.transpose(), packed.get());  // [G H, H]
  each_batch_shard(s, gates * h,
                   [&](Index lo, Index hi) { backward_shard(kind, s, h, a, w, lo, hi); });
}

template <class T>
void recurrent_step(Recurrence kind, Index m, Index dim, Index h,
                    const RecurrentStepArguments<T>& a) {
  const FlushDenormals flush;
  const Index gates = gates_of(kind) * h, size = 2 * m * gates;
  alignas(64) std::array<T, tuning::kStepBytes / sizeof(T)> near;
  std::optional<Scratch<T>> far;
  if (size > static_cast<Index>(near.size())) far.emplace(size);
  T *const x = far ? far->get() : near.data(), *const z = x + m * gates;
  const Matrix<const T> wx{a.wx, dim, gates, gates}, wh{a.wh, h, gates, gates};
  const bool sums = sums_products(kind);
  if (streams_row(m)) {
    const RowProduct<T> projection{a.x, wx}, recurrent{a.h, wh}, none{};
    multiply_row<T>(gates, a.b, projection, sums ? recurrent : none, sums ? z : x);
    if (!sums) multiply_row<T>(gates, nullptr, recurrent, none, z);
  } else {
    multiply_once(Matrix<const T>{a.x, m, dim, dim}, wx, {a.b}, Matrix<T>{x, m, gates, gates});
    multiply_once(Matrix<const T>{a.h, m, h, h}, wh, {sums ? x : nullptr, gates},
                  Matrix<T>{z, m, gates, gates});
  }
  GatesForward<T> g{};
  g.x = x, g.stride_x = gates;
  g.z = z, g.stride_z = gates;
  g.bias = a.bhn, g.h_before = a.h, g.out = a.next_h;
  g.c_before = a.c, g.stride_c_before = h;
  g.c = a.next_c, g.stride_c = h;
  gates_forward(kind, m, h, g);
}

template <class T>
void previous_rows(const Steps& s, Index h, const T* rows, const T* h0, T* out) {
  const TimeWalk walk{s};
  for (Index i = 0; i < s.steps; ++i) {
    const Index t = walk.at(i), continued = walk.continued(i);
    T* to = out + s.offsets[t] * h;
    std::copy_n(rows + walk.before(i) * h, continued * h, to);
    std::copy_n(h0 + continued * h, (s.batch(t) - continued) * h, to + continued * h);
  }
}

#define UNROLL_FOR(T)                                                                              \
  template void recurrent_forward(Recurrence, const Steps&, Index, const RecurrentForward<T>&);    \
  template void recurrent_backward(Recurrence, const Steps&, Index, const RecurrentBackward<T>&);  \
  template void recurrent_step(Recurrence, Index, Index, Index, const RecurrentStepArguments<T>&); \
  template void previous_rows(const Steps&, Index, const T*, const T*, T*);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
