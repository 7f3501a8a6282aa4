// Cumulative sums. T is float or double; the sums run in f64 whatever T is, so that a long one in
// f32 is as exact as its type.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::kernels {

// y[r, i] = x[r, 0] + .. + x[r, i] of each row of n elements; in reverse from x[r, n - 1] down. y
// may be x.
template <class T>
void cumsum_rows(const T* x, T* y, Index rows, Index n, bool reverse);
// y[r, j] = x[0, j] + .. + x[r, j] for `columns` columns, rows of x and y `stride` elements apart.
template <class T>
void cumsum_columns(const T* x, T* y, Index stride, Index rows, Index columns, bool reverse);

}  // namespace unroll::kernels
