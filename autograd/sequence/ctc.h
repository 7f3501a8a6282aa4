// Connectionist temporal classification (Graves et al. 2006): a loss for labels of frames, where
// the labels are known in their order, but not to which frames they belong.
#pragma once

#include <unroll/autograd/ops.h>
#include <unroll/tensor/sequence_layout.h>

namespace unroll {

struct CTCOptions {
  Index blank = 0;  // the id of "no label", in [0, V)
  // A target that does not fit has an infinite loss and no gradient. If true, its loss is 0.
  bool zero_infinity = false;
  // mean: each loss is divided by the length of its target (at least 1), then averaged over the
  // batch, as in PyTorch.
  Reduction reduction = Reduction::mean;
};

// -log of the probability that the frames of a sequence read as its target: the sum over all
// alignments. In an alignment each frame emits a label or blank; removing repeated labels, then
// blanks, gives the target. Logits [N, V] in the order of the layout; log_softmax is part of the
// op. targets[b] are the labels of sequence b, which may be none. A target fits if its sequence has
// at least as many frames as the target has labels, plus one for each pair of equal neighbours.
// Each frame's gradient sums to zero; the loss of a sequence does not depend on the others, even if
// those contain NaN. Time and memory are O(T L) per sequence of T frames and L labels. Returns one
// value, or [B] without reduction. Throws std::invalid_argument if shapes do not match or a label
// is not in [0, V) or is the blank.
Var ctc_loss(const In& logits, const SequenceLayout& layout,
             const std::vector<std::vector<Index>>& targets, const CTCOptions& options = {});

}  // namespace unroll
