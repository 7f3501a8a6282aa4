#include <unroll/tensor/kernels/conv.h>
#include <unroll/tensor/kernels/tuning.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/conv.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

template <class T>
void rows_run(Index rows, Index width, const Taps<T>& taps, const T* bias, ConvRows<T> y) {
  const hn::ScalableTag<T> d;
  for (Index r = 0; r < rows; ++r)
    each<T>(width, [&](Index j, Index k) UNROLL_INLINED {
      auto sum = bias ? load(bias + j, k) : hn::Zero(d);
      for (Index tap = 0; tap < taps.count; ++tap)
        sum = hn::MulAdd(load(taps.weight[tap] + j, k),
                         load(taps.row[tap] + r * taps.stride[tap] + j, k), sum);
      store(sum, y.data + r * y.stride + j, k);
    });
}

// In blocks of rows, so that they stay in the cache for all columns, and so that long sums are
// accurate.
template <class T>
void dot_run(Index rows, Index width, ConvRows<const T> x, ConvRows<const T> y, T* sum) {
  const hn::ScalableTag<T> d;
  for (Index first = 0; first < rows; first += tuning::kConvRows) {
    const Index last = std::min(rows, first + tuning::kConvRows);
    each<T>(width, [&](Index j, Index k) UNROLL_INLINED {
      const auto add = [&](Index r, auto to) UNROLL_INLINED {
        return hn::MulAdd(load(x.data + r * x.stride + j, k), load(y.data + r * y.stride + j, k),
                          to);
      };
      auto even = hn::Zero(d), odd = hn::Zero(d);
      Index r = first;
      for (; r + 1 < last; r += 2) even = add(r, even), odd = add(r + 1, odd);
      if (r < last) even = add(r, even);
      store(hn::Add(load(sum + j, k), hn::Add(even, odd)), sum + j, k);
    });
  }
}

}  // namespace

