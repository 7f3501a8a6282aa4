// The selective scan of Mamba (Gu and Dao 2023) along the sequences of a ragged batch: for each
// channel and each of its S states
//   dt = softplus(delta + bias);  h_t = exp(dt a) h_{t-1} + dt b_t x_t;
//   y_t = c_t h_t (summed over the states) + d x_t;  out_t = y_t silu(z_t)
//
// N rows in the order of a SequenceLayout, B sequences, D channels. The states of all steps are not
// stored: forward saves those before each chunk of tuning::kSelectiveSteps steps, and backward
// computes a chunk again before it walks back through it. Channels are computed in tiles of
// tuning::kSelectiveChannels. Gradients of b and c are summed over channels: within a tile in the
// kernel, over the tiles by the caller, so that they do not depend on the number of threads.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>
#include <unroll/tensor/kernels/tiles.h>
#include <unroll/tensor/kernels/tuning.h>

#include <vector>

namespace unroll::kernels {

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
  Index tiles() const {
    return (channels + tuning::kSelectiveChannels - 1) / tuning::kSelectiveChannels;
  }
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

// What the table computes: steps [begin, end) of the walk along one sequence, for `width` channels
// of a tile from `channel` on.
struct SelectiveChunk {
  const Steps* steps;
  Index sequence, length;
  Index begin, end;
  Index channel, width;
  Index channels, states;  // D, S
  Index row(Index i) const { return steps->row(sequence, i, length); }
};
// What backward needs of a chunk of L steps, for the W = tuning::kSelectiveChannels channels of a
// tile.
template <class T>
struct SelectiveKept {
  T* states;  // [L + 1, S, W] from the state before the chunk on
  T* decays;  // [L, S, W] exp(dt a)
  T* dt;      // [L, W] softplus(delta + bias)
  T* y;       // [L, W] the output before the gate
};
template <class T>
struct SelectiveChunkGradients {
  const T* d_out;        // [N, D], or null
  T *dx, *d_delta, *dz;  // [N, D]
  T *db, *dc;            // [N, S], of this tile
  T *da, *dd;            // [S, W], [W], sums over the chunk
  T* dh;                 // [S, W] in: gradient of the state after the chunk; out: before it
  T *lanes_b, *lanes_c;  // [S, lanes of a vector] scratch
};
template <class T>
struct SelectiveKernels {
  // h [S, W] is the state before the chunk, and becomes the one after it. Writes `out`, or if that
  // is null, what backward needs.
  void (*forward)(const SelectiveChunk& chunk, const SelectiveInputs<T>& in, T* h, T* out,
                  const SelectiveKept<T>& kept);
  void (*backward)(const SelectiveChunk& chunk, const SelectiveInputs<T>& in,
                   const SelectiveKept<T>& kept, const SelectiveChunkGradients<T>& gradients);
};

}  // namespace unroll::kernels
