// Texts of random symbols, one of which follows a mark: this one is the target at the last step.
#pragma once

#include "examples/lab/common/network.h"

namespace lab {

struct Marked {
  static constexpr Index kSymbols = 4, kIds = kSymbols + 1;  // the last id is the mark

  Index steps = 0;
  std::vector<Index> places;  // steps at which the mark may be, each below steps - 1

  // Anywhere in a text of so many steps.
  static Marked anywhere(Index steps) { return {steps, range(0, steps - 2)}; }
  static std::vector<Index> range(Index first, Index last);  // with both ends

  Batch operator()(Index sequences, unroll::Generator& random) const;
  // Batches of so many sequences: new ones, or drawn from `count` examples made with `seed`.
  Task fresh(Index sequences) const;
  Task examples(Index sequences, Index count, std::uint64_t seed) const;
};

}  // namespace lab
