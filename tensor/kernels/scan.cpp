#include <unroll/tensor/kernels/scan.h>

#ifndef UNROLL_KERNELS_SCAN_BLOCK
#define UNROLL_KERNELS_SCAN_BLOCK
namespace unroll::kernels {
namespace {

// `steps` blocks of [rows, width], step_stride elements apart; rows are `stride` elements apart.
// The same for the inputs.
struct ScanBlock {
  Index steps, rows, width;
  Index stride, step_stride, input_stride, input_step_stride;
  bool positive;
};
template <class T>
using ForwardRun = void (*)(const ScanBlock&, const T* first, const T* second, const T* before,
                            T* out);
template <class T>
using BackwardRun = void (*)(const ScanBlock&, const T* first, const T* second, const T* before,
                             const T* d_rows, T* d_first, T* d_second, T* dh);
template <class T>
struct ScanRuns {
  ForwardRun<T> forward;
  BackwardRun<T> backward;
};

}  // namespace
}  // namespace unroll::kernels
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/scan.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

// next: the state after h. back: the gradient of h, given that of the state after it; the inputs a
// and b are replaced by their gradients.
struct Affine {
  template <class D, class V>
  static HWY_INLINE V next(D, V a, V b, V h, bool) {
    return hn::MulAdd(a, h, b);
  }
  template <class D, class V>
  static HWY_INLINE V back(D, V& a, V& b, V h, V g, bool) {
    const V dh = hn::Mul(g, a);
    a = hn::Mul(g, h), b = g;
    return dh;
  }
};
struct MinGru {
  template <class D, class V>
  static HWY_INLINE V next(D d, V u, V v, V h, bool positive) {
    if (positive)
      v = hn::IfNegativeThenElse(v, sigmoid(d, v), hn::Add(v, hn::Set(d, hn::TFromD<D>(0.5))));
    return hn::MulAdd(sigmoid(d, u), hn::Sub(v, h), h);
  }
  template <class D, class V>
  static HWY_INLINE V back(D d, V& u, V& v, V h, V g, bool positive) {
    const V one = hn::Set(d, 1), z = sigmoid(d, u), keep = hn::Sub(one, z);
    V slope = one;
    if (positive) {
      const V s = sigmoid(d, v);
      slope = hn::IfNegativeThenElse(v, hn::Mul(s, hn::Sub(one, s)), one);
      v = hn::IfNegativeThenElse(v, s, hn::Add(v, hn::Set(d, hn::TFromD<D>(0.5))));
    }
    u = hn::Mul(hn::Mul(g, hn::Sub(v, h)), hn::Mul(z, keep));
    v = hn::Mul(hn::Mul(g, z), slope);
    return hn::Mul(g, keep);
  }
};

// `before` is the state before the first step; later steps continue `out`.
template <class K, class T>
void forward_run(const ScanBlock& n, const T* first, const T* second, const T* before, T* out) {
  const hn::ScalableTag<T> d;
  for (Index step = 0; step < n.steps; ++step)
    for (Index r = 0; r < n.rows; ++r) {
      const Index at = step * n.step_stride + r * n.stride,
                  in = step * n.input_step_stride + r * n.input_stride;
      const T* h = step == 0 ? before + r * n.stride : out + at - n.step_stride;
      each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
        store(K::next(d, load(first + in + j, k), load(second + in + j, k), load(h + j, k),
                      n.positive),
              out + at + j, k);
      });
    }
}

// From the last step to the first. `before` holds the state before each step, in blocks like the
// output; dh, one block, is the gradient from later steps and becomes that of the state before.
template <class K, class T>
void backward_run(const ScanBlock& n, const T* first, const T* second, const T* before,
                  const T* d_rows, T* d_first, T* d_second, T* dh) {
  const hn::ScalableTag<T> d;
  for (Index step = n.steps - 1; step >= 0; --step)
    for (Index r = 0; r < n.rows; ++r) {
      const Index at = step * n.step_stride + r * n.stride,
                  in = step * n.input_step_stride + r * n.input_stride;
      T* const carry = dh + r * n.stride;
      each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
        auto g = load(carry + j, k);
        if (d_rows) g = hn::Add(g, load(d_rows + at + j, k));
        auto a = load(first + in + j, k), b = load(second + in + j, k);
        store(K::back(d, a, b, load(before + at + j, k), g, n.positive), carry + j, k);
        store(a, d_first + in + j, k);
        store(b, d_second + in + j, k);
      });
    }
}

template <class T>
ScanRuns<T> runs_of(ScanKind kind) {
  if (kind == ScanKind::min_gru) return {forward_run<MinGru, T>, backward_run<MinGru, T>};
  return {forward_run<Affine, T>, backward_run<Affine, T>};
}

}  // namespace

