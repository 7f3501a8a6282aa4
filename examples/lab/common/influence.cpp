#include "examples/lab/common/influence.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace lab {
namespace {

// Adds the squared norm of the rows at each distance from the last step: gradient [N, D].
void add_squares(const Var& gradient, const unroll::SequenceLayout& layout, Numbers& sums) {
  const Var padded = nn::Sequence(gradient, layout).padded();                   // [B, T, D]
  const auto steps = sum(padded * padded, {0, 2}).value().to_vector<double>();  // [T]
  for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += steps[steps.size() - 1 - d];
}

void mean_root(Numbers& sums, Index count) {
  for (double& sum : sums) sum = std::sqrt(sum / static_cast<double>(count));
}

}  // namespace

Influence influence(const Network& network, const Batch& batch, Index projections,
                    unroll::Generator& random) {
  unroll::Tape tape;
  const bool numbers = batch.values.rows.defined();
  const nn::Sequence given = numbers ? batch.values : nn::Sequence((*network.embed)(batch.ids));
  const nn::Sequence x(tape.watch(given.rows.value()), given.layout);
  const Index sequences = x.size(), steps = x.layout.rows() / sequences;
  const nn::Sequence read = network.reader(x).sequence;
  const Var last = read.last();  // [B, H]
  Influence out{Numbers(static_cast<std::size_t>(steps)), Numbers(static_cast<std::size_t>(steps))};
  for (Index i = 0; i < projections; ++i)
    add_squares(grad(last, {x.rows}, {.retain = true, .seed = random.normal(last.shape())})[0],
                x.layout, out.output);
  mean_root(out.output, sequences * projections);
  // The loss is the mean over the sequences: times their number it is the sum of the losses.
  const Var sum = loss(index_select(network.head(read.rows), 0, batch.scored), batch) *
                  static_cast<double>(sequences);
  add_squares(grad(sum, {x.rows})[0], x.layout, out.loss);
  mean_root(out.loss, sequences);
  return out;
}

double half_life(const Numbers& norms) {
  unroll::check(norms.size() >= 3, "half_life: norms at 3 distances were required: got {}",
                norms.size());
  const double half = norms[1] / 2;
  std::size_t d = norms.size();  // the first distance from which on it stays below
  while (d > 2 && norms[d - 1] < half) --d;
  if (d == norms.size()) return static_cast<double>(d - 2);
  const double above = norms[d - 1];
  const double part = norms[d] > 0 ? std::log(above / half) / std::log(above / norms[d]) : 1;
  return static_cast<double>(d - 2) + part;
}

Chart decay_chart(const std::string& title, const std::vector<Decay>& decays) {
  Chart out{title,
            {.label = "distance from the last step"},
            {.label = "norm, at distance 1 it is 1", .low = 1e-8, .logarithmic = true},
            {},
            {}};
  const std::size_t steps = decays.at(0).norms.at(0).size();
  for (const std::size_t d : {0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 38, 48, 64, 96, 128, 198})
    if (d < steps) out.at.push_back(static_cast<double>(d));
  for (const Decay& decay : decays) {
    Series line{decay.name, {}};
    for (const double d : out.at) {
      double sum = 0;  // of logarithms; below 1e-20 a square may have been flushed to zero
      for (const Numbers& norms : decay.norms)
        sum += std::log(std::max(norms[static_cast<std::size_t>(d)] / norms[1], 1e-20));
      line.values.push_back(std::exp(sum / static_cast<double>(decay.norms.size())));
    }
    out.series.push_back(std::move(line));
  }
  out.series.push_back({"halves each step", {}});
  for (const double d : out.at) out.series.back().values.push_back(std::exp2(1 - d));
  return out;
}

}  // namespace lab
