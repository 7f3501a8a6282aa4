// Training by truncated backpropagation through time, and evaluation.
#pragma once

#include "examples/common/model_file.h"
#include "examples/language_model/model.h"
#include "examples/language_model/text.h"

#include <unroll/data/batches.h>
#include <unroll/optim/optimizer.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace language_model {

struct FitOptions {
  Index epochs = 0;   // 0: enough to train on 8 million ids, but 2 to 10
  Index streams = 0;  // 0: 4 to 16, fewer for a short text, so that it has many chunks
  Index steps = 64;   // of a chunk
  // If above 0: the number of ids to train on. It sets the number of epochs; all have the same
  // number of chunks, and each continues in the text where the last one stopped.
  Index budget = 0;
  std::string optimizer = "adam";  // or "sgd"
  double lr = 2e-3;
  double clip = 5;  // norm of the gradient of the loss summed over steps and averaged over streams
  Index constant = 0;  // sgd: the rate is halved each epoch after so many
  Index patience = 0;  // epochs without a better validation loss; 0: no early stopping
};

// The chunks that an epoch reads.
class Chunks {
 public:
  Chunks(const Ids& ids, const FitOptions& o) {
    constexpr Index kIds = 8'000'000, kMinEpochs = 2, kMaxEpochs = 10;
    constexpr Index kStream = 12'000, kMinStreams = 4, kMaxStreams = 16;
    const auto n = static_cast<Index>(ids.size());
    const Index streams =
        o.streams > 0 ? o.streams : std::clamp(n / kStream, kMinStreams, kMaxStreams);
    chunks_ = unroll::data::streams(ids, {.count = streams, .steps = o.steps});
    const auto all = static_cast<Index>(chunks_.size());
    epochs_ = o.epochs > 0 ? o.epochs : std::clamp(kIds / n, kMinEpochs, kMaxEpochs);
    per_epoch_ = all;
    if (o.budget > 0) {
      const Index total = std::max<Index>(o.budget / (streams * o.steps), 1);
      epochs_ = (total + all - 1) / all;
      per_epoch_ = (total + epochs_ - 1) / epochs_;
    }
  }
  Index epochs() const { return epochs_; }
  Index per_epoch() const { return per_epoch_; }
  // Chunk i of epoch e (from 1), and whether it continues the one before.
  const unroll::data::StreamChunk& at(Index e, Index i) const {
    return chunks_[static_cast<std::size_t>(place(e, i))];
  }
  bool continues(Index e, Index i) const { return i > 0 && place(e, i) > 0; }

 private:
  Index place(Index e, Index i) const {
    return ((e - 1) * per_epoch_ + i) % static_cast<Index>(chunks_.size());
  }
  std::vector<unroll::data::StreamChunk> chunks_;
  Index epochs_ = 0, per_epoch_ = 0;
};

// How many ids before an id still matter to a model, roughly. An RG-LRU or Mamba forgets more
// slowly than the other recurrent ones; an attention sees a window in each layer.
inline Index memory_of(const program::SequenceOptions& layer) {
  if (program::attends(layer.kind))
    return std::max<Index>(128, layer.window * program::layers_of(layer));
  return layer.kind == "rglru" || layer.kind == "mamba" ? 1024 : 128;
}

// nats() by a model that has no window in a stream: windows as long as a chunk in training, of
// which each id but the first ones is in the second half of one.
inline std::vector<double> nats_in_windows(const LanguageModel& model, const Ids& ids, Index from) {
  constexpr Index kWindows = 64;
  const Index context = std::max<Index>(model.options().context, 2), next = context / 2,
              n = static_cast<Index>(ids.size());
  std::vector<double> result;
  while (from < n) {
    std::vector<Ids> read, target;
    std::vector<Index> counted;  // of each window, at its end
    for (; from < n && static_cast<Index>(read.size()) < kWindows; from += counted.back()) {
      counted.push_back(std::min(next, n - from));
      const Index end = from + counted.back();  // behind the last target
      const auto first = ids.begin() + std::max<Index>(end - 1 - context, 0),
                 last = ids.begin() + end;
      read.emplace_back(first, last - 1), target.emplace_back(first + 1, last);
    }
    const nn::Tokens x = nn::Tokens::from(read), y = nn::Tokens::from(target);
    const nn::Sequence losses(
        unroll::cross_entropy(model(x, {}).logits, y.ids, {.reduction = unroll::Reduction::none}),
        x.layout);
    for (Index b = 0; b < x.size(); ++b) {
      const std::vector<double> all = losses.at(b).value().to_vector<double>();
      result.insert(result.end(), all.end() - counted[static_cast<std::size_t>(b)], all.end());
    }
  }
  return result;
}

