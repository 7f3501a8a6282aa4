#include <unroll/tensor/kernels/scan.h>

#ifndef UNROLL_KERNELS_SCAN_BLOCK
#define UNROLL_KERNELS_SCAN_BLOCK
namespace unroll::kernels {
namespace {

// `steps` blocks of [rows, width], step_stride elements apart; rows are `stride` elements apart.
struct ScanBlock {
  Index steps, rows, width, stride, step_stride;
};
template <class T>
using ForwardRun = void (*)(const ScanBlock&, const T* a, const T* b, const T* before, T* out);
template <class T>
using BackwardRun = void (*)(const ScanBlock&, const T* a, const T* before, const T* d_rows, T* da,
                             T* db, T* dh);

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

// `before` is the state before the first step; later steps continue `out`.
template <class T>
void forward_run(const ScanBlock& n, const T* a, const T* b, const T* before, T* out) {
  for (Index step = 0; step < n.steps; ++step)
    for (Index r = 0; r < n.rows; ++r) {
      const Index at = step * n.step_stride + r * n.stride;
      const T* h = step == 0 ? before + r * n.stride : out + at - n.step_stride;
      each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
        store(hn::MulAdd(load(a + at + j, k), load(h + j, k), load(b + at + j, k)), out + at + j,
              k);
      });
    }
}

// From the last step to the first. `before` holds the state before each step, in blocks like the
// others; dh, one block, is the gradient from later steps and becomes that of the state before.
template <class T>
void backward_run(const ScanBlock& n, const T* a, const T* before, const T* d_rows, T* da, T* db,
                  T* dh) {
  for (Index step = n.steps - 1; step >= 0; --step)
    for (Index r = 0; r < n.rows; ++r) {
      const Index at = step * n.step_stride + r * n.stride;
      T* const carry = dh + r * n.stride;
      each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
        auto g = load(carry + j, k);
        if (d_rows) g = hn::Add(g, load(d_rows + at + j, k));
        store(g, db + at + j, k);
        store(hn::Mul(g, load(before + at + j, k)), da + at + j, k);
        store(hn::Mul(g, load(a + at + j, k)), carry + j, k);
      });
    }
}

}  // namespace

ForwardRun<float> scan_forward_f32() { return forward_run<float>; }
ForwardRun<double> scan_forward_f64() { return forward_run<double>; }
BackwardRun<float> scan_backward_f32() { return backward_run<float>; }
BackwardRun<double> scan_backward_f64() { return backward_run<double>; }

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {

HWY_EXPORT(scan_forward_f32);
HWY_EXPORT(scan_forward_f64);
HWY_EXPORT(scan_backward_f32);
HWY_EXPORT(scan_backward_f64);

namespace {

template <class T>
ForwardRun<T> chosen_forward() {
  if constexpr (sizeof(T) == 4) {
    return HWY_DYNAMIC_DISPATCH(scan_forward_f32)();
  } else {
    return HWY_DYNAMIC_DISPATCH(scan_forward_f64)();
  }
}
template <class T>
BackwardRun<T> chosen_backward() {
  if constexpr (sizeof(T) == 4) {
    return HWY_DYNAMIC_DISPATCH(scan_backward_f32)();
  } else {
    return HWY_DYNAMIC_DISPATCH(scan_backward_f64)();
  }
}

// The steps of a tile in runs [first, end) of the walk in which all steps have the same number of
// rows; so all sequences that end in a run end at its last step.
struct TileWalk {
  const Steps& s;
  const Tile& tile;
  Index channels;
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
  // The first element of batch row b in step i of the walk, and of the state.
  Index at(Index i, Index b) const { return (s.offsets[walk.at(i)] + b) * channels + tile.channel; }
  Index state_at(Index b) const { return b * channels + tile.channel; }
  // Rows [from, to) of `steps` steps from step i on.
  ScanBlock block(Index i, Index steps, Index from, Index to) const {
    const Index width = tile.channel_end - tile.channel,
                step_stride = (s.reverse ? -1 : 1) * batch(i) * channels;
    if (width == channels) return {steps, 1, (to - from) * width, 0, step_stride};
    return {steps, to - from, width, channels, step_stride};
  }
};

template <class T>
void forward_tile(const TileWalk& w, const ScanForward<T>& p, ForwardRun<T> run) {
  for (Index i = 0, next = 0; i < w.s.steps; i = next) {
    next = w.end_of_run(i);
    const Index lo = w.tile.row, hi = w.end_row(i);
    if (hi <= lo) continue;
    w.walk.each_part(i, lo, hi, [&](Index from, Index to, bool continues) {
      const Index at = w.at(i, from);
      run(w.block(i, 1, from, to), p.a + at, p.b + at,
          continues ? p.rows + w.at(i - 1, from) : p.h0 + w.state_at(from), p.rows + at);
    });
    if (next > i + 1) {
      const Index at = w.at(i + 1, lo);
      run(w.block(i, next - i - 1, lo, hi), p.a + at, p.b + at, p.rows + w.at(i, lo), p.rows + at);
    }
    for (Index b = std::max(lo, w.walk.last(next - 1)); b < hi; ++b)
      std::copy_n(p.rows + w.at(next - 1, b), w.tile.channel_end - w.tile.channel,
                  p.last + w.state_at(b));
  }
}

template <class T>
void backward_tile(const TileWalk& w, const ScanBackward<T>& p, BackwardRun<T> run) {
  const auto at_or_null = [](const T* x, Index at) { return x ? x + at : nullptr; };
  for (Index next = w.s.steps, i = next; next > 0; next = i) {
    i = w.start_of_run(next);
    const Index lo = w.tile.row, hi = w.end_row(i);
    if (hi <= lo) continue;
    if (next > i + 1) {
      const Index at = w.at(i + 1, lo);
      run(w.block(i, next - i - 1, lo, hi), p.a + at, p.rows + w.at(i, lo),
          at_or_null(p.d_rows, at), p.da + at, p.db + at, p.dh + w.state_at(lo));
    }
    w.walk.each_part(i, lo, hi, [&](Index from, Index to, bool continues) {
      const Index at = w.at(i, from);
      run(w.block(i, 1, from, to), p.a + at,
          continues ? p.rows + w.at(i - 1, from) : p.h0 + w.state_at(from),
          at_or_null(p.d_rows, at), p.da + at, p.db + at, p.dh + w.state_at(from));
    });
  }
}

// Nanoseconds per element (tiles.h): 12 and 24 bytes at about 10 GB/s.
constexpr double kForwardTime = 1.2, kBackwardTime = 2.4;

}  // namespace

template <class T>
void scan_forward(const Steps& s, Index channels, const ScanForward<T>& args) {
  const ForwardRun<T> run = chosen_forward<T>();
  each_tile(s, channels, kForwardTime, [&](const Tile& tile) {
    forward_tile(TileWalk{s, tile, channels}, args, run);
  });
}
template <class T>
void scan_backward(const Steps& s, Index channels, const ScanBackward<T>& args) {
  const BackwardRun<T> run = chosen_backward<T>();
  each_tile(s, channels, kBackwardTime, [&](const Tile& tile) {
    backward_tile(TileWalk{s, tile, channels}, args, run);
  });
}

template void scan_forward<float>(const Steps&, Index, const ScanForward<float>&);
template void scan_forward<double>(const Steps&, Index, const ScanForward<double>&);
template void scan_backward<float>(const Steps&, Index, const ScanBackward<float>&);
template void scan_backward<double>(const Steps&, Index, const ScanBackward<double>&);

}  // namespace unroll::kernels
#endif
