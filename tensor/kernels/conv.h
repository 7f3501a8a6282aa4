// Causal depthwise convolution along the sequences of a ragged batch:
//   y_t[c] = bias[c] + sum_k w[k, c] x_{t - (K - 1) + k}[c]
//
// N rows in the order of a SequenceLayout, B sequences, C channels, K taps. The inputs before the
// first step of a sequence are its state [K - 1, C], oldest first. Walking in reverse, "before"
// means later in time.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>
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

// Rows that are read for one block of output rows: for each tap its weights and its first row. A
// tap whose inputs are zero is left out.
template <class T>
struct Taps {
  Index count = 0;
  const T* weight[kMaxTaps];
  const T* row[kMaxTaps];
  Index stride[kMaxTaps];
  int number[kMaxTaps];  // k of w[k, c]
  void add(int k, const T* w, const T* x, Index stride_x) {
    weight[count] = w, row[count] = x, stride[count] = stride_x, number[count++] = k;
  }
};
// Some rows of a matrix, `stride` elements apart.
template <class T>
struct ConvRows {
  T* data;
  Index stride;
};
template <class T>
struct ConvKernels {
  // y[r, j] = bias[j] + sum over the taps of weight[j] row[r, j].
  void (*rows)(Index rows, Index width, const Taps<T>& taps, const T* bias, ConvRows<T> y);
  // sum[j] += sum over r of x[r, j] y[r, j].
  void (*dot)(Index rows, Index width, ConvRows<const T> x, ConvRows<const T> y, T* sum);
};

}  // namespace unroll::kernels
