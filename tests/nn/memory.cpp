// What a training step keeps, what it asks the system for, and how that grows with time.
//
// Sizes are chosen so that the blocks below are just under a size class of the allocator (a power
// of two, or a quarter more), header included: what is held is what was asked for, to a percent.
// All on one thread: how many buffers of tasks are there at once is not the same each time.
#include "tasks.h"

#include <unroll/nn/scan.h>
#include <unroll/tensor/memory.h>

#include <cmath>

using namespace unroll;

namespace {

constexpr Index kBatch = 33, kSteps = 31, kRows = kBatch * kSteps, kHidden = 64;
constexpr Index kRow = kHidden * 4;            // bytes
constexpr Index kStates = 16 * kBatch * kRow;  // some [B, H]: the states before and after

// How much more is in use once f's result is there, on a tape; and f's peak beside that.
struct Use {
  Index kept, peak;
};
template <class F>
Use use_of(F&& f) {
  const Threads one(1);
  memory::release_cached();
  {
    Tape warm;  // chunks of the tape, buffers of kernels
    (void)f(warm);
  }
  Tape tape;
  const Index before = memory::stats().in_use;
  memory::reset_peak();
  const auto held = f(tape);
  const memory::Stats after = memory::stats();
  return {after.in_use - before, after.peak - before};
}

// Peak of a whole training step.
Index peak_of(const Task& task) {
  return use_of([&](Tape& tape) { return tape.backward(task.loss()); }).peak;
}

template <class Layer>
Index kept_by(Index layers = 1, bool bidirectional = false) {
  const Layer layer(
      {.in = kHidden, .hidden = kHidden, .layers = layers, .bidirectional = bidirectional});
  const nn::Sequence x(Tensor::zeros({kRows, kHidden}), SequenceLayout::equal(kBatch, kSteps));
  return use_of([&](Tape&) { return layer(x); }).kept;
}

}  // namespace

TEST_CASE("an LSTM saves at most 6 x hidden values per row beside its output") {
  const Index kept = kept_by<nn::LSTM>();
  MESSAGE("numbers for each row and hidden unit, output included: ",
          static_cast<double>(kept) / (kRows * kRow));
  CHECK(kept <= (1 + 6) * kRows * kRow);
  CHECK(kept <= (1 + 5) * kRows * kRow + kStates);  // in fact i, f, g, o and c
  CHECK(kept >= (1 + 5) * kRows * kRow);
  CHECK(kept_by<nn::LSTM>(3) <= 3 * (1 + 6) * kRows * kRow);
  // Both directions and, side by side, both outputs again.
  CHECK(kept_by<nn::LSTM>(1, true) <= 2 * (1 + 6) * kRows * kRow + 2 * kRows * kRow);
}

TEST_CASE("besides its output a GRU saves 4 x hidden values per row, an RNN none") {
  const Index gru = kept_by<nn::GRU>(), rnn = kept_by<nn::RNN>();
  CHECK(gru >= (1 + 4) * kRows * kRow);
  CHECK(gru <= (1 + 4) * kRows * kRow + kStates);
  CHECK(rnn >= kRows * kRow);
  CHECK(rnn <= kRows * kRow + kStates);
}

TEST_CASE("a linear layer allocates nothing but its output") {
  const nn::Linear linear({.in = kHidden, .out = kHidden});
  const Tensor x = Tensor::zeros({kRows, kHidden});
  const Use use = use_of([&](Tape&) { return linear(x); });
  CHECK(use.kept <= kRows * kRow + 1024);
  CHECK(use.peak <= kRows * kRow + (1 << 16));  // buffers of the product
}

TEST_CASE("cross entropy over 10,000 classes holds the logits and, in backward, their gradient") {
  const Index rows = 200, classes = 10000, scores = Index{8} << 20;  // 8.0 MB, a class of 8 MiB
  const Tensor x = Tensor::zeros({rows, classes});
  const IndexTensor y = Generator(1).integers({rows}, 0, classes);
  for (double smoothing : {0.0, 0.1}) {
    const nn::CrossEntropyOptions options{.label_smoothing = smoothing};
    // The scores are a constant here, so all that is kept is the loss's own.
    const Use forward =
        use_of([&](Tape& tape) { return nn::cross_entropy(tape.watch(x), y, options); });
    CHECK(forward.kept <= scores / 50);
    CHECK(forward.peak <= scores / 50);
    const Use both = use_of(
        [&](Tape& tape) { return tape.backward(nn::cross_entropy(tape.watch(x), y, options)); });
    CHECK(both.peak <= scores + scores / 50);  // one more [N, V], not two
  }
  // A whole model: the scores and their gradient, and the gradient of the head [H, V].
  const Task task = tagger<nn::LSTM>("", {.vocab = 50,
                                          .dim = 8,
                                          .hidden = 16,
                                          .classes = classes,
                                          .layout = SequenceLayout::equal(10, 20)});
  CHECK(peak_of(task) <= 2 * scores + scores / 5);
}

