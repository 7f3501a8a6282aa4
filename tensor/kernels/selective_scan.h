// The selective scan of Mamba (Gu and Dao 2023) along the sequences of a ragged batch: for each
// channel and each of its S states
//   dt = softplus(delta + bias);  h_t = exp(dt a) h_{t-1} + dt b_t x_t;
//   y_t = c_t h_t (summed over the states) + d x_t;  out_t = y_t silu(z_t)
//
// N rows in the order of a SequenceLayout, B sequences, D channels. The states of all steps are not
// stored: forward saves those before each chunk of kChunk steps, and backward computes a chunk
// again before it walks back through it.
#pragma once

#include <unroll/tensor/kernels/tiles.h>

#include <vector>

namespace unroll::kernels {

// Steps of a chunk. A larger one saves fewer states; backward keeps the states of one chunk of
// kScanTile channels (512 KB at 16 states in f32), which should fit the L2 cache.
constexpr Index kChunk = 64;
// Channels that one task computes. Gradients of b and c are summed over channels: within a tile in
// the kernel, over the tiles by the caller, so that they do not depend on the number of threads.
constexpr Index kScanTile = 64;

template <class T>
struct StridedRows {
  T* data;
  Index stride;
  T* at(Index row) const { return data ? data + row * stride : nullptr; }
};

template <class T>
struct SelectiveInputs {
  StridedRows<const T> x, delta, b, c, z;  // [N, D], [N, D], [N, S], [N, S], [N, D] or null
  const T* a;                              // [S, D]
  const T *d, *bias;                       // [D], or null
  const T* h0;                             // [B, S, D], or null for zeros
};

// The number of the first state of each sequence of the batch among those that are saved, and at
// the end their number: [B + 1].
std::vector<Index> saved_states(const Steps& steps);

struct SelectiveSize {
  Index channels, states;
  Index tiles() const { return (channels + kScanTile - 1) / kScanTile; }
};

// out [N, D]; last [B, S, D]; saved [saved_states, S, D], or null.
template <class T>
void selective_forward(const Steps& steps, const SelectiveSize& size, const SelectiveInputs<T>& in,
                       T* out, T* last, T* saved);

template <class T>
struct SelectiveBackward {
  const T* saved;
  const T* d_out;        // [N, D], or null
  T *dx, *d_delta, *dz;  // [N, D]; dz null where z is
  T *db, *dc;            // [tiles, N, S]: the part of each tile
  T *da, *dd;            // [B, S, D], [B, D]: the part of each sequence
  T* dh;                 // [B, S, D] in: gradient of the last state; out: of the initial state
};
template <class T>
void selective_backward(const Steps& steps, const SelectiveSize& size, const SelectiveInputs<T>& in,
                        const SelectiveBackward<T>& out);

}  // namespace unroll::kernels
