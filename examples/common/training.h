// The loop over epochs.
#pragma once

#include "examples/common/program.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <cmath>

namespace program {

struct Training {
  std::string label;  // of the progress bar
  unroll::Index epochs = 0;
  // > 0: stop early, after so many epochs without a better validation loss, and go back to the
  // parameters that had the best one.
  unroll::Index patience = 0;
};

// The losses of each epoch, and where the parameters that are kept come from.
struct Curves {
  std::vector<double> train, validation;
  unroll::Index kept_epoch = 0;     // 0: as they were before training
  double kept_loss = std::nan("");  // on the validation part; NaN where that is not known
};

// `epoch` goes through the training part once and returns its mean loss; it looks at interrupted()
// after each batch. `validate` returns the loss on the validation part, NaN where there is none.
template <class Model, class Epoch, class Validate>
Curves train(Model& model, const Training& o, Epoch&& epoch, Validate&& validate) {
  Curves curves;
  const bool early = o.patience > 0;
  // The model as it is at the start counts too: it may already be the best.
  if (early) curves.kept_loss = validate();
  Model kept = model;
  Progress bar(o.label, o.epochs);
  std::string ended = interrupted() ? "interrupted" : "";
  for (unroll::Index e = 1; e <= o.epochs && ended.empty(); ++e) {
    const double train_loss = epoch();
    if (interrupted()) {
      ended = "interrupted";
      break;  // part of an epoch is no point of a curve
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
      if (early) kept = model;
    }
    if (early && e < o.epochs && e - curves.kept_epoch >= o.patience) ended = "stopped early";
  }
  const std::string reason = ended.empty() ? "" : ended + ", ";
  if (early) {
    model = kept;
    bar.end(fmt::format("{}best validation {:.4f}, epoch {}", reason, curves.kept_loss,
                        curves.kept_epoch));
  } else if (!ended.empty()) {
    bar.end(ended);
  }
  return curves;
}

}  // namespace program
