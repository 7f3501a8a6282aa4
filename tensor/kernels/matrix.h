// A view of a matrix in memory, for kernels.
#pragma once

#include <unroll/tensor/types.h>

#include <type_traits>

namespace unroll::kernels {

// Element (i, j) is data[i * row_stride + j * column_stride]; one of the strides is 1. T may be
// const.
template <class T>
struct Matrix {
  T* data;
  Index rows, columns;
  Index row_stride;
  Index column_stride = 1;

  operator Matrix<const T>() const requires(!std::is_const_v<T>) {
    return {data, rows, columns, row_stride, column_stride};
  }

  T* at(Index row, Index column) const { return data + row * row_stride + column * column_stride; }
  // `height` rows from `row` on and `width` columns from `column` on.
  Matrix part(Index row, Index height, Index column, Index width) const {
    return {at(row, column), height, width, row_stride, column_stride};
  }
  Matrix transpose() const { return {data, columns, rows, column_stride, row_stride}; }
  // Whether this is a transposed view, with contiguous columns; and the stride between its
  // contiguous rows or columns.
  bool transposed() const { return column_stride != 1; }
  Index stride() const { return transposed() ? column_stride : row_stride; }
};

// The initial value of C [m, n] in a product: zeros if data is null, else row i is data + i *
// stride. With stride 0 all rows are equal (a bias).
template <class T>
struct Init {
  const T* data = nullptr;
  Index stride = 0;
  Init part(Index row, Index column) const {
    return {data ? data + row * stride + column : nullptr, stride};
  }
};

}  // namespace unroll::kernels
