#include <unroll/tensor/kernels/selective_scan.h>

#include <initializer_list>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/selective_scan.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

constexpr Index kChannels = tuning::kSelectiveChannels;

// exp(dt a). For a positive exponent it stops at 2^127, which it reaches after 88; 0 from -88 on.
template <class D, class V>
HWY_INLINE V decay(D d, V x) {
  if constexpr (Is32<D>::value) {
    return exp_near(d, at_most(d, at_least(d, x, -kNear), kNear));
  } else {
    return exp(d, x);
  }
}

template <class T>
HWY_INLINE const T* offset(const T* x, Index at) {
  return x ? x + at : nullptr;
}

// Rows of one sequence lie far apart, where the CPU does not expect the next one.
template <class T>
HWY_INLINE void fetch_ahead(const SelectiveChunk& n, Index i,
                            std::initializer_list<const StridedRows<const T>*> all) {
  if (i < 0 || i >= n.length) return;
  const Index row = n.row(i);
  for (const StridedRows<const T>* rows : all)
    if (rows->data)
      for (Index j = 0; j < n.width; j += static_cast<Index>(tuning::kLineBytes / sizeof(T)))
        hwy::Prefetch(rows->at(row) + n.channel + j);
}

template <class T>
void forward_run(const SelectiveChunk& n, const SelectiveInputs<T>& in, T* h, T* out,
                 const SelectiveKept<T>& kept) {
  const hn::ScalableTag<T> d;
  const Index state = n.states * kChannels;
  const T *const bias = offset(in.bias, n.channel), *const skip = offset(in.d, n.channel);
  const StridedRows<const T> out_rows{out, n.channels};
  for (Index i = n.begin; i < n.end; ++i) {
    const Index row = n.row(i), at = i - n.begin;
    fetch_ahead<T>(n, i + tuning::kSelectiveStepsAhead, {&in.x, &in.delta, &in.z, &out_rows});
    const T *const x = in.x.at(row) + n.channel, *const delta = in.delta.at(row) + n.channel;
    const T *const b = in.b.at(row), *const c = in.c.at(row), *const a = in.a + n.channel;
    const T* const z = offset(in.z.at(row), n.channel);
    each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
      auto step = load(delta + j, k);
      if (bias) step = hn::Add(step, load(bias + j, k));
      const auto dt = softplus(d, step), xj = load(x + j, k), input = hn::Mul(dt, xj);
      auto y = skip ? hn::Mul(load(skip + j, k), xj) : hn::Zero(d);
      for (Index s = 0; s < n.states; ++s) {
        const Index to = s * kChannels + j;
        const auto e = decay(d, hn::Mul(dt, load(a + s * n.channels + j, k)));
        const auto hs = hn::MulAdd(e, hn::LoadU(d, h + to), hn::Mul(input, hn::Set(d, b[s])));
        hn::StoreU(hs, d, h + to);
        y = hn::MulAdd(hs, hn::Set(d, c[s]), y);
        if (!out) {
          hn::StoreU(e, d, kept.decays + at * state + to);
          hn::StoreU(hs, d, kept.states + (at + 1) * state + to);
        }
      }
      if (out) {
        if (z) {
          const auto zj = load(z + j, k);
          y = hn::Mul(y, hn::Mul(zj, sigmoid_pair(d, zj).y));
        }
        store(y, out + row * n.channels + n.channel + j, k);
      } else {
        hn::StoreU(dt, d, kept.dt + at * kChannels + j);
        hn::StoreU(y, d, kept.y + at * kChannels + j);
      }
    });
  }
}

