// Losses: gradients to second order under each reduction, ignored rows, numbers at the edge.
#include "tests/support.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/loss.h>

#include <cmath>
#include <limits>

using namespace unroll;

namespace {

using nn::Reduction;
using Vars = std::vector<Var>;

constexpr Reduction kReductions[] = {Reduction::mean, Reduction::sum, Reduction::none};

struct Loss {
  const char* name;
  std::function<Var(const Vars&, Reduction)> f;
  std::vector<Tensor> at;
};

Tensor positive(const Shape& shape, std::uint64_t seed) {
  return Generator(seed).uniform(shape, 0.3, 2, f64);
}

const IndexTensor target({2, -100, 0, 1});

std::vector<Loss> losses() {
  const Tensor weights = Tensor::of({0.5, 2, 1}, f64);
  const Tensor x = random({4, 3}, 1), y = random({4, 3}, 2), p = positive({4, 3}, 3);
  const Tensor probability = Generator(4).uniform({4, 3}, 0, 1, f64);
  return {
      {"cross entropy",
       [](const Vars& v, Reduction r) { return nn::cross_entropy(v[0], target, {.reduction = r}); },
       {x}},
      {"cross entropy, weighted and smoothed",
       [=](const Vars& v, Reduction r) {
         return nn::cross_entropy(
             v[0], target, {.class_weights = weights, .label_smoothing = 0.2, .reduction = r});
       },
       {x}},
      {"nll",
       [=](const Vars& v, Reduction r) {
         return nn::nll_loss(log_softmax(v[0]), target, {.class_weights = weights, .reduction = r});
       },
       {x}},
      {"mse", [](const Vars& v, Reduction r) { return nn::mse_loss(v[0], v[1], r); }, {x, y}},
      {"l1", [](const Vars& v, Reduction r) { return nn::l1_loss(v[0] * v[0], v[1], r); }, {x, y}},
      {"huber",
       [](const Vars& v, Reduction r) {
         return nn::huber_loss(v[0], v[1], {.delta = 0.8, .reduction = r});
       },
       {x, y}},
      {"bce",
       [=](const Vars& v, Reduction r) {
         return nn::bce_with_logits(v[0], v[1],
                                    {.weight = p, .positive_weight = weights, .reduction = r});
       },
       {x, probability}},
      {"gaussian nll",
       [](const Vars& v, Reduction r) {
         return nn::gaussian_nll(v[0], v[1], v[2], {.full = true, .reduction = r});
       },
       {x, y, p}},
      {"gaussian nll, a variance for each row",
       [](const Vars& v, Reduction r) {
         return nn::gaussian_nll(v[0], v[1], v[2], {.reduction = r});
       },
       {x, y, positive({4, 1}, 5)}},
  };
}

}  // namespace

TEST_CASE("every loss has the derivatives that finite differences say, under each reduction") {
  for (const Loss& loss : losses())
    for (Reduction r : kReductions) {
      CAPTURE(loss.name);
      const auto f = [&](const Vars& v) { return loss.f(v, r); };
      const auto first = gradcheck(f, loss.at), second = gradgradcheck(f, loss.at);
      CHECK_MESSAGE(first, first.message);
      CHECK_MESSAGE(second, second.message);
    }
}

