// Parity: a bit of state that each one in the input flips, tested on longer strings than trained
// on.
//
// Merrill et al. 2024, "The illusion of state in state-space models"; Grazzi et al. 2024,
// "Unlocking state-tracking in linear RNNs through negative eigenvalues".
#include "examples/common/terminal.h"
#include "examples/lab/common/any_model.h"
#include "examples/lab/common/seeds.h"
#include "examples/lab/common/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace {

using lab::Experiment;
using lab::Index;
using lab::Numbers;

constexpr Index kParameters = 5000, kBatch = 32, kLongestTrained = 40;
constexpr double kLearned = 0.95;
const char* const kSigned = "signed-scan";
const std::vector<Index> kLengths{5, 10, 20, kLongestTrained, 80, 160, 320};

// One trained model: its accuracy in the last step of strings of each length.
struct Result {
  Numbers accuracies = {};
  Index parameters = 0;
  double at(Index length) const {
    return accuracies[static_cast<std::size_t>(std::find(kLengths.begin(), kLengths.end(), length) -
                                               kLengths.begin())];
  }
};

Result result_of(const Experiment& e, const std::string& kind, std::uint64_t seed) {
  const lab::AnyModel model = lab::any_model({.kind = kind,
                                              .ids = lab::kBits,
                                              .outputs = lab::kBits,
                                              .parameters = kParameters,
                                              .seed = seed});
  lab::learn(
      model.parameters, model.outputs,
      [](unroll::Generator& g) { return lab::parity_of_lengths(kBatch, kLongestTrained, g); },
      {.steps = e.choose<Index>(1000, 2000, 10000),
       .rate = 5e-3,
       .seed = seed,
       .label = fmt::format("parity {}, seed {}", kind, seed)});
  Result out{.parameters = model.size};
  for (const Index length : kLengths)
    out.accuracies.push_back(lab::accuracy(
        model.outputs,
        [length](unroll::Generator& g) { return lab::parity(100, length, length - 1, g); },
        e.choose<Index>(4, 10, 20), seed + 1000));
  return out;
}

std::vector<double> at(const std::vector<Result>& results, Index length) {
  std::vector<double> out;
  for (const Result& result : results) out.push_back(result.at(length));
  return out;
}

void conclude(Experiment& e, const std::vector<std::string>& kinds,
              const std::vector<std::vector<Result>>& results) {
  const auto learned = [](double accuracy) { return accuracy >= kLearned; };
  const std::set<std::string> claimed{"rnn", "lstm"}, denied{"mingru", "mamba", "transformer"};
  std::vector<std::string> all, some, trained_only, not_even, against;
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const std::vector<double> far = at(results[k], kLengths.back()),
                              near = at(results[k], kLongestTrained);
    const bool every = std::all_of(far.begin(), far.end(), learned),
               any = std::any_of(far.begin(), far.end(), learned),
               trained = std::all_of(near.begin(), near.end(), learned);
    (every ? all : any ? some : trained ? trained_only : not_even).push_back(kinds[k]);
    if ((claimed.count(kinds[k]) > 0 && !every) || (denied.count(kinds[k]) > 0 && any))
      against.push_back(kinds[k]);
  }
  e.conclude(fmt::format(
      "Trained on strings of up to {} bits, these models are right on at least {:.0f} % of the "
      "strings of {} bits with every seed: {}. With some seeds only: {}. On strings of {} bits "
      "only: {}. Not even on these with every seed: {}. Guessing is right on 50 %.",
      kLongestTrained, 100 * kLearned, kLengths.back(), lab::listed(all), lab::listed(some),
      kLongestTrained, lab::listed(trained_only), lab::listed(not_even)));
  e.conclude(against.empty() ? "The claim holds in this measurement."
                             : fmt::format("The claim does not hold for {} in this measurement.",
                                           lab::listed(against)));
}

