#include <unroll/tensor/kernels/scan.h>
#include <unroll/tensor/kernels/tuning.h>

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

template <class K, class T>
void forward_block(const ScanBlock& n, ScanBlockForward<T> p) {
  const hn::ScalableTag<T> d;
  for (Index step = 0; step < n.steps; ++step)
    for (Index r = 0; r < n.rows; ++r) {
      const Index at = step * n.step_stride + r * n.stride,
                  in = step * n.input_step_stride + r * n.input_stride;
      const T* h = step == 0 ? p.before + r * n.stride : p.out + at - n.step_stride;
      each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
        store(K::next(d, load(p.first + in + j, k), load(p.second + in + j, k), load(h + j, k),
                      n.positive),
              p.out + at + j, k);
      });
    }
}

// From the last step to the first.
template <class K, class T>
void backward_block(const ScanBlock& n, ScanBlockBackward<T> p) {
  const hn::ScalableTag<T> d;
  for (Index step = n.steps - 1; step >= 0; --step)
    for (Index r = 0; r < n.rows; ++r) {
      const Index at = step * n.step_stride + r * n.stride,
                  in = step * n.input_step_stride + r * n.input_stride;
      T* const carry = p.dh + r * n.stride;
      each<T>(n.width, [&](Index j, Index k) UNROLL_INLINED {
        auto g = load(carry + j, k);
        if (p.d_rows) g = hn::Add(g, load(p.d_rows + at + j, k));
        auto a = load(p.first + in + j, k), b = load(p.second + in + j, k);
        store(K::back(d, a, b, load(p.before + at + j, k), g, n.positive), carry + j, k);
        store(a, p.d_first + in + j, k);
        store(b, p.d_second + in + j, k);
      });
    }
}

template <class T>
void forward_run(const ScanBlock& n, const ScanBlockForward<T>& args) {
  if (n.kind == ScanKind::min_gru) return forward_block<MinGru>(n, args);
  forward_block<Affine>(n, args);
}
template <class T>
void backward_run(const ScanBlock& n, const ScanBlockBackward<T>& args) {
  if (n.kind == ScanKind::min_gru) return backward_block<MinGru>(n, args);
  backward_block<Affine>(n, args);
}

}  // namespace

UNROLL_KERNELS(ScanKernels, forward_run<T>, backward_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(ScanKernels)

namespace {

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
    ScanBlock out{.steps = steps,
                  .rows = to - from,
                  .width = width,
                  .stride = n.channels,
                  .step_stride = step * n.channels,
                  .input_stride = input,
                  .input_step_stride = step * input,
                  .kind = n.kind,
                  .positive = n.positive};
    if (width == input) out.rows = 1, out.width *= to - from;  // rows without gaps are one
    return out;
  }
};

template <class T>
void forward_tile(const TileWalk& w, const ScanForward<T>& p) {
  for (Index i = 0, next = 0; i < w.s.steps; i = next) {
    next = w.end_of_run(i);
    const Index lo = w.tile.row, hi = w.end_row(i);
    if (hi <= lo) continue;
    const auto steps = [&](Index from_step, Index count, Index from, Index to, const T* before) {
      const Index in = w.input_at(from_step, from);
      table<ScanKernels, T>().forward(
          w.block(from_step, count, from, to),
          {p.first + in, p.second + in, before, p.rows + w.at(from_step, from)});
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
void backward_tile(const TileWalk& w, const ScanBackward<T>& p) {
  for (Index next = w.s.steps, i = next; next > 0; next = i) {
    i = w.start_of_run(next);
    const Index lo = w.tile.row, hi = w.end_row(i);
    if (hi <= lo) continue;
    const auto steps = [&](Index from_step, Index count, Index from, Index to, const T* before) {
      const Index in = w.input_at(from_step, from);
      table<ScanKernels, T>().backward(w.block(from_step, count, from, to),
                                       {p.first + in, p.second + in, before,
                                        p.d_rows ? p.d_rows + w.at(from_step, from) : nullptr,
                                        p.d_first + in, p.d_second + in, p.dh + w.state_at(from)});
    };
    if (next > i + 1) steps(i + 1, next - i - 1, lo, hi, p.rows + w.at(i, lo));
    w.walk.each_part(i, lo, hi, [&](Index from, Index to, bool continues) {
      steps(i, 1, from, to, continues ? p.rows + w.at(i - 1, from) : p.h0 + w.state_at(from));
    });
  }
}

}  // namespace

template <class T>
void scan_forward(const Steps& s, const ScanSize& n, const ScanForward<T>& args) {
  each_tile(s, n.channels, tuning::kScanForwardTime, [&](const Tile& tile) {
    forward_tile(TileWalk{s, tile, n}, args);
  });
}
template <class T>
void scan_backward(const Steps& s, const ScanSize& n, const ScanBackward<T>& args) {
  each_tile(s, n.channels, tuning::kScanBackwardTime, [&](const Tile& tile) {
    backward_tile(TileWalk{s, tile, n}, args);
  });
}

template void scan_forward<float>(const Steps&, const ScanSize&, const ScanForward<float>&);
template void scan_forward<double>(const Steps&, const ScanSize&, const ScanForward<double>&);
template void scan_backward<float>(const Steps&, const ScanSize&, const ScanBackward<float>&);
template void scan_backward<double>(const Steps&, const ScanSize&, const ScanBackward<double>&);

}  // namespace unroll::kernels
#endif
