// The two models of dna_sequence, and what they share: bases in, class scores out.
#pragma once

#include <unroll/unroll.h>

#include <algorithm>

namespace dna {

using unroll::Index;
using unroll::Tensor;
using unroll::Var;
namespace nn = unroll::nn;

using Bases = std::vector<Index>;

inline constexpr Index kPlaces =
    64;  // positions that have an embedding of their own; further ones share the last

// Each base with its distance from the middle, where the junction is.
class Letters {
 public:
  Letters(Index dim)
      : base({.vocab = unroll::data::kBases, .dim = dim}), place({.vocab = kPlaces, .dim = dim}) {
    place.weight.set_value(unroll::nn::normal({kPlaces, dim}, 0, 0.3));
  }
  nn::Sequence operator()(const nn::Tokens& bases, const nn::Tokens& places) const {
    return {base(bases.ids) + place(places.ids), bases.layout};
  }
  nn::Embedding base, place;
  UNROLL_FIELDS(base, place)
};

// Some sequences read from `begin(s)` on: bases, and how far each is from the middle.
template <class F>
std::pair<nn::Tokens, nn::Tokens> tokens_of(const std::vector<Bases>& sequences, F&& take) {
  std::vector<Bases> bases, places;
  for (const Bases& s : sequences) {
    auto [b, p] = take(s);
    bases.push_back(std::move(b));
    places.push_back(std::move(p));
  }
  return {nn::Tokens::from(bases), nn::Tokens::from(places)};
}

// Two readers that run towards the junction, one from each end, and meet in the middle.
struct Junction {
  Letters letters;
  nn::GRU left, right;
  nn::Dropout dropout;
  nn::Linear head;

  Junction(Index classes, Index hidden)
      : letters(16),
        left({.in = 16, .hidden = hidden}),
        right({.in = 16, .hidden = hidden}),
        dropout({.p = 0.5}),
        head({.in = 2 * hidden, .out = classes}) {}
  UNROLL_FIELDS(letters, left, right, head)

  Var operator()(const std::vector<Bases>& sequences) const {
    const auto [lb, lp] = tokens_of(sequences, [](const Bases& s) { return half(s, false); });
    const auto [rb, rp] = tokens_of(sequences, [](const Bases& s) { return half(s, true); });
    const Var a = left(dropout(letters(lb, lp))).last(), b = right(dropout(letters(rb, rp))).last();
    return head(dropout(unroll::concat(std::vector<Var>{a, b}, 1)));
  }

 private:
  // The left half forwards, or the right half backwards: either ends at the middle.
  static std::pair<Bases, Bases> half(const Bases& s, bool right_half) {
    const Index n = static_cast<Index>(s.size()), middle = std::max<Index>(1, n / 2);
    std::pair<Bases, Bases> out;
    for (Index i = 0; i < (right_half ? std::max<Index>(1, n - middle) : middle); ++i) {
      out.first.push_back(s[right_half ? n - 1 - i : i]);
      const Index length = right_half ? std::max<Index>(1, n - middle) : middle;
      out.second.push_back(std::min(kPlaces - 1, length - 1 - i));
    }
    return out;
  }
};

// A bidirectional GRU whose outputs at all positions are averaged by attention, for one learned
// question.
struct Attentive {
  Letters letters;
  nn::GRU gru;
  nn::AdditiveAttention attention;
  unroll::Param question;
  nn::Dropout dropout;
  nn::Linear head;

  Attentive(Index classes, Index hidden)
      : letters(16),
        gru({.in = 16, .hidden = hidden, .bidirectional = true}),
        attention({.query = hidden, .key = 2 * hidden, .hidden = hidden}),
        question(unroll::nn::normal({1, hidden}, 0, 1)),
        dropout({.p = 0.3}),
        head({.in = 2 * hidden, .out = classes}) {}
  UNROLL_FIELDS(letters, gru, attention, question, head)

  Var operator()(const std::vector<Bases>& sequences) const {
    return head(dropout(attended(sequences).first.out));
  }

  // With the weights [N] and the layout they stand in.
  std::pair<nn::Attended, unroll::SequenceLayout> attended(
      const std::vector<Bases>& sequences) const {
    // No position is given: this model has to find the junction by its letters.
    const nn::Tokens bases = nn::Tokens::from(sequences);
    const nn::Sequence x(letters.base(bases.ids), bases.layout);
    const nn::Sequence read = gru(x);
    const Var query =
        unroll::expand(question, {static_cast<Index>(sequences.size()), question.shape()[1]});
    return {attention(query, read), bases.layout};
  }
};

}  // namespace dna
