// The model for sequences of any length: motifs, a GRU over them, and k-mer counts.
//
//   motif   a convolution: each window of 15 bases with 64 learned filters, then the maximum over
//           `pool` neighbouring windows
//   gru     reads the result in both directions, `pool` bases per step
//   head    logits from the GRU's last states and from the mean over its steps
//   counts  log-likelihoods of the classes by k-mer counts (counts.h), each with a gain
//
//   logits = head(gru(motif(x))) + gain * counts,   head = 0 before training
//
// It starts as the k-mer counts, which are hard to beat on long sequences with few examples, and
// learns to correct them. Time and memory are bounded: `pool` grows with the length of the
// sequences, and only a part of a very long one is read (its k-mers are counted everywhere).
//
// B sequences, S steps in all sequences, W bases in a window, F patterns, H hidden, C classes.
#pragma once

#include "examples/dna_sequence/counts.h"
#include "examples/dna_sequence/models.h"

#include <optional>

namespace dna {

class Motifs {
 public:
  struct Options {
    Index classes = 0;
    Index pool = 4;        // windows per step
    bool aligned = false;  // sequences of equal length, in which positions matter
  };
  static constexpr Index kWindow = 15, kPatterns = 64, kHidden = 48, kMaxSteps = 128,
                         kMaxBases = 8192, kMaxParts = 8;

  Motifs(const Options& options, const Kmers& kmers, const std::optional<Positions>& positions);

  // Starts as the k-mer counts alone, with the sharpness that leave-one-out found best.
  void start_from(const Calibration& words);

  // `counted`: the classes under which these sequences were counted, if they were.
  Var operator()(const std::vector<Bases>& sequences, const std::vector<Index>& counted = {}) const;

  static Index pool_for(Index longest);  // for sequences of up to `longest` bases
  // The bases read of a sequence in a prediction, and in an epoch of training.
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
  // The part of each sequence that is read: all of it, or up to kMaxBases.
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
