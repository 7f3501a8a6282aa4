#include "examples/common/predictions.h"

#include "examples/common/terminal.h"

#include <unroll/autograd/tensor_forms.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>
#include <unroll/tensor/math.h>

#include <algorithm>
#include <numeric>

namespace program {

using unroll::Index;

std::vector<std::vector<Index>> batches_by_length(const std::vector<Index>& lengths,
                                                  const BatchLimits& limits) {
  std::vector<Index> order(lengths.size());
  std::iota(order.begin(), order.end(), Index{0});
  const auto length = [&](Index i) { return lengths[static_cast<std::size_t>(i)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return length(a) < length(b); });
  std::vector<std::vector<Index>> out;
  Index rows = 0;
  for (const Index i : order) {
    const bool full = out.empty() || static_cast<Index>(out.back().size()) >= limits.examples ||
                      rows + length(i) > limits.rows;
    if (full) out.emplace_back(), rows = 0;
    out.back().push_back(i);
    rows += length(i);
  }
  return out;
}

Probabilities probabilities_of(const unroll::Tensor& logits) {
  const unroll::Tensor p = unroll::softmax(logits, 1);
  unroll::check_io(unroll::all_finite(p),
                   "probabilities that are finite were required of the model: got others");
  Probabilities out(static_cast<std::size_t>(p.size(0)));
  for (std::size_t i = 0; i < out.size(); ++i)
    for (Index c = 0; c < p.size(1); ++c) out[i].push_back(p.at({static_cast<Index>(i), c}));
  return out;
}

Index best_of(const std::vector<double>& scores) {
  return std::max_element(scores.begin(), scores.end()) - scores.begin();
}

PredictionFile::PredictionFile(const Options& options, const std::vector<std::string>& columns)
    : options_(options), columns_(columns.size()) {
  row(columns);
}

void PredictionFile::row(const std::vector<std::string>& cells) {
  unroll::check(cells.size() == columns_, "PredictionFile: a row of {} cells was required: got {}",
                columns_, cells.size());
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += (i > 0 ? "," : "") + csv_cell(cells[i]);
  line += "\n";
  if (options_.out.empty())
    print(line);
  else
    text_ += line;
}

void PredictionFile::end(const std::string& note) {
  if (interrupted()) return;
  if (options_.out.empty()) {
    std::fputs((note + ".\n").c_str(), stderr);
  } else {
    unroll::write_file(options_.out, text_);
    say("{}: {}.\n", options_.out, note);
  }
}

}  // namespace program
