// Losses. The reduction is the mean (default) or sum, which give one value, or none. All losses
// throw std::invalid_argument if shapes or dtypes do not fit.
#pragma once

#include <unroll/autograd/sequence/ctc.h>
#include <unroll/nn/sequence.h>

namespace unroll::nn {

using unroll::cross_entropy;  // in autograd/ops.h, with its options
using unroll::CrossEntropyOptions;
using unroll::CTCOptions;
using unroll::Reduction;

// Negative log likelihood of log probabilities [N, V] and target ids [N]; per row without
// reduction.
Var nll_loss(const In& log_probabilities, const IndexTensor& target,
             const CrossEntropyOptions& options = {});

// Squared and absolute error, elementwise; x and target have one shape.
Var mse_loss(const In& x, const In& target, Reduction reduction = Reduction::mean);
Var l1_loss(const In& x, const In& target, Reduction reduction = Reduction::mean);
struct HuberOptions {
  double delta = 1;  // above 0, in units of the target
  Reduction reduction = Reduction::mean;
};
// e^2 / 2 for |e| <= delta, otherwise delta (|e| - delta / 2), elementwise, with e = x - target.
// Huber 1964.
Var huber_loss(const In& x, const In& target, const HuberOptions& options = {});

struct BCEOptions {
  Tensor weight = {};           // broadcasts to x
  Tensor positive_weight = {};  // for the positive class, broadcasts to x
  Reduction reduction = Reduction::mean;
};
// Binary cross entropy of logits and target probabilities in [0, 1], elementwise, without overflow.
Var bce_with_logits(const In& logits, const In& target, const BCEOptions& options = {});

struct GaussianNLLOptions {
  bool full = false;  // add the constant log(2 pi) / 2
  double eps = 1e-6;  // lower limit of the variance; does not affect its gradient, as in PyTorch
  Reduction reduction = Reduction::mean;
};
// (log variance + (target - mean)^2 / variance) / 2, elementwise.
Var gaussian_nll(const In& mean, const In& target, const In& variance,
                 const GaussianNLLOptions& options = {});

// Connectionist temporal classification: see ctc_loss in autograd/sequence/ctc.h. The labels of
// sequence b are targets[b]. nn/ctc.h decodes.
inline Var ctc_loss(const Sequence& logits, const std::vector<std::vector<Index>>& targets,
                    const CTCOptions& options = {}, Where where = Where::here()) {
  return unroll::ctc_loss(In(logits.rows, where), logits.layout, targets, options);
}

}  // namespace unroll::nn
