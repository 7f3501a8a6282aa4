// Denormal numbers, and calls in whatever floating-point mode the caller has.
#include "tasks.h"

#include <cfenv>
#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace unroll;

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

TEST_CASE("an exception restores the floating-point mode") {
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
