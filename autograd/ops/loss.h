// What losses share. Private to autograd/ops/loss.cpp and nn/loss.cpp.
#pragma once

#include <unroll/autograd/ops.h>

namespace unroll::detail {

Var reduced(const char* name, const Var& loss, Reduction reduction);
// The losses of rows [N] with these targets: the mean is over the weights of the targets that
// count. Throws where none counts.
Var reduced(const char* name, const Var& rows, const IndexTensor& target,
            const CrossEntropyOptions& options);
// Throws unless the weights are finite and at least 0; they may be undefined.
void check_class_weights(const char* name, const Tensor& weights);

}  // namespace unroll::detail
