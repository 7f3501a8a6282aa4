// Whole models: fused against the same equations in plain ops; on one thread and on several; and
// with whatever floating-point mode the caller has.
#include "tasks.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/matmul.h>

#include <cfenv>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace unroll;

namespace {

// --- the same in plain ops ---

Var plain_linear(const Var& x, const nn::Linear& l) { return matmul(x, l.weight) + l.bias; }

Var plain_embedding(const IndexTensor& ids, const nn::Embedding& e) {
  Tensor one_hot = Tensor::zeros({ids.numel(), e.weight.shape()[0]}, e.weight.dtype());
  for (Index i = 0; i < ids.numel(); ++i) one_hot.set({i, ids[i]}, 1);
  return matmul(one_hot, e.weight);
}

Var plain_layer_norm(const Var& x, const nn::LayerNorm& norm) {
  const Var centred = x - mean(x, {-1}, true);
  return centred / sqrt(mean(square(centred), {-1}, true) + 1e-5) * norm.gain + norm.bias;
}

Var plain_gelu(const Var& x) { return x * normal_cdf(x); }

Var plain_softmax(const Var& x) {
  const Var e = exp(x - max(x, {-1}, true).detach());
  return e / sum(e, {-1}, true);
}

Var plain_cross_entropy(const Var& x, const IndexTensor& y, const nn::CrossEntropyOptions& o) {
  const Index n = x.size(0), v = x.size(1);
  Tensor counts = Tensor::zeros({n, v}, x.dtype());  // how often -log p of each class counts
  double total = 0;
  for (Index i = 0; i < n; ++i) {
    if (y[i] == o.ignore_id) continue;
    const auto weight = [&](Index j) {
      return o.class_weights.defined() ? o.class_weights.at({j}) : 1;
    };
    for (Index j = 0; j < v; ++j)
      counts.set({i, j}, weight(j) * (o.label_smoothing / static_cast<double>(v) +
                                      (j == y[i] ? 1 - o.label_smoothing : 0)));
    total += weight(y[i]);
  }
  const Var most = max(x, {1}, true).detach();
  const Var log_sum = log(sum(exp(x - most), {1}, true)) + most;
  return sum((log_sum - x) * counts) / total;
}

Var plain_attention(const nn::Sequence& x, const Block& block) {
  const Index d = block.dim / block.heads;
  std::vector<Var> outputs;
  std::vector<Index> rows;
  for (Index b = 0; b < x.size(); ++b) {
    const Var qkv = plain_linear(x.at(b), block.attention.query_key_value);  // [T, 3 D]
    const IndexTensor own = x.layout.rows_of(b);
    rows.insert(rows.end(), own.begin(), own.end());
    std::vector<Var> heads;
    for (Index h = 0; h < block.heads; ++h) {
      const auto part = [&](Index k) { return narrow(qkv, 1, k * block.dim + h * d, d); };
      const Var scores = matmul(part(0), transpose(part(1))) / std::sqrt(static_cast<double>(d));
      const Index t = own.numel();
      const Tensor seen = causal_mask(t, t, x.rows.dtype());
      heads.push_back(matmul(plain_softmax(masked_fill(
                                 scores, equal(seen, Tensor::scalar(0, seen.dtype())), -INFINITY)),
                             part(2)));
    }
    outputs.push_back(concat(heads, 1));
  }
  // Back into the order of the layout.
  return plain_linear(index_add(concat(outputs, 0), 0, IndexTensor(rows), x.layout.rows()),
                      block.attention.out);
}

Var plain_block(const Block& block, const nn::Tokens& x) {
  const nn::Sequence h(plain_embedding(x.ids, block.embed), x.layout);
  const Var a = h.rows + plain_attention({plain_layer_norm(h.rows, block.norm1), h.layout}, block);
  const Var inner = plain_gelu(plain_linear(plain_layer_norm(a, block.norm2), block.up));
  return plain_linear(a + plain_linear(inner, block.down), block.head);
}

// --- comparing ---

struct Outcome {
  double loss;
  std::vector<Tensor> gradients;
};

Outcome outcome_of(const std::function<Var()>& loss, const NamedParams& params) {
  Outcome out;
  out.gradients = gradients_of(
      [&] {
        const Var value = loss();
        out.loss = value.item();
        return value;
      },
      params);
  return out;
}

void check_close(const Outcome& a, const Outcome& b, const NamedParams& params, double tolerance) {
  CHECK(std::abs(a.loss - b.loss) < tolerance * (1 + std::abs(b.loss)));
  for (std::size_t i = 0; i < params.size(); ++i) {
    CAPTURE(params[i].name);
    CHECK(distance(a.gradients[i], b.gradients[i]) <
          tolerance * (1 + max(abs(b.gradients[i])).item()));
    CHECK(max(abs(b.gradients[i])).item() > 0);
  }
}

// Embedding, two layers in both directions, linear, cross entropy with everything.
template <class Layer>
struct Everything {
  Between<Layer> model;
  nn::Tokens x;
  IndexTensor y;
  nn::CrossEntropyOptions options;