TEST_CASE("cross entropy is accurate for small terms beside large logits") {
  const auto loss = [](const Tensor& x, const nn::CrossEntropyOptions& o = {}) {
    return nn::cross_entropy(x, IndexTensor::of({0}), o).item();
  };
  CHECK(loss(Tensor::of({{1e8, 1e8}})) == doctest::Approx(0.69314718).epsilon(1e-7));
  CHECK(loss(Tensor::of({{1e4, 9999}})) == doctest::Approx(0.31326169).epsilon(1e-6));
  Generator g(12);
  for (const DType dtype : {f32, f64})
    for (const double offset : {0.0, 1e3, -1e6, 1e8})
      for (const double smoothing : {0.0, 0.1, 1.0})
        for (const bool weighted : {false, true}) {
          const Index rows = 5, classes = 7;
          Tensor x = Tensor::empty({rows, classes}, dtype);
          const double unit = std::max(std::abs(offset) * (dtype == f32 ? 0x1p-23 : 0x1p-52), 0.25);
          for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < classes; ++j)
              x.set({i, j}, offset + unit * static_cast<double>(g.integers({1}, -4, 5)[0]));
          const IndexTensor labels = g.integers({rows}, 0, classes);
          nn::CrossEntropyOptions o{.label_smoothing = smoothing, .reduction = Reduction::sum};
          if (weighted) o.class_weights = g.uniform({classes}, 0.5, 2);
          // The same in f64 with the offset taken off, which changes nothing.
          const Tensor near = sub(x.to(f64), Tensor::scalar(x.to(f64).at({0, 0}), f64));
          const auto run = [&](const Tensor& logits, bool by_reference) {
            Tape tape;
            const Var v = tape.watch(logits);
            const Var y = nn::cross_entropy(v, labels, o);
            return std::pair{y.item(), grad(y, {v}, {.create_graph = by_reference})[0].value()};
          };
          CAPTURE(offset);
          CAPTURE(smoothing);
          const auto expected = run(near, false);
          for (const bool by_reference : {false, true}) {
            const auto got = run(x, by_reference);
            const double eps = dtype == f32 ? 1e-6 : 1e-13;
            CHECK(got.first == doctest::Approx(expected.first).epsilon(eps));
            CHECK(distance(got.second, expected.second) < 5 * eps);
          }
        }
}

TEST_CASE("Huber's second derivative is 1 within delta, at a residual of 0 too, and 0 beyond") {
  for (const DType dtype : {f32, f64})
    for (const double delta : {0.5, 1.0, 3.0})
      for (const double e : {0.0, -0.0, 1e-30, -0.2, 0.4, -4.0, 7.0}) {
        Tape tape;
        const Var x = tape.watch(Tensor::scalar(2 + e, dtype));
        const double residual = x.item() - 2;
        const Var y = nn::huber_loss(x, 2.0, {.delta = delta, .reduction = Reduction::sum});
        const Var first = grad(y, {x}, {.create_graph = true})[0];
        const bool within = std::abs(e) < delta;
        CHECK(y.item() == doctest::Approx(within ? residual * residual / 2
                                                 : delta * (std::abs(residual) - delta / 2)));
        CHECK(first.item() == doctest::Approx(std::clamp(residual, -delta, delta)));
        const Var second = grad(first, {x})[0];
        CHECK((second.defined() ? second.item() : 0) == (within ? 1 : 0));
      }
}

TEST_CASE("Reduction::sum is the sum of Reduction::none, and the mean of equal weights its mean") {
  for (const Loss& loss : losses()) {
    CAPTURE(loss.name);
    const Vars in(loss.at.begin(), loss.at.end());
    const Tensor each = loss.f(in, Reduction::none).value();
    CHECK(loss.f(in, Reduction::sum).item() == doctest::Approx(sum(each).item()).epsilon(1e-14));
    const std::string name = loss.name;
    const double total = name == "cross entropy" ? 3  // one of four is ignored
                         : name.find("cross") == 0 || name == "nll"
                             ? 1 + 0.5 + 2
                             : static_cast<double>(each.numel());
    CHECK(loss.f(in, Reduction::mean).item() ==
          doctest::Approx(sum(each).item() / total).epsilon(1e-14));
  }
}

