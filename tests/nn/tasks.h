// Whole models with a loss on random data: those of the speed table, at sizes of the test's choice.
#pragma once

#include "random_sequences.h"

#include <unroll/nn/attention.h>
#include <unroll/nn/init.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/optimizer.h>

#include <memory>
#include <optional>

namespace unroll {

// While it lives, so many threads work.
struct Threads {
  int before = threads();
  explicit Threads(int count) { set_threads(count); }
  ~Threads() { set_threads(before); }
  Threads(const Threads&) = delete;
};

struct Task {
  std::string name;
  NamedParams params;
  std::function<Var()> loss;
};

// The loss and all gradients.
struct Outcome {
  double loss;
  std::vector<Tensor> gradients;
};

inline Outcome outcome_of(const std::function<Var()>& loss, const NamedParams& params) {
  Outcome out;
  out.gradients = gradients_of(
      [&] {
        const Var value = loss();
        out.loss = value.item();
        return value;
      },
      params);
  return out;
}

struct TaggerOptions {
  Index vocab = 20, dim = 8, hidden = 16, classes = 20;
  Index layers = 1;
  bool bidirectional = false, only_last = false;  // the loss of the last state alone
  SequenceLayout layout = SequenceLayout::equal(4, 10);
  nn::CrossEntropyOptions loss = {};
  nn::UnrollOptions unroll = {};
  DType dtype = f32;
};

template <class Middle>
struct Between {
  nn::Embedding embed;
  Middle middle;
  nn::Linear head;
  UNROLL_FIELDS(embed, middle, head)
};

// Ids -> embedding -> layer -> scores -> cross entropy.
template <class Layer>
Task tagger(const std::string& name, const TaggerOptions& o) {
  using Model = Between<Layer>;
  const auto model = std::make_shared<Model>(
      Model{nn::Embedding({.vocab = o.vocab, .dim = o.dim, .dtype = o.dtype}),
            Layer({.in = o.dim,
                   .hidden = o.hidden,
                   .layers = o.layers,
                   .bidirectional = o.bidirectional,
                   .dtype = o.dtype}),
            nn::Linear(
                {.in = o.hidden * (o.bidirectional ? 2 : 1), .out = o.classes, .dtype = o.dtype})});
  Generator g(11);
  const nn::Tokens x(g.integers({o.layout.rows()}, 0, o.vocab), o.layout);
  const IndexTensor y =
      g.integers({o.only_last ? o.layout.sequences() : o.layout.rows()}, 0, o.classes);
  return {name, nn::parameters(*model), [=] {
            const auto out = model->middle(model->embed(x), {}, o.unroll);
            return nn::cross_entropy(model->head(o.only_last ? out.last() : out.sequence.rows), y,
                                     o.loss);
          }};
}

struct Regression {
  nn::RNN rnn;
  nn::Linear head;
  UNROLL_FIELDS(rnn, head)
};

// Prices: a tanh RNN over one feature, the square error of its last state's forecast.
inline Task regression(Index batch, Index steps, Index hidden, DType dtype = f32) {
  const auto model = std::make_shared<Regression>(
      Regression{nn::RNN({.in = 1, .hidden = hidden, .dtype = dtype}),
                 nn::Linear({.in = hidden, .out = 1, .dtype = dtype})});
  Generator g(12);
  const nn::Sequence x(g.normal({batch * steps, 1}, 0, 1, dtype),
                       SequenceLayout::equal(batch, steps));
  const Tensor y = g.normal({batch, 1}, 0, 1, dtype);
  return {"regression", nn::parameters(*model),
          [=] { return nn::mse_loss(model->head(model->rnn(x).last()), y); }};
}

// A causal attention block with layer norm and gelu.
struct Block {
  Index dim, heads;
  nn::Embedding embed;
  nn::LayerNorm norm1, norm2;
  nn::MultiHeadAttention attention;
  nn::Linear up, down, head;
  UNROLL_FIELDS(embed, norm1, norm2, attention, up, down, head)
  Block(Index vocab, Index size, Index head_count, DType dtype)
      : dim(size),
        heads(head_count),
        embed({.vocab = vocab, .dim = size, .dtype = dtype}),
        norm1({.dim = size, .dtype = dtype}),
        norm2({.dim = size, .dtype = dtype}),
        attention({.dim = size, .heads = head_count, .dtype = dtype}),
        up({.in = size, .out = 4 * size, .dtype = dtype}),
        down({.in = 4 * size, .out = size, .dtype = dtype}),
        head({.in = size, .out = vocab, .dtype = dtype}) {}
  Var operator()(const nn::Tokens& x) const {
    const nn::Gathered h = embed(x);
    const Var a = h.rows() + attention(norm1(h), {.causal = true}).rows;
    return head(a + down(gelu(up(norm2(a)))));
  }
};

inline Task attention_block(Index vocab, Index dim, Index heads, const SequenceLayout& layout,
                            DType dtype = f32) {
  const auto model = std::make_shared<Block>(vocab, dim, heads, dtype);
  Generator g(13);
  const nn::Tokens x(g.integers({layout.rows()}, 0, vocab), layout);
  const IndexTensor y = g.integers({layout.rows()}, 0, vocab);
  return {"attention block", nn::parameters(*model),
          [=] { return nn::cross_entropy((*model)(x), y); }};
}

// An LSTM and a GRU as users write them, with plain ops.
struct OwnLSTM {
  struct State {
    Var h, c;
  };
  Index hidden;
  Param wx, wh, b;
  UNROLL_FIELDS(wx, wh, b)
  OwnLSTM(Index in, Index size, DType dtype)
      : hidden(size),
        wx(nn::xavier_uniform({in, 4 * size}, 1, {.dtype = dtype})),
        wh(nn::xavier_uniform({size, 4 * size}, 1, {.dtype = dtype})),
        b(Tensor::zeros({4 * size}, dtype)) {}
  State initial(Index batch) const {
    const Tensor zero = Tensor::zeros({batch, hidden}, wx.dtype());
    return {zero, zero};
  }
  Var project(const Var& x) const { return matmul(x, wx) + b; }
  State step(const Var& px, const State& s) const {
    const std::vector<Var> z = split(px + matmul(s.h, wh), {hidden, hidden, hidden, hidden}, 1);
    const Var c = sigmoid(z[1]) * s.c + sigmoid(z[0]) * tanh(z[2]);
    return {sigmoid(z[3]) * tanh(c), c};
  }
};

struct OwnGRU {
  struct State {
    Var h;
  };
  Index hidden;
  Param wx, wh, b;
  UNROLL_FIELDS(wx, wh, b)
  OwnGRU(Index in, Index size, DType dtype)
      : hidden(size),
        wx(nn::xavier_uniform({in, 3 * size}, 1, {.dtype = dtype})),
        wh(nn::xavier_uniform({size, 3 * size}, 1, {.dtype = dtype})),
        b(Tensor::zeros({3 * size}, dtype)) {}
  State initial(Index batch) const { return {Tensor::zeros({batch, hidden}, wx.dtype())}; }
  Var project(const Var& x) const { return matmul(x, wx) + b; }
  State step(const Var& px, const State& s) const {
    const std::vector<Var> a = split(px, {hidden, hidden, hidden}, 1),
                           w = split(matmul(s.h, wh), {hidden, hidden, hidden}, 1);
    const Var z = sigmoid(a[1] + w[1]);
    const Var n = tanh(a[2] + sigmoid(a[0] + w[0]) * w[2]);
    return {n + z * (s.h - n)};
  }
};

// Ids -> embedding -> a cell of one's own -> scores of the last state.
template <class Cell>
Task own_cell(const std::string& name, Index hidden, const SequenceLayout& layout,
              DType dtype = f32, const nn::UnrollOptions& options = {}) {
  using Model = Between<Cell>;
  const auto model = std::make_shared<Model>(
      Model{nn::Embedding({.vocab = 5, .dim = 16, .dtype = dtype}), Cell(16, hidden, dtype),
            nn::Linear({.in = hidden, .out = 3, .dtype = dtype})});
  Generator g(14);
  const nn::Tokens x(g.integers({layout.rows()}, 0, 5), layout);
  const IndexTensor y = g.integers({layout.sequences()}, 0, 3);
  return {name, nn::parameters(*model), [=] {
            const auto out = nn::unroll(model->middle, model->embed(x),
                                        model->middle.initial(layout.sequences()), options);
            return nn::cross_entropy(model->head(out.last.h), y);
          }};
}

// The models of the speed table (w1 ... w5, w8, w9) for about `rows` rows of width `hidden`.
inline std::vector<Task> speed_table_tasks(Index rows, Index hidden, DType dtype = f32) {
  Generator g(15);
  const Index batch = 8, steps = rows / batch;
  const SequenceLayout equal = SequenceLayout::equal(batch, steps);
  const SequenceLayout ragged(random_lengths(g, 2 * batch, steps));
  const TaggerOptions text{.vocab = 50,
                           .dim = hidden,
                           .hidden = hidden,
                           .classes = 50,
                           .layers = 2,
                           .layout = equal,
                           .dtype = dtype};
  TaggerOptions words = text, dna = text, uneven = text;
  words.vocab = words.classes = 300, words.layers = 1;
  dna.vocab = 5, dna.dim = 16, dna.classes = 3, dna.layers = 1, dna.only_last = true;
  uneven.layout = ragged;
  return {tagger<nn::LSTM>("w1: words", words),
          tagger<nn::LSTM>("w2: letters", text),
          tagger<nn::GRU>("w3: DNA", dna),
          regression(batch, steps, hidden, dtype),
          attention_block(50, hidden, 4, equal, dtype),
          tagger<nn::LSTM>("w8: ragged", uneven),
          own_cell<OwnLSTM>("w9: own cell", hidden, equal, dtype)};
}

// Forward, backward, clip, update; gives the loss.
inline double train_step(const Task& task, optim::Optimizer& optimizer) {
  Tape tape;
  const Var loss = task.loss();
  Gradients gradients = tape.backward(loss);
  optim::clip_norm(gradients, 1);
  optimizer.step(gradients);
  return loss.item();
}

}  // namespace unroll
