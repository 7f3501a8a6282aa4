// A classifier of series of any lengths: a sequence model that reads in both directions, and a
// linear layer on the mean and the maximum of its outputs over time and the last output. B series,
// N steps of all series, D inputs, H columns of the model's output, C classes.
#pragma once

#include "examples/common/sequence_model.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/module.h>

namespace ecg {

namespace nn = unroll::nn;
using unroll::Index;
using unroll::Var;

struct Classifier {
  static constexpr Index kReadings = 3;  // of each column: mean, maximum, last

  program::SequenceModel reader;
  nn::Dropout dropout{{.p = 0.3}};
  nn::Linear head;

  Classifier(const program::SequenceOptions& o, Index classes)
      : reader(o), head({.in = kReadings * reader.output_size(), .out = classes}) {}
  UNROLL_FIELDS(reader, dropout, head)

  Var operator()(const nn::Sequence& x) const {  // rows [N, D]
    constexpr double kBelow = -1e9;
    const program::SequenceModel::Result out = reader(x);
    const Var highest = unroll::max(out.sequence.padded(kBelow), {1});               // [B, H]
    const Var read = unroll::concat({out.sequence.mean(), highest, out.last()}, 1);  // [B, 3H]
    return head(dropout(read));                                                      // [B, C]
  }
};

}  // namespace ecg
