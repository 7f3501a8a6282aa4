// Writing into a tensor in place after it was recorded: refused where a derivative would read it,
// and harmless where none does.
#include "tests/support.h"

#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/module.h>
#include <unroll/nn/recurrent.h>
#include <unroll/optim/optimizer.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/matmul.h>

using namespace unroll;

namespace {

const std::vector<std::pair<const char*, std::function<void(Tensor&)>>> kWrites = {
    {"fill_", [](Tensor& t) { t.fill_(0); }},
    {"copy_", [](Tensor& t) { t.copy_(Tensor::zeros(t.shape(), t.dtype())); }},
    {"copy_ of another type", [](Tensor& t) { t.copy_(Tensor::zeros(t.shape(), f32)); }},
    {"set",
     [](Tensor& t) {
       t.set({1, 0}, 5);
     }},
    {"through a view", [](Tensor& t) { t.narrow(0, 1, 1).fill_(0); }},
    {"through a view of a view", [](Tensor& t) { t.transpose().select(0, 0).set({1}, 3); }},
    {"through a copy of the handle", [](Tensor& t) { Tensor(t).fill_(0); }},
    {"add_into", [](Tensor& t) { add_into(t, Tensor::ones(t.shape(), t.dtype())); }},
    {"matmul_into",
     [](Tensor& t) {
       matmul_into(t, Tensor::ones({3, 3}, f64), Tensor::ones({3, 3}, f64));
     }},
    {"linear_into",
     [](Tensor& t) {
       linear_into(t, Tensor::ones({3, 3}, f64), Tensor::ones({3, 3}, f64), {});
     }},
    {"add_rows_into",
     [](Tensor& t) {
       add_rows_into(t, std::vector<Index>{1}, Tensor::ones({1, 3}, f64));
     }},
    {"scatter_add_into",
     [](Tensor& t) {
       scatter_add_into(t, 0, IndexTensor::of({{0, 1, 2}}), Tensor::ones({1, 3}, f64));
     }},
    {"data and mark_written",
     [](Tensor& t) {
       t.data<double>()[0] = 9;
       t.mark_written();
     }},
};

using F = std::function<Var(const Var&)>;

const Op cube_op{"test cube"};
Var cube(const In& x) {
  const Tensor v = x.value();
  return record(cube_op, v * v * v, {&x},
                [v](const Var& g, Cotangents& d) { d.add(0, Var(v * v * 3.0 * g.value())); });
}

}  // namespace

TEST_CASE("every kind of in-place write to a saved tensor makes backward throw with op and line") {
  for (const auto& entry : kWrites) {
    const auto& name = entry.first;
    const auto& write = entry.second;
    CAPTURE(std::string(name));
    Tensor t = random({3, 3}, 1);
    Tape tape;
    const Var x = tape.watch(t);
    const Var y = sum(square(x));
    const int line = __LINE__ - 1;
    write(t);
    const std::string text = message_of([&] { (void)tape.backward(y); });
    check_says(text, fmt::format("square: values as they were when it was recorded (at {}:{})",
                                 __FILE__, line));
    check_says(text, "has been written to in place since; write into a clone() of it");
  }
}