  Everything(Index hidden, const std::vector<Index>& lengths, DType dtype)
      : model{
            nn::Embedding({.vocab = 7, .dim = 5, .dtype = dtype}),
            Layer({.in = 5, .hidden = hidden, .layers = 2, .bidirectional = true, .dtype = dtype}),
            nn::Linear({.in = 2 * hidden, .out = 4, .dtype = dtype})} {
    Generator g(21);
    const SequenceLayout layout(lengths);
    x = nn::Tokens(g.integers({layout.rows()}, 0, 7), layout);
    std::vector<Index> targets;
    for (Index i = 0; i < layout.rows(); ++i) targets.push_back(i % 5 == 3 ? -1 : g.below(4));
    y = IndexTensor(targets);
    options = {.ignore_id = -1,
               .class_weights = Tensor::of({1, 0.5, 2, 0.25}, dtype),
               .label_smoothing = 0.1};
  }
  Var fused() const { return nn::cross_entropy(scores(model.embed(x), true), y, options); }
  Var plain() const {
    const nn::Sequence rows(plain_embedding(x.ids, model.embed), x.layout);
    return plain_cross_entropy(scores(rows, false), y, options);
  }
  Var scores(const nn::Gathered& embedded, bool fused) const {
    const Var out = model.middle(embedded, {}, {.fused = fused}).sequence.rows;
    return fused ? model.head(out) : plain_linear(out, model.head);
  }
};

const std::vector<std::vector<Index>> kBatches{{6, 6, 6, 6, 6}, {3, 11, 1, 6, 6, 2}};

}  // namespace

TEST_CASE_TEMPLATE("a whole recurrent model, fused, is the same model in plain ops", Layer, nn::RNN,
                   nn::LSTM, nn::GRU) {
  manual_seed(2);
  for (DType dtype : {f32, f64})
    for (Index hidden : {3, 20})
      for (const auto& lengths : kBatches) {
        const Everything<Layer> all(hidden, lengths, dtype);
        const NamedParams params = nn::parameters(all.model);
        check_close(outcome_of([&] { return all.fused(); }, params),
                    outcome_of([&] { return all.plain(); }, params), params,
                    dtype == f32 ? 1e-5 : 1e-13);
      }
}

TEST_CASE_TEMPLATE("finite differences agree with both ways to write it", Layer, nn::RNN, nn::LSTM,
                   nn::GRU) {
  manual_seed(3);
  for (const auto& lengths : {std::vector<Index>{2, 2}, {3, 1, 2}}) {
    const Everything<Layer> all(2, lengths, f64);
    const NamedParams params = nn::parameters(all.model);
    for (bool fused : {true, false}) {
      const auto result =
          gradcheck_params([&] { return fused ? all.fused() : all.plain(); }, params);
      CHECK_MESSAGE(result, result.message);
    }
  }
}

