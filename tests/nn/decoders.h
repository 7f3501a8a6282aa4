// Decoders for tests, whose logits are a function of all ids read so far.
#pragma once

#include "tests/support.h"

#include <unroll/nn/decode.h>
#include <unroll/nn/layers.h>
#include <unroll/nn/recurrent.h>

#include <cmath>

namespace unroll {

using Ids = std::vector<Index>;

// Logits of the id after a history: pseudo-random, with ties if `levels` is small. They are the
// same for every row of a batch, to the last bit.
struct Law {
  std::uint64_t seed = 1;
  Index vocab = 4;
  Index levels = 1000;
  std::vector<double> operator()(const Ids& history) const {
    std::uint64_t hash = seed;
    for (Index id : history)
      hash = (hash ^ static_cast<std::uint64_t>(id + 1)) * 0x9E3779B97F4A7C15;
    Generator g(hash);
    std::vector<double> out;
    for (Index v = 0; v < vocab; ++v)
      out.push_back(4.0 * static_cast<double>(g.below(levels)) / static_cast<double>(levels));
    return out;
  }
  std::vector<double> log_probabilities(const Ids& history) const {
    std::vector<double> x = (*this)(history);
    double sum = 0;
    for (double v : x) sum += std::exp(v);
    for (double& v : x) v -= std::log(sum);
    return x;
  }
};

// Its state is the history itself, which grows like the cache of a Transformer.
struct HistoryDecoder {
  Law law;
  mutable Index steps = 0, rows = 0;  // calls, and rows in all calls
  struct State {
    IndexTensor history;  // [B, t], undefined at first
  };
  nn::DecoderStep<State> step(const IndexTensor& ids, const State& s) const {
    ++steps, rows += ids.numel();
    const IndexTensor now = ids.reshape({ids.numel(), 1});
    const IndexTensor all = s.history.defined() ? concat({s.history, now}, 1) : now;
    std::vector<double> logits;
    for (Index b = 0; b < ids.numel(); ++b) {
      const IndexTensor row = all.select(0, b);
      const std::vector<double> each = law(Ids(row.begin(), row.end()));
      logits.insert(logits.end(), each.begin(), each.end());
    }
    return {Tensor::from(logits, {ids.numel(), law.vocab}), {all}};
  }
};

inline IndexTensor starts(Index batch, Index id = 0) { return IndexTensor::full({batch}, id); }

}  // namespace unroll
