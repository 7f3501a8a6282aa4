// Cumulative sums. T is float or double; sums are accumulated in f64, so that a long one is as
// accurate as T allows.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>

namespace unroll::kernels {

template <class T>
struct CumsumKernels;

// y[r, i] = x[r, 0] + .. + x[r, i] for each row of n elements; in reverse, the sum from x[r, n - 1]
// down. y may be x.
template <class T>
void cumsum_rows(const T* x, T* y, Index rows, Index n, bool reverse) {
  table<CumsumKernels, T>().cumsum_rows(x, y, rows, n, reverse);
}
// y[r, j] = x[0, j] + .. + x[r, j] for `columns` columns; x and y have row stride `stride`.
template <class T>
void cumsum_columns(const T* x, T* y, Index stride, Index rows, Index columns, bool reverse) {
  table<CumsumKernels, T>().cumsum_columns(x, y, stride, rows, columns, reverse);
}

template <class T>
struct CumsumKernels {
  decltype(&kernels::cumsum_rows<T>) cumsum_rows;
  decltype(&kernels::cumsum_columns<T>) cumsum_columns;
};

}  // namespace unroll::kernels