TEST_CASE("an attention block is the same from matmul, softmax, mean and sqrt") {
  manual_seed(4);
  Generator g(5);
  for (DType dtype : {f32, f64})
    for (const auto& lengths : {std::vector<Index>{20, 20, 20}, {7, 60, 1, 20, 20}}) {
      const Block block(9, 12, 3, dtype);
      const SequenceLayout layout(lengths);
      const nn::Tokens x(g.integers({layout.rows()}, 0, 9), layout);
      const IndexTensor y = g.integers({layout.rows()}, 0, 9);
      const NamedParams params = nn::parameters(block);
      check_close(
          outcome_of([&] { return nn::cross_entropy(block(x), y); }, params),
          outcome_of([&] { return plain_cross_entropy(plain_block(block, x), y, {}); }, params),
          params, dtype == f32 ? 2e-5 : 1e-12);
    }
}

TEST_CASE("finite differences agree with an attention block, fused and plain") {
  manual_seed(5);
  const Block block(3, 4, 2, f64);
  const nn::Tokens x(IndexTensor::of({0, 2, 1, 1, 0, 2}), SequenceLayout({2, 3, 1}));
  const IndexTensor y = IndexTensor::of({1, 0, 2, 0, 1, 2});
  for (bool fused : {true, false}) {
    const auto result = gradcheck_params(
        [&] { return nn::cross_entropy(fused ? block(x) : plain_block(block, x), y); },
        nn::parameters(block));
    CHECK_MESSAGE(result, result.message);
  }
}

// --- threads ---

namespace {

void check_same(const Outcome& a, const Outcome& b, const NamedParams& params) {
  CHECK(a.loss == b.loss);
  for (std::size_t i = 0; i < params.size(); ++i) {
    CAPTURE(params[i].name);
    CHECK(a.gradients[i].shape() == b.gradients[i].shape());
    CHECK(distance(a.gradients[i], b.gradients[i]) == 0);
  }
}

}  // namespace

TEST_CASE("losses and gradients of whole models are the same on 1, 2 and 3 threads, bit by bit") {
  for (DType dtype : {f32, f64}) {
    manual_seed(6);
    // 1,040 rows of 72: elementwise calls of over 2^16, products of over 2^21 multiplications.
    std::vector<Task> tasks = speed_table_tasks(1040, 72, dtype);
    const SequenceLayout layout = SequenceLayout::equal(26, 40);
    tasks.push_back(tagger<nn::GRU>("GRU", {.dim = 72,
                                            .hidden = 72,
                                            .layers = 2,
                                            .bidirectional = true,
                                            .layout = layout,
                                            .loss = {.label_smoothing = 0.1},
                                            .dtype = dtype}));
    tasks.push_back(tagger<nn::RNN>("RNN", {.dim = 72,
                                            .hidden = 72,
                                            .layout = layout,
                                            .unroll = {.checkpoint_every = 7},
                                            .dtype = dtype}));
    for (const Task& task : tasks) {
      CAPTURE(task.name);
      std::vector<Outcome> outcomes;
      for (int count : {1, 2, 3}) {
        const Threads on(count);
        outcomes.push_back(outcome_of(task.loss, task.params));
      }
      CHECK(std::isfinite(outcomes[0].loss));
      check_same(outcomes[1], outcomes[0], task.params);
      check_same(outcomes[2], outcomes[0], task.params);
    }
  }
}

