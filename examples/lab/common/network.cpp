#include "examples/lab/common/network.h"

#include "examples/common/terminal.h"

#include <unroll/nn/loss.h>
#include <unroll/optim/optimizer.h>
#include <unroll/optim/schedule.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/reduce.h>

#include <fmt/format.h>

#include <algorithm>

namespace lab {
namespace {

// Options with a hidden size; seeds the generator of the initial parameters.
program::SequenceOptions sized(const NetworkOptions& o) {
  program::SequenceOptions reader = o.reader;
  reader.in = o.ids > 0 ? o.embedding : o.columns;
  if (reader.hidden == 0)
    program::fit_size(reader, o.parameters, "parameters", [&](const program::SequenceOptions& of) {
      NetworkOptions each = o;
      each.reader = of;
      return program::count_parameters([&] { return Network(each); });
    });
  unroll::manual_seed(o.seed);
  return reader;
}

}  // namespace

Network::Network(const Options& o) : Network(o, sized(o)) {}

Network::Network(const Options& o, const program::SequenceOptions& of)
    : reader(of), head({.in = reader.output_size(), .out = o.outputs}) {
  unroll::check((o.ids > 0) != (o.columns > 0), "Network: ids or columns were required: got {}, {}",
                o.ids, o.columns);
  if (o.ids > 0) embed.emplace(nn::Embedding::Options{.vocab = o.ids, .dim = o.embedding});
}

Var Network::operator()(const nn::Tokens& x) const {
  return head(reader((*embed)(x)).sequence).rows;
}
Var Network::operator()(const nn::Sequence& x) const { return head(reader(x).sequence).rows; }

Var outputs(const Network& network, const Batch& batch) {
  const Var all = batch.values.rows.defined() ? network(batch.values) : network(batch.ids);
  return index_select(all, 0, batch.scored);
}

Var loss(const Var& out, const Batch& batch) {
  return batch.numbers.defined() ? nn::mse_loss(out, batch.numbers)
                                 : nn::cross_entropy(out, batch.targets);
}
Var loss(const Network& network, const Batch& batch) {
  return loss(outputs(network, batch), batch);
}

Index learn(const Network& network, const Task& task, const LearnOptions& o) {
  return learn(
      nn::parameters(network), [&](const Batch& batch) { return outputs(network, batch); }, task,
      o);
}

Index learn(const unroll::NamedParams& parameters, const Outputs& outputs, const Task& task,
            const LearnOptions& o) {
  unroll::optim::Adam adam(parameters, {.lr = o.rate});
  const unroll::optim::Cosine schedule{
      .lr = o.rate, .steps = o.steps, .warmup = std::max<Index>(o.steps / 20, 1)};
  unroll::Generator random(o.seed);
  program::Progress bar(o.label, o.steps / o.interval);
  double sum = 0;
  for (Index step = 1; step <= o.steps; ++step) {
    program::stop_if_interrupted();
    adam.lr = schedule(step - 1);
    unroll::Tape tape;
    const Batch batch = task(random);
    const Var now = loss(outputs(batch), batch);
    unroll::Gradients g = tape.backward(now);
    unroll::optim::clip_norm(g, o.clip);
    adam.step(g);
    sum += now.item();
    if (step % o.interval != 0) continue;
    bar.step(fmt::format("loss {:.4f}", sum / static_cast<double>(o.interval)));
    sum = 0;
    if (o.enough && o.enough(step)) {
      bar.end(fmt::format("enough after {} steps", step));
      return step;
    }
  }
  return o.steps;
}

double mean_loss(const Network& network, const Task& task, Index batches, std::uint64_t seed) {
  unroll::Generator random(seed);
  double sum = 0;
  for (Index i = 0; i < batches; ++i) sum += loss(network, task(random)).item();
  return sum / static_cast<double>(batches);
}

double accuracy(const Network& network, const Task& task, Index batches, std::uint64_t seed) {
  return accuracy([&](const Batch& batch) { return outputs(network, batch); }, task, batches, seed);
}

double accuracy(const Outputs& outputs, const Task& task, Index batches, std::uint64_t seed) {
  unroll::Generator random(seed);
  Index right = 0, all = 0;
  for (Index i = 0; i < batches; ++i) {
    program::stop_if_interrupted();
    const Batch batch = task(random);
    const unroll::IndexTensor found = argmax(outputs(batch).value());
    for (Index k = 0; k < found.numel(); ++k) right += found[k] == batch.targets[k];
    all += found.numel();
  }
  return static_cast<double>(right) / static_cast<double>(all);
}

}  // namespace lab