template <class T>
void backward_run(const SelectiveChunk& n, const SelectiveInputs<T>& in,
                  const SelectiveKept<T>& kept, const SelectiveChunkGradients<T>& g) {
  const hn::ScalableTag<T> d;
  const Index state = n.states * kChannels, lanes = static_cast<Index>(hn::Lanes(d));
  const T *const bias = offset(in.bias, n.channel), *const skip = offset(in.d, n.channel);
  const StridedRows<const T> rows[] = {
      {g.d_out, n.channels}, {g.dx, n.channels}, {g.d_delta, n.channels}, {g.dz, n.channels}};
  for (Index i = n.end - 1; i >= n.begin; --i) {
    const Index row = n.row(i), at = i - n.begin, first = row * n.channels + n.channel;
    fetch_ahead<T>(n, i - tuning::kSelectiveStepsAhead,
                   {&in.x, &in.delta, &in.z, &rows[0], &rows[1], &rows[2], &rows[3]});
    const T *const x = in.x.at(row) + n.channel, *const delta = in.delta.at(row) + n.channel;
    const T *const b = in.b.at(row), *const c = in.c.at(row), *const a = in.a + n.channel;
    const T *const z = offset(in.z.at(row), n.channel), *const d_out = offset(g.d_out, first);
    std::fill_n(g.lanes_b, n.states * lanes, T(0));
    std::fill_n(g.lanes_c, n.states * lanes, T(0));
    each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
      auto dy = d_out ? load(d_out + j, k) : hn::Zero(d);
      const auto dt = hn::LoadU(d, kept.dt + at * kChannels + j), xj = load(x + j, k),
                 input = hn::Mul(dt, xj);
      if (z) {
        const auto zj = load(z + j, k);
        const auto [gate, rest] = sigmoid_pair(d, zj);
        // silu'(z) = sigmoid(z) (1 + z (1 - sigmoid(z)))
        const auto slope = hn::MulAdd(hn::Mul(gate, rest), zj, gate);
        store(hn::Mul(hn::Mul(dy, hn::LoadU(d, kept.y + at * kChannels + j)), slope),
              g.dz + first + j, k);
        dy = hn::Mul(dy, hn::Mul(zj, gate));
      }
      auto d_input = hn::Zero(d), d_dt = hn::Zero(d);
      for (Index s = 0; s < n.states; ++s) {
        const Index to = s * kChannels + j;
        T* const before = kept.states + at * state + to;
        const auto e = hn::LoadU(d, kept.decays + at * state + to);
        const auto dh = hn::MulAdd(dy, hn::Set(d, c[s]), hn::LoadU(d, g.dh + to));
        T *const sum_b = g.lanes_b + s * lanes, *const sum_c = g.lanes_c + s * lanes;
        hn::StoreU(hn::MulAdd(dh, input, hn::LoadU(d, sum_b)), d, sum_b);
        hn::StoreU(hn::MulAdd(dy, hn::LoadU(d, before + state), hn::LoadU(d, sum_c)), d, sum_c);
        d_input = hn::MulAdd(dh, hn::Set(d, b[s]), d_input);
        const auto carry = hn::Mul(dh, e), d_exponent = hn::Mul(carry, hn::LoadU(d, before));
        d_dt = hn::MulAdd(d_exponent, load(a + s * n.channels + j, k), d_dt);
        hn::StoreU(hn::MulAdd(d_exponent, dt, hn::LoadU(d, g.da + to)), d, g.da + to);
        hn::StoreU(carry, d, g.dh + to);
      }
      auto dx = hn::Mul(d_input, dt);
      if (skip) dx = hn::MulAdd(dy, load(skip + j, k), dx);
      store(dx, g.dx + first + j, k);
      auto step = load(delta + j, k);
      if (bias) step = hn::Add(step, load(bias + j, k));
      store(hn::Mul(hn::MulAdd(d_input, xj, d_dt), sigmoid(d, step)), g.d_delta + first + j, k);
      hn::StoreU(hn::MulAdd(dy, xj, hn::LoadU(d, g.dd + j)), d, g.dd + j);
    });
    for (Index s = 0; s < n.states; ++s) {
      g.db[row * n.states + s] =
          hn::GetLane(hn::SumOfLanes(d, hn::LoadU(d, g.lanes_b + s * lanes)));
      g.dc[row * n.states + s] =
          hn::GetLane(hn::SumOfLanes(d, hn::LoadU(d, g.lanes_c + s * lanes)));
    }
  }
}

}  // namespace

