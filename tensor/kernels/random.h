// The kernels of Generator (tensor/random.h).
#pragma once

#include <unroll/tensor/kernels/dispatch.h>

namespace unroll::kernels {

template <class T>
struct RandomKernels;

// Philox4x32-10 for the counters from `position` on: two 64-bit words per block.
void philox(std::uint64_t key, std::uint64_t position, std::uint64_t* words, Index blocks);

// Box-Muller transform: each pair u, v of uniform values in [0, 1) becomes two standard normal
// ones.
template <class T>
void normal_pairs(T* values, Index pairs, T mean, T std) {
  table<RandomKernels, T>().normal_pairs(values, pairs, mean, std);
}

template <class T>
struct RandomKernels {
  decltype(&kernels::normal_pairs<T>) normal_pairs;
  decltype(&kernels::philox) philox;  // the same for all T
};

}  // namespace unroll::kernels
