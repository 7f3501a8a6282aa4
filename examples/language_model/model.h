// The model: embedding, a sequence model of any kind, output layer. V ids, D size of the embedding,
// H hidden, B streams, N ids in all.
#pragma once

#include "examples/common/sequence_model.h"

#include <unroll/nn/decode.h>
#include <unroll/nn/init.h>
#include <unroll/nn/layers.h>

#include <optional>

namespace language_model {

using unroll::Index;
using unroll::Var;
namespace nn = unroll::nn;

struct ModelOptions {
  program::SequenceOptions layer = {.hidden = 512};  // the model sets its `in` and its dropout
  Index vocab = 0;
  Index dim = 0;             // D; 0: H
  bool tied = false;         // the output layer uses the table of the embedding; needs D = H
  double dropout = 0;        // of the embedding, between layers, and of the output
  bool variational = false;  // one dropout mask for all time steps of a chunk
  Index context = 0;         // of an attention: the ids of a chunk, which it sees in training
  double init = 0;           // initial parameters uniform in +-init; 0: the layers' defaults
  UNROLL_OPTIONS(layer, vocab, dim, tied, dropout, variational, context, init)

  Index width() const { return dim > 0 ? dim : layer.hidden; }  // D
  program::SequenceOptions of_layer() const {
    program::SequenceOptions out = layer;
    out.in = width();
    (variational ? out.variational_dropout : out.dropout) = dropout;
    return out;
  }
};

struct LanguageModel {
  nn::Embedding embed;             // [V, D]
  program::SequenceModel layer;    // D -> H
  std::optional<nn::Linear> head;  // H -> V; none if tied
  unroll::Param bias;              // [V]; only if tied
  UNROLL_FIELDS(embed, layer, head, bias)

  using State = program::SequenceModel::State;

  explicit LanguageModel(const ModelOptions& o)
      : embed({.vocab = o.vocab, .dim = o.width()}),
        layer(o.of_layer()),
        drop_({.p = o.dropout}),
        options_(o) {
    if (o.tied) {
      // Logits are products with these rows, so they start small.
      embed.weight.set_value(nn::uniform({o.vocab, o.width()}, -0.1, 0.1));
      bias = unroll::Param(unroll::Tensor::zeros({o.vocab}));
    } else {
      head.emplace(nn::Linear::Options{.in = layer.output_size(), .out = o.vocab});
    }
    if (o.init > 0)
      for (const unroll::NamedParam& p : nn::parameters(*this))
        p.param->set_value(nn::uniform(p.param->value().shape(), -o.init, o.init));
  }

  const ModelOptions& options() const { return options_; }

  struct Out {
    Var logits;   // [N, V], of the id after each one
    State state;  // after the last ids
  };
  Out operator()(const nn::Tokens& x, const State& state) const {
    const nn::Gathered embedded = embed(x);
    auto out = options_.dropout > 0 && unroll::training() ? layer(dropped(embedded), state)
                                                          : layer(embedded, state);
    return {logits(dropped(out.sequence).rows), std::move(out.state)};
  }
  // For nn/decode.
  nn::DecoderStep<State> step(const unroll::IndexTensor& ids, State state) const {
    const Var h = layer.step(embed(ids), state);  // [B, H]
    return {logits(h), std::move(state)};
  }

 private:
  nn::Sequence dropped(const nn::Sequence& x) const {
    return options_.variational ? drop_.variational(x) : drop_(x);
  }
  Var logits(const Var& h) const {
    return head ? (*head)(h) : linear(h, transpose(embed.weight), bias);
  }

  nn::Dropout drop_;
  ModelOptions options_;
};

}  // namespace language_model
