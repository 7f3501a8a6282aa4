// Shared by the losses. Private to autograd/ops/loss.cpp and nn/loss.cpp.
#pragma once

#include <unroll/autograd/ops.h>

namespace unroll::detail {

Var reduced(const char* name, const Var& loss, Reduction reduction);
// Reduces row losses [N]. The mean is weighted by the class weights of the targets, ignoring rows
// with ignore_id. Throws if all rows are ignored.
Var reduced(const char* name, const Var& rows, const IndexTensor& target,
            const CrossEntropyOptions& options);
// Throws unless the weights are finite and at least 0. Undefined weights are allowed.
void check_class_weights(const char* name, const Tensor& weights);

}  // namespace unroll::detail
