// Shared by the losses. Private to autograd/ops/ and nn/loss.cpp.
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

// Losses of the difference e = x - target, elementwise; target has x's shape or is a number. In one
// pass over memory, which keeps nothing but x and target for backward.
Var squared_error(const In& x, const In& target);
Var absolute_error(const In& x, const In& target);
// e^2 / 2 for |e| <= delta, otherwise delta (|e| - delta / 2).
Var huber_error(const In& x, const In& target, double delta);

}  // namespace unroll::detail
