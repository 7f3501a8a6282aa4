// Generates continuations of prompts, and computes the probability of given lines.
#pragma once

#include "examples/language_model/model.h"
#include "examples/language_model/text.h"

#include <algorithm>
#include <cmath>

namespace language_model {

struct GenerateOptions {
  Index length = 500;        // ids
  double temperature = 0.8;  // 0: the most probable id in each step
  Index top_k = 0;
  double top_p = 1;
  Index beams = 0;  // above 0: beam search instead of sampling
};

// The model as a decoder that never generates <unk>.
template <class Model>
struct WithoutUnknown {
  const Model& model;
  Index unknown;  // -1: none

  nn::DecoderStep<typename Model::State> step(const unroll::IndexTensor& ids,
                                              typename Model::State state) const {
    auto out = model.step(ids, std::move(state));
    if (unknown >= 0) out.logits.value().narrow(1, unknown, 1).fill_(-HUGE_VAL);
    return out;
  }
};

// The state of a model after some texts, each at the beginning of a line.
template <class Model>
struct Read {
  typename Model::State state;  // before the last id of each text
  unroll::IndexTensor last;     // that id, [B]
  std::vector<double> nats;     // -log p of each text
};

template <class Model>
Read<Model> read(const Model& model, const Units& units, const std::vector<std::string>& texts) {
  const unroll::NoGrad unrecorded;
  Read<Model> out;
  std::vector<Ids> before, target;
  Ids last;
  for (const std::string& text : texts) {
    Ids ids = units.encode(text);
    if (ids.empty()) ids = {units.start()};  // nothing: an empty line before this one
    target.push_back(ids);
    ids.insert(ids.begin(), units.start());
    last.push_back(ids.back());
    ids.pop_back();
    before.push_back(std::move(ids));
  }
  const nn::Tokens x = nn::Tokens::from(before), y = nn::Tokens::from(target);
  auto read = model(x, {});
  const Var loss =
      unroll::cross_entropy(read.logits, y.ids, {.reduction = unroll::Reduction::none});  // [N]
  out.nats = nn::Sequence(loss, x.layout).sum().value().template to_vector<double>();
  out.state = std::move(read.state), out.last = last;
  return out;
}

// The text that the model adds to a prompt.
template <class Model>
std::string continuation(const Model& model, const Units& units, const std::string& prompt,
                         const GenerateOptions& o, unroll::Generator& random) {
  const Read<Model> start = read(model, units, {prompt});
  const WithoutUnknown<Model> writer{model, units.unknown()};
  nn::Decoded out;
  if (o.beams > 0) {
    out = nn::beam_search(writer, start.state, start.last,
                          {.max_length = o.length, .beams = o.beams})[0][0];
  } else if (o.temperature == 0) {
    out = nn::greedy(writer, start.state, start.last, {.max_length = o.length})[0];
  } else {
    out = nn::sample(
        writer, start.state, start.last,
        {.max_length = o.length, .temperature = o.temperature, .top_k = o.top_k, .top_p = o.top_p},
        random)[0];
  }
  return units.append(prompt, out.ids);
}

}  // namespace language_model
