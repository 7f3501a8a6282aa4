// Runs a cell over the time steps of a batch of sequences: RNN, LSTM, GRU or a user-defined cell,
// forward or backward in time, with ragged batches and in chunks.
//
// A cell is a type with
//
//   struct State { Var h; ... };
//     An aggregate of up to 8 members. Vars [B, ..] and vectors of Vars are carried from step to
//     step; other members are passed on unchanged.
//   Var project(const Var& x) const;
//     The part that does not depend on the state, computed for all rows at once: [N, D] -> [N, P].
//   State step(const Var& px, const State& s) const;
//     One time step; px [B, P].
//
// and optionally
//
//   Var output(const State& s) const;
//     The output [B, H]. Default: the first Var of the State.
//   std::pair<Var, State> run(const Gathered& x, const State& s, const UnrollOptions& o) const;
//     A fused form of projection and time loop: all outputs [N, H], and the last state. States are
//     sorted like the steps of the layout. Of the options, only `reverse` matters.
//   bool can_run() const;
//     Whether the fused form can be used; required if there is one.
//
// To be used as a layer (nn::Recurrent, recurrent.h) it also needs an Options type with `Index in`,
// a constructor from it, `State initial(Index batch) const` and `Index output_size() const`.
#pragma once

#include <unroll/autograd/sequence/time_loop.h>
#include <unroll/nn/gathered.h>

#include <algorithm>
#include <concepts>
#include <memory>
#include <utility>

