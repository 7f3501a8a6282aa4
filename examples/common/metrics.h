// Metrics of classification: accuracy, confusion matrix, F1, MCC, AUC, and a significance test for
// the difference of two models.
//
// n examples, C classes; classes are ids in [0, C).
#pragma once

#include <unroll/tensor/types.h>

#include <map>
#include <utility>
#include <vector>

namespace program {

using unroll::Index;

// Counts of (true class, predicted class). Only pairs that occur are stored, so many classes are
// cheap.
class Confusion {
 public:
  explicit Confusion(Index classes)
      : classes_(classes), truth_(size(classes)), predicted_(truth_) {}
  void add(Index truth, Index predicted);
  Confusion& operator+=(const Confusion& other);  // must have the same classes

  Index all() const { return all_; }  // n
  Index count(Index truth, Index predicted) const;
  double accuracy() const;        // share of correct predictions
  double standard_error() const;  // of the accuracy: sqrt(p (1 - p) / n)
  double recall(Index c) const;   // sensitivity: share of the examples of class c predicted as c
  double specificity(Index c) const;  // share of the examples of other classes not predicted as c
  double precision(Index c) const;    // share of the predictions c that are correct
  // The mean over the classes that occur of F1 = 2 precision recall / (precision + recall). A class
  // that is never predicted has F1 0.
  double macro_f1() const;
  // Matthews correlation coefficient for any number of classes (Gorodkin 2004); 0 if all
  // predictions, or all examples, are of one class.
  double mcc() const;

 private:
  static std::size_t size(Index classes) { return static_cast<std::size_t>(classes); }
  Index classes_, all_ = 0, right_ = 0;
  std::vector<Index> truth_, predicted_;  // [C] counts
  std::map<std::pair<Index, Index>, Index> counts_;
};

// Area under the ROC curve: the probability that a positive example has a higher score than a
// negative one, where ties count half (Mann and Whitney 1947). NaN unless there is one of each.
double auc(const std::vector<double>& scores, const std::vector<bool>& positive);

// The rule by which all programs call one model better than another, and its name in their output:
// the difference is larger than its paired standard error.
inline bool wins(double difference, double standard_error) { return difference > standard_error; }
inline constexpr const char* kWins = "by more than the paired standard error";

// A comparison of two models on the same examples.
struct Comparison {
  Index only_first = 0, only_second = 0;  // correct for this model only
  double difference = 0;                  // accuracy of the first model minus that of the second
  double standard_error = 0;              // of the difference, paired
  // McNemar's exact test: probability of a split at least as uneven if both were equally good.
  double p_value = 1;
};
// first[i] and second[i]: whether the model's prediction for example i is correct. Throws
// std::invalid_argument if the lengths differ.
Comparison compare(const std::vector<bool>& first, const std::vector<bool>& second);

}  // namespace program