TEST_CASE("three training steps with each optimizer are the same on 1, 2 and 3 threads") {
  using namespace optim;
  using Make = std::function<std::unique_ptr<Optimizer>(const NamedParams&)>;
  const std::vector<Make> optimizers{
      [](const auto& p) { return std::make_unique<SGD>(p, SGDOptions{.lr = 0.1}); },
      [](const auto& p) {
        return std::make_unique<SGD>(
            p, SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true});
      },
      [](const auto& p) {
        return std::make_unique<RMSprop>(p, RMSpropOptions{.momentum = 0.5, .centered = true});
      },
      [](const auto& p) { return std::make_unique<Adagrad>(p); },
      [](const auto& p) { return std::make_unique<Adam>(p); },
      [](const auto& p) { return std::make_unique<AdamW>(p); }};
  for (DType dtype : {f32, f64})
    for (std::size_t k = 0; k < optimizers.size(); ++k) {
      const bool attention = (k % 2 == 0) == (dtype == f32);  // each optimiser trains both
      CAPTURE(k);
      CAPTURE(attention);
      // A weight of [512, 300] is more than an optimiser does in one piece.
      const auto train = [&](int count) {
        const Threads on(count);
        manual_seed(7);
        const Task task = attention
                              ? attention_block(30, 72, 4, SequenceLayout({100, 30, 70}), dtype)
                              : tagger<nn::LSTM>("", {.dim = 72,
                                                      .hidden = 300,
                                                      .classes = 512,
                                                      .layout = SequenceLayout({9, 2, 7, 9}),
                                                      .dtype = dtype});
        const auto optimizer = optimizers[k](task.params);
        std::vector<double> losses;
        for (int i = 0; i < 3; ++i) losses.push_back(train_step(task, *optimizer));
        std::vector<Tensor> values;
        for (const NamedParam& p : task.params) values.push_back(p.param->value().clone());
        return std::pair(losses, values);
      };
      const auto one = train(1);
      CHECK(one.first[2] != one.first[0]);
      for (int count : {2, 3}) {
        const auto more = train(count);
        CHECK(more.first == one.first);
        for (std::size_t i = 0; i < one.second.size(); ++i)
          CHECK(distance(more.second[i], one.second[i]) == 0);
      }
    }
}

// --- denormal numbers and the caller's floating-point mode ---

