// The loop over epochs, and the loop over the batches of an epoch.
#pragma once

#include "examples/common/program.h"
#include "examples/common/terminal.h"

#include <unroll/autograd/tape.h>
#include <unroll/optim/optimizer.h>
#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <cmath>
#include <type_traits>
#include <vector>

namespace program {

struct Training {
  std::string label;  // of the progress bar
  unroll::Index epochs = 0;
  // If above 0: early stopping after this many epochs without a better validation loss. The
  // parameters with the best one are then restored.
  unroll::Index patience = 0;
};

// The losses of each epoch, and the epoch and loss of the parameters that are kept.
struct Curves {
  std::vector<double> train, validation;
  unroll::Index kept_epoch = 0;     // 0: the initial parameters
  double kept_loss = std::nan("");  // on the validation part; NaN if unknown
};

// Trains for several epochs. `epoch` goes through the training part once and returns its mean loss,
// as train_epoch does; it checks interrupted() after each batch, and may report to the Progress.
// `validate` returns the loss on the validation part, or NaN if there is none.
//
// On interruption, the parameters of the last complete epoch, or the best ones, are restored.
template <class Model, class Epoch, class Validate>
Curves train(Model& model, const Training& o, Epoch&& epoch, Validate&& validate) {
  Curves curves;
  const bool early = o.patience > 0;
  // The initial model counts too: it may already be the best.
  if (early) curves.kept_loss = validate();
  Model kept = model;
  Progress bar(o.label, o.epochs);
  std::string ended = interrupted() ? "interrupted" : "";
  for (unroll::Index e = 1; e <= o.epochs && ended.empty(); ++e) {
    double train_loss = 0;
    if constexpr (std::is_invocable_v<Epoch, Progress&>)
      train_loss = epoch(bar);
    else
      train_loss = epoch();
    if (interrupted()) {
      ended = "interrupted";
      break;  // an incomplete epoch is not recorded
    }
    unroll::check_io(std::isfinite(train_loss),
                     "{}: a finite loss was required: got {} in epoch {}", o.label, train_loss, e);
    const double now = validate();
    curves.train.push_back(train_loss);
    curves.validation.push_back(now);
    std::string note = fmt::format("loss {:.4f}", train_loss);
    if (!std::isnan(now)) note += fmt::format(", validation {:.4f}", now);
    bar.step(note);
    if (!early || now < curves.kept_loss) {
      curves.kept_loss = now, curves.kept_epoch = e;
      kept = model;
    }
    if (early && e < o.epochs && e - curves.kept_epoch >= o.patience) ended = "stopped early";
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
