// The tables that dna_sequence prints.
#pragma once

#include "examples/common/metrics.h"
#include "examples/common/program.h"
#include "examples/dna_sequence/predict.h"

namespace dna {

// The predictions of one model for the tested sequences: the same sequences, in the same order, for
// all models.
class Line {
 public:
  Line(std::string model, std::string about, bool is_network, Index classes)
      : name(std::move(model)), remark(std::move(about)), network(is_network), confusion(classes) {}
  void add(const Examples& e, const std::vector<Index>& which, const Probabilities& p);
  void append(const Line& other);  // of another fold

  std::string name, remark;
  bool network;
  double middle_loss = 0;  // of a network: on the validation part, summed over the folds
  program::Confusion confusion;
  std::vector<bool> right;     // of each sequence
  std::vector<bool> positive;  // with two classes: whether it is of the positive one
  std::vector<double> scores;  // and the predicted probability of that class
};

// An empty line of a model, a baseline or a network, with a remark that says what it is.
Line line_of(const std::string& name, const Examples& e, bool network);

// The mean of -log P(class) over these examples, given their probabilities; 0 of none.
double log_loss(const Examples& e, const std::vector<Index>& which, const Probabilities& p);

// Of two classes the one that is found or not: the one called +, 1, yes, true, pos or positive,
// else the first.
Index positive_class(const std::vector<std::string>& classes);

void print_scores(const Examples& e, const std::vector<Line>& lines, program::Report& report);
// One sentence: whether the network that is best on the validation part beats the best baseline.
void print_verdict(const std::vector<Line>& lines, program::Report& report);
// The confusion matrix of each model; not printed for many classes.
void print_confusions(const Examples& e, const std::vector<Line>& lines, program::Report& report);

}  // namespace dna
