// Optimizers: rows of tables, groups, defaults, and what is refused.
#include "kinds.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/recurrent.h>

#include <array>
#include <cmath>
#include <limits>

using namespace unroll;

namespace {

struct Model {
  nn::Embedding embed{{.vocab = 9, .dim = 4}};
  nn::GRU gru{{.in = 4, .hidden = 5, .layers = 2, .dropout = 0.3}};
  nn::Linear head{{.in = 5, .out = 3}};
  UNROLL_FIELDS(embed, gru, head)
};

}  // namespace

TEST_CASE("an embedding's gradient changes the rows used and their memory, and nothing else") {
  for (const Kind& kind : kinds())
    for (DType dtype : {f32, f64}) {
      CAPTURE(kind.name);
      manual_seed(3);
      nn::Embedding embed({.vocab = 12, .dim = 3, .dtype = dtype});
      const auto optimizer = kind.make(nn::parameters(embed));
      const auto step = [&](const IndexTensor& ids) {
        Tape tape;
        optimizer->step(tape.backward(sum(square(embed(ids)))));
      };
      step(IndexTensor::arange(12));  // every row has a memory now
      const Tensor table = embed.weight.value().clone();
      const optim::State before = optimizer->state();
      step(IndexTensor({7, 2, 7}));
      const optim::State after = optimizer->state();
      for (Index v = 0; v < 12; ++v) {
        const bool used = v == 2 || v == 7;
        CHECK(same_bits(embed.weight.value().select(0, v), table.select(0, v)) == !used);
        for (const auto& [name, tensor] : before) {
          if (tensor.rank() == 0) continue;
          CHECK(same_bits(after.at(name).select(0, v), tensor.select(0, v)) == !used);
        }
      }
    }
}

TEST_CASE("a step of every row equals the step of the dense gradient") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    const Param a(random({6, 3}, 1)), b(a.value().clone());
    const auto rows = kind.make({{"table", a.handle()}}),
               dense = kind.make({{"table", b.handle()}});
    for (int i = 0; i < 4; ++i) {
      const Tensor u = random({6, 3}, 10 + i);
      Tape tape;
      const Var loss = sum(embedding(IndexTensor::arange(6), a) * u) + sum(b * u);
      const Gradients g = tape.backward(loss);
      Gradients of_a, of_b;
      of_a.entries()[a.id()] = *g.find(a.id());
      of_b.entries()[b.id()] = *g.find(b.id());
      CHECK(of_a.find(a.id())->is_rows());
      rows->step(of_a), dense->step(of_b);
      CHECK(distance(a.value(), b.value()) < 1e-14);
    }
  }
}

TEST_CASE("an optimizer step of one large tensor equals that of its pieces") {
  const Index n = (Index{1} << 17) + 77;  // more than one task of the loop
  const Tensor start = random({n}, 1, f32), u = random({n}, 2, f32);
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    const Param whole(start), first(start.narrow(0, 0, 70001).clone()),
        second(start.narrow(0, 70001, n - 70001).clone());
    const auto a = kind.make({{"w", whole.handle()}}),
               b = kind.make({{"x", first.handle()}, {"y", second.handle()}});
    for (int i = 0; i < 2; ++i) {
      Tape tape;
      a->step(tape.backward(sum(whole * u), {.retain = true}));
      b->step(tape.backward(sum(first * u.narrow(0, 0, 70001)) +
                            sum(second * u.narrow(0, 70001, n - 70001))));
    }
    CHECK(distance(whole.value().narrow(0, 0, 70001), first.value()) < 1e-6);
    CHECK(distance(whole.value().narrow(0, 70001, n - 70001), second.value()) < 1e-6);
  }
}

