// One row of products, for one step of one stream: each weight is read once, from where it is.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::kernels {

// a [k] times a row-major W [k, n].
template <class T>
struct RowProduct {
  const T* a;
  const T* w;
  Index k;
};

// y [n] = init + first + second; init may be null (zeros). The terms are added one after the other
// in this order, as multiply and multiply_once add theirs: the results are equal to the bit.
template <class T>
void multiply_row(Index n, const T* init, const RowProduct<T>& first, const RowProduct<T>& second,
                  T* y);

}  // namespace unroll::kernels