namespace {

// The mode without the sticky flags of what has happened.
struct Mode {
  int rounding = std::fegetround();
#if defined(__x86_64__)
  unsigned control = _mm_getcsr() & ~0x3Fu;
#endif
  bool operator==(const Mode&) const = default;
};

// While it lives, the thread has the mode that `set` makes.
struct InMode {
  std::fenv_t before;
  template <class F>
  explicit InMode(F&& set) {
    std::fegetenv(&before);
    set();
  }
  ~InMode() { std::fesetenv(&before); }
  InMode(const InMode&) = delete;
};

std::vector<std::function<void()>> modes() {
  std::vector<std::function<void()>> out{[] {}, [] { std::fesetround(FE_UPWARD); },
                                         [] { std::fesetround(FE_TOWARDZERO); }};
#if defined(__x86_64__)
  for (unsigned flags : {0x8000u, 0x0040u, 0x8040u})  // flush to zero; denormals are zero; both
    out.push_back([flags] { _mm_setcsr(_mm_getcsr() | flags); });
#endif
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("a state that decays below the least normal number ends finite, and as nothing",
                   Layer, nn::RNN, nn::LSTM, nn::GRU) {
  for (DType dtype : {f32, f64})
    for (bool fused : {true, false}) {
      manual_seed(8);
      const Layer layer({.in = 1, .hidden = 8, .bias = false, .dtype = dtype});
      const NamedParams params = nn::parameters(layer);
      for (const NamedParam& p : params) p.param->set_value(mul(p.param->value(), 1e-3));
      const Index steps = 2000;  // a gate of a half makes 2^-2000
      Tensor input = Tensor::zeros({steps, 1}, dtype);
      input.set({0, 0}, 1);
      const nn::Sequence x(input, SequenceLayout::equal(1, steps));
      typename Layer::State start = layer.layers[0].initial(1);
      start.h = Tensor::full({1, 8}, 0.5, dtype);
      const auto run = [&] { return layer(x, {start}, {.fused = fused}); };
      const double least = dtype == f32 ? 0x1p-126 : 0x1p-1022;
      const auto out = run();
      CHECK(all_finite(out.sequence.rows.value()));
      CHECK(max(abs(out.sequence.rows.value().narrow(0, 0, 1))).item() > 1e-5);
      CHECK(max(abs(out.last().value())).item() < least);
      // The gradient decays in the same way towards the first step.
      for (const Tensor& g : gradients_of([&] { return sum(run().last()); }, params)) {
        CHECK(all_finite(g));
        CHECK(max(abs(g)).item() < 1e-30);
      }
      std::vector<typename Layer::State> state{start};
      Var h;
      for (Index t = 0; t < steps; ++t) h = layer.step(Tensor::zeros({1, 1}, dtype), state);
      CHECK(all_finite(h.value()));
      CHECK(max(abs(h.value())).item() < least);
    }
}

TEST_CASE("the caller's floating-point mode is the same after every call, whatever it is") {
  for (int count : {1, 3}) {
    const Threads on(count);
    for (const auto& set : modes()) {
      const InMode in(set);
      const Mode mode;
      manual_seed(9);
      // On one thread, small models do.
      std::vector<Task> tasks =
          count == 1 ? speed_table_tasks(160, 24) : speed_table_tasks(1040, 72);
      CHECK(Mode() == mode);
      for (const Task& task : tasks) {
        CAPTURE(task.name);
        optim::Adam adam(task.params);
        Tape tape;
        const Var loss = task.loss();
        CHECK(Mode() == mode);
        Gradients gradients = tape.backward(loss);
        CHECK(Mode() == mode);
        optim::clip_norm(gradients, 1);
        CHECK(Mode() == mode);
        adam.step(gradients);
        CHECK(Mode() == mode);
        CHECK(std::isfinite(loss.item()));
      }
    }
  }
}

TEST_CASE("an exception in the middle leaves the floating-point mode as it was") {
  for (const auto& set : modes()) {
    const InMode in(set);
    const Mode mode;
    const nn::LSTM lstm({.in = 3, .hidden = 4});
    const nn::Sequence wrong(Tensor::zeros({4, 2}), SequenceLayout::equal(2, 2)),
        right(Tensor::zeros({4, 3}), SequenceLayout::equal(2, 2));
    CHECK_THROWS(lstm(wrong));
    CHECK(Mode() == mode);
    std::vector<nn::LSTM::State> state;
    CHECK_THROWS(lstm.step(Tensor::zeros({1, 2}), state));
    CHECK(Mode() == mode);
    {
      Tape tape;
      const Var h = lstm(right).sequence.rows;
      h.hook(
          [](const Tensor&) -> Tensor { throw std::runtime_error("in the middle of backward"); });
      CHECK_THROWS_WITH(tape.backward(sum(square(h))), "in the middle of backward");
      CHECK(Mode() == mode);
    }
    {
      Tape tape;
      const Gradients unknown = tape.backward(sum(lstm(right).sequence.rows));
      optim::SGD sgd(nn::parameters(nn::Linear({.in = 1, .out = 1})));
      CHECK_THROWS(sgd.step(unknown));
      CHECK(Mode() == mode);
    }
    const Threads on(3);
    CHECK_THROWS(parallel_for(8, [](Index i) {
      const Tensor a = Tensor::ones({200, 200});
      (void)matmul(a, a);
      if (i == 3) throw std::runtime_error("in a task");
    }));
    CHECK(Mode() == mode);
  }
}

TEST_CASE("tasks run in the caller's floating-point mode, so that threads change no bit of it") {
  const Tensor x = Generator(1).normal({300, 300}), y = Generator(2).normal({300, 300});
  const auto results = [&] {
    std::vector<Tensor> out;
    for (int count : {1, 2, 3}) {
      const Threads on(count);
      parallel_for(3, [](Index) {});  // the pool begins in this mode, and goes on in others
      for (const auto& set : modes()) {
        const InMode in(set);
        out.push_back(exp(mul(matmul(x, y), 0.1)));
      }
    }
    return out;
  };
  for (const auto& set : modes()) {
    const InMode in(set);
    const std::vector<Tensor> all = results();
    const std::size_t each = all.size() / 3;
    for (std::size_t i = 0; i < each; ++i) {
      CHECK(distance(all[i], all[each + i]) == 0);
      CHECK(distance(all[i], all[2 * each + i]) == 0);
    }
    CHECK(distance(all[1], all[2]) > 0);  // upwards is not towards zero
  }
}
