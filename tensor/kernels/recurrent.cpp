#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/recurrent.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/threads.h>

#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/recurrent.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/simd_math.h>

#ifndef UNROLL_RECURRENT_ONCE
#define UNROLL_RECURRENT_ONCE
namespace unroll::kernels {

// Bounds of the batch rows that each thread takes: about equal work, which is the sum of the
// lengths.
// A part that is too small costs more to hand over than it takes: each has at least kLeast
// multiplications, of which a row has `row_cost`.
inline std::vector<Index> shards(const Steps& s, Index row_cost, int threads) {
  constexpr Index kLeast = Index{1} << 20;
  const Index batch = s.batch(0);
  const Index most = std::min(batch / 4, s.rows() * row_cost / kLeast);
  const Index parts = std::clamp<Index>(most, 1, threads);
  std::vector<Index> bounds{0};
  Index done = 0;
  Index t = s.steps;  // length of sequence b, going down as b grows
  for (Index b = 0; b < batch; ++b) {
    while (s.batch(t - 1) <= b) --t;
    done += t;
    if (static_cast<Index>(bounds.size()) < parts &&
        done * parts >= s.rows() * static_cast<Index>(bounds.size()))
      bounds.push_back(b + 1);
  }
  if (bounds.back() != batch) bounds.push_back(batch);
  return bounds;
}

}  // namespace unroll::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {

// What the kinds differ in: the pass over the gates of one row. kInPlace: the product may start
// from x itself.
template <bool kRelu>
struct Rnn {
  static constexpr Index kGates = 1;
  static constexpr bool kInPlace = true;
  // z holds x + h w, and becomes the output; nothing else is saved.
  template <class T>
  static HWY_INLINE void forward(Index h, const T*, const T* z, const T*, const T*, const T*, T*,
                                 T* out, T*) {
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
      store(kRelu ? hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), g)
                  : hn::Mul(g, hn::NegMulAdd(y, y, hn::Set(d, T{1}))),
            dx + j, k);
    });
  }
};

