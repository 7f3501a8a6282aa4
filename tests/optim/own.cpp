// An optimiser of one's own: one function on tensors, held against the library's.
#include "tests/support.h"

#include <unroll/nn/layers.h>
#include <unroll/optim/optimizer.h>

#include <algorithm>
#include <optional>

using namespace unroll;

namespace {

// SGD with momentum and weight decay, by writing into the tensors or by assigning new ones.
class Momentum : public optim::Optimizer {
 public:
  Momentum(NamedParams params, const optim::SGDOptions& o, bool writes)
      : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups, {.count = 1}),
        momentum_(o.momentum),
        writes_(writes) {}
  std::vector<Index> numbers;  // of the steps

 protected:
  void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
              const Step& step) override {
    numbers.push_back(step.number);
    const Tensor g = gradient + value * step.weight_decay;
    const Tensor velocity = memory[0] * momentum_ + g, next = value - velocity * step.lr;
    if (writes_) {
      memory[0].copy_(velocity), value.copy_(next);
    } else {
      memory[0] = velocity, value = next;
    }
  }

 private:
  double momentum_;
  bool writes_;
};

class Lion : public optim::Optimizer {
 public:
  Lion(NamedParams params, double rate) : Optimizer(std::move(params), rate, 0, {}, {.count = 1}) {}

 protected:
  void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
              const Step& step) override {
    const Tensor mixed = memory[0] * 0.9 + gradient * 0.1;
    value -= (less(0.0, mixed) - less(mixed, 0.0)) * step.lr;
    memory[0] = memory[0] * 0.99 + gradient * 0.01;
  }
};

class Breaks : public optim::Optimizer {
 public:
  Breaks(NamedParams params, Tensor value)
      : Optimizer(std::move(params), 1, 0, {}, {}), value_(std::move(value)) {}

 protected:
  void update(Tensor& value, const Tensor&, std::span<Tensor>, const Step&) override {
    value = value_;
  }

 private:
  Tensor value_;
};

struct Model {
  nn::Embedding table{{.vocab = 9, .dim = 3, .dtype = f64}};
  nn::Linear head{{.in = 3, .out = 2, .dtype = f64}};
  UNROLL_FIELDS(table, head)
  Var loss(const IndexTensor& ids) const { return sum(square(head(table(ids)))); }
};

}  // namespace

TEST_CASE("a user-defined optimizer does what the library's does, dense and by rows of a table") {
  for (const bool writes : {false, true}) {
    manual_seed(1);
    Model model;
    Model other = model;
    const optim::SGDOptions o{.lr = 0.02,
                              .momentum = 0.9,
                              .weight_decay = 0.1,
                              .groups = {{.match = "bias", .lr_scale = 0.5, .weight_decay = 0}}};
    std::optional<Momentum> own(std::in_place, nn::parameters(model), o, writes);
    optim::SGD sgd(nn::parameters(other), o);
    Generator g(2);
    for (int step = 0; step < 12; ++step) {
      const IndexTensor ids = g.integers({1 + g.below(8)}, 0, 9);
      const auto train = [&](const Model& m, optim::Optimizer& optimizer) {
        Tape tape;
        optimizer.step(tape.backward(m.loss(ids)));
      };
      if (step == 6) {  // its memory is saved and restored as any
        const optim::State state = own->state();
        own.emplace(nn::parameters(model), o, writes);
        own->set_state(state);
      }
      train(model, *own), train(other, sgd);
      const NamedParams a = nn::parameters(model), b = nn::parameters(other);
      for (std::size_t i = 0; i < a.size(); ++i)
        CHECK(distance(a[i].param->value(), b[i].param->value()) < 1e-13);
    }
    CHECK(own->steps() == 12);
    CHECK(std::ranges::max(own->numbers) == 12);
  }
}

TEST_CASE("a user-defined Lion of ten lines learns") {
  manual_seed(3);
  const Model model;
  Lion lion(nn::parameters(model), 0.01);
  const IndexTensor ids = IndexTensor::arange(9);
  const double before = model.loss(ids).item();
  for (int step = 0; step < 50; ++step) {
    Tape tape;
    lion.step(tape.backward(model.loss(ids)));
  }
  CHECK(model.loss(ids).item() < 0.1 * before);
}

TEST_CASE("values assigned by Optimizer::update must fit and are copied if shared") {
  const nn::Linear head({.in = 3, .out = 2, .bias = false});
  const auto step = [&](const Tensor& assigned) {
    Breaks optimizer(nn::parameters(head), assigned);
    Tape tape;
    optimizer.step(tape.backward(sum(head(Tensor::ones({3})))));
  };
  check_refused(
      [&] { step(Tensor::ones({2})); },
      "update was required to leave shape [3, 2] and type f32 of \"weight\": got [2] of f32");
  check_refused([&] { step(Tensor::ones({3, 2}, f64)); }, "got [3, 2] of f64");
  check_refused([&] { step(Tensor()); }, "got an undefined one");
  const Tensor shared = Tensor::ones({1, 1}).expand({3, 2});
  step(shared);
  CHECK(head.weight.value().is_contiguous());
  CHECK(!head.weight.value().shares_storage_with(shared));
}
