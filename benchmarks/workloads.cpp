#include "benchmarks/workloads.h"

#include "benchmarks/read.h"

#include <unroll/unroll.h>

#include <cmath>
#include <memory>

namespace bench {
namespace {

using namespace unroll;

// Ids [T, B] -> logits [N, V].
struct Tagger {
  nn::Embedding embed;
  nn::LSTM lstm;
  nn::Linear head;
  Tagger(Index vocab, Index dim, Index hidden, Index layers)
      : embed({.vocab = vocab, .dim = dim}),
        lstm({.in = dim, .hidden = hidden, .layers = layers}),
        head({.in = hidden, .out = vocab}) {}
  UNROLL_FIELDS(embed, lstm, head)
  Var operator()(const nn::Tokens& x) const { return head(lstm(embed(x)).sequence.rows); }
};

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

// --- S2: the word model of examples/language_model, --recipe zaremba-small ---

constexpr Index kWords = 10000, kWordHidden = 200, kWordStreams = 20, kWordSteps = 20;

// Ids as frequent as words are (Zipf's law: id k in proportion to 1 / (k + 1)), evenly spread.
// pytorch_reference.py has the same formula.
IndexTensor zipf_ids(Index count, Index vocab, Index first) {
  std::vector<Index> ids;
  for (Index i = first; i < first + count; ++i) {
    const double u = std::fmod(static_cast<double>(i) * 0.6180339887498949, 1.0);
    ids.push_back(static_cast<Index>(std::pow(static_cast<double>(vocab), u)) - 1);
  }
  return ids;
}

std::function<void()> word_model() {
  auto model = std::make_shared<Tagger>(kWords, kWordHidden, kWordHidden, 2);
  auto optimizer = std::make_shared<optim::SGD>(nn::parameters(*model), optim::SGDOptions{.lr = 1});
  const SequenceLayout layout = SequenceLayout::equal(kWordStreams, kWordSteps);
  const nn::Tokens x(zipf_ids(layout.rows(), kWords, 1), layout);
  const IndexTensor y = zipf_ids(layout.rows(), kWords, 2);
  auto state = std::make_shared<std::vector<nn::LSTM::State>>();
  return [=] {
    Tape tape;
    const auto out = model->lstm(model->embed(x), *state);
    const Var loss = nn::cross_entropy(model->head(out.sequence.rows), y);
    Gradients g = tape.backward(loss * static_cast<double>(kWordSteps));
    optim::clip_norm(g, 5);
    optimizer->step(g);
    *state = out.carry();
  };
}

// The products of such a step alone: of each weight the output, the gradient of the input and that
// of the weight, for all time steps at once.
std::function<void()> word_model_limit() {
  Generator g(1);
  struct Product {
    Tensor x, w, y;  // y = x w
  };
  const Index rows = kWordStreams * kWordSteps, h = kWordHidden;
  std::vector<Product> products;
  for (Index out : {kWords, 4 * h, 4 * h, 4 * h, 4 * h})
    products.push_back({g.normal({rows, h}), g.normal({h, out}), g.normal({rows, out})});
  return [=] {
    for (const Product& p : products) {
      matmul(p.x, p.w);
      matmul(p.y, p.w.transpose());
      matmul(p.x.transpose(), p.y);
    }
  };
}

// --- S1: sequence to sequence ---

constexpr Index kPairs = 64, kSourceSteps = 25, kTargetSteps = 12, kLetters = 64, kUnits = 256;

std::function<void()> seq2seq(bool input_feeding) {
  using Model = nn::Seq2Seq<nn::GRUCell>;
  auto model = std::make_shared<Model>(Model::Options{.source_vocab = kLetters,
                                                      .target_vocab = kLetters,
                                                      .sos = 0,
                                                      .embed = 64,
                                                      .encoder = {.hidden = kUnits},
                                                      .decoder = {.hidden = kUnits},
                                                      .input_feeding = input_feeding});
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*model));
  Generator g(1);
  const auto tokens = [&](Index steps) {
    return nn::Tokens(g.integers({kPairs * steps}, 0, kLetters),
                      SequenceLayout::equal(kPairs, steps));
  };
  const nn::Tokens source = tokens(kSourceSteps), target = tokens(kTargetSteps);
  return [=] {
    Tape tape;
    optimizer->step(tape.backward(nn::cross_entropy((*model)(source, target).rows, target.ids)));
  };
}

