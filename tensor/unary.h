// Functions of one variable by their enum value, for authors of ops. Not public: users call
// tensor/math.h.
#pragma once

#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

// g * f'(.), computed from the saved input or output (the table says which). g is overwritten and
// returned if it has no other owner.
Tensor apply_gradient(kernels::Unary op, const Tensor& g, const Tensor& saved, double p = 0,
                      double q = 0);

}  // namespace unroll
