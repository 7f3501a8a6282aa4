// --predict: predictions for inputs without labels, in batches of bounded size, as CSV.
#pragma once

#include "examples/common/program.h"

#include <unroll/tensor/tensor.h>

#include <iterator>
#include <vector>

namespace program {

using Probabilities = std::vector<std::vector<double>>;  // one row for each example, [C]

struct BatchLimits {
  unroll::Index examples = 256;
  unroll::Index rows = 1 << 16;  // in all; a longer example is a batch by itself
  bool stops = false;            // after Ctrl-C: throws Interrupted between batches
};
// The examples 0 .. lengths.size() - 1 in batches of similar lengths. This bounds memory: batches
// of longer examples have fewer of them.
std::vector<std::vector<unroll::Index>> batches_by_length(const std::vector<unroll::Index>& lengths,
                                                          const BatchLimits& limits = {});

// Calls predict(batch) for each batch of example indices, which returns one result per example, and
// returns the results of all examples in their order.
template <class Predict>
auto in_batches(const std::vector<unroll::Index>& lengths, Predict&& predict,
                const BatchLimits& limits = {}) {
  using Results = decltype(predict(std::vector<unroll::Index>()));
  Results out(lengths.size());
  for (const std::vector<unroll::Index>& batch : batches_by_length(lengths, limits)) {
    if (limits.stops) stop_if_interrupted();
    Results results = predict(batch);
    for (std::size_t i = 0; i < batch.size(); ++i)
      out[static_cast<std::size_t>(batch[i])] = std::move(results[i]);
  }
  return out;
}

// The rows of softmax(logits [B, C]). Throws std::runtime_error unless all are finite.
Probabilities probabilities_of(const unroll::Tensor& logits);

// The index of the largest value, the first of equal ones.
unroll::Index best_of(const std::vector<double>& scores);

// The file of --out, or standard output: CSV with a line of column names. Rows reach standard
// output as they come; a file is written as a whole by end(), or not at all.
class PredictionFile {
 public:
  PredictionFile(const Options& options, const std::vector<std::string>& columns);
  // Texts are quoted where necessary. Throws unless there are as many cells as columns.
  void row(const std::vector<std::string>& cells);
  // Writes the file and prints its name and `note`, such as "12 words by gru" (on standard error if
  // the rows are on standard output). After Ctrl-C no file is written.
  void end(const std::string& note);

 private:
  const Options& options_;
  std::size_t columns_;
  std::string text_;
};

}  // namespace program
