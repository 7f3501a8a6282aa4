// What can run in parallel over time: threads for one sequence and for sixteen, and a scan cut into
// chunks of time.
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/lab/common/chunked_scan.h"
#include "examples/lab/common/experiment.h"
#include "examples/lab/common/network.h"

#include <unroll/nn/loss.h>
#include <unroll/tensor/threads.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace {

using lab::Index;
using lab::Network;
namespace nn = lab::nn;

constexpr Index kColumns = 16, kBatch = 16;

struct Model {
  const char *name, *kind;
  const char* chain;  // over time: each of these operations needs the result of the one before
};
constexpr Model kModels[]{{"gru", "gru", "T products state x matrix"},
                          {"lstm", "lstm", "T products state x matrix"},
                          {"mingru", "mingru", "T multiply-adds"},
                          {"mamba", "mamba", "T multiply-adds"},
                          {"attention", "transformer", "none"}};

struct Size {
  Index steps, parameters;
  int runs;
};

// Microseconds per step of forward and backward: the fastest run, with one thread and with several.
struct Times {
  double one = INFINITY, several = INFINITY;
  double speedup() const { return one / several; }
};

Times times_of(const Network& network, Index batch, const Size& size, int threads) {
  unroll::Generator random(1);
  const nn::Sequence x = nn::Sequence::from(random.normal({batch, size.steps, kColumns}));
  const unroll::Tensor wanted = random.normal({batch * size.steps, 1});
  Times out;
  for (int run = 0; run < size.runs * kBatch / batch;
       ++run)  // in turns, since the machine's load may change
    for (double* fastest : {&out.one, &out.several}) {
      program::stop_if_interrupted();
      unroll::set_threads(fastest == &out.one ? 1 : threads);
      const auto start = std::chrono::steady_clock::now();
      {
        unroll::Tape tape;
        (void)tape.backward(nn::mse_loss(network(x), wanted));
      }
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      *fastest = std::min(*fastest, spent.count() * 1e6 / static_cast<double>(size.steps));
    }
  unroll::set_threads(threads);
  return out;
}

void chunks(lab::Experiment& e, Index steps) {
  lab::Table table{fmt::format("A scan of {} steps in chunks that are scanned side by side", steps),
                   {"chunks", "longest chain", "largest error"},
                   {}};
  double worst = 0;
  Index shortest = steps;
  for (Index k = 1; k <= 64; k *= 4) {
    const double error = lab::chunk_error(steps, k, 64);
    const Index chain = k == 1 ? steps : steps / k + k;
    worst = std::max(worst, error), shortest = std::min(shortest, chain);
    table.rows.push_back({fmt::format("{}", k), fmt::format("{} steps", chain),
                          k == 1 ? "-" : fmt::format("{:.0e}", error)});
  }
  e.table(table);
  e.figure("scan.chunk_error", worst);
  e.figure("scan.longest_chain", static_cast<double>(shortest));
  e.conclude(fmt::format(
      "A scan in chunks of time differs from one in a single piece by at most {:.0e}, and its "
      "longest chain is {} instead of {} steps{}.",
      worst, shortest, steps,
      worst < 1e-4 ? ". A GRU or LSTM cannot be cut: tanh and sigmoid stand between its steps"
                   : ", but such an error is more than rounding"));
}

struct Measured {
  Times alone, many;  // one sequence, and kBatch of them
  // How much less time a step takes if kBatch sequences share it, with one thread.
  double gain() const { return alone.one * kBatch / many.one; }
};

// "gru 1.02, lstm 1.01, ...".
std::string list(const std::vector<Measured>& all,
                 const std::function<double(const Measured&)>& value) {
  std::vector<std::string> out;
  for (std::size_t m = 0; m < all.size(); ++m)
    out.push_back(fmt::format("{} {:.2f}", kModels[m].name, value(all[m])));
  return fmt::format("{}", fmt::join(out, ", "));
}

