// Time and memory of each kind of model by the length of one sequence, and the fitted exponents of
// T.
#include "examples/common/cost.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/lab/common/growth.h"
#include "examples/lab/common/network.h"

#include <unroll/autograd/fused.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/optimizer.h>
#include <unroll/tensor/threads.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace {

using lab::Index;
using lab::Network;
using lab::Numbers;
namespace nn = lab::nn;

constexpr Index kColumns = 16;

struct Model {
  const char *name, *kind;
  bool stored = false;  // in plain ops, which store the weights of all pairs of steps
};
constexpr Model kModels[]{{"gru", "gru"},
                          {"lstm", "lstm"},
                          {"mingru", "mingru"},
                          {"mamba", "mamba"},
                          {"linear-attention", "linear-attention"},
                          {"attention", "transformer"},
                          {"attention-stored", "transformer", true}};

// The costs of one model at each length; NaN where it was not measured.
struct Measured {
  Numbers forward, training;              // seconds
  Numbers forward_bytes, training_bytes;  // at the peak
  void add(const program::Cost& of_forward, const program::Cost& of_training) {
    forward.push_back(of_forward.seconds), training.push_back(of_training.seconds);
    forward_bytes.push_back(of_forward.bytes), training_bytes.push_back(of_training.bytes);
  }
};

struct Sizes {
  Index longest, longest_stored;  // steps
  Index parameters;
  double seconds;  // of each measurement
};

Measured measured(const Model& model, const Numbers& lengths, const Sizes& sizes) {
  const Network network({.reader = {.kind = model.kind, .layers = 2},
                         .columns = kColumns,
                         .outputs = 1,
                         .parameters = sizes.parameters});
  unroll::optim::Adam adam(nn::parameters(network), {.lr = 1e-4});
  std::optional<unroll::UseReference> plain_ops;
  if (model.stored) plain_ops.emplace();
  Measured out;
  for (const double length : lengths) {
    program::stop_if_interrupted();
    const Index steps = static_cast<Index>(length);
    if (model.stored && steps > sizes.longest_stored) {
      out.add({NAN, NAN}, {NAN, NAN});
      continue;
    }
    unroll::Generator random(1);
    const nn::Sequence x(random.normal({steps, kColumns}), unroll::SequenceLayout::equal(1, steps));
    const unroll::Tensor wanted = random.normal({steps, 1});
    out.add(program::cost_of([&] { (void)network(x); }, sizes.seconds),
            program::cost_of(
                [&] {
                  unroll::Tape tape;
                  adam.step(tape.backward(nn::mse_loss(network(x), wanted)));
                },
                sizes.seconds));
  }
  return out;
}

lab::Chart chart(const std::string& title, double scale, const Numbers& lengths,
                 const std::vector<Measured>& all, Numbers Measured::*values) {
  lab::Chart out{title,
                 {.label = "steps", .logarithmic = true},
                 {.label = title.substr(title.rfind(' ') + 1), .logarithmic = true},
                 lengths,
                 {}};
  for (std::size_t m = 0; m < all.size(); ++m) {
    out.series.push_back({kModels[m].name, {}});
    for (const double value : all[m].*values)
      out.series.back().values.push_back(value > 0 ? value * scale : std::nan(""));
  }
  return out;
}

void report(lab::Experiment& e, const Numbers& lengths, const std::vector<Measured>& all) {
  lab::Table table{"Fitted exponents of the number of steps: forward, and training step",
                   {"", "time", "time, training", "memory", "memory, training"},
                   {}};
  const std::pair<const char*, Numbers Measured::*> fits[]{
      {".forward_exponent", &Measured::forward},
      {".exponent", &Measured::training},
      {".forward_memory_exponent", &Measured::forward_bytes},
      {".memory_exponent", &Measured::training_bytes}};
  for (std::size_t m = 0; m < all.size(); ++m) {
    table.rows.push_back({kModels[m].name});
    for (const auto& [name, values] : fits) {
      const double p = lab::exponent(lengths, all[m].*values);
      table.rows.back().push_back(fmt::format("{:.2f}", p));
      e.figure(kModels[m].name + std::string(name), p);
    }
  }
  e.table(table);
}