struct Lstm {
  static constexpr Index kGates = 4;
  static constexpr bool kInPlace = true;
  // z holds x + h w (it is the first 4 H of what is saved) and becomes i f g o; c' goes behind
  // them.
  template <class T>
  static HWY_INLINE void forward(Index h, const T*, const T* z, const T*, const T*,
                                 const T* c_before, T* saved, T* out, T* c) {
    const hn::ScalableTag<T> d;
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      const auto i = sigmoid(d, load(z + j, k));
      const auto f = sigmoid(d, load(z + h + j, k));
      const auto g = tanh(d, load(z + 2 * h + j, k));
      const auto o = sigmoid(d, load(z + 3 * h + j, k));
      const auto next = hn::MulAdd(f, load(c_before + j, k), hn::Mul(i, g));
      if (saved) {
        store(i, saved + j, k);
        store(f, saved + h + j, k);
        store(g, saved + 2 * h + j, k);
        store(o, saved + 3 * h + j, k);
      }
      store(next, c + j, k);
      store(hn::Mul(o, tanh(d, next)), out + j, k);
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
  static constexpr Index kGates = 3;
  static constexpr bool kInPlace = false;
  template <class T>
  static HWY_INLINE void forward(Index h, const T* x, const T* hw, const T* bias, const T* h_before,
                                 const T*, T* saved, T* out, T*) {
    const hn::ScalableTag<T> d;
    each<T>(h, [&](Index j, Index k) UNROLL_INLINED {
      const auto r = sigmoid(d, hn::Add(load(x + j, k), load(hw + j, k)));
      const auto z = sigmoid(d, hn::Add(load(x + h + j, k), load(hw + h + j, k)));
      auto q = load(hw + 2 * h + j, k);
      if (bias) q = hn::Add(q, load(bias + j, k));
      const auto n = tanh(d, hn::MulAdd(r, q, load(x + 2 * h + j, k)));
      if (saved) {
        store(r, saved + j, k);
        store(z, saved + h + j, k);
        store(n, saved + 2 * h + j, k);
        store(q, saved + 3 * h + j, k);
      }
      store(hn::MulAdd(z, hn::Sub(load(h_before + j, k), n), n), out + j, k);
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

// The order of the steps, and which rows of the step before (in that order) a step continues.
struct Walk {
  const Steps& s;
  Index at(Index i) const { return s.reverse ? s.steps - 1 - i : i; }
  // Rows of step i that continue one of step i - 1; the others begin.
  Index continued(Index i) const {
    return i == 0 ? 0 : std::min(s.batch(at(i)), s.batch(at(i - 1)));
  }
  Index before(Index i) const { return s.offsets[at(i - 1)]; }
};

// Batch rows [lo, hi) through all time steps. `packed` is w, packed_x wx; `aside` has room for two
// products of these rows.
template <class K, class T>
void forward_shard(const Steps& s, Index h, const RecurrentForward<T>& a, const T* packed,
                   const T* packed_x, Index saved_width, Index lo, Index hi, T* aside) {
  const Walk walk{s};
  const Index gates = K::kGates * h;
  const bool lstm = a.c0 != nullptr;
  for (Index i = 0; i < s.steps; ++i) {
    const Index t = walk.at(i), end = std::min(hi, s.batch(t));
    if (end <= lo) continue;
    const Index row0 = s.offsets[t];
    // LSTM's product goes where its gates are saved, RNN's where its output stands, GRU's to the
    // side.
    const auto target = [&](Index b) {
      return lstm          ? a.saved + (row0 + b) * saved_width
             : K::kInPlace ? a.rows + (row0 + b) * h
                           : aside + (b - lo) * gates;
    };
    const Index step_z = lstm ? saved_width : K::kInPlace ? h : gates;
    const T* x = a.x + row0 * a.step_x;  // projected inputs, rows step_x apart
    Index step_x = a.step_x;
    if (packed_x) {
      // Where the product with the state starts from it, else beside that.
      T* to = K::kInPlace ? target(lo) : aside + (hi - lo) * gates;
      step_x = K::kInPlace ? step_z : gates;
      multiply(end - lo, gates, a.dim, Left<T>{x + lo * a.dim, a.dim},
               packed_panels(packed_x, a.dim), a.b, Index{0}, to, step_x);
      x = to - lo * step_x;
    }
    const Index split = std::clamp(walk.continued(i), lo, end);
    const auto multiply_rows = [&](Index from, Index to, const T* before) {
      if (from == to) return;
      multiply(to - from, gates, h, Left<T>{before, h}, packed_panels(packed, h),
               K::kInPlace ? x + from * step_x : nullptr, step_x, target(from), step_z);
    };
    const Index prev = i > 0 ? walk.before(i) : 0;
    multiply_rows(lo, split, a.rows + (prev + lo) * h);
    multiply_rows(split, end, a.h0 + split * h);
    for (Index b = lo; b < end; ++b) {
      const bool continues = b < split;
      const Index row = row0 + b;
      const T* h_before = continues ? a.rows + (prev + b) * h : a.h0 + b * h;
      const T* c_before = !lstm       ? nullptr
                          : continues ? a.saved + (prev + b) * saved_width + 4 * h
                                      : a.c0 + b * h;
      T* saved = a.saved ? a.saved + row * saved_width : nullptr;
      K::forward(h, x + b * step_x, target(b), a.bias, h_before, c_before, saved, a.rows + row * h,
                 lstm ? saved + 4 * h : nullptr);
      // Sequences whose last step (in this direction) this is.
      const bool last = s.reverse ? t == 0 : t + 1 == s.steps || b >= s.batch(t + 1);
      if (last) {
        std::copy_n(a.rows + row * h, h, a.h + b * h);
        if (lstm) std::copy_n(saved + 4 * h, h, a.c + b * h);
      }
    }
  }
}

template <class K, class T>
void backward_shard(const Steps& s, Index h, const RecurrentBackward<T>& a, const T* packed,
                    Index saved_width, Index lo, Index hi) {
  const Walk walk{s};
  const Index gates = K::kGates * h;
  const bool lstm = a.c0 != nullptr;
  T* into = a.dhw ? a.dhw : a.dx;
  for (Index i = s.steps - 1; i >= 0; --i) {
    const Index t = walk.at(i), end = std::min(hi, s.batch(t));
    if (end <= lo) continue;
    const Index row0 = s.offsets[t], split = std::clamp(walk.continued(i), lo, end),
                prev = i > 0 ? walk.before(i) : 0;
    for (Index b = lo; b < end; ++b) {
      const bool continues = b < split;
      const Index row = row0 + b;
      const T* h_before = continues ? a.rows + (prev + b) * h : a.h0 + b * h;
      const T* c_before = !lstm       ? nullptr
                          : continues ? a.saved + (prev + b) * saved_width + 4 * h
                                      : a.c0 + b * h;
      K::backward(h, a.rows + row * h, a.saved ? a.saved + row * saved_width : nullptr, h_before,
                  c_before, a.d_rows ? a.d_rows + row * h : nullptr, a.dh + b * h,
                  lstm ? a.dc + b * h : nullptr, a.dx + row * gates,
                  a.dhw ? a.dhw + row * gates : nullptr);
    }
    // What goes on to the state before: through the product, and for the GRU also around it.
    multiply(end - lo, h, gates, Left<T>{into + (row0 + lo) * gates, gates},
             packed_panels(packed, gates), a.dhw ? a.dh + lo * h : nullptr, h, a.dh + lo * h, h);
  }
}

template <class K, class T>
void forward_all(Recurrence kind, const Steps& s, Index h, const RecurrentForward<T>& a) {
  const Index gates = K::kGates * h;
  Scratch<T> packed(packed_size<T>(h, gates));
  pack(a.w, gates, Index{1}, h, gates, packed.get());
  Scratch<T> packed_x(a.wx ? packed_size<T>(a.dim, gates) : 0);
  if (a.wx) pack(a.wx, gates, Index{1}, a.dim, gates, packed_x.get());
  const std::vector<Index> bounds = shards(s, gates * h, threads());
  Scratch<T> aside(K::kInPlace ? 0 : 2 * s.batch(0) * gates);
  parallel_for(static_cast<Index>(bounds.size()) - 1, [&](Index i) {
    const FlushDenormals flush;
    forward_shard<K>(s, h, a, packed.get(), a.wx ? packed_x.get() : nullptr, saved_of(kind) * h,
                     bounds[i], bounds[i + 1],
                     aside.get() + (K::kInPlace ? 0 : 2 * bounds[i] * gates));
  });
}

template <class K, class T>
void backward_all(Recurrence kind, const Steps& s, Index h, const RecurrentBackward<T>& a) {
  const Index gates = K::kGates * h;
  Scratch<T> packed(packed_size<T>(gates, h));
  pack(a.w, Index{1}, gates, gates, h, packed.get());  // the transpose
  const std::vector<Index> bounds = shards(s, gates * h, threads());
  parallel_for(static_cast<Index>(bounds.size()) - 1, [&](Index i) {
    const FlushDenormals flush;
    backward_shard<K>(s, h, a, packed.get(), saved_of(kind) * h, bounds[i], bounds[i + 1]);
  });
}

// C = init + A W for a weight that is used once, [k, n] row-major; rows of init are step_init apart
// (0: one row for all).
template <class T>
void multiply_once(Index m, Index n, Index k, const T* a, const T* w, const T* init,
                   Index step_init, T* c) {
  if (n % panel_width<T>() == 0)
    return multiply(m, n, k, Left<T>{a, k}, row_major(w, n), init, step_init, c, n);
  Scratch<T> packed(packed_size<T>(k, n));
  pack(w, n, Index{1}, k, n, packed.get());
  multiply(m, n, k, Left<T>{a, k}, packed_panels<T>(packed.get(), k), init, step_init, c, n);
}

template <class K, class T>
void step_rows(Index m, Index dim, Index h, const RecurrentStepArguments<T>& a) {
  const Index gates = K::kGates * h;
  T *x = a.scratch, *z = a.scratch + m * gates;
  multiply_once(m, gates, dim, a.x, a.wx, a.b, Index{0}, x);
  multiply_once(m, gates, h, a.h, a.wh, K::kInPlace ? x : nullptr, gates, z);
  for (Index b = 0; b < m; ++b)
    K::forward(h, x + b * gates, z + b * gates, a.bhn, a.h + b * h, a.c ? a.c + b * h : nullptr,
               static_cast<T*>(nullptr), a.next_h + b * h, a.next_c ? a.next_c + b * h : nullptr);
}

#define UNROLL_EACH_KIND(call) \
  switch (kind) {              \
    case Recurrence::rnn_tanh: \
      return call(Rnn<false>); \
    case Recurrence::rnn_relu: \
      return call(Rnn<true>);  \
    case Recurrence::lstm:     \
      return call(Lstm);       \
    case Recurrence::gru:      \
      return call(Gru);        \
  }

#define UNROLL_FORWARD(...) forward_all<__VA_ARGS__>(kind, s, h, a)
#define UNROLL_BACKWARD(...) backward_all<__VA_ARGS__>(kind, s, h, a)
#define UNROLL_STEP(...) step_rows<__VA_ARGS__>(m, dim, h, a)
#define UNROLL_FOR(T, suffix)                                                                     \
  void forward_##suffix(Recurrence kind, const Steps& s, Index h, const RecurrentForward<T>& a) { \
    UNROLL_EACH_KIND(UNROLL_FORWARD)                                                              \
  }                                                                                               \
  void backward_##suffix(Recurrence kind, const Steps& s, Index h,                                \
                         const RecurrentBackward<T>& a) {                                         \
    UNROLL_EACH_KIND(UNROLL_BACKWARD)                                                             \
  }                                                                                               \
  void step_##suffix(Recurrence kind, Index m, Index dim, Index h,                                \
                     const RecurrentStepArguments<T>& a) {                                        \
    UNROLL_EACH_KIND(UNROLL_STEP)                                                                 \
  }
UNROLL_FOR(float, f32)
UNROLL_FOR(double, f64)
#undef UNROLL_FOR

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {

#define UNROLL_EXPORT(T, suffix)                                       \
  HWY_EXPORT(forward_##suffix);                                        \
  HWY_EXPORT(backward_##suffix);                                       \
  HWY_EXPORT(step_##suffix);                                           \
  template <>                                                          \
  void recurrent_forward<T>(Recurrence kind, const Steps& s, Index h,  \
                            const RecurrentForward<T>& a) {            \
    HWY_DYNAMIC_DISPATCH(forward_##suffix)(kind, s, h, a);             \
  }                                                                    \
  template <>                                                          \
  void recurrent_backward<T>(Recurrence kind, const Steps& s, Index h, \
                             const RecurrentBackward<T>& a) {          \
    HWY_DYNAMIC_DISPATCH(backward_##suffix)(kind, s, h, a);            \
  }                                                                    \
  template <>                                                          \
  void recurrent_step<T>(Recurrence kind, Index m, Index dim, Index h, \
                         const RecurrentStepArguments<T>& a) {         \
    const FlushDenormals flush;                                        \
    HWY_DYNAMIC_DISPATCH(step_##suffix)(kind, m, dim, h, a);           \
  }
UNROLL_EXPORT(float, f32)
UNROLL_EXPORT(double, f64)
#undef UNROLL_EXPORT

template <class T>
void previous_rows(const Steps& s, Index h, const T* rows, const T* h0, T* out) {
  for (Index i = 0; i < s.steps; ++i) {
    const Index t = s.reverse ? s.steps - 1 - i : i, before = s.reverse ? t + 1 : t - 1;
    const Index count = s.batch(t), continued = i == 0 ? 0 : std::min(count, s.batch(before));
    T* to = out + s.offsets[t] * h;
    if (continued > 0) std::copy_n(rows + s.offsets[before] * h, continued * h, to);
    std::copy_n(h0 + continued * h, (count - continued) * h, to + continued * h);
  }
}
template void previous_rows(const Steps&, Index, const float*, const float*, float*);
template void previous_rows(const Steps&, Index, const double*, const double*, double*);

}  // namespace unroll::kernels
#endif
