#include "examples/speech/model.h"

#include "examples/common/predictions.h"

#include <unroll/autograd/mode.h>
#include <unroll/tensor/error.h>

#include <cmath>

namespace speech {
namespace {

constexpr double kDropout = 0.2;
constexpr float kAudible = -50;  // dB

unroll::data::Vocabulary vocabulary_of(const Words& words) {
  unroll::data::Counts counts({.unit = unroll::data::Unit::code_points});
  for (const Word& word : words) counts.add(word.label);
  return unroll::data::Vocabulary(counts, {.special = {.unk = ""}});
}

}  // namespace

Letters::Letters(const Words& words) : letters_(vocabulary_of(words)) {}

Letters Letters::from_metadata(const unroll::Metadata& metadata) {
  return Letters(unroll::data::Vocabulary::from_metadata(metadata, "letters"));
}

std::optional<std::vector<Index>> Letters::encode(const std::string& label) const {
  std::vector<Index> out;
  for (const std::string& letter : unroll::data::divide(label, letters_.how())) {
    const Index id = letters_.id(letter);
    if (id < 0) return {};
    out.push_back(1 + id);
  }
  return out;
}

std::string Letters::decode(const std::vector<Index>& symbols) const {
  std::string out;
  for (const Index symbol : symbols) out += letters_.unit(symbol - 1);
  return out;
}

std::string Letters::shown(Index symbol) const {
  return symbol == kBlank ? "-" : letters_.unit(symbol - 1);
}

program::SequenceOptions reader_options(const ReaderChoice& choice) {
  return {.kind = choice.kind,
          .in = kInputs,
          .hidden = choice.hidden,
          .layers = choice.layers,
          .bidirectional = choice.bidirectional,
          .dropout = kDropout};
}

Model::Model(Index symbols, const program::SequenceOptions& options)
    : mean(Tensor::zeros({kBands})),
      std(Tensor::full({kBands}, 1.0)),
      layer(options),
      dropout({.p = kDropout}),
      head({.in = layer.output_size(), .out = symbols}) {}

void Model::normalise_by(const Words& words) {
  std::vector<double> sum(kBands, 0.0), squares(kBands, 0.0);
  double count = 0;
  for (const Word& word : words)
    for (const Frame& frame : log_mel(word.samples)) {
      if (frame.level < kAudible) continue;
      ++count;
      for (std::size_t b = 0; b < frame.mel.size(); ++b) {
        const auto x = static_cast<double>(frame.mel[b]);
        sum[b] += x, squares[b] += x * x;
      }
    }
  for (std::size_t b = 0; b < sum.size(); ++b) {
    sum[b] /= std::max(1.0, count);
    squares[b] = std::sqrt(std::max(1e-2, squares[b] / std::max(1.0, count) - sum[b] * sum[b]));
  }
  mean.set_value(Tensor::from(sum, {kBands}, unroll::f32));
  std.set_value(Tensor::from(squares, {kBands}, unroll::f32));
}

Tensor Model::steps(std::span<const Frame> frames) const {
  const Index count = std::ssize(frames) / kStacked;
  unroll::check(count > 0, "speech: at least {} frames were required: got {}", kStacked,
                frames.size());
  const std::vector<float> m = mean.value().to_vector<float>(), s = std.value().to_vector<float>();
  std::vector<float> rows;
  rows.reserve(static_cast<std::size_t>(count * kInputs));
  for (const Frame& frame : frames.first(static_cast<std::size_t>(count * kStacked)))
    for (std::size_t b = 0; b < frame.mel.size(); ++b) rows.push_back((frame.mel[b] - m[b]) / s[b]);
  return Tensor::from(rows, {count, kInputs});
}

nn::Sequence Model::operator()(const nn::Sequence& steps) const {
  std::vector<Index> lengths = steps.layout.lengths();
  for (Index& length : lengths) {
    unroll::check(length > kDelay, "speech: more than {} steps were required: got {}", kDelay,
                  length);
    length -= kDelay;
  }
  const Var read = layer(steps).sequence.rows;  // [N, output_size]
  const Index first = steps.layout.offset(kDelay);
  const Var later = narrow(read, 0, first, read.size(0) - first);  // [N - B kDelay, output_size]
  return {head(dropout(later)), unroll::SequenceLayout(lengths)};
}

Var Model::step(const Var& x, program::SequenceModel::State& state) const {
  return head(layer.step(x, state));
}

std::vector<Tensor> logits_of(const Model& model, const Words& words) {
  const unroll::Inference inference;
  std::vector<Index> lengths;
  for (const Word& word : words) lengths.push_back(std::ssize(word.samples) / (kHop * kStacked));
  return program::in_batches(
      lengths,
      [&](const std::vector<Index>& batch) {
        std::vector<Tensor> steps, out;
        for (const Index i : batch)
          steps.push_back(model.steps(log_mel(words[static_cast<std::size_t>(i)].samples)));
        const nn::Sequence logits = model(nn::Sequence::from(steps));
        for (std::size_t i = 0; i < batch.size(); ++i)
          out.push_back(logits.at(static_cast<Index>(i)).value());
        return out;
      },
      {.examples = 64, .stops = true});
}

}  // namespace speech
