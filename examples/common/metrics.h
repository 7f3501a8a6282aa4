// How well classes are told apart: accuracy, confusion matrix, F1, MCC, AUC, and whether the
// difference of two models may be chance.
//
// n examples, C classes; classes are ids in [0, C).
#pragma once

#include <unroll/tensor/types.h>

#include <map>
#include <utility>
#include <vector>

namespace program {

using unroll::Index;

// How often each class was predicted as each. Only pairs that occur are stored, so that many
// classes cost nothing.
class Confusion {
 public:
  explicit Confusion(Index classes)
      : classes_(classes), truth_(size(classes)), predicted_(truth_) {}
  void add(Index truth, Index predicted);
  Confusion& operator+=(const Confusion& other);  // of the same classes

  Index all() const { return all_; }  // n
  Index count(Index truth, Index predicted) const;
  double accuracy() const;            // the share of right predictions
  double standard_error() const;      // of the accuracy: sqrt(p (1 - p) / n)
  double recall(Index c) const;       // the share of class c that was found: its sensitivity
  double specificity(Index c) const;  // the share of the other classes that was not taken for c
  double precision(Index c) const;    // the share of the predictions c that was right
  // The mean of the classes' F1 = 2 precision recall / (precision + recall), over those classes
  // that occur; a class that is never predicted counts as 0.
  double macro_f1() const;
  // Matthews' correlation coefficient, for any number of classes (Gorodkin 2004); 0 where all
  // predictions, or all examples, are of one class.
  double mcc() const;

 private:
  static std::size_t size(Index classes) { return static_cast<std::size_t>(classes); }
  Index classes_, all_ = 0, right_ = 0;
  std::vector<Index> truth_, predicted_;  // [C] how often each
  std::map<std::pair<Index, Index>, Index> counts_;
};

// The area under the ROC curve: the probability that a positive example has a larger score than a
// negative one, ties counting half (Mann and Whitney 1947). NaN without one of each.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive);

// Two models on the same examples.
struct Comparison {
  Index only_first = 0, only_second = 0;  // examples that only this model has right
  double difference = 0;                  // accuracy of the first minus that of the second
  double standard_error = 0;              // of the difference, paired
  // McNemar's exact test: the probability of a split at least as uneven if both were equally good.
  double p_value = 1;
};
// right[i]: was example i predicted right? Throws std::invalid_argument where the lengths differ.
Comparison compare(const std::vector<bool>& first, const std::vector<bool>& second);

}  // namespace program
