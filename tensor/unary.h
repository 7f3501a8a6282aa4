// Functions of one variable by their number, for those who write ops. Not public: users call
// tensor/math.h.
#pragma once

#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

// g * f'(.), from the input or output that the table says. Where nobody else sees g, it is
// overwritten and returned.
Tensor apply_gradient(kernels::Unary op, const Tensor& g, const Tensor& saved, double p = 0,
                      double q = 0);

}  // namespace unroll
