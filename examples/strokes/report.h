// The table of accuracies, and which model is better.
#pragma once

#include "examples/common/report.h"
#include "examples/strokes/task.h"

namespace strokes {

// The difference of two accuracies on the same examples, and its paired standard error, for which
// the examples of a group count as one observation: with d_g the sum of the differences of group g
// of n_g examples and d the mean difference, sqrt(G / (G - 1) sum_g (d_g - n_g d)^2) / n. With
// fewer than five groups each example is one by itself.
struct Difference {
  double mean = 0, standard_error = 0;
};
Difference difference(const std::vector<bool>& first, const std::vector<bool>& second,
                      const std::vector<Index>& groups);

// The results of one task on its test part.
struct Result {
  Reading reading = Reading::strokes;
  std::string model;          // kind
  std::vector<bool> right;    // of the model, per test example
  std::vector<bool> nearest;  // of the nearest neighbour; empty if it was not used
  std::vector<Index> groups;  // of the test examples
  // Whether the model was trained on synthetic drawings, and whether the test part is of them.
  bool trained_on_synthetic = false, synthetic = false;
};
// Whether examples count by group: there are at least five groups, and fewer than examples.
bool counts_groups(const std::vector<Index>& groups);

std::vector<bool> right_of(const std::vector<Index>& predicted, const std::vector<Index>& labels);

// Prints the table and sentences that say which model is better, and reports accuracy.<task>,
// accuracy.nearest_neighbour.<task> and the differences.
void print_results(const std::vector<Result>& results, program::Report& report);

}  // namespace strokes
