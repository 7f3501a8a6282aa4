// A classifier of series of any lengths: a bidirectional GRU, of whose outputs the mean over time
// and both ends are read. B series, T steps, D inputs, H hidden, C classes.
#pragma once

#include <unroll/nn/layers.h>
#include <unroll/nn/module.h>
#include <unroll/nn/recurrent.h>

namespace ecg {

namespace nn = unroll::nn;
using unroll::Index;
using unroll::Var;

struct ClassifierSize {
  Index in = 2, hidden = 64, classes = 2;
  UNROLL_OPTIONS(in, hidden, classes)
};

struct Classifier {
  nn::GRU gru;
  nn::Dropout dropout{{.p = 0.3}};
  nn::Linear head;

  explicit Classifier(const ClassifierSize& size)
      : gru({.in = size.in, .hidden = size.hidden, .bidirectional = true}),
        head({.in = 4 * size.hidden, .out = size.classes}) {}
  UNROLL_FIELDS(gru, dropout, head)

  Var operator()(const nn::Sequence& x) const {  // rows [N, D]
    const nn::GRU::Result out = gru(x);
    const Var read = unroll::concat({out.sequence.mean(), out.last()}, 1);  // [B, 4H]
    return head(dropout(read));                                             // [B, C]
  }
};

}  // namespace ecg
