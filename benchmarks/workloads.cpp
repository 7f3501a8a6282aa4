// W1 to W9: recurrent layers, attention, the overhead of an op, streaming.
#include "benchmarks/workloads.h"

#include "benchmarks/read.h"
#include "benchmarks/tagger.h"

#include <unroll/unroll.h>

#include <memory>

namespace bench {
namespace {

using namespace unroll;

template <class Optimizer>
std::function<void()> tagger_step(Index vocab, Index dim, Index hidden, Index layers,
                                  const SequenceLayout& layout, Optimizer make) {
  auto model = std::make_shared<Tagger>(vocab, dim, hidden, layers);
  auto optimizer =
      std::make_shared<decltype(make(nn::parameters(*model)))>(make(nn::parameters(*model)));
  Generator g(1);
  const nn::Tokens x(g.integers({layout.rows()}, 0, vocab), layout);
  const IndexTensor y = g.integers({layout.rows()}, 0, vocab);
  return [=] {
    Tape tape;
    optimizer->step(tape.backward(nn::cross_entropy((*model)(x), y)));
  };
}

optim::SGD sgd(const NamedParams& params) { return optim::SGD(params, {.lr = 0.1}); }
optim::Adam adam(const NamedParams& params) { return optim::Adam(params); }

// 32 different lengths from 1 to 128, the first one 128; 2256 tokens in all. For comparison, 32
// equal lengths of 71 have 2272 tokens. pytorch_reference.py has the same formula.
std::vector<Index> ragged_lengths() {
  std::vector<Index> lengths;
  for (Index i = 0; i < 32; ++i) lengths.push_back(128 - (37 * i + 16 * i * i) % 128);
  return lengths;
}
constexpr Index kEqualSteps = 71;

struct Classifier {
  nn::Embedding embed{{.vocab = 5, .dim = 16}};
  nn::GRU gru{{.in = 16, .hidden = 64}};
  nn::Linear head{{.in = 64, .out = 3}};
  UNROLL_FIELDS(embed, gru, head)
  Var operator()(const nn::Tokens& x) const { return head(gru(embed(x)).last()); }
};

std::function<void()> gru_classifier() {
  auto model = std::make_shared<Classifier>();
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*model));
  Generator g(1);
  const nn::Tokens x(g.integers({60 * 32}, 0, 5), SequenceLayout::equal(32, 60));
  const IndexTensor y = g.integers({32}, 0, 3);
  return [=] {
    Tape tape;
    optimizer->step(tape.backward(nn::cross_entropy((*model)(x), y)));
  };
}

struct Regression {
  nn::RNN rnn{{.in = 1, .hidden = 32}};
  nn::Linear head{{.in = 32, .out = 1}};
  UNROLL_FIELDS(rnn, head)
};

std::function<void()> rnn_regression() {
  auto model = std::make_shared<Regression>();
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*model));
  Generator g(1);
  const nn::Sequence x(g.normal({30 * 32, 1}), SequenceLayout::equal(32, 30));
  const Tensor y = g.normal({32, 1});
  return [=] {
    Tape tape;
    optimizer->step(tape.backward(nn::mse_loss(model->head(model->rnn(x).last()), y)));
  };
}

struct Block {
  Param positions;  // [T, D] or undefined
  nn::Embedding embed{{.vocab = 64, .dim = 128}};
  nn::LayerNorm norm1{{.dim = 128}}, norm2{{.dim = 128}};
  nn::MultiHeadAttention attention{{.dim = 128, .heads = 4}};
  nn::Linear up{{.in = 128, .out = 512}}, down{{.in = 512, .out = 128}},
      head{{.in = 128, .out = 64}};
  UNROLL_FIELDS(positions, embed, norm1, norm2, attention, up, down, head)
  Var operator()(const nn::Tokens& x) const {
    const nn::Gathered h = embed(x);
    return rest(h.rows() + attention(norm1(h), {.causal = true}).rows);
  }
  Var with_positions(const IndexTensor& x) const {  // [B, T]
    const Var h = embed(x) + positions, n = norm1(h);
    return rest(h + attention(n, n, n, {.causal = true}).out);
  }
  Var rest(const Var& a) const { return head(a + down(gelu(up(norm2(a))))); }
};

std::function<void()> attention_block(bool positions) {
  auto model = std::make_shared<Block>();
  if (positions) model->positions = Param(Generator(2).normal({128, 128}));
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*model));
  Generator g(1);
  const nn::Tokens x(g.integers({16 * 128}, 0, 64), SequenceLayout::equal(16, 128));
  const IndexTensor padded = x.ids.reshape({16, 128}), y = g.integers({16 * 128}, 0, 64);
  return [=] {
    Tape tape;
    const Var logits =
        positions ? reshape(model->with_positions(padded), {16 * 128, 64}) : (*model)(x);
    optimizer->step(tape.backward(nn::cross_entropy(logits, y)));
  };
}

std::function<void()> op_overhead() {
  Generator g(1);
  const Tensor z = g.normal({16}), b = g.normal({16});
  return [=] {
    Tape tape;
    Var v = tape.watch(z);
    for (int i = 0; i < 500; ++i) v = tanh(v + b);
    tape.backward(sum(v));
  };
}

constexpr int kStreamed = 1000;

