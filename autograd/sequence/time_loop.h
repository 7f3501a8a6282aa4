// The time loop in plain ops, for a batch of sequences of any lengths. It is the reference of the
// fused recurrent layers, and runs user-defined cells (nn::run).
//
// N rows in the order of the layout, B sequences, T steps.
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/sequence_layout.h>

#include <functional>
#include <utility>
#include <vector>

namespace unroll {

// The parts of a state, each [B, ..]: h, or h and c, or any others.
using States = std::vector<Var>;

struct TimeRange {
  Index begin = 0, end = 0;  // steps [begin, end)
  bool reverse = false;      // from the last step to the first
};

// One time step. x [b, ..] has a row for each running sequence, longest first; the function
// replaces `state` by the next state and returns the output [b, ..].
using TimeStep = std::function<Var(const Var& x, States& state)>;

// `rows` holds the rows of the steps in `range` only. The state has all B rows before and after,
// sorted like the steps of the layout; rows of sequences that have ended (in reverse: have not
// begun) pass through unchanged. Returns the output rows and the last state of each sequence.
std::pair<Var, States> time_loop(const Var& rows, const States& initial,
                                 const SequenceLayout& layout, const TimeRange& range,
                                 const TimeStep& step);

// Applies f to each part of a state.
template <class F>
States map_states(const States& states, F&& f) {
  States out;
  out.reserve(states.size());
  for (const Var& part : states) out.push_back(f(part));
  return out;
}
// Rows [start, start + length) of each part.
States narrow_states(const States& states, Index start, Index length);
// Concatenates several states along their rows.
States stack_states(const std::vector<States>& states);

}  // namespace unroll
