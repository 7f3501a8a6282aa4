// The scan h_t = a_t h_{t-1} + b_t, elementwise over channels, along the sequences of a ragged
// batch.
//
// N rows in the order of a SequenceLayout, B sequences, C channels. Every channel of a sequence is
// a recurrence of its own. Time is not divided into chunks: with one vector of channels the chain
// of multiply-adds takes less time than reading a and b from memory, and a chunked scan would read
// a twice.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>
#include <unroll/tensor/kernels/tiles.h>

namespace unroll::kernels {

// What a row of the input is, and the state that follows h:
//   affine   a, b (C columns each, in two arrays):    a h + b
//   min_gru  u, v (2 C columns):  z = sigmoid(u),     h + z (g(v) - h), Feng et al. 2024
// where g(v) is v, or if `positive`, v + 0.5 for v >= 0 and sigmoid(v) otherwise.
enum class ScanKind : std::uint8_t { affine, min_gru };

struct ScanSize {
  ScanKind kind;
  Index channels;
  bool positive = false;
  Index input_stride() const { return kind == ScanKind::affine ? channels : 2 * channels; }
};

template <class T>
struct ScanForward {
  const T *first, *second;  // a and b, or the halves of the rows of the input
  const T* h0;              // [B, C]
  T* rows;                  // [N, C] h_t
  T* last;                  // [B, C]
};
template <class T>
void scan_forward(const Steps& steps, const ScanSize& size, const ScanForward<T>& args);

template <class T>
struct ScanBackward {
  const T *first, *second;  // as in forward
  const T* rows;            // [N, C]
  const T* h0;              // [B, C]
  const T* d_rows;          // [N, C], or null
  T *d_first, *d_second;    // gradients of first and second, with their strides
  T* dh;                    // [B, C] in: gradient of the last state; out: of h0
};
template <class T>
void scan_backward(const Steps& steps, const ScanSize& size, const ScanBackward<T>& args);

// What the table computes: `steps` blocks of [rows, width], step_stride elements apart, whose rows
// are `stride` elements apart. The inputs have strides of their own.
struct ScanBlock {
  Index steps, rows, width;
  Index stride, step_stride, input_stride, input_step_stride;
  ScanKind kind;
  bool positive;
};
template <class T>
struct ScanBlockForward {
  const T *first, *second;
  const T* before;  // the state before the first step; later steps continue `out`
  T* out;
};
template <class T>
struct ScanBlockBackward {
  const T *first, *second;
  const T* before;  // the state before each step, in blocks like the output
  const T* d_rows;  // or null
  T *d_first, *d_second;
  T* dh;  // one block. in: gradient from later steps; out: of the state before the first step
};
template <class T>
struct ScanKernels {
  void (*forward)(const ScanBlock& block, const ScanBlockForward<T>& args);
  void (*backward)(const ScanBlock& block, const ScanBlockBackward<T>& args);
};

}  // namespace unroll::kernels
