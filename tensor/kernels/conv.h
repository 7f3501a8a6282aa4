// Causal depthwise convolution along the sequences of a ragged batch:
//   y_t[c] = bias[c] + sum_k w[k, c] x_{t - (K - 1) + k}[c]
//
// N rows in the order of a SequenceLayout, B sequences, C channels, K taps. The inputs before the
// first step of a sequence are its state [K - 1, C], oldest first. Walking in reverse, "before"
// means later in time.
#pragma once

#include <unroll/tensor/kernels/tiles.h>

namespace unroll::kernels {

constexpr Index kMaxTaps = 8;

struct ConvSize {
  Index channels, taps;
};

template <class T>
struct ConvForward {
  const T* x;      // [N, C]
  const T* w;      // [K, C]
  const T* bias;   // [C] or null
  const T* state;  // [B, K - 1, C], or null for zeros
  T* y;            // [N, C]
};
template <class T>
void conv_forward(const Steps& steps, const ConvSize& size, const ConvForward<T>& args);

// The state after the last step of each sequence: its last K - 1 inputs. [B, K - 1, C].
template <class T>
void conv_last(const Steps& steps, const ConvSize& size, const T* x, const T* state, T* last);

template <class T>
struct ConvBackward {
  const T *x, *w, *state;
  const T* dy;      // [N, C]
  const T* d_last;  // [B, K - 1, C], or null
  T* dx;            // [N, C]
  T* dw;            // [K, C]
  T* d_state;       // [B, K - 1, C]
};
template <class T>
void conv_backward(const Steps& steps, const ConvSize& size, const ConvBackward<T>& args);

}  // namespace unroll::kernels
