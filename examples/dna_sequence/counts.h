// Log-likelihoods of the classes by counting: k-mers anywhere, or bases at each position.
//
// A sequence that was itself counted would find itself again, and look surer than a new one does.
// Asked with its class, its own share of the counts is left out first ("leave one out").
//
// C classes, L bases.
#pragma once

#include "examples/dna_sequence/calibration.h"

#include <unroll/tensor/tensor.h>

namespace dna {

inline constexpr Index kNew = -1;  // the class of a sequence that was not counted

// Words of k bases, overlapping, wherever they stand: naive Bayes, which multiplies P(word |
// class), or a Markov chain of order k - 1, which multiplies P(base | the k - 1 before it, class).
class Kmers {
 public:
  struct Options {
    Index k = 4;
    bool chain = false;
    double prior = 1;           // each count begins at this
    bool both_strands = false;  // count each sequence's reverse complement as well
  };
  Kmers(Index classes, const Options& options);
  Kmers(const unroll::Tensor& counts, const Options& options);  // as counts() had them

  void learn(const Examples& e, const std::vector<Index>& which);
  // The sum over the words of log P, for each class, [C]; words with an ambiguous base are left
  // out. `own`: the class under which this sequence was counted, or kNew.
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

// The k and the kind of prior with which leave-one-out tells the classes of some sequences apart
// best, by mean log loss. The work is bounded: of many or long sequences a part is looked at.
Kmers best_kmers(const Examples& e, const std::vector<Index>& which, bool chain, bool both_strands);

// The base at each position, each for itself: for sequences of one length.
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
