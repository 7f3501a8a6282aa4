// The time loop in plain ops: one step after another over a batch of sequences of any lengths. It
// is the reference of the fused recurrent layers, and what cells of one's own run through
// (nn::unroll).
//
// N rows in the order of the layout, B sequences, T steps.
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/sequence_layout.h>

#include <functional>
#include <utility>
#include <vector>

namespace unroll {

// The parts of a state, each [B, ..]: h, or h and c, or whatever a cell has.
using States = std::vector<Var>;

struct TimeRange {
  Index begin = 0, end = 0;  // steps [begin, end)
  bool reverse = false;      // from the last of them to the first
};

// One step: x [b, ..] of the sequences that run, the longest first, and their state, which the step
// replaces by the next one; returns the output [b, ..].
using TimeStep = std::function<Var(const Var& x, States& state)>;

// `rows` are those of the steps of `range` alone. The state has all B rows, sorted as the layout's
// steps are, before and after: rows of sequences that have ended (or, in reverse, have not begun)
// pass through. Returns the outputs, one for each row, and the last state of each sequence.
std::pair<Var, States> time_loop(const Var& rows, const States& initial,
                                 const SequenceLayout& layout, const TimeRange& range,
                                 const TimeStep& step);

// f of each part of a state.
template <class F>
States map_states(const States& states, F&& f) {
  States out;
  out.reserve(states.size());
  for (const Var& part : states) out.push_back(f(part));
  return out;
}
// Rows [start, start + length) of each part.
States narrow_states(const States& states, Index start, Index length);
// The rows of several states below each other.
States stack_states(const std::vector<States>& states);

}  // namespace unroll
