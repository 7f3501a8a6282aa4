// How far back the last output of a network depends on its inputs, at initialisation and after
// training on the adding task.
#include "examples/common/terminal.h"
#include "examples/lab/common/experiment.h"
#include "examples/lab/common/influence.h"
#include "examples/lab/common/tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace {

using lab::Index;
using lab::Network;
using lab::Numbers;

struct Size {
  Index steps, parameters, training, seeds;
};
constexpr Index kBatch = 32, kObserved = 128, kProjections = 4;
constexpr double kSolved = 1. / 60;  // squared error: a tenth of that of always predicting 1

struct Kind {
  const char *name, *kind;
  double forget_bias = 0;  // added to that of an LSTM
};
constexpr Kind kKinds[]{
    {"rnn", "rnn"},       {"lstm", "lstm"},   {"lstm-forget-1", "lstm", 1}, {"gru", "gru"},
    {"mingru", "mingru"}, {"mamba", "mamba"}, {"attention", "transformer"}};

struct Seed {
  lab::Influence before, after;
  double error = 0;  // mean squared, after training
  bool solved() const { return error < kSolved; }
};

Network network_of(const Kind& kind, const Size& size, std::uint64_t seed) {
  Network out({.reader = {.kind = kind.kind},
               .columns = 2,
               .outputs = 1,
               .parameters = size.parameters,
               .seed = seed});
  for (const unroll::NamedParam& p : lab::nn::parameters(out)) {
    if (kind.forget_bias == 0 || p.name != "reader.layers.0.b") continue;
    const Index hidden = p.param->shape()[0] / 4;  // [i f g o]
    unroll::Tensor bias = p.param->value().clone();
    for (Index i = hidden; i < 2 * hidden; ++i) bias.set({i}, bias.at({i}) + kind.forget_bias);
    p.param->set_value(bias);
  }
  return out;
}

Seed measured(const Kind& kind, const Size& size, std::uint64_t seed) {
  const Network network = network_of(kind, size, seed);
  const auto influence = [&] {
    unroll::Generator random(seed);
    return lab::influence(network, lab::adding(kObserved, size.steps, random), kProjections,
                          random);
  };
  const lab::Task task = [&](unroll::Generator& random) {
    return lab::adding(kBatch, size.steps, random);
  };
  Seed out;
  out.before = influence();
  lab::learn(network, task, {.steps = size.training, .seed = seed, .label = kind.name});
  out.after = influence();
  out.error = lab::mean_loss(network, task, 20, seed + 1'000'000);
  return out;
}

// All seeds of all kinds.
using Results = std::vector<std::vector<Seed>>;

lab::Chart chart(const Results& results, const std::string& title,
                 const std::function<Numbers(const Seed&)>& norms) {
  std::vector<lab::Decay> decays;
  for (std::size_t k = 0; k < results.size(); ++k) {
    decays.push_back({kKinds[k].name, {}});
    for (const Seed& seed : results[k]) decays.back().norms.push_back(norms(seed));
  }
  return lab::decay_chart(title, decays);
}

double mean(const std::vector<double>& values) { return program::mean_and_std(values).mean; }
std::vector<double> half_lives(const std::vector<Seed>& seeds, bool trained) {
  std::vector<double> out;
  for (const Seed& s : seeds) out.push_back(lab::half_life((trained ? s.after : s.before).output));
  return out;
}

// "12.3", or ">= " and the largest half-life that can be measured.
std::string shown(const std::vector<double>& half_lives, Index steps) {
  const double most = static_cast<double>(steps - 2);
  const auto all = std::minmax_element(half_lives.begin(), half_lives.end());
  return *all.first >= most ? fmt::format(">= {}", most) : lab::with_spread(half_lives);
}

void report(lab::Experiment& e, const Results& results, const Size& size) {
  lab::Table table{"Half-life in steps, and the error after training (mean ± std over seeds)",
                   {"", "at first", "trained", "error", "solved"},
                   {}};
  for (std::size_t k = 0; k < results.size(); ++k) {
    const std::string name = kKinds[k].name;
    const std::vector<Seed>& seeds = results[k];
    const std::vector<double> before = half_lives(seeds, false), after = half_lives(seeds, true);
    std::vector<double> errors;
    Index solved = 0;
    for (const Seed& s : seeds) errors.push_back(s.error), solved += s.solved();
    table.rows.push_back({name, shown(before, size.steps), shown(after, size.steps),
                          lab::with_spread(errors), fmt::format("{} of {}", solved, seeds.size())});
    e.figure(name + ".half_life", mean(before));
    e.figure(name + ".half_life_trained", mean(after));
    e.figure(name + ".error", mean(errors));
    e.figure(name + ".solved", static_cast<double>(solved) / static_cast<double>(seeds.size()));
  }
  e.table(table);
}

