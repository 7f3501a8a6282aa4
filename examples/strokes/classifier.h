// A classifier of sequences: any sequence model, in both directions, and a linear layer on its last
// and its mean output. B sequences, D inputs, H hidden, C classes.
#pragma once

#include "examples/common/sequence_model.h"

#include <unroll/nn/layers.h>

namespace strokes {

namespace nn = unroll::nn;
using unroll::Index;
using unroll::Var;

inline program::SequenceOptions reader_options(const std::string& kind, Index in, Index hidden) {
  return {.kind = kind, .in = in, .hidden = hidden, .bidirectional = true};
}

struct Classifier {
  program::SequenceModel layer;
  nn::Dropout dropout{{.p = 0.2}};
  nn::Linear head;

  Classifier(const program::SequenceOptions& o, Index classes)
      : layer(o), head({.in = columns(o), .out = classes}) {}
  UNROLL_FIELDS(layer, dropout, head)

  Var operator()(const nn::Sequence& x) const {  // rows [N, D] -> logits [B, C]
    const program::SequenceModel::Result out = layer(x);
    // The last output of an attention model already is the mean.
    const Var read = program::attends(layer.options().kind)
                         ? out.last()
                         : unroll::concat({out.sequence.mean(), out.last()}, 1);
    return head(dropout(read));
  }

 private:
  static Index columns(const program::SequenceOptions& o) {
    return program::output_size(o) * (program::attends(o.kind) ? 1 : 2);
  }
};

}  // namespace strokes
