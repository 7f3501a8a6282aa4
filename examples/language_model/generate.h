// Generates continuations of prompts, and computes the probability of given lines.
#pragma once

#include "examples/common/program.h"
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

// The model as a decoder that never generates <unk>, and stops at Ctrl-C.
struct WithoutUnknown {
  const LanguageModel& model;
  Index unknown;  // -1: none

  nn::DecoderStep<LanguageModel::State> step(const unroll::IndexTensor& ids,
                                             LanguageModel::State state) const {
    program::stop_if_interrupted();
    auto out = model.step(ids, std::move(state));
    if (unknown >= 0) out.logits.value().narrow(1, unknown, 1).fill_(-HUGE_VAL);
    return out;
  }
};

// The state of a model after some texts, each at the beginning of a line.
struct Read {
  LanguageModel::State state;  // before the last id of each text
  unroll::IndexTensor last;    // that id, [B]
  std::vector<double> nats;    // -log p of each text
};

// Reads ids into a state, a chunk at a time, so that the logits of a long text fit memory. Returns
// -log p of the targets.
inline double read_long(const LanguageModel& model, const Ids& ids, const Ids& targets,
                        LanguageModel::State& state) {
  constexpr std::size_t kChunk = 4096;
  double nats = 0;
  for (std::size_t at = 0; at < ids.size(); at += kChunk) {
    program::stop_if_interrupted();
    const std::size_t end = std::min(ids.size(), at + kChunk);
    const auto part = [&](const Ids& of) {
      return std::vector<Ids>{{of.begin() + static_cast<std::ptrdiff_t>(at),
                               of.begin() + static_cast<std::ptrdiff_t>(end)}};
    };
    auto out = model(nn::Tokens::from(part(ids)), state);
    nats += unroll::cross_entropy(out.logits, nn::Tokens::from(part(targets)).ids,
                                  {.reduction = unroll::Reduction::sum})
                .item();
    state = std::move(out.state);
  }
  return nats;
}

inline Read read(const LanguageModel& model, const Units& units,
                 const std::vector<std::string>& texts) {
  const unroll::NoGrad unrecorded;
  Read out;
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
  out.last = last;
  if (texts.size() == 1) {
    out.nats = {read_long(model, before[0], target[0], out.state)};
    return out;
  }
  const nn::Tokens x = nn::Tokens::from(before), y = nn::Tokens::from(target);
  auto read = model(x, {});
  const Var loss =
      unroll::cross_entropy(read.logits, y.ids, {.reduction = unroll::Reduction::none});  // [N]
  out.nats = nn::Sequence(loss, x.layout).sum().value().to_vector<double>();
  out.state = std::move(read.state);
  return out;
}

// The text that the model adds to a prompt.
inline std::string continuation(const LanguageModel& model, const Units& units,
                                const std::string& prompt, const GenerateOptions& o,
                                unroll::Generator& random) {
  const Read start = read(model, units, {prompt});
  const WithoutUnknown writer{model, units.unknown()};
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
