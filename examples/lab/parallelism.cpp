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
#include <ctime>

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

// Microseconds per step of forward and backward, the fastest run: wall-clock time with one thread
// and with several, and the processor time of one.
struct Times {
  double one = INFINITY, several = INFINITY, processor = INFINITY;
  double speedup() const { return one / several; }
  bool disturbed() const { return one > 1.1 * processor; }  // by other programs
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
      const std::clock_t clock = std::clock();
      {
        unroll::Tape tape;
        (void)tape.backward(nn::mse_loss(network(x), wanted));
      }
      const double processor = static_cast<double>(std::clock() - clock) / CLOCKS_PER_SEC;
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      const double per_step = 1e6 / static_cast<double>(size.steps);
      *fastest = std::min(*fastest, spent.count() * per_step);
      if (fastest == &out.one) out.processor = std::min(out.processor, processor * per_step);
    }
  unroll::set_threads(threads);
  return out;
}

struct Measured {
  Times alone, many;  // one sequence, and kBatch of them
  // How much less time a step takes if kBatch sequences share it, with one thread.
  double gain() const { return alone.processor * kBatch / many.processor; }
};

using Value = std::function<double(const Measured&)>;
// "gru 1.02, lstm 1.01, ...".
std::string list(const std::vector<Measured>& all, const Value& value) {
  std::vector<std::string> out;
  for (std::size_t m = 0; m < all.size(); ++m)
    out.push_back(fmt::format("{} {:.2f}", kModels[m].name, value(all[m])));
  return fmt::format("{}", fmt::join(out, ", "));
}
// The models whose value is at least `least`.
std::vector<std::string> names(const std::vector<Measured>& all, const Value& value, double least) {
  std::vector<std::string> out;
  for (std::size_t m = 0; m < all.size(); ++m)
    if (value(all[m]) >= least) out.emplace_back(kModels[m].name);
  return out;
}

void conclude_speedups(lab::Experiment& e, const std::vector<Measured>& all, int threads) {
  if (threads == 1) return e.conclude("With one thread no speedup can be measured.");
  constexpr double kGain = 1.2;
  const Value one = [](const Measured&m) { return m.alone.speedup(); },
              batch = [](const Measured&m) { return m.many.speedup(); };
  const std::vector<std::string> gained = names(all, one, kGain),
                                 batched = names(all, batch, kGain);
  const bool disturbed =
      std::any_of(all.begin(), all.end(), [](const Measured& m) { return m.many.disturbed(); });
  const bool recurrence = std::max(one(all[0]), one(all[1])) >= kGain;
  e.conclude(fmt::format(
      "One sequence, {} threads instead of one: {}. {}", threads, list(all, one),
      recurrence       ? "A recurrence gains too."
      : gained.empty() ? fmt::format("No model gains a factor of {}.", kGain)
                       : fmt::format("The recurrences gain nothing, as claimed; a factor of at "
                                     "least {1}: {0}.",
                                     fmt::join(gained, ", "), kGain)));
  e.conclude(fmt::format(
      "{} sequences, {} threads instead of one: {}. {}", kBatch, threads, list(all, batch),
      batched.size() == all.size()
          ? "All models gain, since each thread has sequences of its own."
          : fmt::format("Not all models gain, though each thread has sequences of its own{}.",
                        disturbed ? ": other programs were running" : "")));
}

void conclude_times(lab::Experiment& e, const std::vector<Measured>& all) {
  const auto alone = [](const Measured& m) { return m.alone.processor; };
  const std::vector<std::string> slower =
      names(all, alone, 1.05 * std::max(alone(all[0]), alone(all[1])));
  e.conclude(fmt::format(
      "Microseconds per step of one sequence on one thread: {}. {}", list(all, alone),
      slower.empty() ? "No model is slower than the recurrences, as claimed."
                     : fmt::format("A chain of steps is not slow in itself on a CPU; slower here "
                                   "than both recurrences: {}.",
                                   fmt::join(slower, ", "))));
  e.conclude(fmt::format(
      "With {} sequences, each product of a state and a matrix becomes one of {} states. The time "
      "per step and sequence, on one thread, is divided by {} (below 1: it grows).",
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
            "sequence and {} of them: the fastest of many runs, with one thread and with {} "
            "threads alternately. Speedups are ratios of wall-clock times, so the machine should "
            "be idle; all other times are processor time.",
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
          table.rows.push_back({model.name, shown(alone.processor), shown(alone.speedup()),
                                shown(many.processor), shown(many.speedup())});
          chains.rows.push_back({model.name, model.chain});
          const std::string name = model.name;
          e.figure(name + ".microseconds", alone.processor);
          e.figure(name + ".speedup", alone.speedup());
          e.figure(name + ".speedup_of_batch", many.speedup());
          e.figure(name + ".gain_of_batch", all.back().gain());
        }
        e.figure("threads", threads);
        e.table(chains);
        e.table(table);
        conclude_speedups(e, all, threads);
        conclude_times(e, all);
        lab::measure_chunks(e, size.steps);
      });
}