TEST_CASE("cross entropy is -log softmax at the target, and nll of log softmax") {
  Generator g(6);
  for (int trial = 0; trial < 10; ++trial) {
    const Index n = 1 + g.below(6), classes = 1 + g.below(6);
    const Tensor x = g.normal({n, classes}, 0, 3, f64);
    const IndexTensor ids = g.integers({n}, 0, classes);
    const Tensor rows = nn::cross_entropy(x, ids, {.reduction = Reduction::none}).value();
    for (Index i = 0; i < n; ++i) {
      double total = 0;
      for (Index v = 0; v < classes; ++v) total += std::exp(x.at({i, v}));
      CHECK(rows.at({i}) == doctest::Approx(std::log(total) - x.at({i, ids[i]})).epsilon(1e-12));
    }
    const Var logs = log_softmax(Var(x));
    CHECK(distance(nn::nll_loss(logs, ids, {.reduction = Reduction::none}).value(), rows) < 1e-12);
  }
}

TEST_CASE("ignored rows do not affect loss and gradient, whatever they contain") {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor clean = random({3, 4}, 1);
  for (double bad : {double{NAN}, inf, -inf, 1e300}) {
    Tensor x = clean.clone();
    x.select(0, 1).fill_(bad);
    const IndexTensor ids({2, -100, 0}), kept({2, 0});
    const Tensor rows = index_select(Var(clean), 0, IndexTensor({0, 2})).value();
    for (bool nll : {false, true}) {
      CAPTURE(bad);
      CAPTURE(nll);
      const auto loss = [&](const Var& v, const IndexTensor& t) {
        return nll ? nn::nll_loss(v, t) : nn::cross_entropy(v, t);
      };
      Tape tape;
      const Var a = tape.watch(x), b = tape.watch(rows);
      const Var with = loss(a, ids), without = loss(b, kept);
      CHECK(with.item() == doctest::Approx(without.item()).epsilon(1e-14));
      const Gradients g = tape.backward(with + without);
      CHECK(distance(g[a].select(0, 0), g[b].select(0, 0)) < 1e-15);
      CHECK(max(abs(g[a].select(0, 1))).item() == 0);
    }
  }
}

TEST_CASE("if all rows are ignored, the sum and its gradient are 0 and the mean is refused") {
  for (bool nll : {false, true}) {
    const IndexTensor none({-100, -100});
    const auto loss = [&](const Var& v, Reduction r) {
      return nll ? nn::nll_loss(v, none, {.reduction = r})
                 : nn::cross_entropy(v, none, {.reduction = r});
    };
    Tape tape;
    const Var x = tape.watch(random({2, 3}, 1));
    const Var total = loss(x, Reduction::sum);
    CHECK(total.item() == 0);
    CHECK(max(abs(tape.backward(total)[x])).item() == 0);
    check_says(message_of([&] {
                 loss(random({2, 3}, 1), Reduction::mean);
               }),
               fmt::format("{}: at least one target that counts was required for the mean: got 2 "
                           "targets, all ignored",
                           nll ? "nll_loss" : "cross_entropy"));
  }
  check_says(message_of([] {
               nn::cross_entropy(random({1, 2}, 1), IndexTensor({0}),
                                 {.class_weights = Tensor::of({0, 1})});
             }),
             "of weight 0");
}

TEST_CASE("ignore_id may be any id") {
  const Tensor x = random({3, 4}, 1);
  const double a = nn::cross_entropy(x, IndexTensor({1, 0, 3}), {.ignore_id = 0}).item();
  const double b = nn::cross_entropy(x, IndexTensor({1, -100, 3})).item();
  CHECK(a == b);
}