TEST_CASE("groups set learning rate and decay; the first that matches counts") {
  const auto values = [](const std::vector<optim::Group>& groups) {
    Param weight(Tensor::full({}, 2, f64)), bias(Tensor::full({}, 3, f64)),
        other(Tensor::full({}, 5, f64));
    optim::SGD sgd(
        {{"head.weight", weight.handle()}, {"head.bias", bias.handle()}, {"other", other.handle()}},
        {.lr = 0.1, .weight_decay = 0.5, .groups = groups});
    Tape tape;
    sgd.step(tape.backward(weight + bias + other));
    return std::array{weight.value().item(), bias.value().item(), other.value().item()};
  };
  const auto near = [](const std::array<double, 3>& got, double a, double b, double c) {
    CHECK(got[0] == doctest::Approx(a).epsilon(1e-14));
    CHECK(got[1] == doctest::Approx(b).epsilon(1e-14));
    CHECK(got[2] == doctest::Approx(c).epsilon(1e-14));
  };
  near(values({}), 2 - 0.1 * (1 + 1), 3 - 0.1 * (1 + 1.5), 5 - 0.1 * (1 + 2.5));
  // What a group does not set is the optimiser's.
  near(values({{.match = "bias"}}), 2 - 0.1 * 2, 3 - 0.1 * 2.5, 5 - 0.1 * 3.5);
  near(values({{.match = "bias", .weight_decay = 0}}), 2 - 0.1 * 2, 3 - 0.1, 5 - 0.1 * 3.5);
  near(values(
           {{.match = "bias", .lr_scale = 0}, {.match = "head", .lr_scale = 2, .weight_decay = 1}}),
       2 - 0.2 * 3, 3, 5 - 0.1 * 3.5);
  near(values({{.match = "", .weight_decay = 0}}), 2 - 0.1, 3 - 0.1, 5 - 0.1);
  near(values({{.match = "", .lr_scale = 2}}), 2 - 0.2 * 2, 3 - 0.2 * 2.5, 5 - 0.2 * 3.5);
}

TEST_CASE("options that are given leave the others at their defaults") {
  // One step without a gradient's part: x becomes x (1 - lr decay).
  const auto after = [](const optim::AdamWOptions& o) {
    const Param w(Tensor::full({}, 2, f64));
    optim::AdamW adam({{"w", w.handle()}}, o);
    Tape tape;
    adam.step(tape.backward(w * 0.0));
    return w.value().item();
  };
  CHECK(after({}) == doctest::Approx(2 * (1 - 1e-3 * 0.01)).epsilon(1e-14));
  CHECK(after({.lr = 0.1}) == doctest::Approx(2 * (1 - 0.1 * 0.01)).epsilon(1e-14));
  CHECK(after({.lr = 0.1, .beta1 = 0.5, .eps = 1e-6}) ==
        doctest::Approx(2 * (1 - 0.1 * 0.01)).epsilon(1e-14));
  CHECK(after({.weight_decay = 0}) == 2);
  CHECK(after({.lr = 0.1, .weight_decay = 0.5}) == doctest::Approx(2 * 0.95).epsilon(1e-14));
  CHECK(after({.lr = 0.1, .groups = {{.match = "w"}}}) ==
        doctest::Approx(2 * (1 - 0.1 * 0.01)).epsilon(1e-14));
  CHECK(after({.lr = 0.1, .groups = {{.match = "w", .weight_decay = 0.0}}}) == 2);
}

TEST_CASE("the update of a parameter depends on the number of its own steps") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    const auto run = [&](Index idle, bool resumed) {
      const Param early(Tensor::full({}, 3, f64)), late(Tensor::full({3}, 2, f64));
      const NamedParams params{{"early", early.handle()}, {"late", late.handle()}};
      std::unique_ptr<optim::Optimizer> optimizer = kind.make(params);
      for (Index i = 0; i < idle; ++i) {
        Tape tape;
        optimizer->step(tape.backward(square(early)));
      }
      if (resumed) {
        const optim::State saved = optimizer->state();
        optimizer = kind.make(params);
        optimizer->set_state(saved);
      }
      for (int i = 0; i < 3; ++i) {
        Tape tape;
        optimizer->step(tape.backward(sum(late * Tensor::of({1, -2, 0.5}, f64)) + early));
      }
      return late.value();
    };
    const Tensor first = run(0, false);
    for (const Index idle : {1, 10, 1000})
      for (const bool resumed : {false, true}) CHECK(same_bits(run(idle, resumed), first));
  }
  // The first step of Adam is lr, whatever the gradient.
  const Param early(Tensor::full({}, 3, f64)), late(Tensor::full({}, 0, f64));
  optim::Adam adam({{"early", early.handle()}, {"late", late.handle()}});
  for (int i = 0; i < 1000; ++i) {
    Tape tape;
    adam.step(tape.backward(square(early)));
  }
  Tape tape;
  adam.step(tape.backward(late * 7.0));
  CHECK(late.value().item() == doctest::Approx(-0.001).epsilon(1e-7));
}

