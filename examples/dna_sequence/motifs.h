// The model for sequences of any length: motifs, what stands where, and counted words.
//
//   motif   each window of 15 bases against 64 learned patterns, as the filters of a convolution;
//           of `pool` neighbouring windows the best match of each pattern is kept
//   gru     reads the matches in both directions, `pool` bases a step
//   head    logits from what the GRU ended with and from the mean over its steps
//   counts  log-likelihoods of the classes by counted words (counts.h), with a gain each
//
//   logits = head(gru(motif(x))) + gain * counts,   head = 0 before training
//
// It starts as the counted words, which on long sequences with few examples are hard to beat, and
// learns to correct them. Time and memory are bounded: the longer the sequences, the more windows
// share a step; of a very long one, a part is read (the words are counted in all of it).
//
// B sequences, S steps of them all, W bases in a window, F patterns, H hidden, C classes.
#pragma once

#include "examples/dna_sequence/counts.h"
#include "examples/dna_sequence/models.h"

#include <optional>

namespace dna {

class Motifs {
 public:
  struct Options {
    Index classes = 0;
    Index pool = 4;        // windows that share a step
    bool aligned = false;  // position means something: one length
  };
  static constexpr Index kWindow = 15, kPatterns = 64, kHidden = 48, kMostSteps = 128,
                         kMostBases = 8192, kMostParts = 8;

  Motifs(const Options& options, const Kmers& kmers, const std::optional<Positions>& positions);

  // Starts as the counted words alone, as sharp as leave-one-out found best.
  void start_from(const Calibration& words);

  // `counted`: the sequences are those that were counted, under these classes.
  Var operator()(const std::vector<Bases>& sequences, const std::vector<Index>& counted = {}) const;

  static Index pool_for(Index longest);  // of sequences of up to so many bases
  // Of a sequence, when it is asked about, and in an epoch of training.
  Index bases_read(std::size_t length) const;
  Index bases_trained(std::size_t length) const;
  const Options& options() const { return o_; }
  const Kmers& kmers() const { return kmers_; }
  const std::optional<Positions>& positions() const { return positions_; }

  nn::Linear motif;
  nn::Embedding place;
  nn::GRU gru;
  nn::Linear head;
  unroll::Param gain, bias;
  UNROLL_FIELDS(motif, place, gru, head, gain, bias)

 private:
  struct Part {
    Index sequence, begin, length;
  };
  // What is read of each sequence: all of it, or parts of kMostBases.
  std::vector<Part> parts_of(const std::vector<Bases>& sequences, bool training) const;
  Tensor windows(const std::vector<Bases>& sequences, const std::vector<Part>& parts,
                 const unroll::SequenceLayout& layout) const;
  static unroll::IndexTensor places_of(const unroll::SequenceLayout& layout);
  Var by_counts(const std::vector<Bases>& sequences, const std::vector<Index>& counted) const;

  Options o_;
  Kmers kmers_;
  std::optional<Positions> positions_;
  nn::Dropout dropout_matches_, dropout_;
};

}  // namespace dna
