// Optimisers: runs that are saved and resumed, rows of tables, groups, clipping, what is refused.
#include "tests/support.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/save.h>
#include <unroll/optim/optimizer.h>
#include <unroll/tensor/safetensors.h>

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>

using namespace unroll;

namespace {

using Make = std::function<std::unique_ptr<optim::Optimizer>(NamedParams)>;

struct Kind {
  const char* name;
  Make make;
  int memories;
};

template <class O, class Options>
Make maker(const Options& options) {
  return [options](NamedParams p) { return std::make_unique<O>(std::move(p), options); };
}

const std::vector<Kind>& kinds() {
  using namespace optim;
  static const std::vector<Kind> all = {
      {"SGD", maker<SGD>(SGDOptions{.lr = 0.1}), 0},
      {"SGD momentum",
       maker<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true}),
       1},
      {"RMSprop", maker<RMSprop>(RMSpropOptions{}), 1},
      {"RMSprop all", maker<RMSprop>(RMSpropOptions{.momentum = 0.5, .centered = true}), 3},
      {"Adagrad", maker<Adagrad>(AdagradOptions{.lr = 0.1}), 1},
      {"Adam", maker<Adam>(AdamOptions{.lr = 0.01, .weight_decay = 0.01}), 2},
      {"AdamW", maker<AdamW>(AdamWOptions{.lr = 0.01, .weight_decay = 0.1}), 2}};
  return all;
}

struct Model {
  nn::Embedding embed{{.vocab = 9, .dim = 4}};
  nn::GRU gru{{.in = 4, .hidden = 5, .layers = 2, .dropout = 0.3}};
  nn::Linear head{{.in = 5, .out = 3}};
  UNROLL_FIELDS(embed, gru, head)
};

// A training run, with everything that it needs to go on from where it stands.
struct Run {
  Model model;
  std::unique_ptr<optim::Optimizer> optimizer;
  optim::ReduceOnPlateau schedule{{.lr = 0.05, .factor = 0.5, .patience = 1, .cooldown = 1}};
  Generator batches{11};

  explicit Run(const Make& make) : optimizer(make(nn::parameters(model))) {}

  double step() {
    const SequenceLayout layout({4, 2, 3});
    const nn::Tokens tokens(batches.integers({9}, 0, 9), layout);
    const IndexTensor target = batches.integers({3}, 0, 3);
    Tape tape;
    const Var loss = nn::cross_entropy(model.head(model.gru(model.embed(tokens)).last()), target);
    Gradients g = tape.backward(loss);
    optim::clip_norm(g, 0.5);
    optimizer->step(g);
    optimizer->lr = schedule(loss.item());
    return loss.item();
  }
};

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("unroll_optim_{}", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path / name; }
};

Metadata where(const Generator& g) {
  return {{"seed", std::to_string(g.seed())}, {"position", std::to_string(g.position())}};
}
void seek(Generator& g, const Metadata& m) {
  g.seek(std::stoull(m.at("seed")), std::stoull(m.at("position")));
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return dispatch(a.dtype(), [&]<class T>() {
    const Tensor ac = a.contiguous(), bc = b.contiguous();
    return std::memcmp(std::as_const(ac).data<T>(), std::as_const(bc).data<T>(),
                       sizeof(T) * static_cast<std::size_t>(a.numel())) == 0;
  });
}

}  // namespace

TEST_CASE("a run saved to files and resumed equals one that went on, bit by bit") {
  const Folder folder;
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    manual_seed(42);
    Run whole(kind.make);
    for (int i = 0; i < 7; ++i) whole.step();
    nn::save(folder / "model", whole.model, where(whole.batches));
    save_safetensors(folder / "optimizer", whole.optimizer->state(), where(default_generator()));
    save_safetensors(folder / "schedule", whole.schedule.state());
    std::vector<double> expected;
    for (int i = 0; i < 9; ++i) expected.push_back(whole.step());

    manual_seed(7);  // another process would begin somewhere else
    Run resumed(kind.make);
    resumed.step();
    Metadata batches, dropout;
    nn::load(folder / "model", resumed.model, {.metadata = &batches});
    resumed.optimizer->set_state(load_safetensors(folder / "optimizer", &dropout));
    resumed.schedule.set_state(load_safetensors(folder / "schedule"));
    seek(resumed.batches, batches);
    seek(default_generator(), dropout);
    CHECK(resumed.optimizer->steps() == 7);
    for (double loss : expected) CHECK(resumed.step() == loss);
    CHECK(resumed.optimizer->lr == whole.optimizer->lr);
    const NamedParams a = nn::parameters(whole.model), b = nn::parameters(resumed.model);
    for (std::size_t i = 0; i < a.size(); ++i) {
      CAPTURE(a[i].name);
      CHECK(same_bits(a[i].param->value(), b[i].param->value()));
    }
    const optim::State x = whole.optimizer->state(), y = resumed.optimizer->state();
    CHECK(x.size() == 2 + a.size() * static_cast<std::size_t>(kind.memories + 1));
    for (const auto& [name, tensor] : x) CHECK(same_bits(tensor, y.at(name)));
  }
}