// The products of such a step alone, as the step has them: one for each time step inside the
// recurrent layers, one for all rows elsewhere. Equal rows, the embedded letters, count once.
std::function<void()> seq2seq_limit() {
  Generator g(1);
  struct Product {
    Tensor x, w, y;  // y = x w, in parts of `rows` rows
    Index rows;
  };
  std::vector<Product> products;
  const auto add = [&](Index rows, Index in, Index out, Index times = 1) {
    products.push_back(
        {g.normal({times * rows, in}), g.normal({in, out}), g.normal({times * rows, out}), rows});
  };
  for (const Index steps : {kSourceSteps, kTargetSteps}) {
    add(kLetters, 64, 3 * kUnits);
    add(kPairs, kUnits, 3 * kUnits, steps);
  }
  add(kPairs, kUnits, kUnits);                     // from the encoder to the decoder
  add(kPairs * kSourceSteps, kUnits, kUnits);      // keys
  add(kPairs * kTargetSteps, kUnits, kUnits);      // queries
  add(kPairs * kTargetSteps, 2 * kUnits, kUnits);  // [c h]
  add(kPairs * kTargetSteps, kUnits, kLetters);    // logits
  return [=] {
    for (const Product& p : products) {
      const auto each_part = [&](const Tensor& x, const Tensor& w) {
        for (Index at = 0; at < x.size(0); at += p.rows) matmul(x.narrow(0, at, p.rows), w);
      };
      each_part(p.x, p.w);
      each_part(p.y, p.w.transpose());
      matmul(p.x.transpose(), p.y);
    }
  };
}

// --- S3: generation ---

constexpr Index kGenerated = 1000;

struct Generating {
  nn::Embedding embed{{.vocab = 64, .dim = 64}};
  nn::LSTM lstm{{.in = 64, .hidden = 512, .layers = 2}};
  nn::Linear head{{.in = 512, .out = 64}};
  UNROLL_FIELDS(embed, lstm, head)
  using State = std::vector<nn::LSTM::State>;
  nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
    const Var h = lstm.step(embed(ids), state);
    return {head(h), std::move(state)};
  }
};

std::function<void()> generation(Index batch) {
  auto model = std::make_shared<Generating>();
  auto random = std::make_shared<Generator>(1);
  return [=] {
    nn::sample(*model, Generating::State(), IndexTensor::full({batch}, 0),
               {.max_length = kGenerated, .temperature = 0.8}, *random);
  };
}

std::function<void()> generation_limit() {
  auto model = std::make_shared<Generating>();
  return [=] {
    volatile float sum = 0;
    for (Index i = 0; i < kGenerated; ++i)
      for (const NamedParam& p : nn::parameters(*model))
        if (p.name != "embed.weight")
          sum = sum + sum_of(p.param->value().data<float>(), p.param->value().numel());
  };
}

// --- T1: a Transformer layer ---

constexpr Index kLayerBatch = 8, kLayerSteps = 256, kDim = 256, kHeads = 4, kHidden = 1024;

nn::TransformerOptions layer_options() {
  return {.dim = kDim, .heads = kHeads, .feed_forward = kHidden};
}

std::function<void()> transformer_layer() {
  auto model = std::make_shared<nn::TransformerEncoderLayer>(layer_options());
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*model));
  Generator g(1);
  const SequenceLayout layout = SequenceLayout::equal(kLayerBatch, kLayerSteps);
  const nn::Sequence x(g.normal({layout.rows(), kDim}), layout);
  const Tensor y = g.normal({layout.rows(), kDim});
  return [=] {
    Tape tape;
    optimizer->step(tape.backward(nn::mse_loss((*model)(x).rows, y)));
  };
}