UNROLL_KERNELS(ConvKernels, rows_run<T>, dot_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(ConvKernels)

namespace {

// Calls f(rows, first row of the output, taps) for blocks of the rows of a tile whose inputs lie
// alike. `history` is the state or null.
template <class T, class F>
void each_block(const Steps& s, const ConvSize& n, const Tile& tile, const T* x, const T* w,
                const T* history, F f) {
  const TimeWalk walk{s};
  const auto batch = [&](Index i) { return s.batch(walk.at(i)); };
  // Batch rows of step i below this one have run for at least j steps before it.
  const auto older = [&](Index i, Index j) { return i < j ? 0 : std::min(batch(i), batch(i - j)); };
  const Index past = n.taps - 1, c = n.channels;
  for (Index i = 0, next = 0; i < s.steps; i = next) {
    next = i + 1;
    // Full steps with equal numbers of rows form one block.
    if (tile.row == 0 && tile.row_end >= batch(i) && older(i, past) == batch(i) &&
        batch(i - past) == batch(i))
      while (next < s.steps && batch(next) == batch(i)) ++next;
    const Index first = std::min(s.offsets[walk.at(i)], s.offsets[walk.at(next - 1)]);
    for (Index age = past; age >= 0; --age) {
      const Index from = std::max(tile.row, age == past ? 0 : older(i, age + 1)),
                  to = std::min(tile.row_end, older(i, age));
      if (to <= from) continue;
      Taps<T> taps;
      for (Index k = 0; k < n.taps; ++k) {
        const Index back = past - k;
        const T* weight = w + k * c + tile.channel;
        if (back <= age) {
          // All steps of a block have the same distance to the step `back` before.
          const Index row = first + from + s.offsets[walk.at(i - back)] - s.offsets[walk.at(i)];
          taps.add(static_cast<int>(k), weight, x + row * c + tile.channel, c);
        } else if (history) {
          taps.add(static_cast<int>(k), weight,
                   history + (from * past + k + age) * c + tile.channel, past * c);
        }
      }
      f((next - i - 1) * batch(i) + to - from, first + from, taps);
    }
  }
}

template <class T>
void convolve(const Steps& s, const ConvSize& n, const ConvForward<T>& p) {
  const double time = tuning::kConvForwardTime * static_cast<double>(n.taps);
  each_tile(s, n.channels, time, [&](const Tile& tile) {
    each_block(s, n, tile, p.x, p.w, p.state, [&](Index rows, Index first, const Taps<T>& taps) {
      table<ConvKernels, T>().rows(rows, tile.channel_end - tile.channel, taps,
                                   p.bias ? p.bias + tile.channel : nullptr,
                                   {p.y + first * n.channels + tile.channel, n.channels});
    });
  });
}

// Calls f(m, row of x or -1, m' of the state) for the inputs m of the last state of sequence b.
template <class F>
void each_last(const Steps& s, const ConvSize& n, Index b, F f) {
  const Index past = n.taps - 1, length = s.length(b);
  for (Index m = 0; m < past; ++m)
    if (length + m >= past) {
      f(m, s.row(b, length + m - past, length), Index{-1});
    } else {
      f(m, Index{-1}, length + m);
    }
}

}  // namespace

template <class T>
void conv_forward(const Steps& s, const ConvSize& n, const ConvForward<T>& args) {
  convolve(s, n, args);
}

template <class T>
void conv_last(const Steps& s, const ConvSize& n, const T* x, const T* state, T* last) {
  const Index past = n.taps - 1, c = n.channels;
  for (Index b = 0; b < s.batch(0); ++b)
    each_last(s, n, b, [&](Index m, Index row, Index before) {
      T* const to = last + (b * past + m) * c;
      if (row >= 0) {
        std::copy_n(x + row * c, c, to);
      } else if (state) {
        std::copy_n(state + (b * past + before) * c, c, to);
      } else {
        std::fill_n(to, c, T(0));
      }
    });
}

template <class T>
void conv_backward(const Steps& s, const ConvSize& n, const ConvBackward<T>& p) {
  const Index past = n.taps - 1, c = n.channels;
  // The gradient of x is a convolution with the same taps in the opposite direction.
  Steps opposite = s;
  opposite.reverse = !s.reverse;
  convolve<T>(opposite, n, {p.dy, p.w, nullptr, nullptr, p.dx});

  std::fill_n(p.dw, n.taps * c, T(0));
  const auto parts =
      parts_for(static_cast<double>(s.rows() * n.taps * c) * tuning::kConvBackwardTime);
  constexpr auto kLine = static_cast<Index>(tuning::kLineBytes / sizeof(T));
  each_shard(even_shards(c, parts, kLine), [&](Index from, Index to) {
    const Tile tile{0, s.batch(0), from, to};
    each_block(s, n, tile, p.x, p.w, p.state, [&](Index rows, Index first, const Taps<T>& taps) {
      for (Index i = 0; i < taps.count; ++i)
        table<ConvKernels, T>().dot(rows, to - from, {p.dy + first * c + from, c},
                                    {taps.row[i], taps.stride[i]},
                                    p.dw + taps.number[i] * c + from);
    });
  });

  // State m is an input of the steps up to m: of step `age` with the weight w[m - age].
  std::fill_n(p.d_state, s.batch(0) * past * c, T(0));
  for (Index b = 0; b < s.batch(0); ++b) {
    const Index length = s.length(b);
    for (Index m = 0; m < past; ++m)
      for (Index age = 0; age <= std::min(m, length - 1); ++age) {
        const T *const w = p.w + (m - age) * c, *const dy = p.dy + s.row(b, age, length) * c;
        T* const to = p.d_state + (b * past + m) * c;
        for (Index j = 0; j < c; ++j) to[j] += w[j] * dy[j];
      }
    if (!p.d_last) continue;
    each_last(s, n, b, [&](Index m, Index row, Index before) {
      T* const to = row >= 0 ? p.dx + row * c : p.d_state + (b * past + before) * c;
      const T* const g = p.d_last + (b * past + m) * c;
      for (Index j = 0; j < c; ++j) to[j] += g[j];
    });
  }
}

#define UNROLL_FOR(T)                                                                  \
  template void conv_forward<T>(const Steps&, const ConvSize&, const ConvForward<T>&); \
  template void conv_last<T>(const Steps&, const ConvSize&, const T*, const T*, T*);   \
  template void conv_backward<T>(const Steps&, const ConvSize&, const ConvBackward<T>&);
UNROLL_FOR(float)
UNROLL_FOR(double)
#undef UNROLL_FOR

}  // namespace unroll::kernels
#endif
