// What UNROLL_FIELDS gives: names, copies, moves, summaries, freezing.
#include "tests/support.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/recurrent.h>
#include <unroll/optim/optimizer.h>

#include <array>
#include <optional>

using namespace unroll;

namespace {

Param number(double value) { return Param(Tensor::scalar(value, f64)); }

struct Inner {
  Param w = number(1), none;
  UNROLL_FIELDS(w, none)
};

struct Everything {
  Param plain_ = number(2);
  Inner inner;
  std::vector<Inner> list{2};
  std::array<Param, 2> pair{number(3), number(4)};
  std::optional<Inner> there = Inner(), absent;
  std::tuple<Param, Inner> both{number(5), Inner()};
  std::vector<std::vector<Param>> nested{{number(6)}, {}, {number(7), number(8)}};
  UNROLL_FIELDS(plain_, inner, list, pair, there, absent, both, nested)
};

struct Nothing {
  UNROLL_FIELDS()
};

struct Net {
  nn::Embedding embed{{.vocab = 100, .dim = 8, .frozen = true}};
  nn::Linear head{{.in = 8, .out = 3}};
  UNROLL_FIELDS(embed, head)
};

std::vector<std::string> names_of(const NamedParams& params) {
  std::vector<std::string> out;
  for (const NamedParam& p : params) out.push_back(p.name);
  return out;
}

}  // namespace

TEST_CASE(
    "parameter names follow UNROLL_FIELDS through modules, vectors, arrays, optionals and tuples") {
  const Everything model;
  CHECK(names_of(nn::parameters(model)) ==
        std::vector<std::string>{"plain", "inner.w", "list.0.w", "list.1.w", "pair.0", "pair.1",
                                 "there.w", "both.0", "both.1.w", "nested.0.0", "nested.2.0",
                                 "nested.2.1"});
  CHECK(nn::parameters(Nothing()).empty());
  CHECK(nn::parameters(std::vector<Inner>(2))[1].name == "1.w");
  CHECK(nn::parameter_count(nn::parameters(model)) == 12);
}

TEST_CASE("copying a model copies its parameters, moving it keeps them") {
  manual_seed(1);
  Net model;
  const NamedParams before = nn::parameters(model);
  Net copy = model;
  const NamedParams copied = nn::parameters(copy);
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(copied[i].param != before[i].param);
    CHECK(copied[i].param->trainable == before[i].param->trainable);
    CHECK(distance(copied[i].param->value(), before[i].param->value()) == 0);
    copied[i].param->mutable_value().fill_(9);
    CHECK(distance(copied[i].param->value(), before[i].param->value()) > 1);
  }
  optim::SGD sgd(before, {.lr = 1});
  Net moved = std::move(model);
  const NamedParams after = nn::parameters(moved);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i].param == before[i].param);
  // So an optimiser made before the move still trains it.
  const Tensor bias = moved.head.bias.value().clone();
  Tape tape;
  sgd.step(tape.backward(sum(moved.head(moved.embed(IndexTensor({1}))))));
  CHECK(distance(moved.head.bias.value(), add(bias, -1)) < 1e-6);
}

TEST_CASE("summary shows each parameter, what is frozen, and the sum") {
  const std::string text = nn::summary(Net());
  CHECK(text ==
        "parameter     shape            type      elements\n"
        "embed.weight  [100, 8]         f32            800  frozen\n"
        "head.weight   [8, 3]           f32             24\n"
        "head.bias     [3]              f32              3\n"
        "3 parameters, 827 elements, 27 of them trainable, 3.2 KiB\n");
  check_says(nn::summary(Nothing()), "0 parameters, 0 elements");
}

TEST_CASE("set_trainable freezes a model's parameters and makes them trainable again") {
  manual_seed(2);
  const Net model;
  const auto gradients = [&] {
    Tape tape;
    const Var x = tape.watch(Tensor::ones({8}));
    return tape.backward(sum(model.head(x)));
  };
  CHECK(gradients().has(model.head.weight));
  nn::set_trainable(model.head, false);
  CHECK(!gradients().has(model.head.weight));
  CHECK(nn::parameter_count(nn::parameters(model)) == 0);
  nn::set_trainable(model, true);
  CHECK(gradients().has(model.head.weight));
  CHECK(nn::parameter_count(nn::parameters(model)) == 827);
}

TEST_CASE("a list with an undefined parameter is refused with its name") {
  const NamedParams params{{"a", nullptr}};
  const std::string text = ": parameters with a value were required: got an undefined \"a\"";
  check_refused([&] { nn::parameter_count(params); }, "parameter_count" + text);
  check_refused([&] { nn::summary(params); }, "summary" + text);
}

TEST_CASE("dropout is applied while a tape is alive") {
  CHECK(!nn::training());
  {
    Tape tape;
    CHECK(nn::training());
  }
  CHECK(!nn::training());
}

