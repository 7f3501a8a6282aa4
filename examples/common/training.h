// The loop over epochs, and the loop over the batches of an epoch.
#pragma once

#include "examples/common/checkpoint.h"
#include "examples/common/program.h"

#include <unroll/autograd/tape.h>
#include <unroll/nn/module.h>
#include <unroll/optim/optimizer.h>
#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <cmath>
#include <type_traits>
#include <vector>

namespace program {

// Trains for several epochs. `epoch` makes one pass over the training part and returns the mean
// loss, as train_epoch does: epoch(), epoch(Progress&), or epoch(Progress&, e) with e = 1 for the
// first. It checks interrupted() after each batch. `validate` returns the loss on the validation
// part, or NaN if there is none; it may throw Interrupted.
//
// On interruption, the parameters of the last complete epoch (with early stopping, the best ones)
// are restored. A run whose checkpoint has epochs (--resume) continues after them, with results
// equal to the bit to those of an uninterrupted run. So `epoch` must not depend on any other state:
// it uses the optimizer and the generator of `o`, or derives its random numbers from e.
template <class Model, class Epoch, class Validate>
Curves train(Model& model, const Training& o, Epoch&& epoch, Validate&& validate) {
  Curves curves;
  const bool early = o.patience > 0;
  Model kept = model;
  const auto validated = [&](double& loss) {  // false: Ctrl-C came within it
    try {
      loss = validate();
      return true;
    } catch (const Interrupted&) {
      return false;
    }
  };
  if (o.checkpoint != nullptr && o.checkpoint->epochs() > 0) {
    curves = o.checkpoint->curves;
    restore(o, unroll::nn::state(model));
  } else if (early) {
    validated(curves.kept_loss);  // the initial model counts too: it may already be the best
  }
  const auto done = [&] { return static_cast<unroll::Index>(curves.train.size()); };
  Progress bar(o.label, o.epochs, done());
  std::string ended = interrupted() ? "interrupted" : "";
  while (done() < o.epochs && ended.empty()) {
    if (early && done() - curves.kept_epoch >= o.patience) {
      ended = "stopped early";
      break;
    }
    const unroll::Index e = done() + 1;
    double train_loss = 0;
    if constexpr (std::is_invocable_v<Epoch, Progress&, unroll::Index>)
      train_loss = epoch(bar, e);
    else if constexpr (std::is_invocable_v<Epoch, Progress&>)
      train_loss = epoch(bar);
    else
      train_loss = epoch();
    // An epoch that is interrupted is not recorded.
    if (ended = interrupted() ? "interrupted" : ""; !ended.empty()) break;
    unroll::check_io(std::isfinite(train_loss),
                     "{}: a finite loss was required: got {} in epoch {}", o.label, train_loss, e);
    double now = 0;
    if (ended = validated(now) ? "" : "interrupted"; !ended.empty()) break;
    curves.train.push_back(train_loss);
    curves.validation.push_back(now);
    std::string note = fmt::format("loss {:.4f}", train_loss);
    if (!std::isnan(now)) note += fmt::format(", validation {:.4f}", now);
    bar.step(note);
    if (!early || now < curves.kept_loss) {
      curves.kept_loss = now, curves.kept_epoch = e;
      kept = model;
    }
    record(o, curves, unroll::nn::state(model));
  }
  model = kept;
  const std::string reason = ended.empty() ? "" : ended + ", ";
  if (early)
    bar.end(fmt::format("{}best validation {:.4f}, epoch {}", reason, curves.kept_loss,
                        curves.kept_epoch));
  else if (!ended.empty())
    bar.end(ended);
  return curves;
}

// One pass over `batches` of examples. loss_of(batch) records the mean loss of a batch on a tape;
// its gradient is clipped to the norm `clip`, followed by an optimizer step with the rate of the
// schedule. Returns the mean loss over the examples.
template <class Optimizer, class Schedule, class LossOf>
double train_epoch(Optimizer& optimizer, const Schedule& schedule, double clip,
                   const std::vector<std::vector<unroll::Index>>& batches, Progress& bar,
                   LossOf&& loss_of) {
  double sum = 0, examples = 0, done = 0;
  for (const auto& batch : batches) {
    if (interrupted()) break;
    optimizer.lr = schedule(optimizer.steps());
    unroll::Tape tape;
    const unroll::Var loss = loss_of(batch);
    unroll::Gradients g = tape.backward(loss);
    unroll::optim::clip_norm(g, clip);
    optimizer.step(g);
    const auto size = static_cast<double>(batch.size());
    sum += loss.item() * size, examples += size;
    bar.part(++done / static_cast<double>(batches.size()));
  }
  return examples > 0 ? sum / examples : 0;
}

}  // namespace program
