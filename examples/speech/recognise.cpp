#include "examples/speech/recognise.h"

#include <unroll/autograd/mode.h>
#include <unroll/autograd/ops.h>

namespace speech {

Recogniser::Recogniser(const Model& model, const Decoder& decoder, Use use)
    : model_(model),
      decoder_(decoder),
      use_(std::move(use)),
      as_it_comes_(!model.layer.options().bidirectional) {
  push(Samples(kLead));
}

void Recogniser::push(std::span<const float> samples) {
  Frames frames;
  mel_.push(samples, frames);
  for (const Frame& frame : frames) take(frame);
}

void Recogniser::end() { push(Samples(kPadding)); }

void Recogniser::read() {
  const unroll::Inference inference;
  for (; read_ + kStacked <= std::ssize(frames_); read_ += kStacked) {
    const auto first = frames_.begin() + read_;
    const Frames pair(first, first + kStacked);
    logits_.push_back(model_.step(model_.steps(pair), state_).value());
  }
}

void Recogniser::take(const Frame& frame) {
  frames_.push_back(frame);
  ++time_;
  const std::optional<Segment> ended = endpoints_.push(frame.level);
  const Index begin = ended                ? ended->begin
                      : endpoints_.begun() ? *endpoints_.begun()
                                           : time_ - kBefore - kConfirmed;
  while (!frames_.empty() && time_ - std::ssize(frames_) < begin) frames_.pop_front();
  if (as_it_comes_ && (ended || endpoints_.begun())) read();
  if (!ended) return;
  const unroll::Inference inference;
  Utterance out{*ended, {}, Frames(frames_.begin(), frames_.end()), {}};
  if (as_it_comes_)
    out.logits =
        unroll::concat(std::vector<Var>(logits_.begin() + kDelay, logits_.end()), 0).value();
  else
    out.logits = model_(nn::Sequence::from({Var(model_.steps(out.frames))})).rows.value();
  out.heard = decoder_(out.logits);
  use_(out);
  logits_.clear();
  read_ = 0;
  state_ = {};
}

void recognise(Recording recording, const Model& model, const Decoder& decoder,
               const Recogniser::Use& use) {
  Recogniser recogniser(model, decoder, use);
  for (Samples samples; recording.read(samples); samples.clear()) recogniser.push(samples);
  recogniser.end();
}

}  // namespace speech
