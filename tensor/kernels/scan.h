// The scan h_t = a_t h_{t-1} + b_t, elementwise over channels, along the sequences of a ragged
// batch.
//
// N rows in the order of a SequenceLayout, B sequences, C channels. Every channel of a sequence is
// a recurrence of its own. Time is not divided into chunks: with one vector of channels the chain
// of multiply-adds takes less time than reading a and b from memory, and a chunked scan would read
// a twice.
#pragma once

#include <unroll/tensor/kernels/tiles.h>

namespace unroll::kernels {

template <class T>
struct ScanForward {
  const T *a, *b;  // [N, C]
  const T* h0;     // [B, C]
  T* rows;         // [N, C] h_t
  T* last;         // [B, C]
};
template <class T>
void scan_forward(const Steps& steps, Index channels, const ScanForward<T>& args);

template <class T>
struct ScanBackward {
  const T *a, *rows;  // [N, C]
  const T* h0;        // [B, C]
  const T* d_rows;    // [N, C], or null
  T *da, *db;         // [N, C]
  T* dh;              // [B, C] in: gradient of the last state; out: of h0
};
template <class T>
void scan_backward(const Steps& steps, Index channels, const ScanBackward<T>& args);

}  // namespace unroll::kernels