TEST_CASE("attention allocates nothing of the size of its logits, forward or backward") {
  const Index dim = 16, heads = 4;
  const nn::MultiHeadAttention attention({.dim = dim, .heads = heads});
  const auto peak = [&](Index steps, bool causal) {
    const Tensor x = Generator(2).normal({1, steps, dim});
    return use_of([&](Tape& tape) {
             const Var v = tape.watch(x);
             return tape.backward(sum(square(attention(v, v, v, {.causal = causal}).out)));
           })
        .peak;
  };
  for (bool causal : {false, true}) {
    const Index one = peak(1000, causal), two = peak(2000, causal);
    MESSAGE("peak in numbers of the input: ", static_cast<double>(two) / (2000 * dim * 4));
    CHECK(two <= 2000 * 2000 * heads * 4 / 12);    // the scores of all heads would be 64 MB
    CHECK(two <= 2.2 * static_cast<double>(one));  // as T, not as its square
  }
}

TEST_CASE("training in its steady state allocates nothing from the system") {
  const Threads one(1);
  for (const Task& task : speed_table_tasks(160, 32)) {
    CAPTURE(task.name);
    optim::Adam adam(task.params);
    optim::SGD sgd(task.params, {.lr = 0.01, .momentum = 0.9});
    for (optim::Optimizer* optimizer :
         {static_cast<optim::Optimizer*>(&adam), static_cast<optim::Optimizer*>(&sgd)}) {
      for (int i = 0; i < 2; ++i) train_step(task, *optimizer);
      const memory::Stats early = memory::stats();
      for (int i = 0; i < 5; ++i) train_step(task, *optimizer);
      const memory::Stats late = memory::stats();
      CHECK(late.in_use == early.in_use);
      CHECK(late.cached == early.cached);
      if (memory::caching()) CHECK(late.system_calls == early.system_calls);
      CHECK(late.peak >= late.in_use);
    }
  }
  const memory::Stats before = memory::stats();
  if (memory::caching()) CHECK(before.cached > 100'000);
  memory::release_cached();
  const memory::Stats after = memory::stats();
  CHECK(after.in_use == before.in_use);
  CHECK(after.cached <= before.cached / 10);  // helpers of earlier tests may keep some of their own
}

TEST_CASE("memory grows in proportion to time, from 100 steps to 12,800") {
  struct Kind {
    std::string name;
    std::function<Task(Index steps)> make;
  };
  const auto text = [](Index steps, bool fused) {
    return TaggerOptions{.vocab = 5,
                         .dim = 8,
                         .hidden = 16,
                         .classes = 3,
                         .only_last = true,
                         .layout = SequenceLayout::equal(8, steps),
                         .unroll = {.fused = fused}};
  };
  const std::vector<Kind> kinds{
      {"LSTM", [&](Index t) { return tagger<nn::LSTM>("", text(t, true)); }},
      {"GRU", [&](Index t) { return tagger<nn::GRU>("", text(t, true)); }},
      {"LSTM, plain", [&](Index t) { return tagger<nn::LSTM>("", text(t, false)); }},
      {"GRU, plain", [&](Index t) { return tagger<nn::GRU>("", text(t, false)); }},
      {"own LSTM", [&](Index t) { return own_cell<OwnLSTM>("", 16, SequenceLayout::equal(8, t)); }},
      {"own GRU", [&](Index t) { return own_cell<OwnGRU>("", 16, SequenceLayout::equal(8, t)); }}};
  for (const Kind& kind : kinds) {
    CAPTURE(kind.name);
    // Twice the steps are twice the block, rounded alike.
    const auto grown = [&](Index steps) {
      return static_cast<double>(peak_of(kind.make(steps)) - peak_of(kind.make(1)));
    };
    // AddressSanitizer has no time for more.
    const Index most = memory::caching() ? 12800 : 1600;
    const double longest = grown(most);
    MESSAGE(kind.name, ": ", longest / static_cast<double>(most * 8 * 16 * 4),
            " numbers for each row and hidden unit at the peak");
    for (Index steps : {100, 400, 1600, 6400}) {
      if (steps >= most) continue;
      CAPTURE(steps);
      const double ratio = grown(steps) * static_cast<double>(most / steps) / longest;
      CAPTURE(ratio);
      CHECK(ratio > (steps == 100 ? 0.85 : 0.95));  // small blocks count to within 64 KiB
      CHECK(ratio < (steps == 100 ? 1.15 : 1.05));
    }
  }
}

namespace {

// The peak while going forward, and that while going back, when the last states alone count.
template <class Run>
std::pair<double, double> peaks_of(Index batch, Index steps, const Run& run) {
  const nn::Sequence x(Tensor::full({batch * steps, 2}, 0.5), SequenceLayout::equal(batch, steps));
  const Threads one(1);
  memory::release_cached();
  Tape tape;
  const Index before = memory::stats().in_use;
  memory::reset_peak();
  const Var y = sum(run(x));
  const Index forward = memory::stats().peak - before;
  memory::reset_peak();
  const Gradients gradients = tape.backward(y);
  return {static_cast<double>(forward), static_cast<double>(memory::stats().peak - before)};
}

}  // namespace

TEST_CASE("with a checkpoint every sqrt(T) steps, memory beside the outputs grows as sqrt(T)") {
  const Index batch = 62, hidden = 16;
  const nn::LSTM lstm({.in = 2, .hidden = hidden});
  const nn::GRU gru({.in = 2, .hidden = hidden});
  const OwnLSTM own(2, hidden, f32);
  using Run = std::function<Var(const nn::Sequence&, Index every)>;
  const std::vector<std::pair<std::string, Run>> kinds{
      {"LSTM",
       [&](const auto& x, Index every) { return lstm(x, {}, {.checkpoint_every = every}).last(); }},
      {"GRU",
       [&](const auto& x, Index every) { return gru(x, {}, {.checkpoint_every = every}).last(); }},
      {"LSTM, plain",
       [&](const auto& x, Index every) {
         return lstm(x, {}, {.fused = false, .checkpoint_every = every}).last();
       }},
      {"own LSTM", [&](const auto& x, Index every) {
         return nn::unroll(own, x, own.initial(x.size()), {.checkpoint_every = every}).last.h;
       }}};
  for (const auto& kind : kinds) {
    const std::string& name = kind.first;
    CAPTURE(name);
    const auto peaks = [&](Index steps, Index every) {
      return peaks_of(batch, steps, [&](const nn::Sequence& x) { return kind.second(x, every); });
    };
    (void)peaks(256, 16);  // the tape's own chunks
    const auto [forward1, backward1] = peaks(256, 16);
    const auto [forward16, backward16] = peaks(4096, 64);
    const double whole = peaks(4096, 0).second;
    MESSAGE(name, ": 16 x the steps take ", backward16 / backward1,
            " x the memory; all kept: ", whole / backward16, " x that");
    CHECK(backward16 < 4.4 * backward1);
    CHECK(whole > 20 * backward16);
    // Going forward, the outputs are there in pieces and joined.
    CHECK(forward16 < 2.01 * batch * 4096 * hidden * 4 + backward16);
  }
}

TEST_CASE_TEMPLATE("checkpoints change no gradient: ragged, reversed, stacked, fused or plain",
                   Layer, nn::RNN, nn::LSTM, nn::GRU, nn::MinGRU, nn::MinLSTM, nn::RGLRU) {
  manual_seed(3);
  Generator g(4);
  const Layer layer({.in = 3, .hidden = 5, .layers = 2, .bidirectional = true, .dtype = f64});
  const nn::Sequence x = random_sequence(g, random_lengths(g, 7, 23), 3);
  const Tensor u = g.normal({x.layout.rows(), 10}, 0, 1, f64), v = g.normal({7, 10}, 0, 1, f64);
  const NamedParams params = nn::parameters(layer);
  const auto gradients = [&](const nn::UnrollOptions& options) {
    return gradients_of(
        [&] {
          const auto out = layer(x, {}, options);
          return sum(out.sequence.rows * u) + sum(out.last() * v);
        },
        params);
  };
  const auto whole = gradients({});
  for (bool fused : {true, false})
    for (bool reverse : {false, true}) {
      const auto expected = reverse ? gradients({.reverse = true}) : whole;
      for (Index every : {1, 4, 22, 23, 1000}) {
        CAPTURE(every);
        const auto saved =
            gradients({.reverse = reverse, .fused = fused, .checkpoint_every = every});
        for (std::size_t i = 0; i < params.size(); ++i) {
          CAPTURE(params[i].name);
          CHECK(distance(saved[i], expected[i]) < 1e-12);
          CHECK(max(abs(saved[i])).item() > 0);
        }
      }
    }
}
