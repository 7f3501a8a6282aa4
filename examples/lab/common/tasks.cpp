#include "examples/lab/common/tasks.h"

#include <unroll/tensor/error.h>

namespace lab {
namespace {

// ids [B, T]; the steps from `first` on are scored, with targets [B, T - first].
Batch batch_of(const std::vector<std::vector<Index>>& ids, Index first,
               const std::vector<std::vector<Index>>& targets) {
  Batch out;
  out.ids = nn::Tokens::from(ids);
  std::vector<Index> scored, wanted;
  for (std::size_t b = 0; b < ids.size(); ++b)
    for (std::size_t t = 0; t < targets[b].size(); ++t) {
      scored.push_back(out.ids.layout.row(static_cast<Index>(b), first + static_cast<Index>(t)));
      wanted.push_back(targets[b][t]);
    }
  out.scored = scored, out.targets = wanted;
  return out;
}

}  // namespace

Batch adding(Index sequences, Index steps, unroll::Generator& random) {
  unroll::check(steps >= 2, "adding: at least 2 steps were required: got {}", steps);
  unroll::Tensor values = random.uniform({sequences, steps, 1}),
                 marks = unroll::Tensor::zeros({sequences, steps, 1}),
                 sums = unroll::Tensor::zeros({sequences, 1});
  for (Index b = 0; b < sequences; ++b) {
    const Index first = random.below(steps / 2),
                second = steps / 2 + random.below(steps - steps / 2);
    marks.set({b, first, 0}, 1), marks.set({b, second, 0}, 1);
    sums.set({b, 0}, values.at({b, first, 0}) + values.at({b, second, 0}));
  }
  Batch out;
  out.values = nn::Sequence::from(unroll::concat({values, marks}, 2));  // [B, T, 2]
  out.scored = out.values.layout.last_rows();
  out.numbers = sums;
  return out;
}

Batch recall(Index sequences, Index gap, Index symbols, unroll::Generator& random) {
  std::vector<std::vector<Index>> ids, targets;
  for (Index b = 0; b < sequences; ++b) {
    std::vector<Index> text{random.below(symbols)};
    for (Index t = 0; t < gap; ++t) text.push_back(symbols + random.below(kNoise));
    text.push_back(symbols + kNoise);
    targets.push_back({text[0]});
    ids.push_back(std::move(text));
  }
  return batch_of(ids, gap + 1, targets);
}

Batch copy(Index sequences, Index gap, Index length, Index symbols, unroll::Generator& random) {
  const Index blank = symbols, ask = symbols + 1;
  std::vector<std::vector<Index>> ids, targets;
  for (Index b = 0; b < sequences; ++b) {
    std::vector<Index> text;
    for (Index t = 0; t < length; ++t) text.push_back(random.below(symbols));
    targets.push_back(text);
    text.insert(text.end(), static_cast<std::size_t>(gap), blank);
    text.push_back(ask);
    text.insert(text.end(), static_cast<std::size_t>(length - 1), blank);
    ids.push_back(std::move(text));
  }
  return batch_of(ids, length + gap, targets);
}

}  // namespace lab