TEST_CASE(
    "without the state of the optimiser, the generator or the schedule a run goes elsewhere") {
  // So the test above compares what it says it does.
  const auto losses = [&](bool optimizer, bool generator) {
    manual_seed(42);
    Run run([](NamedParams p) { return std::make_unique<optim::Adam>(std::move(p)); });
    for (int i = 0; i < 3; ++i) run.step();
    if (!optimizer) run.optimizer = std::make_unique<optim::Adam>(nn::parameters(run.model));
    if (!generator) manual_seed(1);
    double total = 0;
    for (int i = 0; i < 4; ++i) total += run.step();
    return total;
  };
  const double all = losses(true, true);
  CHECK(losses(true, true) == all);
  CHECK(losses(false, true) != all);
  CHECK(losses(true, false) != all);
}

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

TEST_CASE("one large tensor steps as its pieces do") {
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

TEST_CASE("groups have a rate and a decay of their own; the first that matches counts") {
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

TEST_CASE("a parameter that gets its first gradient late steps as if it were the first") {
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

TEST_CASE("a state that has the steps of all parameters only is read as if each had taken them") {
  const auto adam_of = [](const Param& w) { return optim::Adam({{"w", w.handle()}}, {.lr = 0.1}); };
  Param a(Tensor::full({2}, 1, f64)), b(Tensor::full({2}, 1, f64));
  optim::Adam whole = adam_of(a), resumed = adam_of(b);
  const auto step = [](optim::Adam& adam, const Param& w) {
    Tape tape;
    adam.step(tape.backward(sum(square(w))));
  };
  for (int i = 0; i < 5; ++i) step(whole, a);
  optim::State old = whole.state();
  CHECK(old.erase("w.steps") == 1);
  b.set_value(a.value().clone());
  resumed.set_state(old);
  step(whole, a), step(resumed, b);
  CHECK(same_bits(a.value(), b.value()));
}

TEST_CASE("centred RMSprop stays finite where rounding would bring its variance below 0") {
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

TEST_CASE("clipping by norm scales all gradients to one common norm, as by hand") {
  for (bool with_rows : {false, true})
    for (double limit : {0.01, 1.0, 1e6}) {
      const Param w(random({3, 4}, 1)), table(random({5, 2}, 2));
      Tape tape;
      Gradients g = tape.backward(sum(w * random({3, 4}, 3)) +
                                  (with_rows ? sum(embedding(IndexTensor({1, 1, 4}), table))
                                             : sum(table * random({5, 2}, 4))));
      const Tensor a = g[w], b = g[table];
      const double norm = std::sqrt(sum(square(a)).item() + sum(square(b)).item());
      CHECK(optim::clip_norm(g, limit) == doctest::Approx(norm).epsilon(1e-14));
      const double factor = norm > limit ? limit / (norm + 1e-6) : 1;
      CHECK(distance(g[w], mul(a, factor)) < 1e-13);
      CHECK(distance(g[table], mul(b, factor)) < 1e-13);
      CHECK(g.find(table.id())->is_rows() == with_rows);
    }
}

TEST_CASE("clipping by value brings every number into its bounds") {
  const Param w(random({3, 4}, 1)), table(random({5, 2}, 2));
  Tape tape;
  Gradients g =
      tape.backward(sum(w * random({3, 4}, 3)) + sum(embedding(IndexTensor({1, 1, 4}), table)));
  const Tensor a = g[w], b = g[table];
  optim::clip_value(g, 0.7);
  for (Index i = 0; i < 12; ++i)
    CHECK(g[w].flatten().at({i}) == std::clamp(a.flatten().at({i}), -0.7, 0.7));
  for (Index i = 0; i < 10; ++i)
    CHECK(g[table].flatten().at({i}) == std::clamp(b.flatten().at({i}), -0.7, 0.7));
  CHECK(max(abs(a)).item() > 0.7);
}

TEST_CASE("a norm of huge f32 gradients does not overflow; NaN and infinity are told, not spread") {
  const Param a(Tensor::ones({4})), b(Tensor::ones({2}));
  const auto gradients = [&](double x, double y) {
    Tape tape;
    return tape.backward(sum(a * x) + sum(b * y));
  };
  Gradients huge = gradients(3e30, 4e30);
  CHECK(optim::clip_norm(huge, 1) ==
        doctest::Approx(std::sqrt(4 * 9 + 2 * 16) * 1e30).epsilon(1e-6));
  CHECK(sum(square(huge[a])).item() + sum(square(huge[b])).item() ==
        doctest::Approx(1).epsilon(1e-5));
  // Nor do tiny ones underflow, in f32 or in f64.
  for (const DType dtype : {f32, f64})
    for (const double size :
         {1e-22, 1e-30, dtype == f32 ? 1e-36 : 1e-200, dtype == f32 ? 1e37 : 1e200}) {
      CAPTURE(size);
      const Param many(Tensor::ones({1'000'000}, dtype)), few(Tensor::ones({3}, dtype));
      Tape tape;
      Gradients tiny =
          tape.backward(sum(many * Tensor::full({1'000'000}, size, dtype)) + sum(few * 0.0));
      const double norm = 1e3 * tiny[many].at({0});
      CHECK(optim::clip_norm(tiny, 2 * norm) == doctest::Approx(norm).epsilon(1e-12));
      CHECK(optim::clip_norm(tiny, 0.5 * norm) == doctest::Approx(norm).epsilon(1e-12));
      CHECK(optim::clip_norm(tiny, norm) == doctest::Approx(0.5 * norm).epsilon(2e-6));
      CHECK(optim::clip_norm(tiny, norm) <= 0.5 * norm);
    }
  Gradients nan = gradients(1, NAN);
  CHECK(std::isnan(optim::clip_norm(nan, 0.1)));
  CHECK(distance(nan[a], Tensor::ones({4})) == 0);
  Gradients infinite = gradients(1, std::numeric_limits<double>::infinity());
  CHECK(std::isinf(optim::clip_norm(infinite, 0.1)));
  CHECK(distance(infinite[a], Tensor::ones({4})) == 0);
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

TEST_CASE("a frozen parameter is left alone, a parameter without a gradient too") {
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
    check_says(step(all, sum(tape.watch(Tensor::ones({6})) * 2.0)), "a watched value [6]");
  }
  CHECK(all.steps() == 0);  // nothing has been changed
}

TEST_CASE("optimizers refuse what they cannot be made of") {
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

TEST_CASE("an optimizer that was moved from refuses to step") {
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

TEST_CASE("a state that does not fit is refused without changing anything") {
  const Param w(random({2}, 1));
  optim::Adam adam({{"w", w.handle()}}, {.lr = 0.25});
  {
    Tape tape;
    adam.step(tape.backward(sum(w)));
  }
  const optim::State good = adam.state();
  const auto refused = [&](const std::function<void(optim::State&)>& spoil, const char* text) {
    optim::State bad = good;
    spoil(bad);
    check_says(message_of([&] { adam.set_state(bad); }), text);
    const optim::State now = adam.state();
    for (const auto& [name, tensor] : good) CHECK(same_bits(tensor, now.at(name)));
  };
  refused([](auto& s) { s.erase("w.1"); }, "optimizer state: an entry \"w.1\" was required");
  refused([](auto& s) { s["w.1"] = Tensor::ones({3}, f64); }, "\"w.1\" of shape [2] and type f64");
  refused([](auto& s) { s["w.0"] = Tensor::ones({2}, f32); }, "got [2] of f32");
  refused([](auto& s) { s["w.0"] = Tensor(); }, "\"w.0\": got an undefined one");
  refused([](auto& s) { s["x"] = Tensor::ones({2}); }, "got an unknown \"x\"");
  refused([](auto& s) { s["steps"] = Tensor::scalar(-1, f64); }, "a whole number of \"steps\"");
  refused([](auto& s) { s["steps"] = Tensor::scalar(NAN, f64); }, "got nan");
  refused([](auto& s) { s["steps"] = Tensor::scalar(1e300, f64); }, "got 1e+300");
  refused([](auto& s) { s["lr"] = Tensor::scalar(-1, f64); }, "a finite \"lr\" of at least 0");
  refused([](auto& s) { s["lr"] = Tensor::scalar(std::numeric_limits<double>::infinity(), f64); },
          "a finite \"lr\" of at least 0 was required: got inf");
  refused(
      [](auto& s) {
        s["w.1"] = Tensor::of({1, -1e-30}, f64);
      },
      "squares of at least 0 were required as \"w.1\": got -1e-30");
  refused([](auto& s) { s["w.1"] = Tensor::of({NAN, 1}, f64); }, "\"w.1\": got nan");
  refused([](auto& s) { s["w.steps"] = Tensor::scalar(2, f64); },
          "a whole number of \"w.steps\", at most the 1 of all, was required: got 2");
  refused([](auto& s) { s["w.steps"] = Tensor::scalar(0.5, f64); }, "got 0.5");
  const auto refuses_squares = [&](optim::Optimizer& o, const char* name) {
    optim::State bad = o.state();
    bad.at(name).fill_(-1);
    check_says(message_of([&] { o.set_state(bad); }), "squares of at least 0 were required");
  };
  optim::RMSprop rmsprop({{"w", w.handle()}}, {.momentum = 0.5, .centered = true});
  optim::Adagrad adagrad({{"w", w.handle()}});
  refuses_squares(rmsprop, "w.0"), refuses_squares(adagrad, "w.0");
  // What was given is copied.
  optim::State given = good;
  adam.set_state(given);
  given.at("w.0").fill_(9);
  CHECK(same_bits(adam.state().at("w.0"), good.at("w.0")) == false);
}