TEST_CASE("ops that save an input refuse one that was written to, those that save none do not") {
  const Tensor other = random({3, 3}, 2);
  const nn::LSTM lstm({.in = 3, .hidden = 2, .dtype = f64});
  const std::vector<std::pair<const char*, F>> saving = {
      {"mul", [](const Var& x) { return x * x; }},
      {"div", [&](const Var& x) { return Var(other) / x; }},
      {"pow", [](const Var& x) { return pow(abs(x), 1.5); }},
      {"matmul", [&](const Var& x) { return matmul(Var(other), x) * matmul(x, x); }},
      {"log", [](const Var& x) { return log(square(x)); }},
      {"gelu", [](const Var& x) { return gelu(x); }},
      {"layer_norm",
       [](const Var& x) { return layer_norm(x, Tensor::ones({3}, f64), Tensor::zeros({3}, f64)); }},
      {"cross_entropy",
       [](const Var& x) {
         return nn::cross_entropy(x, IndexTensor::of({0, 1, 2}));
       }},
      {"checkpoint",
       [](const Var& x) {
         return checkpoint([](const auto& in) { return std::vector<Var>{square(in[0])}; }, {x})[0];
       }},
      {"a recurrent layer",
       [&](const Var& x) {
         return lstm(nn::Sequence(x, SequenceLayout({2, 1}))).sequence.rows;
       }},
      {"an op of one's own", [](const Var& x) { return cube(x); }},
  };
  for (const auto& entry : saving) {
    const auto& name = entry.first;
    const auto& f = entry.second;
    CAPTURE(std::string(name));
    Tensor t = add(random({3, 3}, 3), 5);
    Tape tape;
    const Var y = sum(f(tape.watch(t)));
    t.fill_(1);
    check_refused([&] { (void)tape.backward(y, {.retain = true}); },
                  "has been written to in place since");
  }
  const std::vector<std::pair<const char*, F>> plain = {
      {"add", [&](const Var& x) { return x + other; }},
      {"mul by a constant", [&](const Var& x) { return x * other; }},
      {"mul by a number", [](const Var& x) { return x * 3; }},
      {"neg", [](const Var& x) { return -x; }},
      {"sum", [](const Var& x) { return sum(x, {0}); }},
      {"reshape", [](const Var& x) { return reshape(x, {9}); }},
      {"concat",
       [](const Var& x) {
         return concat(std::vector<Var>{x, x});
       }},
      {"exp, which saves its result", [](const Var& x) { return exp(x); }},
      {"tanh", [](const Var& x) { return tanh(x); }},
  };
  for (const auto& entry : plain) {
    const auto& name = entry.first;
    const auto& f = entry.second;
    CAPTURE(std::string(name));
    const auto gradient = [&](bool write) {
      Tensor t = random({3, 3}, 3);
      Tape tape;
      const Var x = tape.watch(t), y = sum(f(x));
      if (write) t.fill_(1);
      return tape.backward(y)[x];
    };
    CHECK(distance(gradient(true), gradient(false)) == 0);
  }
}

TEST_CASE("writing to a saved result is detected like writing to a saved input") {
  Tape tape;
  const Var x = tape.watch(random({3}, 1)), y = exp(x), z = sum(y);
  Tensor(y.value()).fill_(0);
  check_refused([&] { (void)tape.backward(z, {.retain = true}); }, "exp: values as they were");
}

TEST_CASE("second derivatives and nested checkpoints refuse modified values too") {
  Tensor t = random({3}, 1);
  {
    Tape tape;
    const Var x = tape.watch(t);
    const Var g = grad(sum(x * x * x), {x}, {.create_graph = true})[0];
    t.fill_(0);
    check_refused([&] { (void)tape.backward(sum(g), {.retain = true}); },
                  "written to in place since");
  }
  Tensor constant = random({3}, 2);
  const auto inner = [constant](const std::vector<Var>& in) {
    return std::vector<Var>{in[0] * constant};
  };
  const auto outer = [inner](const std::vector<Var>& in) { return checkpoint(inner, in); };
  Tape tape;
  const Var y = sum(checkpoint(outer, {tape.watch(random({3}, 3))})[0]);
  constant.fill_(0);
  check_refused([&] { (void)tape.backward(y, {.retain = true}); }, "written to in place since");
}

TEST_CASE(
    "what is written before recording, between two losses or after backward is nobody's harm") {
  Tensor buffer = Tensor::zeros({4, 3}, f64);
  double total = 0, expected = 0;
  for (int round = 0; round < 3; ++round) {
    Tape tape;
    const Var w = tape.watch(Tensor::ones({3}, f64));
    for (Index i = 0; i < 4; ++i) buffer.narrow(0, i, 1).copy_(random({1, 3}, 10 * round + i));
    total += sum(square(tape.backward(sum(square(w * buffer)))[w])).item();
    buffer.fill_(7);
    const Tensor fresh = random({4, 3}, 50);
    buffer.copy_(fresh);
    total += sum(tape.backward(sum(w * buffer))[w]).item();
    Tensor plain = Tensor::zeros({4, 3}, f64);
    for (Index i = 0; i < 4; ++i) plain.narrow(0, i, 1).copy_(random({1, 3}, 10 * round + i));
    expected += sum(square(mul(sum(square(plain), {0}), 2))).item() + sum(fresh).item();
  }
  CHECK(total == doctest::Approx(expected));
}

