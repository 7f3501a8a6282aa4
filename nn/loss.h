// Losses. Reductions as in PyTorch: the mean, the sum, or one number for each row or element.
#pragma once

#include <unroll/autograd/ops.h>

namespace unroll::nn {

enum class Reduction { mean, sum, none };

struct CrossEntropyOptions {
  Index ignore_id = -100;                 // rows with this target count for nothing
  Tensor class_weights = {};              // [V]
  double label_smoothing = 0;             // in [0, 1]
  Reduction reduction = Reduction::mean;  // over the weights of the targets
};
// Scores (logits) [N, V] against ids [N].
Var cross_entropy(const In& scores, const IndexTensor& target,
                  const CrossEntropyOptions& options = {});
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