namespace unroll::nn {

template <class C>
concept Cell = std::is_aggregate_v<typename C::State> &&
    requires(const C& cell, const Var& x, const typename C::State& s) {
  { cell.project(x) } -> std::convertible_to<Var>;
  { cell.step(x, s) } -> std::same_as<typename C::State>;
};

struct UnrollOptions {
  bool reverse = false;  // from each sequence's end to its beginning
  bool fused = true;     // use the cell's fused form if it has one
  // If above 0: save only the state every so many steps and recompute the rest in backward, with
  // the parameter values of forward. With about sqrt(T) steps, the memory in addition to inputs and
  // outputs is O(sqrt(T)).
  Index checkpoint_every = 0;
};

namespace detail {

// Converts to any type; used to count members.
struct AnyMember {
  template <class T>
  operator T() const;
};
template <class S, class... Members>
consteval std::size_t member_count() {
  if constexpr (sizeof...(Members) <= 8 && requires { S{Members{}..., AnyMember{}}; })
    return member_count<S, Members..., AnyMember>();
  else
    return sizeof...(Members);
}

// Calls f(member) for each member of a State.
template <class S, class F>
void each_member(S& state, F&& f) {
  constexpr std::size_t n = member_count<std::remove_const_t<S>>();
  static_assert(n >= 1 && n <= 8, "a cell's State is an aggregate of one to eight members");
  const auto all = [&](auto&... member) { (f(member), ...); };
  if constexpr (n == 1) {
    auto& [a] = state;
    all(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = state;
    all(a, b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = state;
    all(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = state;
    all(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = state;
    all(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, g] = state;
    all(a, b, c, d, e, g);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, g, h] = state;
    all(a, b, c, d, e, g, h);
  } else {
    auto& [a, b, c, d, e, g, h, i] = state;
    all(a, b, c, d, e, g, h, i);
  }
}

}  // namespace detail

// Calls f(part) for each Var of a State, in order.
template <class S, class F>
void each_part(S& state, F&& f) {
  detail::each_member(state, [&](auto& member) {
    using Member = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::is_same_v<Member, Var>) {
      f(member);
    } else if constexpr (std::is_same_v<Member, std::vector<Var>>) {
      for (auto& part : member) f(part);
    }
  });
}

// All Vars of a State, in order.
template <class S>
States parts_of(const S& state) {
  States out;
  each_part(state, [&](const Var& part) { out.push_back(part); });
  return out;
}
// A copy of `state` with its Vars replaced by `parts`. Throws std::invalid_argument unless their
// number is equal.
template <class S>
S with_parts(S state, States parts) {
  std::size_t k = 0;
  each_part(state, [&](Var& part) {
    if (k < parts.size()) part = std::move(parts[k]);
    ++k;
  });
  check(k == parts.size(), "with_parts: {} Vars, as many as the State has, were required: got {}",
        k, parts.size());
  return state;
}

namespace detail {

template <class C>
Var output_of(const C& cell, const typename C::State& state) {
  if constexpr (requires { cell.output(state); }) {
    return cell.output(state);
  } else {
    Var first;
    each_part(state, [&](const Var& part) {
      if (!first.defined()) first = part;
    });
    return first;
  }
}

// The layout of steps [begin, end), for the sequences that run there, longest first.
SequenceLayout steps_of(const SequenceLayout& layout, Index begin, Index end);

// Runs projection and time loop on x, the rows of steps [begin, end). The state has all B rows, as
// in time_loop.
template <class C>
std::pair<Var, typename C::State> run_segment(const C& cell, const Gathered& x,
                                              const typename C::State& state,
                                              const SequenceLayout& layout,
                                              const UnrollOptions& options, Index begin,
                                              Index end) {
  using State = typename C::State;
  if constexpr (requires { cell.can_run(); }) {
    static_assert(
        requires { cell.run(x, state, options); },
        "a cell with can_run() was required to have run(const Gathered&, const State&, "
        "const UnrollOptions&) const: see nn/unroll.h");
    if (options.fused && cell.can_run()) {
      const Index all = layout.sequences(), running = layout.batch(begin);
      if (running == all) return cell.run(x, state, options);
      const States parts = parts_of(state);
      auto [out, last] = cell.run(x, with_parts(state, narrow_states(parts, 0, running)), options);
      return {
          out,
          with_parts<State>(
              last, stack_states({parts_of(last), narrow_states(parts, running, all - running)}))};
    }
  }
  const Var projected = x.map([&](const Var& rows) { return cell.project(rows); }).rows();
  State now = state;
  auto [out, last] = time_loop(projected, parts_of(state), layout, {begin, end, options.reverse},
                               [&](const Var& px, States& parts) {
                                 const std::size_t count = parts.size();
                                 now = cell.step(px, with_parts(now, std::move(parts)));
                                 parts = parts_of(now);
                                 check(parts.size() == count,
                                       "run: a state of {} Vars was required of every step: got {}",
                                       count, parts.size());
                                 return output_of(cell, now);
                               });
  return {out, with_parts(now, std::move(last))};
}

// A copy of the cell, with the same parameters, for a derivative that may outlive the model. A cell
// that cannot be copied must stay alive until backward.
template <class C>
std::shared_ptr<const C> kept(const C& cell) {
  if constexpr (std::is_copy_constructible_v<C>) {
    const SharedCopies shared;
    return std::make_shared<const C>(cell);
  } else {
    return std::shared_ptr<const C>(std::shared_ptr<void>(), &cell);
  }
}

// run_segment for segments of checkpoint_every steps, whose intermediate values are recomputed in
// backward (see checkpoint). This includes the projection, which is larger than the outputs.
template <class C>
std::pair<Var, typename C::State> run_checkpointed(const C& cell, const Var& rows,
                                                   const typename C::State& initial,
                                                   const SequenceLayout& layout,
                                                   const UnrollOptions& options) {
  const std::shared_ptr<const C> own = kept(cell);
  States state = parts_of(initial);
  std::vector<Var> outputs;
  const Index every = options.checkpoint_every, steps = layout.steps(),
              segments = (steps - 1) / every + 1;
  for (Index i = 0; i < segments; ++i) {
    const Index begin = (options.reverse ? segments - 1 - i : i) * every,
                end = begin + std::min(every, steps - begin);
    std::vector<Var> inputs{
        unroll::narrow(rows, 0, layout.offset(begin), layout.offset(end) - layout.offset(begin))};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const auto segment = [own, initial, layout, options, begin, end](const std::vector<Var>& in) {
      auto [out, last] = run_segment(*own, Sequence(in[0], steps_of(layout, begin, end)),
                                     with_parts(initial, States(in.begin() + 1, in.end())), layout,
                                     options, begin, end);
      std::vector<Var> results = parts_of(last);
      results.insert(results.begin(), out);
      return results;
    };
    const std::vector<Var> results = checkpoint(segment, inputs);
    outputs.push_back(results[0]);
    state.assign(results.begin() + 1, results.end());
  }
  if (options.reverse) std::reverse(outputs.begin(), outputs.end());
  return {concat(outputs, 0), with_parts(initial, std::move(state))};
}

}  // namespace detail

// The same state without gradients, for the next chunk of a long sequence.
template <class S>
requires std::is_aggregate_v<S> S detach(const S& state) {
  return with_parts(state, map_states(parts_of(state), [](const Var& v) { return v.detach(); }));
}

template <class State>
struct Unrolled {
  Sequence sequence;  // the outputs, rows [N, H]
  State last;         // last state of each sequence, in the order given (reverse: at its beginning)
};

// Runs a cell over all time steps of x, starting with `state` (rows [B, ..] in the order of the
// batch). Throws std::invalid_argument unless each part of the state has one row per sequence.
template <Cell C>
Unrolled<typename C::State> run(const C& cell, const Gathered& x, typename C::State state,
                                const UnrollOptions& options = {}) {
  check(options.checkpoint_every >= 0,
        "run: a checkpoint every so many steps, or 0 for none, was required: got {}",
        options.checkpoint_every);
  const SequenceLayout& layout = x.layout();
  const bool sorted = layout.is_sorted();
  each_part(state, [&](Var& part) {
    if (!part.defined() || part.rank() < 1 || part.shape()[0] != layout.sequences())
      fail("run: a state with one row for each of {} sequences was required: got {}",
           layout.sequences(), part.defined() ? part.shape().str() : "an undefined one");
    if (!sorted) part = index_select(part, 0, layout.order());
  });
  std::pair<Var, typename C::State> result =
      options.checkpoint_every > 0
          ? detail::run_checkpointed(cell, x.rows(), state, layout, options)
          : detail::run_segment(cell, x, state, layout, options, 0, layout.steps());
  if (!sorted)
    each_part(result.second, [&](Var& part) { part = index_select(part, 0, layout.place()); });
  return {Sequence(result.first, layout), std::move(result.second)};
}

// The same. (With `using namespace unroll::nn` the name is ambiguous with the namespace: use run.)
template <Cell C>
Unrolled<typename C::State> unroll(const C& cell, const Gathered& x, typename C::State state,
                                   const UnrollOptions& options = {}) {
  return run(cell, x, std::move(state), options);
}

}  // namespace unroll::nn
