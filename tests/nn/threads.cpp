// Whole models on one thread and on several: losses, gradients and training are bit-identical.
#include "tasks.h"

#include <cmath>

using namespace unroll;

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
