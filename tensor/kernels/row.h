// One row of products, for one step of one stream: each weight is read once, from where it is.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>
#include <unroll/tensor/kernels/matrix.h>

namespace unroll::kernels {

// a [k] times W [k, n], whose rows are contiguous and follow each other.
template <class T>
struct RowProduct {
  const T* a;
  Matrix<const T> w;
};

template <class T>
struct RowKernels;

// y [n] = init + first + second; init may be null (zeros). The terms are added one after the other
// in this order, as multiply and multiply_once add theirs: the results are equal to the bit.
template <class T>
void multiply_row(Index n, const T* init, const RowProduct<T>& first, const RowProduct<T>& second,
                  T* y) {
  table<RowKernels, T>().multiply_row(n, init, first, second, y);
}

template <class T>
struct RowKernels {
  decltype(&kernels::multiply_row<T>) multiply_row;
};

}  // namespace unroll::kernels