void conclude(lab::Experiment& e, const Numbers& lengths, const std::vector<Measured>& all) {
  constexpr std::size_t kAttention = 5, kStored = 6;
  std::vector<std::string> others, from;
  const auto time = [&](std::size_t m) { return lab::exponent(lengths, all[m].training); };
  const auto memory = [&](std::size_t m) { return lab::exponent(lengths, all[m].training_bytes); };
  double steepest = 0;
  for (std::size_t m = 0; m < kAttention; ++m) {
    others.push_back(fmt::format("{} {:.2f}", kModels[m].name, time(m)));
    steepest = std::max(steepest, time(m));
    const double length = lab::crossing(lengths, all[kAttention].training, all[m].training);
    if (std::isnan(length)) continue;
    e.figure(std::string(kModels[m].name) + ".attention_slower_from", length);
    from.push_back(fmt::format("{} from {:.0f}", kModels[m].name, length));
  }
  e.conclude(fmt::format(
      "Time: a training step with attention grows as T^{:.2f}{}; the others: {}.", time(kAttention),
      time(kAttention) > steepest + 0.3
          ? " (the exponent only approaches 2, since products with weights are linear in T)"
          : ", not faster than the others at these lengths",
      fmt::join(others, ", ")));
  e.conclude(fmt::format(
      "Memory: attention that stores the weight of every pair of steps grows as T^{:.2f}, {} "
      "T^{:.2f}.",
      memory(kStored),
      memory(kAttention) < 1.3
          ? "but the library's, which computes them in blocks and again in backward, as"
          : "and the library's as",
      memory(kAttention)));
  e.conclude(fmt::format(
      "A training step with attention is slower than that of another model from this number of "
      "time steps on ({:.0f} is the shortest measured): {}.",
      lengths[0], from.empty() ? "at no length" : fmt::format("{}", fmt::join(from, ", "))));
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(
      argc, argv,
      {.name = "cost",
       .number = 5,
       .title = "Cost",
       .claim = "The time and memory of attention grow with the square of the number of steps, "
                "those of a recurrence, a scan or linear attention in proportion to it."},
      [](lab::Experiment& e) {
        const Sizes sizes =
            e.choose(Sizes{2048, 512, 4'000, 0.02}, Sizes{16'384, 2048, 20'000, 0.2},
                     Sizes{65'536, 4096, 20'000, 0.5});
        if (e.options().threads == 0) unroll::set_threads(1);
        e.text(fmt::format(
            "One sequence of T steps of {} numbers, two layers, about {} parameters, {}. A "
            "training step is forward, backward and Adam. Time is processor time, the fastest of "
            "at least three runs. Memory is the peak above what was in use before; a dash is less "
            "than 64 KiB, or not measured. Exponents are fitted to the longer half of the lengths "
            "(least squares of logarithms). attention-stored is the same model in plain ops, which "
            "store the weights of all pairs of steps; it is measured up to {} steps only.",
            kColumns, sizes.parameters,
            unroll::threads() == 1 ? "one thread" : fmt::format("{} threads", unroll::threads()),
            sizes.longest_stored));
        Numbers lengths;
        for (Index t = 64; t <= sizes.longest; t *= 2) lengths.push_back(static_cast<double>(t));
        std::vector<Measured> all;
        program::Progress bar("cost", static_cast<Index>(std::size(kModels)));
        for (const Model& model : kModels) {
          all.push_back(measured(model, lengths, sizes));
          bar.step(model.name);
        }
        bar.end("measured");
        e.chart(
            chart("Time of a training step, milliseconds", 1e3, lengths, all, &Measured::training));
        e.chart(chart("Time of forward, milliseconds", 1e3, lengths, all, &Measured::forward));
        e.chart(
            chart("Memory of a training step, MB", 1e-6, lengths, all, &Measured::training_bytes));
        e.chart(chart("Memory of forward, MB", 1e-6, lengths, all, &Measured::forward_bytes));
        report(e, lengths, all);
        conclude(e, lengths, all);
      });
}
