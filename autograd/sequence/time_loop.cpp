#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/time_loop.h>

#include <algorithm>

namespace unroll {

States narrow_states(const States& states, Index start, Index length) {
  return map_states(states, [&](const Var& v) {
    return start == 0 && length == v.shape()[0] ? v : narrow(v, 0, start, length);
  });
}

States stack_states(const std::vector<States>& states) {
  if (states.size() == 1) return states.front();
  States out;
  for (std::size_t k = 0; k < states.front().size(); ++k) {
    std::vector<Var> rows;
    for (const States& s : states) rows.push_back(s[k]);
    out.push_back(concat(rows, 0));
  }
  return out;
}

std::pair<Var, States> time_loop(const Var& rows, const States& initial,
                                 const SequenceLayout& layout, const TimeRange& range,
                                 const TimeStep& step) {
  const auto [begin, end, reverse] = range;
  const Index all = layout.sequences(), base = layout.offset(begin);
  std::vector<Var> outputs;
  const auto advance = [&](States& s, Index t) {
    outputs.push_back(step(narrow(rows, 0, layout.offset(t) - base, layout.batch(t)), s));
  };
  std::vector<States> rest;  // rows that are not running, last group first
  Index running = layout.batch(reverse ? end - 1 : begin);
  States s = narrow_states(initial, 0, running);
  if (!reverse) {
    if (running < all) rest.push_back(narrow_states(initial, running, all - running));
    for (Index t = begin; t < end; ++t) {
      if (layout.batch(t) < running) {  // some sequences have ended
        rest.push_back(narrow_states(s, layout.batch(t), running - layout.batch(t)));
        s = narrow_states(s, 0, running = layout.batch(t));
      }
      advance(s, t);
    }
  } else {
    for (Index t = end - 1; t >= begin; --t) {
      if (layout.batch(t) > running) {  // some sequences begin
        s = stack_states({s, narrow_states(initial, running, layout.batch(t) - running)});
        running = layout.batch(t);
      }
      advance(s, t);
    }
    if (running < all) rest.push_back(narrow_states(initial, running, all - running));
    std::reverse(outputs.begin(), outputs.end());
  }
  std::vector<States> pieces{s};
  pieces.insert(pieces.end(), rest.rbegin(), rest.rend());
  return {outputs.size() == 1 ? outputs.front() : concat(outputs, 0), stack_states(pieces)};
}

}  // namespace unroll