// Whether minGRU fails because its factors cannot be negative.
void conclude_sign(Experiment& e, const std::vector<Result>& min_gru,
                   const std::vector<Result>& signed_scan) {
  const auto mean = [](const std::vector<Result>& of, Index length) {
    return program::mean_and_std(at(of, length)).mean;
  };
  const double near = mean(signed_scan, kLongestTrained), far = mean(signed_scan, kLengths.back());
  const bool positive = mean(min_gru, kLongestTrained) >= kLearned;
  e.conclude(fmt::format(
      "The signed scan, a minGRU whose factors lie in (-1, 1) instead of (0, 1), is right on "
      "{:.0f} % of the strings of {} bits and {:.0f} % of those of {} bits; the minGRU on {:.0f} % "
      "and {:.0f} %. {}",
      100 * near, kLongestTrained, 100 * far, kLengths.back(), 100 * mean(min_gru, kLongestTrained),
      100 * mean(min_gru, kLengths.back()),
      positive           ? "So the minGRU learned these lengths without negative factors."
      : near >= kLearned ? "So a scan can learn parity if its factors can be negative."
                         : "So negative factors alone are not enough here."));
}

void measure(Experiment& e) {
  const auto kinds = e.choose<std::vector<std::string>>(
      {"rnn", "lstm", "mingru", "mamba", "transformer", kSigned},
      {"rnn", "lstm", "gru", "mingru", "rglru", "mamba", "transformer", kSigned},
      {"rnn", "lstm", "gru", "mingru", "minlstm", "rglru", "mamba", "transformer",
       "linear-attention", kSigned});
  const Index seeds = e.choose<Index>(1, 3, 5);
  e.text(fmt::format(
      "The input is a string of random bits; the target of each step is whether the number of ones "
      "so far is odd. Training: {} steps of {} strings of 1 to {} bits, with a learning rate of "
      "0.005 for all. Testing: the last step of strings of up to {} bits. All models have about {} "
      "parameters, the transformer and the scans two layers.",
      e.choose<Index>(1000, 2000, 10000), kBatch, kLongestTrained, kLengths.back(), kParameters));
  e.text(
      "A one has to flip the state, a zero to keep it. A recurrent cell that multiplies its state "
      "by a full matrix can do so. In a scan, the state is multiplied by a factor that depends on "
      "the input only; in minGRU, RG-LRU and Mamba it lies between 0 and 1, so it never flips a "
      "sign (Grazzi et al. 2024). A transformer has no state. It has to count all ones, which "
      "attention, an average, does less precisely the longer the string is (Hahn 2020).");
  lab::Chart chart{
      .title = fmt::format("Parity: accuracy, trained on up to {} bits", kLongestTrained),
      .x = {.label = "bits", .logarithmic = true},
      .y = {.label = "accuracy", .low = 0.4, .high = 1.02},
      .at = Numbers(kLengths.begin(), kLengths.end()),
      .series = {}};
  lab::Table table{"Accuracy, mean and standard deviation over the seeds",
                   {"model", "parameters", fmt::format("{} bits", kLongestTrained),
                    fmt::format("{} bits", kLengths.back())},
                   {}};
  std::vector<std::vector<Result>> results;
  for (const std::string& kind : kinds) {
    std::vector<Result> of;
    std::vector<Numbers> accuracies;
    for (Index i = 0; i < seeds; ++i) {
      of.push_back(result_of(e, kind, e.seed(i)));
      accuracies.push_back(of.back().accuracies);
    }
    const std::vector<double> near = at(of, kLongestTrained), far = at(of, kLengths.back());
    table.rows.push_back(
        {kind, std::to_string(of[0].parameters), lab::with_spread(near), lab::with_spread(far)});
    e.figure(kind + ".accuracy_trained", program::mean_and_std(near).mean);
    e.figure(kind + ".accuracy", program::mean_and_std(far).mean);
    e.figure(kind + ".parameters", static_cast<double>(of[0].parameters));
    chart.series.push_back(lab::over_seeds(kind, accuracies)), results.push_back(std::move(of));
  }
  e.chart(chart);
  e.table(table);
  conclude(e, kinds, results);
  const auto of = [&](const std::string& kind) {
    return results[static_cast<std::size_t>(std::find(kinds.begin(), kinds.end(), kind) -
                                            kinds.begin())];
  };
  conclude_sign(e, of("mingru"), of(kSigned));
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(
      argc, argv,
      {.name = "parity",
       .number = 3,
       .title = "Parity",
       .claim = "A tanh RNN and an LSTM learn the parity of a bit string of any length; "
                "Mamba, minGRU and a shallow transformer do not."},
      measure);
}
