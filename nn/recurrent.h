// RNN, LSTM and GRU: layers of cells over a batch of sequences.
//
//   nn::LSTM lstm({.in = 16, .hidden = 64, .layers = 2, .bidirectional = true});
//   auto out = lstm(x);            // x a Sequence; out is one too: out.rows [N, 2 * 64]
//   Var h = out.last();            // [B, 2 * 64]: many-to-one
//   auto more = lstm(y, out.carry());   // the next chunk; gradients stop there (truncated BPTT)
#pragma once

#include <unroll/nn/cells.h>
#include <unroll/nn/layers.h>

namespace unroll::nn {

template <class State>
struct RecurrentResult : Sequence {
  std::vector<State> state;  // the last: [layer 0 forward, layer 0 backward, layer 1 forward, ...]
  Index directions = 1;

  // What the top layer ended with, [B, H] or, of both directions, [B, 2H]: the backward one ended
  // at the beginning.
  Var last() const {
    check(directions >= 1 && static_cast<Index>(state.size()) >= directions,
          "recurrent: the result of a layer was required: got one with {} states", state.size());
    std::vector<Var> tops;
    for (Index d = directions; d >= 1; --d)
      tops.push_back(state[state.size() - static_cast<std::size_t>(d)].h);
    return tops.size() == 1 ? tops.front() : concat(tops, -1);
  }
  // The state for the next chunk of the same sequences, off the tape.
  std::vector<State> carry() const {
    std::vector<State> out;
    for (const State& s : state) out.push_back(nn::detach(s));
    return out;
  }
};

template <class C>
class Recurrent {
 public:
  using Options = typename C::Options;
  using State = typename C::State;
  using Result = RecurrentResult<State>;

  explicit Recurrent(const Options& o)
      : between_({.p = o.dropout}), between_variational_({.p = o.variational_dropout}) {
    check(o.layers >= 1, "recurrent: at least one layer was required: got {}", o.layers);
    Options each = o;  // one cell's
    each.layers = 1, each.bidirectional = false, each.dropout = each.variational_dropout = 0;
    for (Index l = 0; l < o.layers; ++l) {
      layers.emplace_back(each);
      if (o.bidirectional) reverse.emplace_back(each);
      each.in = product_of("recurrent", layers.back().output_size(), o.bidirectional ? 2 : 1);
    }
  }

  // x rows [N, in]; `initial` as Result::state, or empty for the cells' own (zeros, or learned).
  Result operator()(const Sequence& x, const std::vector<State>& initial = {},
                    const UnrollOptions& options = {}) const {
    check_layers();
    const std::size_t directions = reverse.empty() ? 1 : 2;
    check(initial.empty() || initial.size() == layers.size() * directions,
          "recurrent: {} states (layers x directions) or none were required: got {}",
          layers.size() * directions, initial.size());
    Result out;
    out.directions = static_cast<Index>(directions);
    Sequence at = x;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      if (l > 0) at = between_variational_.variational(between_(at));
      std::vector<Var> rows;
      for (std::size_t d = 0; d < directions; ++d) {
        const C& cell = d == 0 ? layers[l] : reverse[l];
        UnrollOptions one = options;
        one.reverse = options.reverse != (d == 1);
        auto result = unroll(
            cell, at, initial.empty() ? cell.initial(at.size()) : initial[l * directions + d], one);
        rows.push_back(result.sequence.rows);
        out.state.push_back(std::move(result.last));
      }
      at = {rows.size() == 1 ? rows.front() : concat(rows, -1), x.layout};
    }
    static_cast<Sequence&>(out) = at;
    return out;
  }

  // One time step of a stream: x [B, in] -> [B, H]; the state (empty at first) is the caller's. One
  // direction only.
  Var step(const In& x, std::vector<State>& state) const {
    check_layers();
    check(reverse.empty(),
          "recurrent: one direction was required to step through a stream: got a bidirectional "
          "layer");
    check(state.empty() || state.size() == layers.size(),
          "recurrent: {} states were required: got {}", layers.size(), state.size());
    // The new states stand behind the old ones until all layers have taken their step, so that the
    // caller's are unchanged when one refuses it; a vector of its own would be allocated each time.
    const auto given = static_cast<std::ptrdiff_t>(state.size());
    state.reserve(2 * layers.size());
    Var at = *x;
    try {
      for (std::size_t l = 0; l < layers.size(); ++l) {
        const C& cell = layers[l];
        state.push_back(given > 0 ? cell.advance(at, state[l])
                                  : cell.advance(at, cell.initial(at.shape()[0])));
        at = state.back().h;
      }
    } catch (...) {
      state.erase(state.begin() + given, state.end());
      throw;
    }
    state.erase(state.begin(), state.begin() + given);
    return at;
  }

  std::vector<C> layers, reverse;
  UNROLL_FIELDS(layers, reverse)

 private:
  void check_layers() const {
    check(!layers.empty(), "recurrent: at least one layer was required: got one moved from");
  }

  Dropout between_, between_variational_;
};

using RNN = Recurrent<RNNCell>;
using LSTM = Recurrent<LSTMCell>;
using GRU = Recurrent<GRUCell>;

}  // namespace unroll::nn
