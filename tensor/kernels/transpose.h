#pragma once

#include <unroll/tensor/types.h>

namespace unroll::kernels {

// to[r * to_stride + c] = from[c * from_stride + r] for rows x columns elements.
template <class T>
void transpose(const T* from, Index from_stride, T* to, Index to_stride, Index rows, Index columns);

// to[i] = from[-i] for n elements.
template <class T>
void reverse(const T* from, T* to, Index n);

}  // namespace unroll::kernels