// -log p of each of the ids [from, end), in nats, given the ids before it. They are divided into
// parallel streams; the state of each is warmed up on the ids before it. Throws
// Interrupted after Ctrl-C.
inline std::vector<double> nats(const LanguageModel& model, const Ids& ids, Index from) {
  constexpr Index kStreams = 64, kLogits = 1 << 22;
  const Index warm_up = memory_of(model.options().layer), min_length = 2 * warm_up;
  const unroll::NoGrad unrecorded;
  const auto n = static_cast<Index>(ids.size());
  unroll::check(from >= 1 && from < n, "nats: ids with one before were required: got {} of {}",
                from, n);
  if (model.options().layer.kind == "linear-attention") return nats_in_windows(model, ids, from);
  // Each stream reads `all` targets; the first ones are its warm-up, and belong to the stream
  // before.
  const Index streams = std::clamp<Index>((n - from) / min_length, 1, kStreams),
              first_warm_up = std::min(warm_up, from - 1), begin = from - first_warm_up,
              all = (n - begin + (streams - 1) * (warm_up + 1)) / streams,
              steps = std::clamp<Index>(kLogits / (model.options().vocab * streams), 1, 128);
  const auto start = [&](Index s) { return std::min(begin + s * (all - warm_up), n - all); };
  LanguageModel::State state;
  std::vector<double> result(static_cast<std::size_t>(n - from));
  for (Index t = 0; t < all; t += steps) {
    program::stop_if_interrupted();
    const Index count = std::min(steps, all - t);
    Ids read, target;  // time-major, as the layout of equal lengths
    for (Index i = t; i < t + count; ++i)
      for (Index s = 0; s < streams; ++s) {
        const auto at = static_cast<std::size_t>(start(s) + i);  // of the target
        read.push_back(ids[at - 1]), target.push_back(ids[at]);
      }
    auto out = model(nn::Tokens(read, unroll::SequenceLayout::equal(streams, count)), state);
    const std::vector<double> losses =
        unroll::cross_entropy(out.logits, target, {.reduction = unroll::Reduction::none})
            .value()
            .to_vector<double>();
    for (Index i = t; i < t + count; ++i)
      for (Index s = 0; s < streams; ++s)
        if (i >= (s == 0 ? first_warm_up : warm_up))
          result[static_cast<std::size_t>(start(s) + i - from)] =
              losses[static_cast<std::size_t>((i - t) * streams + s)];
    state = std::move(out.state);
  }
  return result;
}

inline std::unique_ptr<unroll::optim::Optimizer> optimizer_for(const unroll::NamedParams& params,
                                                               const FitOptions& o) {
  if (o.optimizer == "sgd")
    return std::make_unique<unroll::optim::SGD>(params, unroll::optim::SGDOptions{.lr = o.lr});
  return std::make_unique<unroll::optim::Adam>(params, unroll::optim::AdamOptions{.lr = o.lr});
}

// The learning rate of a step. Adam: warm-up, then half a cosine; SGD: halved each epoch.
inline double rate(const FitOptions& o, const Chunks& chunks, Index step) {
  if (o.optimizer == "sgd") {
    const Index after = step / chunks.per_epoch() + 1 - o.constant;
    return o.lr * std::pow(0.5, std::max<Index>(after, 0));
  }
  const Index all = chunks.epochs() * chunks.per_epoch();
  return unroll::optim::Cosine{
      .lr = o.lr, .steps = all, .warmup = std::min<Index>(100, all / 10), .min = o.lr / 20}(step);
}

// One epoch; returns the mean loss of an id.
inline double train_epoch(const LanguageModel& model, const Chunks& chunks, const FitOptions& o,
                          unroll::optim::Optimizer& optimizer, Index e, program::Progress& bar) {
  LanguageModel::State state;
  double sum = 0, read = 0;
  for (Index i = 0; i < chunks.per_epoch() && !program::interrupted(); ++i) {
    const unroll::data::StreamChunk& chunk = chunks.at(e, i);
    if (!chunks.continues(e, i)) state = {};
    optimizer.lr = rate(o, chunks, optimizer.steps());
    unroll::Tape tape;
    auto out = model(nn::Tokens(chunk.ids, chunk.layout), state);
    const Var loss = unroll::cross_entropy(out.logits, chunk.targets);
    unroll::Gradients g = tape.backward(loss * static_cast<double>(chunk.layout.steps()));
    unroll::optim::clip_norm(g, o.clip);
    optimizer.step(g);
    state = out.state.detach();
    sum += loss.item() * static_cast<double>(chunk.ids.numel());
    read += static_cast<double>(chunk.ids.numel());
    bar.part(static_cast<double>(i + 1) / static_cast<double>(chunks.per_epoch()));
  }
  return read > 0 ? sum / read : 0;
}

}  // namespace language_model