TEST_CASE("huge logits neither overflow nor lose the gradient") {
  for (DType dtype : {f32, f64}) {
    Tape tape;
    const Var x = tape.watch(Tensor::of({{1e4, -1e4, 0}, {-1e4, 1e4, 0}}, dtype));
    const Var rows = nn::cross_entropy(x, IndexTensor({0, 0}), {.reduction = Reduction::none});
    CHECK(distance(rows.value(), Tensor::of({0, 2e4}, dtype)) < 1e-2);
    const Tensor d = tape.backward(sum(rows))[x];
    CHECK(distance(d, Tensor::of({{0, 0, 0}, {-1, 1, 0}}, dtype)) < 1e-3);

    const Var s = tape.watch(Tensor::of({1e4, -1e4, 1e4, -1e4, 0}, dtype));
    const Tensor labels = Tensor::of({1, 0, 0, 1, 0.5}, dtype);
    const Var bce = nn::bce_with_logits(s, labels, {.reduction = Reduction::none});
    CHECK(distance(bce.value(), Tensor::of({0, 0, 1e4, 1e4, std::log(2.0)}, dtype)) < 1e-3);
    CHECK(distance(tape.backward(sum(bce))[s], Tensor::of({0, 0, 1, -1, 0}, dtype)) < 1e-6);

    const Var e = tape.watch(Tensor::of({1e4, -1e4, 0.5, 0}, dtype));
    const Var huber = nn::huber_loss(e, 0.0, {.delta = 2, .reduction = Reduction::none});
    CHECK(distance(huber.value(), Tensor::of({2e4 - 2, 2e4 - 2, 0.125, 0}, dtype)) < 1e-2);
    CHECK(distance(tape.backward(sum(huber))[e], Tensor::of({2, -2, 0.5, 0}, dtype)) < 1e-6);
  }
}

TEST_CASE("a variance below eps counts as eps, and its gradient is unchanged") {
  Tape tape;
  const Var variance = tape.watch(Tensor::of({0, 1e-9, 1}, f64));
  const Var loss = nn::gaussian_nll(Tensor::of({1, 1, 1}, f64), Tensor::of({1, 1, 1}, f64),
                                    variance, {.eps = 1e-4, .reduction = Reduction::none});
  CHECK(distance(loss.value(), Tensor::of({std::log(1e-4) / 2, std::log(1e-4) / 2, 0}, f64)) <
        1e-13);
  CHECK(distance(tape.backward(sum(loss))[variance], Tensor::of({5000, 5000, 0.5}, f64)) < 1e-9);
}

TEST_CASE("an infinite variance gives an infinite loss") {
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor x = Tensor::of({1, 1}, f64);
  const Var loss =
      nn::gaussian_nll(x, x, Tensor::of({inf, 1}, f64), {.reduction = Reduction::none});
  CHECK(loss.value().at({0}) == inf);
  CHECK(loss.value().at({1}) == 0);
}

TEST_CASE("a target may be a number, and takes the dtype of the input") {
  const Tensor x = random({3}, 1, f32);
  CHECK(nn::mse_loss(x, 0.5).item() ==
        doctest::Approx(nn::mse_loss(x, Tensor::full({3}, 0.5)).item()));
  CHECK(nn::l1_loss(x, 0.5).dtype() == f32);
  CHECK(nn::bce_with_logits(x, 1.0).item() ==
        doctest::Approx(nn::bce_with_logits(x, Tensor::ones({3})).item()));
  CHECK(nn::gaussian_nll(x, 0.0, 1.0).item() == doctest::Approx(mean(square(x)).item() / 2));
}

