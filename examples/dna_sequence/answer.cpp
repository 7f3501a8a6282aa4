#include "examples/dna_sequence/answer.h"

#include "examples/common/predictions.h"
#include "examples/dna_sequence/read.h"
#include "examples/dna_sequence/store.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>

namespace dna {

void answer(const Choice& choice, const program::Options& o) {
  const Trained model = load(o.load);
  unroll::check_io(choice.model.empty() || choice.model == model.name,
                   "{}: a model with model \"{}\" was required: got \"{}\"", o.load, choice.model,
                   model.name);
  const Examples e = read_unlabelled(o.predict, choice.columns);
  unroll::check_io(e.size() > 0, "{}: at least one sequence was required: got none", o.predict);
  std::vector<std::string> columns{"name", "class"};
  columns.insert(columns.end(), model.classes.begin(), model.classes.end());
  program::PredictionFile file(o, columns);
  Index seen = 0;
  constexpr Index kAtOnce = 4096;  // so that the first lines come soon
  for (Index begin = 0; begin < e.size() && !program::interrupted(); begin += kAtOnce) {
    std::vector<Index> which;
    for (Index i = begin; i < std::min(begin + kAtOnce, e.size()); ++i) which.push_back(i);
    const program::Probabilities p = model.ask(e.sequences, which, choice.both_strands ? 2 : 1);
    if (program::interrupted()) break;
    for (std::size_t j = 0; j < which.size(); ++j) {
      const auto i = static_cast<std::size_t>(which[j]);
      seen += model.has_seen(e.sequences[i]);
      std::vector<std::string> cells{
          e.names[i], model.classes[static_cast<std::size_t>(program::best_of(p[j]))]};
      for (const double x : p[j]) cells.push_back(fmt::format("{:.6f}", x));
      file.row(cells);
    }
  }
  std::string note = fmt::format("{} sequences by {}", e.size(), model.name);
  if (e.empty > 0) note += fmt::format("; {} records without a sequence left out", e.empty);
  if (seen > 0) note += fmt::format("; {} of them the model was trained on", seen);
  file.end(note);
}

}  // namespace dna
