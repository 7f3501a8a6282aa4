#include "examples/lab/common/tasks.h"

#include <unroll/tensor/error.h>

#include <algorithm>

namespace lab {
namespace {

// One list of ids per sequence; the steps from `first` on are scored, with as many targets.
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

// Random bits; the steps from `first` on are scored.
Batch parities(const std::vector<Index>& lengths, Index first, unroll::Generator& random) {
  std::vector<std::vector<Index>> ids, targets;
  for (const Index length : lengths) {
    std::vector<Index> text, wanted;
    Index sum = 0;
    for (Index t = 0; t < length; ++t) {
      text.push_back(random.below(2)), sum = (sum + text.back()) % 2;
      if (t >= first) wanted.push_back(sum);
    }
    ids.push_back(std::move(text)), targets.push_back(std::move(wanted));
  }
  return batch_of(ids, first, targets);
}

// Copying from the places that `places` gives, among `steps` ids.
Batch copy_from(Index sequences, Index steps, Index length, Index symbols,
                unroll::Generator& random, const std::function<std::vector<Index>()>& places) {
  unroll::check(length >= 1 && length <= steps,
                "selective_copy, spread_copy: a length of at least 1, and at least as many steps, "
                "were required: got {} and {}",
                length, steps);
  const Index blank = symbols, ask = symbols + 1;
  std::vector<std::vector<Index>> ids, targets;
  for (Index b = 0; b < sequences; ++b) {
    std::vector<Index> text(static_cast<std::size_t>(steps), blank), wanted;
    for (const Index t : places()) {
      wanted.push_back(random.below(symbols));
      text[static_cast<std::size_t>(t)] = wanted.back();
    }
    text.insert(text.end(), static_cast<std::size_t>(length), ask);
    ids.push_back(std::move(text)), targets.push_back(std::move(wanted));
  }
  return batch_of(ids, steps, targets);
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

Batch parity(Index sequences, Index steps, Index first, unroll::Generator& random) {
  unroll::check(first >= 0 && first < steps,
                "parity: a first scored step below the number of steps was required: got {} of {}",
                first, steps);
  return parities(std::vector<Index>(static_cast<std::size_t>(sequences), steps), first, random);
}

Batch parity_of_lengths(Index sequences, Index longest, unroll::Generator& random) {
  std::vector<Index> lengths;
  for (Index b = 0; b < sequences; ++b) lengths.push_back(1 + random.below(longest));
  return parities(lengths, 0, random);
}

Batch selective_copy(Index sequences, Index steps, Index length, Index symbols,
                     unroll::Generator& random) {
  return copy_from(sequences, steps, length, symbols, random, [&] {
    std::vector<Index> at = random.permutation(steps);
    at.resize(static_cast<std::size_t>(length));
    std::sort(at.begin(), at.end());
    return at;
  });
}

Batch spread_copy(Index sequences, Index steps, Index length, Index symbols,
                  unroll::Generator& random) {
  return copy_from(sequences, steps, length, symbols, random, [&] {
    std::vector<Index> at;
    for (Index i = 0; i < length; ++i) at.push_back(i * steps / length);
    return at;
  });
}

Batch induction(Index sequences, Index steps, Index symbols, unroll::Generator& random) {
  unroll::check(steps >= 2, "induction: at least 2 steps were required: got {}", steps);
  const Index special = symbols;
  std::vector<std::vector<Index>> ids, targets;
  for (Index b = 0; b < sequences; ++b) {
    std::vector<Index> text;
    for (Index t = 0; t < steps; ++t) text.push_back(random.below(symbols));
    const auto at = static_cast<std::size_t>(random.below(steps - 1));
    text[at] = special;
    targets.push_back({text[at + 1]});
    text.push_back(special);
    ids.push_back(std::move(text));
  }
  return batch_of(ids, steps, targets);
}

}  // namespace lab
