// Verses of the King James Bible as sequences of words, with labels that depend on the order of the
// words, or do not.
#pragma once

#include "examples/lab/common/network.h"

namespace lab {

struct VerseOptions {
  Index fewest = 6, most = 15;  // words
  bool held_out = false;        // verses for testing: one in five
};

class Verses {
 public:
  // Reads data/samples/kjv_verses.tsv.gz; `ids` is the size of the vocabulary, whose rarest words
  // are one id.
  explicit Verses(Index ids);
  Index ids() const { return ids_; }
  Index count(const VerseOptions& options) const;

  // Tasks of so many verses a batch, drawn with replacement. The Verses must outlive them.
  //
  // Each verse twice: as it is written (class 1) and with its words in random order (class 0). Both
  // are the same bag of words.
  Task as_written(Index verses, const VerseOptions& options) const;
  // Old (0) or New (1) Testament, as many verses of each on average.
  Task testaments(Index verses, const VerseOptions& options) const;

 private:
  struct Verse {
    std::vector<Index> words;
    bool is_new = false, held_out = false;
  };
  using Chosen = std::vector<const Verse*>;
  Chosen chosen(const VerseOptions& options) const;
  Index ids_ = 0;
  std::vector<Verse> all_;
};

}  // namespace lab