TEST_CASE("seeds and buffers of hooks may be modified after the loss was recorded") {
  const Tensor at = random({3}, 1);
  for (bool create_graph : {false, true}) {
    Tape tape;
    const Var x = tape.watch(at), y = square(x) * x;
    Tensor seed = Tensor::zeros({3}, f64);
    const Tensor alias = seed;
    for (Index i = 0; i < 3; ++i) seed.set({i}, 1);
    const Var g = grad(y, {x}, {.create_graph = create_graph, .retain = true, .seed = seed})[0];
    CHECK(distance(g.value(), mul(square(at), 3)) < 1e-14);
    CHECK(distance(tape.backward(y, {.seed = seed})[x], mul(square(at), 3)) < 1e-14);
  }
  Tape tape;
  Tensor buffer = Tensor::zeros({3}, f64);
  const Tensor alias = buffer;
  const Var x = tape.watch(at), y = square(x), z = y * 3;
  const auto twice = [&](const Tensor& g) {
    buffer.copy_(mul(g, 2));
    return buffer;
  };
  y.hook(twice);
  z.hook(twice);
  CHECK(distance(tape.backward(sum(z))[x], mul(at, 24)) < 1e-14);
}

TEST_CASE("joined products are right although some operands were written to in between") {
  // The tape collects tall-skinny products; those of an earlier entry may be computed while a later
  // one runs.
  Tensor x = random({600, 3}, 1);
  Tensor expected = Tensor::zeros({3, 2}, f64);
  Tape tape;
  const Var w = tape.watch(random({3, 2}, 2)), v = tape.watch(random({3, 2}, 3));
  Var loss = sum(x) * 0;
  std::vector<Tensor> inputs;
  for (int i = 0; i < 8; ++i) {
    const Tensor kept = i % 2 ? x.clone() : random({40, 3}, 20 + i);
    loss = loss + sum(linear(kept, w, Tensor::zeros({2}, f64)));
    expected = add(expected, matmul(kept.transpose(), Tensor::ones({kept.size(0), 2}, f64)));
    x.fill_(i);
    loss = loss + sum(v);
  }
  CHECK(distance(tape.backward(loss)[w], expected) < 1e-10);
}

TEST_CASE("an optimizer's step and set_value do not change the values a tape has saved") {
  const Param p(random({3}, 1));
  const Tensor at = p.value().clone();
  optim::SGD sgd({{"p", p.handle()}}, {.lr = 0.1});
  Tape tape;
  const Var loss = sum(square(p) * p);
  const Gradients first = tape.backward(loss, {.retain = true});
  sgd.step(first);
  const Gradients again = tape.backward(loss, {.retain = true});
  CHECK(distance(first[p], again[p]) == 0);
  p.handle()->set_value(Tensor::zeros({3}, f64));
  CHECK(distance(tape.backward(loss)[p], mul(square(at), 3)) < 1e-14);
}

TEST_CASE("a Param, an optimizer's state and a layer have their own copies of the elements") {
  Tensor t = random({3}, 1);
  const Tensor before = t.clone();
  Param p(t), of_view(t.narrow(0, 0, 2));
  t.fill_(0);
  CHECK(distance(p.value(), before) == 0);
  CHECK(distance(of_view.value(), before.narrow(0, 0, 2)) == 0);
  t.copy_(before);
  p.set_value(t);
  optim::SGD sgd({{"p", p.handle()}}, {.lr = 0.1, .momentum = 0.9});
  Gradients g;
  {
    Tape tape;
    g = tape.backward(sum(square(p)));
  }
  const Tensor gradient = g[p].clone();
  sgd.step(g);
  sgd.step(g);
  CHECK(distance(g[p], gradient) == 0);
  optim::State state = sgd.state();
  const Tensor momentum = state.at("p.0").clone();
  sgd.set_state(state);
  for (auto& [name, tensor] : state) tensor.fill_(5);
  CHECK(distance(sgd.state().at("p.0"), momentum) == 0);
  // Nobody else has this tensor, so it is taken as it is.
  Tensor own = Tensor::ones({3}, f64);
  const double* numbers = own.data<double>();
  const Param taken(std::move(own));
  CHECK(taken.value().data<double>() == numbers);
}
