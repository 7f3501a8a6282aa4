// unroll: the one time loop. RNN, LSTM, GRU and a cell of one's own go through it: forwards,
// backwards in time, ragged, in chunks.
//
// A cell is a type with
//   struct State { Var h; ... };     one to four Vars [B, ..]; the first is what the cell puts out
//   Var project(const Var& x) const;                     what is one product for all time steps:
//                                                        [N, D] -> [N, P]
//   State step(const Var& px, const State& s) const;
// and, if it likes, a fused form of projection and loop, used where can_run() says so, with the
// states sorted as the layout's steps are:
//   std::pair<Var, State> run(const Var& x, const State&, const SequenceLayout&, bool reverse)
//   const;
#pragma once

#include <unroll/nn/sequence.h>

#include <algorithm>
#include <concepts>
#include <memory>
#include <optional>
#include <utility>

namespace unroll::nn {

template <class C>
concept Cell = requires(const C& cell, const Var& x, const typename C::State& s) {
  { cell.project(x) } -> std::convertible_to<Var>;
  { cell.step(x, s) } -> std::same_as<typename C::State>;
};

struct UnrollOptions {
  bool reverse = false;  // from each sequence's end to its beginning
  bool fused = true;     // take the cell's fused form where it has one
  // > 0: keep the state every so many steps and compute the rest again in backward, with the
  // parameters as they are now; with about sqrt(T), what is kept beside inputs and outputs grows as
  // the square root of T.
  Index checkpoint_every = 0;
};

namespace detail {

// The Vars of a State in order.
template <class S>
std::vector<Var*> parts_of(S& state) {
  if constexpr (requires { S{Var(), Var(), Var(), Var()}; }) {
    auto& [a, b, c, d] = state;
    return {&a, &b, &c, &d};
  } else if constexpr (requires { S{Var(), Var(), Var()}; }) {
    auto& [a, b, c] = state;
    return {&a, &b, &c};
  } else if constexpr (requires { S{Var(), Var()}; }) {
    auto& [a, b] = state;
    return {&a, &b};
  } else {
    auto& [a] = state;
    return {&a};
  }
}

// A State of f(part) for each part.
template <class S, class F>
S map_state(S state, F&& f) {
  for (Var* part : parts_of(state)) *part = f(*part);
  return state;
}

template <class S>
S narrow_state(const S& state, Index start, Index length) {
  return map_state(state, [&](const Var& v) {
    return start == 0 && length == v.shape()[0] ? v : unroll::narrow(v, 0, start, length);
  });
}

// The rows of several states below each other.
template <class S>
S stack_states(std::vector<S> states) {
  if (states.size() == 1) return states.front();
  S out = states.front();
  const auto to = parts_of(out);
  for (std::size_t k = 0; k < to.size(); ++k) {
    std::vector<Var> rows;
    for (S& s : states) rows.push_back(*parts_of(s)[k]);
    *to[k] = concat(rows, 0);
  }
  return out;
}

// The loop over steps [begin, end). `rows` are those of these steps alone; the state has all B
// rows, sorted, before and after: those of sequences that have ended (or, in reverse, have not
// begun) pass through.
template <class C>
std::pair<Var, typename C::State> run_steps(const C& cell, const Var& rows,
                                            const typename C::State& state,
                                            const SequenceLayout& layout, bool reverse, Index begin,
                                            Index end) {
  using State = typename C::State;
  const Index all = layout.sequences(), base = layout.offset(begin);
  std::vector<Var> outputs;
  const auto step = [&](const State& s, Index t) {
    State next = cell.step(unroll::narrow(rows, 0, layout.offset(t) - base, layout.batch(t)), s);
    outputs.push_back(*parts_of(next).front());
    return next;
  };
  std::vector<State> rest;  // in the order in which they go below the running rows, last first
  Index running = layout.batch(reverse ? end - 1 : begin);
  State s = narrow_state(state, 0, running);
  if (!reverse) {
    if (running < all) rest.push_back(narrow_state(state, running, all - running));
    for (Index t = begin; t < end; ++t) {
      if (layout.batch(t) < running) {
        rest.push_back(narrow_state(s, layout.batch(t), running - layout.batch(t)));
        s = narrow_state(s, 0, running = layout.batch(t));
      }
      s = step(s, t);
    }
  } else {
    for (Index t = end - 1; t >= begin; --t) {
      if (layout.batch(t) > running) {
        s = stack_states<State>({s, narrow_state(state, running, layout.batch(t) - running)});
        running = layout.batch(t);
      }
      s = step(s, t);
    }
    if (running < all) rest.push_back(narrow_state(state, running, all - running));
    std::reverse(outputs.begin(), outputs.end());
  }
  std::vector<State> pieces{s};
  pieces.insert(pieces.end(), rest.rbegin(), rest.rend());
  return {outputs.size() == 1 ? outputs.front() : concat(outputs, 0),
          stack_states(std::move(pieces))};
}

// Steps [begin, end) alone, of the sequences that run there, the longest first.
inline SequenceLayout steps_of(const SequenceLayout& layout, Index begin, Index end) {
  std::vector<Index> lengths(static_cast<std::size_t>(layout.batch(begin)), 0);
  for (Index t = begin; t < end; ++t)
    for (Index i = 0; i < layout.batch(t); ++i) ++lengths[i];
  return SequenceLayout(std::move(lengths));
}

// The inputs `rows` of steps [begin, end) through projection and loop; the state as in run_steps.
template <class C>
std::pair<Var, typename C::State> run_segment(const C& cell, const Var& rows,
                                              const typename C::State& state,
                                              const SequenceLayout& layout,
                                              const UnrollOptions& options, Index begin,
                                              Index end) {
  if constexpr (requires { cell.run(rows, state, layout, true); }) {
    if (options.fused && cell.can_run()) {
      const Index all = layout.sequences(), running = layout.batch(begin);
      if (begin == 0 && end == layout.steps())
        return cell.run(rows, state, layout, options.reverse);
      auto [out, last] = cell.run(rows, narrow_state(state, 0, running),
                                  steps_of(layout, begin, end), options.reverse);
      if (running < all)
        last = stack_states<typename C::State>({last, narrow_state(state, running, all - running)});
      return {out, last};
    }
  }
  return run_steps(cell, cell.project(rows), state, layout, options.reverse, begin, end);
}

// The cell for a derivative to keep: the same parameters, wherever the model goes meanwhile. One
// that cannot be copied has to stay where it is until backward.
template <class C>
std::shared_ptr<const C> kept(const C& cell) {
  if constexpr (std::is_copy_constructible_v<C>) {
    const SharedCopies shared;
    return std::make_shared<const C>(cell);
  } else {
    return std::shared_ptr<const C>(std::shared_ptr<void>(), &cell);
  }
}

// run_segment for every so many steps, its inside computed again in backward (see checkpoint): the
// projection too, which is larger than the outputs.
template <class C>
std::pair<Var, typename C::State> run_checkpointed(const C& cell, const Var& rows,
                                                   typename C::State state,
                                                   const SequenceLayout& layout,
                                                   const UnrollOptions& options) {
  const std::shared_ptr<const C> own = kept(cell);
  std::vector<Var> outputs;
  const Index every = options.checkpoint_every, steps = layout.steps(),
              segments = (steps - 1) / every + 1;
  for (Index i = 0; i < segments; ++i) {
    const Index begin = (options.reverse ? segments - 1 - i : i) * every,
                end = begin + std::min(every, steps - begin);
    std::vector<Var> inputs{
        unroll::narrow(rows, 0, layout.offset(begin), layout.offset(end) - layout.offset(begin))};
    for (Var* part : parts_of(state)) inputs.push_back(*part);
    const auto segment = [own, state, layout, options, begin, end](const std::vector<Var>& in) {
      auto from = state;
      std::size_t k = 1;
      for (Var* part : parts_of(from)) *part = in[k++];
      auto [out, last] = run_segment(*own, in[0], from, layout, options, begin, end);
      std::vector<Var> results{out};
      for (Var* part : parts_of(last)) results.push_back(*part);
      return results;
    };
    const std::vector<Var> results = checkpoint(segment, inputs);
    outputs.push_back(results[0]);
    std::size_t k = 1;
    for (Var* part : parts_of(state)) *part = results[k++];
  }
  if (options.reverse) std::reverse(outputs.begin(), outputs.end());
  return {concat(outputs, 0), state};
}

}  // namespace detail

// The same state off the tape, for the next chunk of a long sequence.
template <class S>
requires std::is_aggregate_v<S> S detach(const S& state) {
  return detail::map_state(state, [](const Var& v) { return v.detach(); });
}

template <class State>
struct Unrolled {
  Sequence sequence;  // the outputs, rows [N, H]
  State last;  // each sequence's last state, in the order given; in reverse: at its beginning
};

template <Cell C>
Unrolled<typename C::State> unroll(const C& cell, const Sequence& x, typename C::State state,
                                   const UnrollOptions& options = {}) {
  check(options.checkpoint_every >= 0,
        "unroll: a checkpoint every so many steps, or 0 for none, was required: got {}",
        options.checkpoint_every);
  const SequenceLayout& layout = x.layout;
  const bool sorted = layout.is_sorted();
  for (Var* part : detail::parts_of(state)) {
    check(part->defined() && part->rank() >= 1 && part->shape()[0] == layout.sequences(),
          "unroll: a state with one row for each of {} sequences was required: got {}",
          layout.sequences(), part->defined() ? part->shape().str() : "an undefined one");
    if (!sorted) *part = index_select(*part, 0, layout.order());
  }
  std::pair<Var, typename C::State> result =
      options.checkpoint_every > 0
          ? detail::run_checkpointed(cell, x.rows, state, layout, options)
          : detail::run_segment(cell, x.rows, state, layout, options, 0, layout.steps());
  if (!sorted)
    result.second = detail::map_state(
        result.second, [&](const Var& v) { return index_select(v, 0, layout.place()); });
  return {Sequence(result.first, layout), result.second};
}

}  // namespace unroll::nn
