// The model of w1, w2, w8 and s2: ids [T, B] -> logits [N, V].
#pragma once

#include <unroll/nn/layers.h>
#include <unroll/nn/recurrent.h>

namespace bench {

struct Tagger {
  unroll::nn::Embedding embed;
  unroll::nn::LSTM lstm;
  unroll::nn::Linear head;
  Tagger(unroll::Index vocab, unroll::Index dim, unroll::Index hidden, unroll::Index layers)
      : embed({.vocab = vocab, .dim = dim}),
        lstm({.in = dim, .hidden = hidden, .layers = layers}),
        head({.in = hidden, .out = vocab}) {}
  UNROLL_FIELDS(embed, lstm, head)
  unroll::Var operator()(const unroll::nn::Tokens& x) const {
    return head(lstm(embed(x)).sequence.rows);
  }
};

}  // namespace bench
