// The elementwise functions of two tensors. Their kernels are in kernels/binary.cpp, their
// derivatives in autograd/ops/elementwise.cpp.
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