TEST_CASE("losses refuse targets, weights and shapes that do not fit, by their names") {
  const Var x = random({2, 3}, 1), row = random({3}, 2), f = random({2, 3}, 3, f32);
  const Var none = Tensor::zeros({0, 3}, f64);
  using Pair = std::function<void(const Var&, const Var&)>;
  const std::pair<std::string, Pair> pairs[] = {
      {"mse_loss", [](const Var& a, const Var& b) { nn::mse_loss(a, b); }},
      {"l1_loss", [](const Var& a, const Var& b) { nn::l1_loss(a, b); }},
      {"huber_loss", [](const Var& a, const Var& b) { nn::huber_loss(a, b); }},
      {"bce_with_logits", [](const Var& a, const Var& b) { nn::bce_with_logits(a, b); }},
      {"gaussian_nll", [](const Var& a, const Var& b) { nn::gaussian_nll(a, b, 1.0); }}};
  for (const auto& [name, function] : pairs) {
    const Pair call = function;
    check_refused([&] { call(x, row); }, name + ": a target of the shape [2, 3]");
    check_refused([&] { call(x, row); }, "got [3] of f64");
    check_refused([&] { call(x, f); }, "got [2, 3] of f32");
    check_refused([&] { call(Var(), x); }, name + ": a value was required");
    check_refused([&] { call(x, Var()); }, name + ": a value was required");
    check_refused([&] { call(none, none); },
                  name + ": at least one element was required for the mean");
  }
  const IndexTensor ids({0, 1});
  check_refused([&] { nn::cross_entropy(x, IndexTensor({0, 3})); }, "cross_entropy: ids in [0, 3)");
  check_refused([&] { nn::cross_entropy(x, IndexTensor({0, -1})); }, "got -1 at 1");
  check_refused([&] { nn::cross_entropy(x, IndexTensor({0})); }, "got [2, 3] and [1]");
  check_refused([&] { nn::cross_entropy(row, ids); }, "cross_entropy: logits [N, V]");
  check_refused([&] { nn::cross_entropy(Var(), ids); }, "cross_entropy: a value was required");
  check_refused([&] { nn::nll_loss(x, IndexTensor({0, 3})); }, "nll_loss: ids in [0, 3)");
  check_refused([&] { nn::nll_loss(row, ids); }, "nll_loss: log probabilities [N, V]");
  check_refused([&] { nn::nll_loss(x, ids, {.label_smoothing = 0.1}); },
                "nll_loss: no label smoothing");
  check_refused([&] { nn::nll_loss(x, ids, {.class_weights = Tensor::ones({2})}); },
                "nll_loss: class weights of shape [3] were required: got [2]");
  for (const double weight : {-1.0, double{NAN}, double{INFINITY}}) {
    const Tensor weights = Tensor::of({1, weight, 1}, f64);
    check_refused([&] { nn::cross_entropy(x, ids, {.class_weights = weights}); },
                  "cross_entropy: finite class weights of at least 0 were required: got ");
    check_refused([&] { nn::nll_loss(x, ids, {.class_weights = weights}); }, "for class 1");
  }
  for (const double eps : {-1.0, 0.0, double{NAN}})
    check_refused([&] { nn::gaussian_nll(x, x, 1.0, {.eps = eps}); },
                  "gaussian_nll: a finite eps above 0 was required: got ");
  check_refused([&] { nn::nll_loss(Var(), ids); }, "nll_loss: a value was required");
  check_refused([&] { nn::huber_loss(x, x, {.delta = 0}); },
                "huber_loss: a finite delta above 0 was required: got 0");
  check_refused([&] { nn::huber_loss(x, x, {.delta = std::numeric_limits<double>::infinity()}); },
                "got inf");
  check_refused(
      [&] { nn::bce_with_logits(x, 1.5); },
      "bce_with_logits: probabilities in [0, 1] were required as targets: got 1.5 to 1.5");
  check_refused([&] { nn::bce_with_logits(x, NAN); }, "got nan");
  check_refused(
      [&] {
        nn::bce_with_logits(x, 0.5, {.weight = Tensor::ones({2, 2, 3})});
      },
      "bce_with_logits: weights that broadcast to [2, 3] were required: got [2, 2, 3]");
  check_refused([&] { nn::bce_with_logits(x, 0.5, {.positive_weight = Tensor::ones({4})}); },
                "bce_with_logits: ");
  check_refused([&] { nn::gaussian_nll(x, x, -1.0); },
                "gaussian_nll: variances of at least 0 were required: got -1");
  check_refused([&] { nn::gaussian_nll(x, x, NAN); }, "got nan");
  check_refused(
      [&] {
        nn::gaussian_nll(x, x, Tensor::ones({4, 2, 3}, f64));
      },
      "gaussian_nll: variances that broadcast to [2, 3]");
  check_refused([&] { nn::gaussian_nll(x, x, f); }, "got [2, 3] of f32");
  check_refused([&] { nn::gaussian_nll(x, x, Var()); }, "gaussian_nll: a value was required");
}
