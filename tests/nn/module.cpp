// What UNROLL_FIELDS gives: names, copies, moves, summaries, freezing.
#include "tests/support.h"

#include <unroll/nn/layers.h>
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

TEST_CASE("names come from the line, through modules, vectors, arrays, optionals and tuples") {
  const Everything model;
  CHECK(names_of(nn::parameters(model)) ==
        std::vector<std::string>{"plain", "inner.w", "list.0.w", "list.1.w", "pair.0", "pair.1",
                                 "there.w", "both.0", "both.1.w", "nested.0.0", "nested.2.0",
                                 "nested.2.1"});
  CHECK(nn::parameters(Nothing()).empty());
  CHECK(nn::parameters(std::vector<Inner>(2))[1].name == "1.w");
  CHECK(nn::parameter_count(nn::parameters(model)) == 12);
}

TEST_CASE("a copied model has parameters of its own, a moved one the same") {
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
        "parameter     shape            type       numbers\n"
        "embed.weight  [100, 8]         f32            800  frozen\n"
        "head.weight   [8, 3]           f32             24\n"
        "head.bias     [3]              f32              3\n"
        "3 parameters, 827 numbers, 27 of them to train, 3.2 KiB\n");
  check_says(nn::summary(Nothing()), "0 parameters, 0 numbers");
}

TEST_CASE("set_trainable makes constants of a model's parameters, and gives them back") {
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

TEST_CASE("a list with a parameter that is none is refused by name") {
  const NamedParams params{{"a", nullptr}};
  const std::string text = ": parameters with a value were required: got an undefined \"a\"";
  check_refused([&] { nn::parameter_count(params); }, "parameter_count" + text);
  check_refused([&] { nn::summary(params); }, "summary" + text);
}

TEST_CASE("training is while a tape lives") {
  CHECK(!nn::training());
  {
    Tape tape;
    CHECK(nn::training());
  }
  CHECK(!nn::training());
}
