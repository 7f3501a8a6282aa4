// Log-likelihoods of the classes by counting: k-mers anywhere, or bases at each position.
//
// A sequence that is part of the counts would get a higher likelihood than a new one. If its class
// is given, its own counts are subtracted first (leave-one-out).
//
// C classes, L bases.
#pragma once

#include "examples/dna_sequence/calibration.h"

#include <unroll/tensor/tensor.h>

namespace dna {

inline constexpr Index kNew = -1;  // the class of a sequence that was not counted

// Overlapping k-mers at any position: naive Bayes, the product of P(k-mer | class), or a Markov
// chain of order k - 1, the product of P(base | the k - 1 bases before it, class).
class Kmers {
 public:
  struct Options {
    Index k = 4;
    bool chain = false;
    double prior = 1;           // added to each count
    bool both_strands = false;  // count each sequence's reverse complement as well
  };
  Kmers(Index classes, const Options& options);
  Kmers(const unroll::Tensor& counts, const Options& options);  // as returned by counts()

  void learn(const Examples& e, const std::vector<Index>& which);
  // The sum of log P over the k-mers without an ambiguous base, for each class, [C]. `own`: the
  // class under which this sequence was counted, or kNew.
  std::vector<double> log_likelihoods(const Bases& sequence, Index own) const;

  const Options& options() const { return o_; }
  unroll::Tensor counts() const;  // [4^k, C]

 private:
  void finish();  // sums and logarithms from the counts
  Index classes_, words_;
  Options o_;
  std::vector<float> counts_, logs_;  // [4^k, C]
  std::vector<double> totals_;        // [C]
};

// The k and the kind of prior with the lowest mean leave-one-out log loss. The work is bounded: of
// many or long sequences, only some are used.
Kmers best_kmers(const Examples& e, const std::vector<Index>& which, bool chain, bool both_strands);

// One distribution of bases per position: for sequences of equal length.
class Positions {
 public:
  Positions(Index classes, Index length);
  explicit Positions(const unroll::Tensor& counts);
  void learn(const Examples& e, const std::vector<Index>& which);
  std::vector<double> log_likelihoods(const Bases& sequence, Index own) const;
  unroll::Tensor counts() const;  // [L, 5, C]
  Index length() const { return length_; }

 private:
  Index classes_, length_;
  std::vector<double> counts_, members_;
};

// The calibration of words on the sequences that they were counted in, each left out in turn.
Calibration calibrate(const Kmers& kmers, const Examples& e, const std::vector<Index>& which);

}  // namespace dna
