#include "examples/lab/common/marked.h"

#include "examples/lab/common/sentences.h"

#include <unroll/tensor/error.h>

#include <algorithm>

namespace lab {

std::vector<Index> Marked::range(Index first, Index last) {
  std::vector<Index> out;
  for (Index t = first; t <= last; ++t) out.push_back(t);
  return out;
}

Batch Marked::operator()(Index sequences, unroll::Generator& random) const {
  unroll::check(!places.empty() && std::all_of(places.begin(), places.end(),
                                               [&](Index t) { return t >= 0 && t < steps - 1; }),
                "marked: places from 0 to {} were required: got others, or none", steps - 2);
  std::vector<std::vector<Index>> texts;
  std::vector<Index> answers;
  for (Index b = 0; b < sequences; ++b) {
    std::vector<Index> text;
    for (Index t = 0; t < steps; ++t) text.push_back(random.below(kSymbols));
    const auto mark = static_cast<std::size_t>(
        places[static_cast<std::size_t>(random.below(std::ssize(places)))]);
    text[mark] = kSymbols;
    answers.push_back(text[mark + 1]);
    texts.push_back(std::move(text));
  }
  return classified(texts, answers);
}

Task Marked::fresh(Index sequences) const {
  return [of = *this, sequences](unroll::Generator& random) { return of(sequences, random); };
}

Task Marked::examples(Index sequences, Index count, std::uint64_t seed) const {
  unroll::Generator random(seed);
  std::vector<Batch> all;
  for (Index i = 0; i < count; ++i) all.push_back((*this)(1, random));
  return [all, sequences](unroll::Generator& draw) {
    std::vector<std::vector<Index>> texts;
    std::vector<Index> answers;
    for (Index b = 0; b < sequences; ++b) {
      const Batch& one = all[static_cast<std::size_t>(draw.below(std::ssize(all)))];
      texts.emplace_back(one.ids.ids.begin(), one.ids.ids.end());
      answers.push_back(one.targets[0]);
    }
    return classified(texts, answers);
  };
}

}  // namespace lab
