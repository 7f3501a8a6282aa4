// The loops behind Generator (tensor/random.h).
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::kernels {

// Philox4x32-10 of the counters from `position` on: two words of 64 bits for each block.
void philox(std::uint64_t key, std::uint64_t position, std::uint64_t* words, Index blocks);

// Box and Muller: each pair of uniform numbers u, v in [0, 1) becomes two of the normal
// distribution.
template <class T>
void normal_pairs(T* values, Index pairs, T mean, T std);

}  // namespace unroll::kernels