void conclude(lab::Experiment& e, const std::vector<Measured>& all, int threads) {
  const auto speedup = [](const Measured& m) { return m.alone.speedup(); };
  const double recurrences = std::max(speedup(all[0]), speedup(all[1])),
               others = std::min({speedup(all[2]), speedup(all[3]), speedup(all[4])});
  if (threads == 1)
    e.conclude("With one thread no speedup can be measured.");
  else
    e.conclude(fmt::format(
        "One sequence, {} threads instead of one: {}. {}", threads, list(all, speedup),
        recurrences >= 1.2     ? "The recurrences gain too."
        : others >= 1.2        ? "The recurrences gain nothing, the others do."
        : others > recurrences ? "The recurrences gain nothing, the others not much."
                               : "Here scans and attention do not gain more than recurrences."));
  const auto of_batch = [](const Measured& m) { return m.many.speedup(); };
  const Measured& least = *std::min_element(
      all.begin(), all.end(),
      [&](const Measured& a, const Measured& b) { return of_batch(a) < of_batch(b); });
  if (threads > 1)
    e.conclude(fmt::format(
        "{} sequences, {} threads instead of one: {}. {}", kBatch, threads, list(all, of_batch),
        of_batch(least) >= 1.2 ? "All models gain, since each thread has sequences of its own."
                               : "Not all models gain, though each thread has sequences of its "
                                 "own: other programs may have been running."));
  const auto alone = [](const Measured& m) { return m.alone.one; };
  std::vector<std::string> slower;  // than the recurrences
  for (std::size_t m = 2; m < all.size(); ++m)
    if (alone(all[m]) > std::max(alone(all[0]), alone(all[1])))
      slower.emplace_back(kModels[m].name);
  e.conclude(fmt::format(
      "Microseconds per step of one sequence on one thread: {}. {}", list(all, alone),
      slower.empty() ? "The recurrences are the slowest, as is said."
                     : fmt::format("A chain of steps is not slow in itself on a CPU; slower here "
                                   "than both recurrences: {}.",
                                   fmt::join(slower, ", "))));
  e.conclude(fmt::format(
      "With {} sequences, each product of a state and a matrix becomes one of {} states: this "
      "divides the time per step and sequence, on one thread, by {}.",
      kBatch, kBatch, list(all, [](const Measured& m) { return m.gain(); })));
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(
      argc, argv,
      {.name = "parallelism",
       .number = 6,
       .title = "Parallelism",
       .claim = "A recurrence waits for the step before, so it is slow, and a second core is of no "
                "use for one sequence. Scans and attention compute all steps at once."},
      [](lab::Experiment& e) {
        const Size size =
            e.choose(Size{128, 10'000, 2}, Size{1024, 100'000, 10}, Size{8192, 100'000, 20});
        const int threads = unroll::threads();
        e.text(fmt::format(
            "Models of about {} parameters in two layers, forward and backward over {} steps, one "
            "sequence and {} of them. Time by the clock, the fastest of many runs with one and "
            "with {} threads in turns; the machine should be idle.",
            size.parameters, size.steps, kBatch, threads));
        lab::Table table{
            fmt::format("Microseconds per step with one thread, and speedup by {}", threads),
            {"", "1 sequence", "speedup", fmt::format("{} sequences", kBatch), "speedup"},
            {}};
        lab::Table chains{
            "What has to be done one after another", {"", "longest chain over time"}, {}};
        std::vector<Measured> all;
        for (const Model& model : kModels) {
          const Network network({.reader = {.kind = model.kind, .layers = 2},
                                 .columns = kColumns,
                                 .outputs = 1,
                                 .parameters = size.parameters});
          all.push_back(
              {times_of(network, 1, size, threads), times_of(network, kBatch, size, threads)});
          const auto& [alone, many] = all.back();
          const auto shown = [](double value) { return fmt::format("{:.2f}", value); };
          table.rows.push_back({model.name, shown(alone.one), shown(alone.speedup()),
                                shown(many.one), shown(many.speedup())});
          chains.rows.push_back({model.name, model.chain});
          const std::string name = model.name;
          e.figure(name + ".microseconds", alone.one);
          e.figure(name + ".speedup", alone.speedup());
          e.figure(name + ".speedup_of_batch", many.speedup());
          e.figure(name + ".gain_of_batch", all.back().gain());
        }
        e.figure("threads", threads);
        e.table(chains);
        e.table(table);
        conclude(e, all, threads);
        chunks(e, size.steps);
      });
}
