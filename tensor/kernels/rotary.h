// Rotary positions: pairs of columns of each head are rotated by angles that grow with the row's
// position.
#pragma once

#include <unroll/tensor/kernels/matrix.h>

namespace unroll::kernels {

struct Rotary {
  const Index* positions;  // [rows of x]
  Index heads, size;       // the first heads x size columns are rotated, others copied
  double base;
  bool interleaved;  // pair i of a head: columns 2 i and 2 i + 1; otherwise i and i + size / 2
  bool inverse;      // by the negative angles
};
// y = x rotated: pair i by position / base^(2 i / size). Rows of both are contiguous.
template <class T>
void rotary(const Rotary& o, Matrix<const T> x, Matrix<T> y);

}  // namespace unroll::kernels