// The products of such a step alone: of each weight the output, the gradient of the input and that
// of the weight; of attention the logits and the output, and the gradients of both their factors.
std::function<void()> transformer_layer_limit() {
  Generator g(1);
  struct Product {
    Tensor x, w, y;  // y = x w
  };
  std::vector<Product> products;
  const auto add = [&](Shape x, Shape w, Shape y) {
    products.push_back({g.normal(x), g.normal(w), g.normal(y)});
  };
  const Index rows = kLayerBatch * kLayerSteps, heads = kLayerBatch * kHeads, size = kDim / kHeads;
  add({rows, kDim}, {kDim, 3 * kDim}, {rows, 3 * kDim});
  add({rows, kDim}, {kDim, kDim}, {rows, kDim});
  add({rows, kDim}, {kDim, kHidden}, {rows, kHidden});
  add({rows, kHidden}, {kHidden, kDim}, {rows, kDim});
  add({heads, kLayerSteps, size}, {heads, size, kLayerSteps}, {heads, kLayerSteps, kLayerSteps});
  add({heads, kLayerSteps, kLayerSteps}, {heads, kLayerSteps, size}, {heads, kLayerSteps, size});
  return [=] {
    for (const Product& p : products) {
      matmul(p.x, p.w);
      matmul(p.y, p.w.transpose());
      matmul(p.x.transpose(), p.y);
    }
  };
}

// --- T2: decoding with a cache of keys and values ---

constexpr Index kDecoded = 256;

struct Decoder {
  nn::Embedding embed{{.vocab = 64, .dim = kDim}};
  nn::LearnedPositions positions{{.max_length = kDecoded, .dim = kDim}};
  nn::TransformerEncoder layers{{.dim = kDim,
                                 .heads = kHeads,
                                 .feed_forward = kHidden,
                                 .causal = true,
                                 .layers = 2,
                                 .capacity = kDecoded}};
  nn::Linear head{{.in = kDim, .out = 64}};
  UNROLL_FIELDS(embed, positions, layers, head)
  using State = nn::TransformerEncoder::State;
  nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
    const Var x = positions(embed(ids), state.positions(ids.numel()));
    const Var h = layers.step(x, state);
    return {head(h), std::move(state)};
  }
};

std::function<void()> decoding() {
  auto model = std::make_shared<Decoder>();
  auto random = std::make_shared<Generator>(1);
  return [=] {
    nn::sample(*model, Decoder::State(), IndexTensor::full({1}, 0),
               {.max_length = kDecoded, .temperature = 0.8}, *random);
  };
}

std::function<void()> decoding_limit() {
  auto model = std::make_shared<Decoder>();
  return [=] {
    volatile float sum = 0;
    for (Index i = 0; i < kDecoded; ++i)
      for (const NamedParam& p : nn::parameters(*model))
        if (p.name != "embed.weight" && p.name != "positions.weight")
          sum = sum + sum_of(p.param->value().data<float>(), p.param->value().numel());
  };
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
        {"s1", "seq2seq: GRU 256, additive attention, V 64, B 64, source 25, target 12, Adam",
         kPairs * kTargetSteps, 1, [] { return seq2seq(false); }},
        {"s1_feeding", "the same with input feeding", kPairs * kTargetSteps, 1,
         [] { return seq2seq(true); }},
        {"s1_limit", "the products of s1 alone", kPairs * kTargetSteps, 1, seq2seq_limit},
        {"s2", "word model: V 10000, 2 layers x 200, B 20, T 20, SGD, clipped", 400, 1, word_model},
        {"s2_limit", "the products of s2 alone", 400, 1, word_model_limit},
        {"s3", "1,000 characters from a 2 x 512 LSTM, V 64, B 1", kGenerated, 1,
         [] { return generation(1); }},
        {"s3_32", "the same, B 32", 32 * kGenerated, 1, [] { return generation(32); }},
        {"s3_limit", "reading s3's weights 1,000 times", 0, 1, generation_limit},
        {"t1", "Transformer layer: D 256, 4 heads, FFN 1024, B 8, T 256, MSE, Adam",
         kLayerBatch * kLayerSteps, 1, transformer_layer},
        {"t1_limit", "the products of t1 alone", kLayerBatch * kLayerSteps, 1,
         transformer_layer_limit},
        {"t2", "256 ids from a Transformer with a cache: 2 x 256, 4 heads, FFN 1024, V 64, B 1",
         kDecoded, 1, decoding},
        {"t2_limit", "reading t2's weights 256 times", 0, 1, decoding_limit},
    };
    for (Workload& w : scan_workloads()) out.push_back(std::move(w));
    return out;
  }();
  return all;
}

}  // namespace bench