TEST_CASE("centered RMSprop stays finite where rounding would make its variance negative") {
  for (const DType dtype : {f32, f64}) {
    const Param w(Tensor::ones({50}, dtype));
    optim::RMSprop rmsprop({{"w", w.handle()}}, {.lr = 1e-6, .alpha = 0.5, .centered = true});
    const Tensor slopes = Generator(3).uniform({50}, 0.1, 10, dtype);
    for (int i = 0; i < 200; ++i) {
      Tape tape;
      rmsprop.step(tape.backward(sum(w * slopes)));
    }
    CHECK(all_finite(w.value()));
  }
}

TEST_CASE("a gradient of NaN reaches its own parameter and no other") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    Param a(Tensor::ones({3})), b(Tensor::ones({2}));
    const auto optimizer = kind.make({{"a", a.handle()}, {"b", b.handle()}});
    Tape tape;
    optimizer->step(tape.backward(sum(a * NAN) + sum(b)));
    CHECK(std::isnan(a.value().at({0})));
    CHECK(b.value().at({0}) < 1);
    CHECK(all_finite(b.value()));
  }
}

TEST_CASE("a frozen parameter and one without a gradient are not changed") {
  for (const Kind& kind : kinds()) {
    Param a(random({3}, 1)), b(random({3}, 2)), c(random({3}, 3));
    const auto optimizer = kind.make({{"a", a.handle()}, {"b", b.handle()}, {"c", c.handle()}});
    const Tensor before = b.value().clone(), unused = c.value().clone();
    Tape tape;
    const Gradients g = tape.backward(sum(a * b));
    b.set_trainable(false);  // after the gradient was taken
    optimizer->step(g);
    CHECK(same_bits(b.value(), before));
    CHECK(same_bits(c.value(), unused));
    CHECK(optimizer->steps() == 1);
  }
}

TEST_CASE("a parameter with a gradient that the optimizer does not know is named") {
  manual_seed(1);
  Model model;
  (void)nn::parameters(model);
  const auto step = [](optim::Optimizer& o, const Var& loss) {
    return message_of([&] { o.step(Tape::current()->backward(loss)); });
  };
  optim::SGD some(nn::parameters(model.gru));
  {
    Tape tape;
    (void)nn::parameters(model);
    const std::string text = step(some, sum(model.head(Tensor::ones({5}))));
    check_says(text, "optimizer: gradients of its 8 parameters (\"layers.0.wx\" ...)");
    CHECK((text.find("\"head.weight\" [5, 3]") != std::string::npos ||
           text.find("\"head.bias\" [3]") != std::string::npos));
  }
  optim::SGD all(nn::parameters(model));
  const Model copy = model;
  {
    Tape tape;
    const std::string text = step(all, sum(copy.embed(IndexTensor({1}))));
    check_says(text, "\"embed.weight\" [9, 4]");
    check_says(text, "the one it knows under this name is another (was the model copied since?)");
  }
  {
    Tape tape;
    check_says(step(all, sum(Param(Tensor::ones({4})) * 2.0)),
               "a parameter that nn::parameters() has not listed [4]");
  }
  {
    Tape tape;
    check_says(step(all, sum(tape.watch(Tensor::ones({6})) * 2.0)), "a Var from Tape::watch [6]");
  }
  CHECK(all.steps() == 0);  // nothing has been changed
}