void conclude(lab::Experiment& e, const Results& results, const Size& size) {
  const auto at_first = [&](std::size_t kind) { return mean(half_lives(results[kind], false)); };
  const double rnn = at_first(0), lstm = at_first(1), gru = at_first(3), attention = at_first(6);
  const bool alike = std::max(lstm, gru) < 2 * rnn;
  e.conclude(fmt::format(
      "{} before training: the influence of an input halves in {:.1f} steps in an RNN, in {:.1f} "
      "in an LSTM and in {:.1f} in a GRU{}. With a forget bias of 1 it is {:.1f} steps in an LSTM.",
      alike ? "Gates do not keep more" : "Gates keep more", rnn, lstm, gru,
      alike ? ", since a half-open gate also halves the memory" : "", at_first(2)));
  e.conclude(
      attention >= static_cast<double>(size.steps - 2)
          ? fmt::format("Attention does not weaken with distance: the influence does not "
                        "fall to half within {} steps.",
                        size.steps)
          : fmt::format("In attention the influence falls to half after {:.1f} steps.", attention));
  std::vector<double> kept, lost;  // half-lives after training
  std::vector<std::string> unsolved;
  for (std::size_t k = 0; k < results.size(); ++k) {
    const std::size_t before = kept.size();
    for (const Seed& seed : results[k])
      (seed.solved() ? kept : lost).push_back(lab::half_life(seed.after.output));
    if (kept.size() == before) unsolved.emplace_back(kKinds[k].name);
  }
  if (kept.empty())
    return e.conclude("No network learned the task, so nothing follows for trained networks.");
  std::string sentence = fmt::format(
      "{}: the networks that solved the task ({} of {}) have a half-life of {:.1f} steps after "
      "training (mean)",
      mean(kept) > static_cast<double>(size.steps) / 4 ? "Memory is learned"
                                                       : "The task needs no long half-life",
      kept.size(), kept.size() + lost.size(), mean(kept));
  if (!lost.empty()) sentence += fmt::format(", the others of {:.1f}", mean(lost));
  e.conclude(sentence + (unsolved.empty() ? "."
                                          : fmt::format(". Solved with no seed: {}.",
                                                        fmt::join(unsolved, ", "))));
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(
      argc, argv,
      {.name = "forgetting",
       .number = 1,
       .title = "Forgetting",
       .claim = "A plain RNN forgets: the gradient shrinks by a constant factor at each step. The "
                "gates of LSTM and GRU keep it, and attention reaches every step at once."},
      [](lab::Experiment& e) {
        const Size size = e.choose(Size{20, 4'000, 1'000, 1}, Size{40, 10'000, 2'000, 3},
                                   Size{200, 20'000, 5'000, 5});
        e.text(fmt::format(
            "Networks of about {} parameters read {} steps of two numbers, a value and a mark, and "
            "are trained to add the two marked values: {} steps of Adam with batches of {}. The "
            "task is solved with a squared error below {:.3f}, a tenth of that of always "
            "predicting 1. The influence of the input x_t on the last output h_T is the Frobenius "
            "norm of dh_T/dx_t, relative to that at distance T - t = 1; it is the root mean square "
            "over {} sequences. The half-life is the number of steps beyond distance 1 until the "
            "influence stays below half. The initial biases of the LSTM are near 0, as in PyTorch; "
            "lstm-forget-1 has 1 added to those of its forget gate.",
            size.parameters, size.steps, size.training, kBatch, kSolved, kObserved));
        Results results;
        for (const Kind& kind : kKinds) {
          results.emplace_back();
          for (Index i = 0; i < size.seeds; ++i)
            results.back().push_back(measured(kind, size, e.seed(i)));
        }
        e.chart(chart(results, "Influence on the last output, at initialisation",
                      [](const Seed& s) { return s.before.output; }));
        e.chart(chart(results, "Influence on the last output, after training",
                      [](const Seed& s) { return s.after.output; }));
        report(e, results, size);
        e.chart(chart(results, "Gradient of the last loss at each step, at initialisation",
                      [](const Seed& s) { return s.before.loss; }));
        e.chart(chart(results, "Gradient of the last loss at each step, after training",
                      [](const Seed& s) { return s.after.loss; }));
        conclude(e, results, size);
      });
}
