// run: nn::unroll under a name that is no namespace. Where both `using namespace unroll` and `using
// namespace unroll::nn` are in force, or the latter alone, a bare unroll(...) is ambiguous with the
// namespace unroll itself, which no declaration can mend: write nn::unroll(...), or run(...).
#pragma once

#include <unroll/nn/unroll.h>

namespace unroll::nn {

// Runs a cell over the sequences of x from a state [B, ..]: see nn::unroll.
template <Cell C>
Unrolled<typename C::State> run(const C& cell, const Sequence& x, typename C::State state,
                                const UnrollOptions& options = {}) {
  return nn::unroll(cell, x, std::move(state), options);
}

}  // namespace unroll::nn