namespace {

struct Standardised {
  nn::Buffer mean{Tensor::of({1, 2})}, scale{Tensor::of({4, 4})}, none;
  nn::Linear head{{.in = 2, .out = 2}};
  UNROLL_FIELDS(mean, scale, none, head)
  Var operator()(const In& x) const { return head((*x - mean) / scale); }
};

struct Gated : nn::Linear {
  nn::Linear gate;
  Gated() : Linear({.in = 2, .out = 2}), gate({.in = 2, .out = 2}) {}
  UNROLL_FIELDS_WITH(Linear, gate)
};
struct TwiceGated : Gated {
  Param extra = number(1);
  UNROLL_FIELDS_WITH(Gated, extra)
};
struct OnlyNamed : nn::Linear {  // adds no member
  using Linear::Linear;
};
struct LosesBase : nn::Linear {
  nn::Linear gate;
  UNROLL_FIELDS(gate)
};
struct LosesBaseOfBase : Gated {
  Param extra;
  UNROLL_FIELDS(extra)
};
struct LosesOwn : nn::Linear {
  nn::Linear gate;
};

}  // namespace

TEST_CASE("a struct that derives from a module keeps its base's parameters, or does not compile") {
  static_assert(nn::Module<nn::Linear> && nn::Module<Gated>);
  static_assert(nn::Module<TwiceGated> && nn::Module<OnlyNamed>);
  static_assert(!nn::Module<LosesBase> && !nn::Module<LosesBaseOfBase> && !nn::Module<LosesOwn>);
  CHECK(names_of(nn::parameters(Gated())) ==
        std::vector<std::string>{"weight", "bias", "gate.weight", "gate.bias"});
  CHECK(names_of(nn::parameters(TwiceGated())) ==
        std::vector<std::string>{"weight", "bias", "gate.weight", "gate.bias", "extra"});
  CHECK(names_of(nn::parameters(OnlyNamed({.in = 1, .out = 1}))) ==
        std::vector<std::string>{"weight", "bias"});
}

TEST_CASE("UNROLL_FIELDS accepts Params, buffers, modules and containers of them") {
  static_assert(nn::Part<Param> && nn::Part<nn::Buffer> && nn::Part<nn::GRU>);
  static_assert(nn::Part<std::vector<std::optional<Inner>>> && nn::Part<std::array<Param, 2>>);
  static_assert(nn::Part<std::tuple<Param, std::vector<nn::Linear>>>);
  static_assert(!nn::Part<Tensor> && !nn::Part<Var> && !nn::Part<double>);
  static_assert(!nn::Part<std::string> && !nn::Part<std::vector<Tensor>>);
  static_assert(!nn::Part<std::tuple<Param, Index>> && !nn::Part<std::optional<Tensor>>);
}

TEST_CASE("buffers belong to a model and are constants: listed apart, copied, never trained") {
  const Standardised model;
  CHECK(names_of(nn::parameters(model)) == std::vector<std::string>{"head.weight", "head.bias"});
  CHECK(names_of(nn::buffers(model)) == std::vector<std::string>{"mean", "scale"});
  CHECK(names_of(nn::state(model)) ==
        std::vector<std::string>{"mean", "scale", "head.weight", "head.bias"});
  check_says(nn::summary(model), "mean         [2]              f32              2  buffer");
  nn::set_trainable(model, false);
  nn::set_trainable(model, true);
  Tape tape;
  const Gradients g = tape.backward(sum(model(Tensor::ones({3, 2}))));
  CHECK(!g.has(model.mean));
  CHECK(g.has(model.head.weight));
  Standardised copy = model;
  copy.mean.set_value(Tensor::of({7, 7}));
  CHECK(model.mean.value().at({0}) == 1);
  optim::SGD sgd(nn::state(copy), {.lr = 1});
  const Tensor given = Tensor::of({1, 2});
  const nn::Buffer own(given);
  copy.mean = own;
  CHECK(copy.mean.value().at({1}) == 2);
  CHECK(!copy.mean.trainable());
}

TEST_CASE("to converts every parameter and buffer, and what the model computes follows") {
  manual_seed(3);
  Standardised model;
  const Tensor x = random({4, 2}, 1, f32);
  const Tensor before = model(x).value();
  nn::to(model, f64);
  for (const NamedParam& p : nn::state(model)) CHECK(p.param->value().dtype() == f64);
  CHECK(allclose(model(x.to(f64)).value(), before, {.absolute = 1e-6}));
  optim::Adam adam(nn::parameters(model), {.lr = 0.1});
  {
    Tape tape;
    adam.step(tape.backward(sum(model(x.to(f64)))));
  }
  nn::to(model, f32);
  CHECK(model(x).dtype() == f32);
  // The optimiser was made for the others.
  Tape tape;
  check_refused([&] { adam.step(tape.backward(sum(model(x)))); },
                "the one it knows under this name");

  nn::LSTM lstm({.in = 2, .hidden = 3, .layers = 2, .bidirectional = true, .learned_state = true});
  const auto names = names_of(nn::parameters(lstm));
  nn::to(lstm, f64);
  CHECK(names_of(nn::parameters(lstm)) == names);
  CHECK(lstm(nn::Sequence::from({random({4, 2}, 2, f64)})).last().dtype() == f64);
}
