// S1 to S3 and C1: sequence to sequence, words, generation, CTC.
#include "benchmarks/read.h"
#include "benchmarks/tagger.h"
#include "benchmarks/workloads.h"

#include <unroll/unroll.h>

#include <cmath>
#include <memory>

namespace bench {
namespace {

using namespace unroll;

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

// --- C1: CTC loss from logits, forward and backward ---

std::function<void()> ctc() {
  constexpr Index kFrames = 150, kLabels = 40, kSymbols = 28, kBatch = 64;
  const SequenceLayout layout = SequenceLayout::equal(kBatch, kFrames);
  Generator g(1);
  const Tensor x = g.normal({layout.rows(), kSymbols});
  std::vector<std::vector<Index>> targets;
  for (Index b = 0; b < kBatch; ++b) {
    const IndexTensor labels = g.integers({kLabels}, 1, kSymbols);
    targets.emplace_back(labels.begin(), labels.end());
  }
  return [=] {
    Tape tape;
    tape.backward(ctc_loss(tape.watch(x), layout, targets));
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

}  // namespace

std::vector<Workload> sequence_workloads() {
  return {
      {"c1", "CTC loss: 150 frames, 40 labels, 28 symbols, B 64, forward and backward", 64 * 150, 1,
       ctc},
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
  };
}

}  // namespace bench