UNROLL_KERNELS(SelectiveKernels, forward_run<T>, backward_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <unroll/tensor/kernels/scratch.h>

#include <utility>

namespace unroll::kernels {
UNROLL_EXPORT(SelectiveKernels)

namespace {

constexpr Index kChannels = tuning::kSelectiveChannels, kSteps = tuning::kSelectiveSteps;

// The channels of a tile of a state: from rows of D channels to rows of kChannels, where the rest
// is zero so that whole vectors may be read; and back.
template <class T>
void take(const T* from, const SelectiveChunk& n, T* to) {
  for (Index s = 0; s < n.states; ++s) {
    T* const row = to + s * kChannels;
    if (from) std::copy_n(from + s * n.channels + n.channel, n.width, row);
    std::fill_n(row + (from ? n.width : 0), kChannels - (from ? n.width : 0), T(0));
  }
}
template <class T>
void put(const T* from, const SelectiveChunk& n, T* to) {
  for (Index s = 0; s < n.states; ++s)
    std::copy_n(from + s * kChannels, n.width, to + s * n.channels + n.channel);
}

enum class Order { forward, backward };

// Calls f(chunk, tile) for all chunks of all sequences and tiles, on the thread pool. A thread goes
// through a chunk of all its sequences before the next chunk, as the rows of a step lie together.
template <class F>
void each_chunk(const Steps& s, const SelectiveSize& n, double time, Order order, F f) {
  const Index tiles = n.tiles(), batch = s.batch(0), chunks = (s.steps + kSteps - 1) / kSteps;
  const double total = static_cast<double>(s.rows() * n.channels * n.states) * time;
  // More parts than threads, as sequences differ in length.
  const Index threads = parts_for(total), parts = threads == 1 ? 1 : 4 * threads;
  const auto part = [&](Index lo, Index hi) {
    for (Index step = 0; step < chunks; ++step) {
      const Index begin = (order == Order::forward ? step : chunks - 1 - step) * kSteps;
      for (Index i = lo; i < hi; ++i) {
        const Index b = i / tiles, length = s.length(b), channel = i % tiles * kChannels;
        if (begin >= length) break;  // sequences are sorted by length
        f(SelectiveChunk{&s, b, length, begin, std::min(begin + kSteps, length), channel,
                         std::min(kChannels, n.channels - channel), n.channels, n.states},
          i % tiles);
      }
    }
  };
  if (parts == 1) {  // without allocating anything
    const FlushDenormals flush;
    part(0, batch * tiles);
  } else {
    each_shard(even_shards(batch * tiles, parts, 1), part);
  }
}

}  // namespace

std::vector<Index> saved_states(const Steps& s) {
  std::vector<Index> out{0};
  for (Index b = 0; b < s.batch(0); ++b) out.push_back(out.back() + (s.length(b) - 1) / kSteps);
  return out;
}

template <class T>
void selective_forward(const Steps& s, const SelectiveSize& n, const SelectiveInputs<T>& in, T* out,
                       T* last, T* saved) {
  const Index state = n.states * n.channels;
  const std::vector<Index> places = saved ? saved_states(s) : std::vector<Index>();
  each_chunk(
      s, n, tuning::kSelectiveForwardTime, Order::forward, [&](const SelectiveChunk& chunk, Index) {
        Scratch<T> h(n.states * kChannels);
        T* const carried = last + chunk.sequence * state;  // from chunk to chunk
        const T* const first = in.h0 ? in.h0 + chunk.sequence * state : nullptr;
        take(chunk.begin > 0 ? carried : first, chunk, h.get());
        if (chunk.begin > 0 && saved)
          put(h.get(), chunk, saved + (places[chunk.sequence] + chunk.begin / kSteps - 1) * state);
        table<SelectiveKernels, T>().forward(chunk, in, h.get(), out, {});
        put(h.get(), chunk, carried);
      });
}

template <class T>
void selective_backward(const Steps& s, const SelectiveSize& n, const SelectiveInputs<T>& in,
                        const SelectiveBackward<T>& p) {
  const Index state = n.states * n.channels, near = n.states * kChannels;
  const std::vector<Index> places = saved_states(s);
  std::fill_n(p.da, s.batch(0) * state, T(0));
  std::fill_n(p.dd, s.batch(0) * n.channels, T(0));
  each_chunk(
      s, n, tuning::kSelectiveBackwardTime, Order::backward,
      [&](const SelectiveChunk& chunk, Index tile) {
        const Index b = chunk.sequence, steps = chunk.end - chunk.begin;
        Scratch<T> room((2 * steps + 6) * near + (2 * steps + 1) * kChannels);
        T* next = room.get();
        const auto part = [&](Index size) { return std::exchange(next, next + size); };
        SelectiveKept<T> kept{};
        kept.states = part((steps + 1) * near), kept.decays = part(steps * near);
        kept.dt = part(steps * kChannels), kept.y = part(steps * kChannels);
        T* const h = part(near);
        SelectiveChunkGradients<T> g{};
        g.d_out = p.d_out, g.dx = p.dx, g.d_delta = p.d_delta, g.dz = p.dz;
        g.db = p.db + tile * s.rows() * n.states, g.dc = p.dc + tile * s.rows() * n.states;
        g.dh = part(near), g.da = part(near), g.dd = part(kChannels);
        g.lanes_b = part(near), g.lanes_c = part(near);

        const T* const first = in.h0 ? in.h0 + b * state : nullptr;
        take(chunk.begin > 0 ? p.saved + (places[b] + chunk.begin / kSteps - 1) * state : first,
             chunk, h);
        std::copy_n(h, near, kept.states);
        table<SelectiveKernels, T>().forward(chunk, in, h, nullptr, kept);
        take(p.dh + b * state, chunk, g.dh);
        // Summed over a chunk, then over the chunks, so that long sums are accurate.
        std::fill_n(g.da, near, T(0));
        std::fill_n(g.dd, kChannels, T(0));
        table<SelectiveKernels, T>().backward(chunk, in, kept, g);
        put(g.dh, chunk, p.dh + b * state);
        for (Index i = 0; i < n.states; ++i) {
          T* const da = p.da + b * state + i * n.channels + chunk.channel;
          for (Index j = 0; j < chunk.width; ++j) da[j] += g.da[i * kChannels + j];
        }
        T* const dd = p.dd + b * n.channels + chunk.channel;
        for (Index j = 0; j < chunk.width; ++j) dd[j] += g.dd[j];
      });
}

#define UNROLL_FOR(T)                                                        \
  template void selective_forward<T>(const Steps&, const SelectiveSize&,     \
                                     const SelectiveInputs<T>&, T*, T*, T*); \
  template void selective_backward<T>(const Steps&, const SelectiveSize&,    \
                                      const SelectiveInputs<T>&, const SelectiveBackward<T>&);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
#endif
