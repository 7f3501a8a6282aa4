// The list of elementwise functions of two variables, from which the functions of Tensor and the
// kernels are declared.
#pragma once

#define UNROLL_BINARY_OPS(X) \
  X(add)                     \
  X(sub)                     \
  X(mul)                     \
  X(div)                     \
  X(pow)                     \
  X(minimum)                 \
  X(maximum)                 \
  X(equal)                   \
  X(less)                    \
  X(less_equal)
