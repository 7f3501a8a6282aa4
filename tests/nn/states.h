// States of recurrent cells, whatever they hold: random ones, parts of a batch, distances.
#pragma once

#include "random_sequences.h"

#include <algorithm>

namespace unroll {

template <class State>
State random_state(const State& like, std::uint64_t seed) {
  Generator g(seed);
  State out = like;
  nn::each_part(out, [&](Var& part) { part = g.normal(part.shape(), 0, 0.6, f64); });
  return out;
}

// The state of sequence b alone; and those of several, one below the other.
template <class State>
State state_of(const State& all, Index b) {
  return nn::with_parts(all, narrow_states(nn::parts_of(all), b, 1));
}
template <class State>
State stacked(const std::vector<State>& states) {
  std::vector<States> parts;
  for (const State& s : states) parts.push_back(nn::parts_of(s));
  return nn::with_parts(states.front(), stack_states(parts));
}

template <class State>
Var weighted(const State& s, std::uint64_t seed) {
  Generator g(seed);
  Var total = Tensor::scalar(0, f64);
  for (const Var& part : nn::parts_of(s))
    total = total + sum(part * g.normal(part.shape(), 0, 1, f64));
  return total;
}

template <class State>
double state_distance(const State& a, const State& b) {
  double worst = 0;
  const States pa = nn::parts_of(a), pb = nn::parts_of(b);
  REQUIRE(pa.size() == pb.size());
  for (std::size_t i = 0; i < pa.size(); ++i)
    worst = std::max(worst, distance(pa[i].value(), pb[i].value()));
  return worst;
}

}  // namespace unroll