TEST_CASE("optimizers refuse invalid options and parameters") {
  const Param w(Tensor::ones({2})), v(Tensor::ones({2}));
  const NamedParams one{{"w", w.handle()}};
  using namespace optim;
  check_refused([] { SGD({}); }, "optimizer: at least one parameter was required: got none");
  check_refused([&] { SGD({{"w", nullptr}}); }, "got an undefined \"w\"");
  check_refused(
      [&] {
        SGD({{"a", w.handle()}, {"b", w.handle()}});
      },
      "each parameter once was required: b");
  check_refused(
      [&] {
        SGD({{"a", w.handle()}, {"a", v.handle()}});
      },
      "two parameters are called \"a\"");
  check_refused([&] { SGD(one, {.lr = -1}); },
                "a finite learning rate of at least 0 was required: got -1");
  check_refused([&] { SGD(one, {.lr = NAN}); }, "got nan");
  check_refused([&] { SGD(one, {.weight_decay = -1}); }, "a finite weight decay of at least 0");
  check_refused([&] { SGD(one, {.momentum = -0.5}); }, "SGD: a finite momentum of at least 0");
  check_refused([&] { SGD(one, {.nesterov = true}); },
                "SGD: a momentum above 0 was required for Nesterov's");
  check_refused([&] { SGD(one, {.groups = {{.match = "x"}}}); }, "\"x\" matches none");
  const NamedParams two{{"wx", w.handle()}, {"b", v.handle()}};
  check_refused(
      [&] {
        SGD(two, {.groups = {{.match = "w"}, {.match = "wx"}}});
      },
      "\"wx\" matches only what earlier groups have taken");
  check_refused(
      [&] {
        SGD(two, {.groups = {{.match = "w"}, {.match = "w"}}});
      },
      "\"w\" matches only what earlier groups have taken");
  check_refused([&] { SGD(one, {.groups = {{.match = "w", .lr_scale = -1}}}); },
                "for the group \"w\": got -1");
  check_refused([&] { RMSprop(one, {.alpha = 1.5}); }, "RMSprop: an alpha in [0, 1]");
  check_refused([&] { Adagrad(one, {.eps = -1}); }, "Adagrad: a finite eps of at least 0");
  check_refused([&] { Adam(one, {.beta1 = 1}); },
                "Adam: betas in [0, 1) were required: got 1 and 0.999");
  check_refused([&] { AdamW(one, {.eps = NAN}); }, "Adam: a finite eps of at least 0");
  Gradients none;
  check_refused([&] { clip_norm(none, 0); }, "clip_norm: a limit above 0 was required: got 0");
  check_refused([&] { clip_value(none, -1); }, "clip_value: a limit above 0 was required: got -1");
  CHECK(clip_norm(none, 1) == 0);
  SGD sgd(one);
  sgd.lr = NAN;
  check_refused([&] { sgd.step(none); },
                "optimizer: a finite learning rate of at least 0 was required: got nan");
  const double inf = std::numeric_limits<double>::infinity();
  sgd.lr = inf;
  check_refused([&] { sgd.step(none); }, "a finite learning rate of at least 0");
  for (const double bad : {inf, double{NAN}, -1.0, 1e300}) {
    CAPTURE(bad);
    check_refused([&] { SGD(one, {.lr = bad}); }, "a finite learning rate");
    check_refused([&] { Adam(one, {.weight_decay = bad}); }, "a finite weight decay");
    check_refused([&] { SGD(one, {.momentum = bad}); }, "SGD: a finite momentum");
    check_refused([&] { RMSprop(one, {.eps = bad}); }, "a finite eps and momentum");
    check_refused([&] { RMSprop(one, {.momentum = bad}); }, "a finite eps and momentum");
    check_refused([&] { RMSprop(one, {.alpha = bad}); }, "an alpha in [0, 1]");
    check_refused([&] { Adagrad(one, {.eps = bad}); }, "Adagrad: a finite eps");
    check_refused([&] { Adam(one, {.eps = bad}); }, "Adam: a finite eps");
    check_refused([&] { Adam(one, {.beta1 = bad}); }, "Adam: betas");
    check_refused([&] { AdamW(one, {.beta2 = bad}); }, "Adam: betas");
    check_refused([&] { SGD(one, {.groups = {{.match = "w", .lr_scale = bad}}}); },
                  "for the group \"w\"");
    check_refused([&] { SGD(one, {.groups = {{.match = "w", .weight_decay = bad}}}); },
                  "for the group \"w\"");
  }
  check_refused([&] { clip_norm(none, NAN); }, "clip_norm: a limit above 0");
  check_refused([&] { clip_value(none, NAN); }, "clip_value: a limit above 0");
}

TEST_CASE("step of a moved-from optimizer is refused") {
  const Param w(Tensor::ones({2}));
  optim::SGD sgd({{"w", w.handle()}});
  optim::SGD taken = std::move(sgd);
  Tape tape;
  const Gradients gradients = tape.backward(sum(w));
  check_refused([&] { sgd.step(gradients); },
                "optimizer: one with parameters was required: got one moved from");
  taken.step(gradients);
  CHECK(taken.steps() == 1);
}
