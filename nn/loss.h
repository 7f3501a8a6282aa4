// Losses. Reductions as in PyTorch: the mean, the sum, or one number for each row or element.
#pragma once

#include <unroll/autograd/ops.h>

namespace unroll::nn {

using unroll::cross_entropy;  // in autograd/ops.h, with its options
using unroll::CrossEntropyOptions;
using unroll::Reduction;

// Log probabilities [N, V] against ids [N].
Var nll_loss(const In& log_probabilities, const IndexTensor& target,
             const CrossEntropyOptions& options = {});

Var mse_loss(const In& x, const In& target, Reduction reduction = Reduction::mean);
Var l1_loss(const In& x, const In& target, Reduction reduction = Reduction::mean);
// Quadratic within delta, linear beyond. Huber 1964.
Var huber_loss(const In& x, const In& target, double delta = 1,
               Reduction reduction = Reduction::mean);

struct BCEOptions {
  Tensor weight = {};           // broadcasts to x
  Tensor positive_weight = {};  // of the positive class, broadcasts to x
  Reduction reduction = Reduction::mean;
};
// Scores against probabilities in [0, 1], without overflow.
Var bce_with_logits(const In& scores, const In& target, const BCEOptions& options = {});

struct GaussianNLLOptions {
  bool full = false;  // with log(2 pi) / 2
  double eps = 1e-6;  // the variance is at least this; its gradient passes through as in PyTorch
  Reduction reduction = Reduction::mean;
};
// (log var + (x - target)^2 / var) / 2
Var gaussian_nll(const In& mean, const In& target, const In& variance,
                 const GaussianNLLOptions& options = {});

}  // namespace unroll::nn
