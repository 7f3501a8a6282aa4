// The loop over epochs.
#pragma once

#include "examples/common/program.h"
#include "examples/common/terminal.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace program {

struct Training {
  std::string label;  // of the progress bar
  unroll::Index epochs = 0;
  // > 0: stop early, after so many epochs without a better validation loss, and go back to the
  // parameters that had the best one.
  unroll::Index patience = 0;
};

// The losses of each epoch, for a picture.
struct Curves {
  std::vector<double> train, validation;
};

// `epoch` goes through the training part once and returns its mean loss; it looks at interrupted()
// after each batch. `validate` returns the loss on the validation part, NaN where there is none.
template <class Model, class Epoch, class Validate>
Curves train(Model& model, const Training& o, Epoch&& epoch, Validate&& validate) {
  Curves curves;
  // The model as it is at the start counts too: it may already be the best.
  double best = o.patience > 0 ? validate() : std::numeric_limits<double>::infinity();
  Model kept = model;
  unroll::Index best_epoch = 0;
  Progress bar(o.label, o.epochs);
  for (unroll::Index e = 1; e <= o.epochs && !interrupted(); ++e) {
    const double train_loss = epoch();
    if (interrupted()) break;  // part of an epoch is no point of a curve
    const double now = validate();
    curves.train.push_back(train_loss);
    curves.validation.push_back(now);
    std::string note = fmt::format("loss {:.4f}", train_loss);
    if (!std::isnan(now)) note += fmt::format(", validation {:.4f}", now);
    bar.step(note);
    if (o.patience == 0) continue;
    if (now < best) best = now, best_epoch = e, kept = model;
    if (e - best_epoch >= o.patience) break;
  }
  if (o.patience > 0) {
    model = kept;
    bar.end(fmt::format("best validation {:.4f}, epoch {}", best, best_epoch));
  }
  return curves;
}

}  // namespace program