std::function<void()> streaming() {
  auto lstm = std::make_shared<nn::LSTM>(nn::LSTM::Options{.in = 1, .hidden = 64});
  auto state = std::make_shared<std::vector<nn::LSTM::State>>();
  Generator g(1);
  const Tensor x = g.normal({1, 1});
  return [=] {
    for (int i = 0; i < kStreamed; ++i) lstm->step(x, *state);
  };
}

// Reading the weights of such a step, all of them once.
std::function<void()> streaming_limit() {
  auto lstm = std::make_shared<nn::LSTM>(nn::LSTM::Options{.in = 1, .hidden = 64});
  return [=] {
    const nn::LSTMCell& cell = lstm->layers[0];
    volatile float sum = 0;
    for (int i = 0; i < kStreamed; ++i)
      for (const Param* p : {&cell.wx, &cell.wh, &cell.b})
        sum = sum + sum_of(p->value().data<float>(), p->value().numel());
  };
}

// An LSTM as a user would write it, in plain ops.
struct OwnCell {
  struct State {
    Var h, c;
  };
  Param wx, wh, b;
  UNROLL_FIELDS(wx, wh, b)
  OwnCell(Index in, Index hidden)
      : wx(nn::xavier_uniform({in, 4 * hidden})),
        wh(nn::xavier_uniform({hidden, 4 * hidden})),
        b(Tensor::zeros({4 * hidden})) {}
  Var project(const Var& x) const { return matmul(x, wx) + b; }
  State step(const Var& px, const State& s) const {
    const Index n = s.h.size(1);
    const std::vector<Var> z = split(px + matmul(s.h, wh), {n, n, n, n}, 1);
    const Var c = sigmoid(z[1]) * s.c + sigmoid(z[0]) * tanh(z[2]);
    return {sigmoid(z[3]) * tanh(c), c};
  }
};

template <class Layer>
struct WithLayer {
  nn::Embedding embed{{.vocab = 5, .dim = 16}};
  Layer layer;
  nn::Linear head{{.in = 64, .out = 3}};
  UNROLL_FIELDS(embed, layer, head)
};

template <class Layer, class Last>
std::function<void()> lstm_classifier(Layer layer, Last last) {
  auto model = std::make_shared<WithLayer<Layer>>(WithLayer<Layer>{.layer = std::move(layer)});
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*model));
  Generator g(1);
  const nn::Tokens x(g.integers({60 * 32}, 0, 5), SequenceLayout::equal(32, 60));
  const IndexTensor y = g.integers({32}, 0, 3);
  return [=] {
    Tape tape;
    optimizer->step(
        tape.backward(nn::cross_entropy(model->head(last(model->layer, model->embed(x))), y)));
  };
}

std::function<void()> own_cell() {
  return lstm_classifier(OwnCell(16, 64), [](const OwnCell& cell, const nn::Gathered& x) {
    const Tensor zero = Tensor::zeros({x.size(), 64});
    return nn::unroll(cell, x, {zero, zero}).last.h;
  });
}
std::function<void()> builtin_cell() {
  return lstm_classifier(
      nn::LSTM({.in = 16, .hidden = 64}),
      [](const nn::LSTM& lstm, const nn::Gathered& x) { return lstm(x).last(); });
}

}  // namespace

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = [] {
    const SequenceLayout ragged(ragged_lengths());
    std::vector<Workload> out{
        {"w1", "LSTM language model: V 10000, embed 200, hidden 200, B 20, T 35, SGD", 700, 1,
         [] { return tagger_step(10000, 200, 200, 1, SequenceLayout::equal(20, 35), sgd); }},
        {"w2", "char LSTM: V 64, embed 64, 2 layers x 512, B 32, T 64, Adam", 2048, 1,
         [] { return tagger_step(64, 64, 512, 2, SequenceLayout::equal(32, 64), adam); }},
        {"w3", "GRU classifier: V 5, embed 16, hidden 64, B 32, T 60, 3 classes, Adam", 1920, 1,
         gru_classifier},
        {"w4", "tanh RNN regression: 1 feature, hidden 32, B 32, T 30, MSE, Adam", 960, 1,
         rnn_regression},
        {"w5", "causal attention block: D 128, 4 heads, FFN 512, B 16, T 128, V 64, Adam", 2048, 1,
         [] { return attention_block(false); }},
        {"w5_positions", "the same with learned positions added to the embedded ids", 2048, 1,
         [] { return attention_block(true); }},
        {"w6", "overhead: 500 x tanh(z + b) on 16 numbers, forward and backward, an op", 0, 1000,
         op_overhead},
        {"w7", "streaming LSTM: hidden 64, 1 feature, B 1, a step", 0, kStreamed, streaming},
        {"w7_limit", "reading w7's weights, a step", 0, kStreamed, streaming_limit},
        {"w8", "ragged: w2's model, 32 lengths within 1..128", ragged.rows(), 1,
         [ragged] { return tagger_step(64, 64, 512, 2, ragged, adam); }},
        {"w8_equal", "the same with equal lengths", 32 * kEqualSteps, 1,
         [] { return tagger_step(64, 64, 512, 2, SequenceLayout::equal(32, kEqualSteps), adam); }},
        {"w9", "own cell: an LSTM in plain ops in w3's place", 1920, 1, own_cell},
        {"w9_builtin", "the same with nn::LSTM", 1920, 1, builtin_cell},
    };
    for (const auto& more : {sequence_workloads(), transformer_workloads(), scan_workloads()})
      out.insert(out.end(), more.begin(), more.end());
    return out;
  }();
  return all;
}

}  // namespace bench