ScanRuns<float> scan_runs_f32(ScanKind kind) { return runs_of<float>(kind); }
ScanRuns<double> scan_runs_f64(ScanKind kind) { return runs_of<double>(kind); }

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {

HWY_EXPORT(scan_runs_f32);
HWY_EXPORT(scan_runs_f64);

namespace {

template <class T>
ScanRuns<T> chosen_runs(ScanKind kind) {
  if constexpr (sizeof(T) == 4) {
    return HWY_DYNAMIC_DISPATCH(scan_runs_f32)(kind);
  } else {
    return HWY_DYNAMIC_DISPATCH(scan_runs_f64)(kind);
  }
}

// The steps of a tile in runs [first, end) of the walk in which all steps have the same number of
// rows; so all sequences that end in a run end at its last step.
struct TileWalk {
  const Steps& s;
  const Tile& tile;
  const ScanSize& n;
  TimeWalk walk{s};

  Index batch(Index i) const { return s.batch(walk.at(i)); }
  Index end_row(Index i) const { return std::min(tile.row_end, batch(i)); }
  Index end_of_run(Index first) const {
    Index end = first + 1;
    while (end < s.steps && batch(end) == batch(first)) ++end;
    return end;
  }
  Index start_of_run(Index end) const {
    Index first = end - 1;
    while (first > 0 && batch(first - 1) == batch(end - 1)) --first;
    return first;
  }
  // The first element of batch row b in step i of the walk, of its input, and of the state.
  Index row(Index i, Index b) const { return s.offsets[walk.at(i)] + b; }
  Index at(Index i, Index b) const { return row(i, b) * n.channels + tile.channel; }
  Index input_at(Index i, Index b) const { return row(i, b) * n.input_stride() + tile.channel; }
  Index state_at(Index b) const { return b * n.channels + tile.channel; }
  // Rows [from, to) of `steps` steps from step i on.
  ScanBlock block(Index i, Index steps, Index from, Index to) const {
    const Index width = tile.channel_end - tile.channel, input = n.input_stride(),
                step = (s.reverse ? -1 : 1) * batch(i);
    if (width == input)  // rows without gaps are one
      return {steps, 1, (to - from) * width, 0, step * width, 0, step * width, n.positive};
    return {steps, to - from,    width,     n.channels, step * n.channels,
            input, step * input, n.positive};
  }
};

template <class T>
void forward_tile(const TileWalk& w, const ScanForward<T>& p, ForwardRun<T> run) {
  for (Index i = 0, next = 0; i < w.s.steps; i = next) {
    next = w.end_of_run(i);
    const Index lo = w.tile.row, hi = w.end_row(i);
    if (hi <= lo) continue;
    const auto steps = [&](Index from_step, Index count, Index from, Index to, const T* before) {
      const Index in = w.input_at(from_step, from);
      run(w.block(from_step, count, from, to), p.first + in, p.second + in, before,
          p.rows + w.at(from_step, from));
    };
    w.walk.each_part(i, lo, hi, [&](Index from, Index to, bool continues) {
      steps(i, 1, from, to, continues ? p.rows + w.at(i - 1, from) : p.h0 + w.state_at(from));
    });
    if (next > i + 1) steps(i + 1, next - i - 1, lo, hi, p.rows + w.at(i, lo));
    for (Index b = std::max(lo, w.walk.last(next - 1)); b < hi; ++b)
      std::copy_n(p.rows + w.at(next - 1, b), w.tile.channel_end - w.tile.channel,
                  p.last + w.state_at(b));
  }
}

template <class T>
void backward_tile(const TileWalk& w, const ScanBackward<T>& p, BackwardRun<T> run) {
  for (Index next = w.s.steps, i = next; next > 0; next = i) {
    i = w.start_of_run(next);
    const Index lo = w.tile.row, hi = w.end_row(i);
    if (hi <= lo) continue;
    const auto steps = [&](Index from_step, Index count, Index from, Index to, const T* before) {
      const Index in = w.input_at(from_step, from);
      run(w.block(from_step, count, from, to), p.first + in, p.second + in, before,
          p.d_rows ? p.d_rows + w.at(from_step, from) : nullptr, p.d_first + in, p.d_second + in,
          p.dh + w.state_at(from));
    };
    if (next > i + 1) steps(i + 1, next - i - 1, lo, hi, p.rows + w.at(i, lo));
    w.walk.each_part(i, lo, hi, [&](Index from, Index to, bool continues) {
      steps(i, 1, from, to, continues ? p.rows + w.at(i - 1, from) : p.h0 + w.state_at(from));
    });
  }
}

// Nanoseconds per element (tiles.h): 12 and 24 bytes at about 10 GB/s.
constexpr double kForwardTime = 1.2, kBackwardTime = 2.4;

}  // namespace

template <class T>
void scan_forward(const Steps& s, const ScanSize& n, const ScanForward<T>& args) {
  const ForwardRun<T> run = chosen_runs<T>(n.kind).forward;
  each_tile(s, n.channels, kForwardTime, [&](const Tile& tile) {
    forward_tile(TileWalk{s, tile, n}, args, run);
  });
}
template <class T>
void scan_backward(const Steps& s, const ScanSize& n, const ScanBackward<T>& args) {
  const BackwardRun<T> run = chosen_runs<T>(n.kind).backward;
  each_tile(s, n.channels, kBackwardTime, [&](const Tile& tile) {
    backward_tile(TileWalk{s, tile, n}, args, run);
  });
}

template void scan_forward<float>(const Steps&, const ScanSize&, const ScanForward<float>&);
template void scan_forward<double>(const Steps&, const ScanSize&, const ScanForward<double>&);
template void scan_backward<float>(const Steps&, const ScanSize&, const ScanBackward<float>&);
template void scan_backward<double>(const Steps&, const ScanSize&, const ScanBackward<double>&);

}  // namespace unroll::kernels
#endif
