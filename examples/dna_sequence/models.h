// The two models, from bases to a logit for each class.
//
// Both consist of embeddings, GRUs and a linear layer. (--reader replaces the GRUs by another
// sequence model.) The attention model must learn from about
// two thousand sequences which positions matter. It learns the GT and AG of the junctions, but also
// responds to a GT elsewhere, overfits, and in ten folds is worse than counting the bases at each
// position. The junction model uses prior knowledge: a junction is always in the middle. Two GRUs
// read towards it, one from each end, so the last bases they read are the important ones.
//
// B sequences, N bases in all sequences, H hidden, C classes.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/dna_sequence/examples.h"

#include <unroll/unroll.h>

#include <algorithm>

namespace dna {

namespace nn = unroll::nn;
using unroll::Tensor;
using unroll::Var;

inline nn::Tokens tokens(const std::vector<Bases>& sequences) {
  std::vector<std::vector<Index>> ids;
  for (const Bases& s : sequences) ids.emplace_back(s.begin(), s.end());
  return nn::Tokens::from(ids);
}

inline constexpr std::size_t kMaxRead = 1000;
// The middle of a sequence, at most `most` bases. Both models read only this, which bounds time and
// memory.
inline Bases middle_of(const Bases& s, std::size_t most) {
  if (s.size() <= most) return s;
  const auto begin = s.begin() + static_cast<std::ptrdiff_t>((s.size() - most) / 2);
  return {begin, begin + static_cast<std::ptrdiff_t>(most)};
}

inline Index bases_of_middle(std::size_t length) {
  return static_cast<Index>(std::min(length, kMaxRead));
}

// Embedding of a base plus embedding of its position.
class Letters {
 public:
  explicit Letters(Index dim)
      : base({.vocab = unroll::data::kBases, .dim = dim}), place({.vocab = kPlaces, .dim = dim}) {
    place.weight.set_value(nn::normal({kPlaces, dim}, 0, 0.3));
  }
  // The sequences, and the position of each base.
  nn::Sequence operator()(const std::vector<Bases>& sequences,
                          const std::vector<std::vector<Index>>& places) const {
    const nn::Tokens bases = tokens(sequences), at = nn::Tokens::from(places);
    return {base(bases.ids) + place(at.ids), bases.layout};
  }
  static Index place_at(Index distance) { return std::min(distance, kPlaces - 1); }

  nn::Embedding base, place;
  UNROLL_FIELDS(base, place)

 private:
  static constexpr Index kPlaces = 64;  // positions further away share the last one
};

// What reads the embedded bases.
struct ReaderOptions {
  std::string kind = "gru";
  Index hidden = 64, feed_forward = 0;  // see program::SequenceOptions
  UNROLL_OPTIONS(kind, hidden, feed_forward)

  program::SequenceOptions of(bool bidirectional) const {
    return {.kind = kind,
            .in = 16,
            .hidden = hidden,
            .bidirectional = bidirectional,
            .feed_forward = feed_forward};
  }
};

struct Junction {
  Letters letters;
  program::SequenceModel left, right;
  nn::Dropout dropout;
  nn::Linear head;

  explicit Junction(Index classes, const ReaderOptions& o = {})
      : letters(16),
        left(o.of(false)),
        right(o.of(false)),
        dropout({.p = 0.5}),
        head({.in = 2 * left.output_size(), .out = classes}),
        reader(o) {}
  ReaderOptions reader;
  UNROLL_FIELDS(letters, left, right, head)
  Index bases_read(std::size_t length) const { return bases_of_middle(length); }
  Index bases_trained(std::size_t length) const { return bases_of_middle(length); }

  Var operator()(const std::vector<Bases>& sequences) const {
    std::vector<Bases> lefts, rights;
    for (const Bases& whole : sequences) {
      const Bases s = middle_of(whole, kMaxRead);
      // A single base is read by both GRUs.
      const auto middle = static_cast<std::ptrdiff_t>(s.size() / 2),
                 begin =
                     std::min<std::ptrdiff_t>(middle, static_cast<std::ptrdiff_t>(s.size()) - 1);
      lefts.emplace_back(s.begin(), s.begin() + std::max<std::ptrdiff_t>(middle, 1));
      rights.emplace_back(s.rbegin(), s.rend() - begin);
    }
    const Var a = read(left, lefts), b = read(right, rights);         // [B, H]
    return head(dropout(unroll::concat(std::vector<Var>{a, b}, 1)));  // [B, C]
  }

 private:
  // The output of a GRU after reading to the middle.
  Var read(const program::SequenceModel& layer, const std::vector<Bases>& halves) const {
    std::vector<std::vector<Index>> distances;
    for (const Bases& half : halves) {
      distances.emplace_back();
      for (std::size_t i = half.size(); i-- > 0;)
        distances.back().push_back(Letters::place_at(static_cast<Index>(i)));
    }
    return layer(dropout(letters(halves, distances))).last();
  }
};

// A bidirectional GRU computes an attention weight for each base; the embeddings of the bases are
// averaged with these weights. (Usually the GRU's outputs are averaged, which makes the weights
// harder to interpret.) Even so, the weights do not explain a prediction: the GRU has read both
// sides, so a high weight may be next to the base that matters. The effect of changing a base is an
// explanation; the picture (picture.h) shows both.
struct Attentive {
  Letters letters;
  program::SequenceModel gru;
  nn::AdditiveAttention attention;
  unroll::Param question;
  nn::Dropout dropout;
  nn::Linear head;

  ReaderOptions reader;
  explicit Attentive(Index classes, const ReaderOptions& o = {})
      : letters(16),
        gru(o.of(true)),
        attention({.query = o.hidden, .key = gru.output_size(), .hidden = o.hidden}),
        question(nn::normal({1, o.hidden}, 0, 1)),
        dropout({.p = 0.3}),
        head({.in = 16, .out = classes}),
        reader(o) {}
  UNROLL_FIELDS(letters, gru, attention, question, head)
  Index bases_read(std::size_t length) const { return bases_of_middle(length); }
  Index bases_trained(std::size_t length) const { return bases_of_middle(length); }

  Var operator()(const std::vector<Bases>& sequences) const {
    return head(dropout(attend(sequences).out));
  }
  // out [B, 16]; weights [N], one for each base read (middle_of), in the order of tokens().
  nn::Attended attend(const std::vector<Bases>& sequences) const {
    std::vector<Bases> middles;
    std::vector<std::vector<Index>> places;
    for (const Bases& s : sequences) {
      middles.push_back(middle_of(s, kMaxRead));
      places.emplace_back();
      for (std::size_t i = 0; i < middles.back().size(); ++i)
        places.back().push_back(Letters::place_at(static_cast<Index>(i)));
    }
    const nn::Tokens bases = tokens(middles);
    const nn::Sequence placed = letters(middles, places);         // [N, 16]
    const nn::Sequence read = gru(letters.base(bases)).sequence;  // [N, 2 H]
    const Var asked =
        unroll::expand(question, {static_cast<Index>(sequences.size()), question.shape()[1]});
    const Var weights = attention(asked, read).weights;
    const Var weighted = placed.rows * reshape(weights, {bases.layout.rows(), 1});
    return {nn::Sequence(weighted, bases.layout).sum(), weights};
  }
};

}  // namespace dna
