// Gradients as values: adding, scaling, shards; hooks; ops of one's own; parameters.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>

#include <array>
#include <cmath>

using namespace unroll;

namespace {

struct Model {
  nn::Linear head{{.in = 2, .out = 3}};
  UNROLL_FIELDS(head)
};

// A loss whose gradient of `table` is dense, rows, or both kinds at once.
enum class Way { dense, rows, both };
Gradients gradient_of(const Param& table, Way way, std::uint64_t seed) {
  Tape tape;
  Var loss = Tensor::scalar(0, f64);
  if (way != Way::dense) {
    Generator g(seed);
    const IndexTensor ids = g.integers({5}, 0, table.shape()[0]);
    loss = loss + sum(embedding(ids, table) * random({5, table.shape()[1]}, seed));
  }
  if (way != Way::rows) loss = loss + sum(square(table) * random(table.shape(), seed + 1));
  return tape.backward(loss);
}

}  // namespace

TEST_CASE("dense and row gradients add up like their dense forms") {
  const Param table(random({6, 3}, 1)), other(random({2}, 2));
  for (Way a : {Way::dense, Way::rows, Way::both})
    for (Way b : {Way::dense, Way::rows, Way::both}) {
      Gradients g = gradient_of(table, a, 10);
      const Gradients h = gradient_of(table, b, 20);
      const Gradients before = g;
      const Tensor first = g[table], second = h[table];
      g += h;
      CHECK(distance(g[table], add(first, second)) < 1e-14);
      CHECK(g.find(table.id())->is_rows() == (a == Way::rows && b == Way::rows));
      CHECK(distance(before[table], first) == 0);  // a copy is a value of its own
      g *= -0.5;
      CHECK(distance(g[table], mul(add(first, second), -0.5)) < 1e-14);
      CHECK(distance(h[table], second) == 0);
      g += g;
      CHECK(distance(g[table], mul(add(first, second), -1)) < 1e-14);
      CHECK(!g.has(other));
      check_says(message_of([&] { (void)g[other]; }), "without a gradient (shape [2])");
    }
}

TEST_CASE("gradients of shards add up to the gradient of the whole batch") {
  manual_seed(5);
  const nn::Embedding embed({.vocab = 7, .dim = 3, .dtype = f64});
  const nn::Linear head({.in = 3, .out = 4, .dtype = f64});
  Generator g(2);
  const Index n = 23;
  const IndexTensor ids = g.integers({n}, 0, 7), target = g.integers({n}, 0, 4);
  const auto shard = [&](Index begin, Index end) {
    const auto part = [&](const IndexTensor& x) {
      return IndexTensor(std::vector<Index>(x.begin() + begin, x.begin() + end));
    };
    Tape tape;
    return tape.backward(
        cross_entropy(head(embed(part(ids))), part(target), {.reduction = Reduction::sum}));
  };
  const Gradients whole = shard(0, n);
  for (std::vector<Index> cuts : {std::vector<Index>{0, n}, {0, 1, n}, {0, 5, 6, 14, n}}) {
    Gradients total;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) total += shard(cuts[i], cuts[i + 1]);
    for (const Param* p : {&embed.weight, &head.weight, &head.bias})
      CHECK(distance(total[*p], whole[*p]) < 1e-13);
    CHECK(total.find(embed.weight.id())->is_rows());
  }
}

TEST_CASE("the row of the padding id gets no gradient, recorded or not") {
  Generator g(4);
  const IndexTensor ids = g.integers({4, 3}, 0, 5);
  const Tensor table = random({5, 2}, 1), u = random({4, 3, 2}, 2);
  for (Index padding : {-1, 0, 3})
    for (bool by_reference : {false, true}) {
      Tape tape;
      const Var t = tape.watch(table);
      const Var y = sum(square(embedding(ids, t, {.padding_id = padding})) * u);
      const Tensor d = grad(y, {t}, {.create_graph = by_reference})[0].value();
      Tensor expected = Tensor::zeros({5, 2}, f64);
      for (Index i = 0; i < 12; ++i)
        for (Index j = 0; j < 2; ++j)
          if (ids[i] != padding)
            expected.set({ids[i], j}, expected.at({ids[i], j}) + 2 * table.at({ids[i], j}) *
                                                                     u.reshape({12, 2}).at({i, j}));
      CHECK(distance(d, expected) < 1e-14);
    }
  const Param p(table);
  Tape tape;
  const Gradients rows = tape.backward(sum(embedding(ids, p, {.padding_id = 3})));
  CHECK(rows.find(p.id())->is_rows());
  CHECK(max(abs(rows[p].select(0, 3))).item() == 0);
  CHECK(sum(rows[p]).item() > 0);
}

TEST_CASE("a hook is called once, with the summed gradient of its value") {
  const Param w(random({3}, 1)), table(random({5, 2}, 2));
  int calls = 0;
  Tape tape;
  const auto seen = [&](Tensor& into) {
    return [&calls, &into](const Tensor& g) {
      ++calls;
      into = g.clone();
      return mul(g, 2);
    };
  };
  Tensor of_leaf, of_value, of_table;
  const Var leaf = w, mid = exp(leaf), rows = table;
  leaf.hook(seen(of_leaf));
  mid.hook(seen(of_value));
  rows.hook(seen(of_table));
  const Var loss =
      sum(mid) + sum(mid * 3.0) + sum(leaf) + sum(embedding(IndexTensor({1, 1}), rows));
  const Gradients g = tape.backward(loss, {.retain = true});
  CHECK(calls == 3);
  CHECK(distance(of_value, Tensor::full({3}, 4, f64)) == 0);
  CHECK(distance(of_leaf, add(mul(exp(w.value()), 8), 1)) < 1e-14);
  CHECK(distance(g[w], mul(of_leaf, 2)) == 0);
  CHECK(of_table.at({1, 0}) == 2);
  CHECK(g[table].at({1, 1}) == 4);
  // grad() goes past the same hooks.
  const auto by_grad = grad(loss, {leaf, mid});
  CHECK(distance(by_grad[0].value(), g[w]) == 0);
  CHECK(distance(by_grad[1].value(), Tensor::full({3}, 8, f64)) == 0);
  CHECK(calls >= 5);
}

TEST_CASE("a hook that returns another shape or dtype is refused") {
  const Param w(random({3}, 1));
  for (const Tensor& wrong : {Tensor::ones({1}, f64), Tensor::ones({3}, f32)}) {
    Tape tape;
    const Var y = exp(w);
    y.hook([&](const Tensor&) { return wrong; });
    const std::string text = message_of([&] { tape.backward(sum(y)); });
    check_says(text, "hook: a gradient of shape [3] and type f64 was required");
    check_says(text, fmt::format("{} of {}", wrong.shape(), name_of(wrong.dtype())));
  }
}

namespace {

const Op polar_op{"test polar"};
// (r cos a, r sin a), two outputs of two inputs.
std::vector<Var> polar(const Var& r, const Var& a) {
  const std::vector<Var> inputs{r, a};
  const Tensor c = cos(a.value()), s = sin(a.value());
  return record(polar_op, std::vector<Tensor>{mul(r.value(), c), mul(r.value(), s)}, inputs,
                Where::here(), [r, a](std::span<const Var> g, Cotangents& d) {
                  const Var zero = Tensor::zeros(r.shape(), r.dtype());
                  const Var gx = g[0].defined() ? g[0] : zero, gy = g[1].defined() ? g[1] : zero;
                  d.add(0, gx * cos(a) + gy * sin(a));
                  d.add(1, r * (gy * cos(a) - gx * sin(a)));
                });
}

const Op careless_op{"test careless"};
template <class F>
Var careless(const In& x, F derivative) {
  return record(careless_op, x.value().clone(), {&x}, derivative);
}

}  // namespace

TEST_CASE("a user-defined op with several outputs, each of which may be unused") {
  const auto weights = random({3}, 7);
  for (int used : {0, 1, 2}) {
    const auto f = [&](const std::vector<Var>& v) {
      const auto p = polar(v[0], v[1]);
      return used == 0 ? p[0] : used == 1 ? p[1] * weights : p[0] * p[1];
    };
    const std::vector<Tensor> at{random({3}, 1), random({3}, 2)};
    const auto first = gradcheck(f, at), second = gradgradcheck(f, at);
    CHECK_MESSAGE(first, first.message);
    CHECK_MESSAGE(second, second.message);
  }
}

TEST_CASE(
    "a user-defined derivative that gives another shape, dtype or nothing is an error that names "
    "it") {
  const Param w(random({3}, 1));
  const auto message = [&](auto derivative) {
    Tape tape;
    const Var y = careless(w, derivative);
    return message_of([&] { tape.backward(sum(y)); });
  };
  check_says(message([](const Var&, Cotangents& d) { d.add(0, Tensor::ones({2}, f64)); }),
             "careless: a gradient of the input's shape [3] and type f64 was required of the "
             "derivative: got [2] of f64");
  check_says(message([](const Var&, Cotangents& d) { d.add(0, Tensor::ones({3}, f32)); }),
             "got [3] of f32");
  check_says(message([](const Var&, Cotangents& d) { d.add(0, Var()); }), "careless: a value");
  check_says(message([](const Var&, Cotangents&) {}), "nothing was thrown");
  for (int i : {-1, 3})
    check_says(message([i](const Var& g, Cotangents& d) { d.add(i, g); }),
               "careless: an input below 1 was required of the derivative: got");
  check_says(message_of([&] {
               const In x(w);
               record(careless_op, Tensor(), {&x}, [](const Var&, Cotangents&) {});
             }),
             "careless: a value");
  const In x(w);
  check_says(message_of([&] {
               record(careless_op, Tensor::ones({3}, f64), {&x, &x, &x, &x, &x, &x, &x, &x, &x},
                      [](const Var&, Cotangents&) {});
             }),
             "record: 1 to 8 inputs were required (or a span of them): got 9");
}

TEST_CASE("add_product, add_rows and add_narrow of a user-defined derivative must fit its input") {
  const Param w(random({2, 3}, 1));
  const auto message = [&](auto derivative) {
    Tape tape;
    const Var y = careless(w, derivative);
    return message_of([&] { tape.backward(sum(y)); });
  };
  const auto ones = [](const Shape& shape, DType dtype = f64) {
    return Var(Tensor::ones(shape, dtype));
  };
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_product(0, ones({4, 5}), ones({4, 6}));
             }),
             "a gradient of the input's shape [2, 3] and type f64 was required of the derivative: "
             "got [5, 6]");
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_product(0, ones({4, 2}), ones({5, 3}));
             }),
             "factors [R, K] and [R, N] were required");
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_product(0, ones({4, 2}, f32), ones({4, 3}, f32));
             }),
             "[2, 3] of f32");
  const IndexTensor ids = IndexTensor::of({0, 1});
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_rows(0, ids, ones({2, 5}), {9, 5});
             }),
             "got [9, 5]");
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_rows(0, ids, ones({1, 3}), {2, 3});
             }),
             "a row of the table [2, 3] for each of 2 ids was required");
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_rows(0, IndexTensor::of({0, 2}), ones({2, 3}), {2, 3});
             }),
             "ids in [0, 2) were required: got 2");
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_narrow(0, 1, 0, ones({2, 1}, f32), {2, 3});
             }),
             "of f32");
  check_says(message([&](const Var&, Cotangents& d) {
               d.add_rows(0, ids, ones({2, 3}), {2, 3});
               d.add_product(0, ones({4, 2}), ones({4, 3}));
               d.add_narrow(0, 1, 1, ones({2, 1}), {2, 3});
             }),
             "nothing was thrown");
}

TEST_CASE(
    "a checkpoint recomputes with the parameter values of the forward pass, even if they changed "
    "since") {
  const auto slope = [](bool kept, bool change) {
    Param p(Tensor::of({2, 3}, f64));
    Tape tape;
    const auto f = [&](const std::vector<Var>&) { return std::vector<Var>{square(Var(p))}; };
    const Var y = kept ? f({})[0] : checkpoint(f, {})[0];
    const Var twice =
        kept ? y : checkpoint([&](const auto& in) { return std::vector<Var>{in[0] * p}; }, {y})[0];
    const Var loss = sum(kept ? y * p : twice);
    if (change) p.set_value(Tensor::of({10, 20}, f64));
    return tape.backward(loss)[p];
  };
  const Tensor expected = Tensor::of({3 * 4, 3 * 9}, f64);
  for (bool kept : {true, false})
    for (bool change : {true, false}) CHECK(distance(slope(kept, change), expected) < 1e-14);
}

TEST_CASE("checkpoint may return constants, inputs and unused values") {
  const Param w(random({3}, 1));
  Tape tape;
  const Var x = tape.watch(random({3}, 2));
  const auto out = checkpoint(
      [&](const std::vector<Var>& in) {
        return std::vector<Var>{Tensor::ones({2}, f64), in[0], in[0] * w, exp(in[0])};
      },
      {x});
  REQUIRE(out.size() == 4);
  CHECK(distance(out[1].value(), x.value()) == 0);
  const Gradients g = tape.backward(sum(out[0]) + sum(out[1]) + sum(out[2]));
  CHECK(distance(g[x], add(w.value(), 1)) < 1e-15);
  CHECK(distance(g[w], x.value()) < 1e-15);
  const auto of_constant = checkpoint(
      [](const std::vector<Var>&) { return std::vector<Var>{Tensor::ones({}, f64)}; }, {});
  CHECK(tape.backward(of_constant[0]).empty());
  CHECK(checkpoint([](const auto&) { return std::vector<Var>{}; }, {x}).empty());
}

TEST_CASE("checkpoints nest, with dropout the same at every depth") {
  const Param w(random({40}, 1));
  const auto inner = [&](const std::vector<Var>& in) {
    return std::vector<Var>{dropout(tanh(in[0] * w), 0.4)};
  };
  const auto run = [&](int depth) {
    manual_seed(3);
    Tape tape;
    const Var x = tape.watch(random({40}, 2));
    const auto outer = [&](const std::vector<Var>& in) {
      return depth == 2 ? checkpoint(inner, {dropout(in[0], 0.2)}) : inner({dropout(in[0], 0.2)});
    };
    const Var y = depth == 0 ? outer({x})[0] : checkpoint(outer, {x})[0];
    const Gradients g = tape.backward(sum(square(y)));
    return std::array{y.value(), g[x], g[w]};
  };
  const auto plain = run(0);
  CHECK(max(abs(plain[2])).item() > 0);
  for (int depth : {1, 2}) {
    const auto checkpointed = run(depth);
    for (int i = 0; i < 3; ++i) CHECK(distance(checkpointed[i], plain[i]) == 0);
  }
}

TEST_CASE(
    "a checkpointed function that returns a different number of results in backward is refused") {
  const Param w(random({3}, 1));
  int calls = 0;
  Tape tape;
  const Var y = checkpoint(
      [&](const std::vector<Var>&) {
        return std::vector<Var>(static_cast<std::size_t>(++calls), exp(w));
      },
      {})[0];
  check_says(message_of([&] { tape.backward(sum(y)); }),
             "a function with 1 results was required: got 2");
}

TEST_CASE("dropout keeps expectation and scale, and its gradient is its mask") {
  for (double p : {0.0, 0.1, 0.5, 0.9}) {
    Generator g(8);
    Tape tape;
    const Index n = 40000;
    const Var x = tape.watch(Tensor::full({n}, 3, f64));
    const Var y = dropout(x, p, g);
    Index zeros = 0;
    for (double v : y.value().to_vector<double>()) {
      zeros += v == 0;
      CHECK((v == 0 || v == doctest::Approx(3 / (1 - p)).epsilon(1e-14)));
    }
    // Five standard deviations.
    CHECK(std::abs(static_cast<double>(zeros) / n - p) <= 5 * std::sqrt(p * (1 - p) / n));
    CHECK(distance(mul(tape.backward(sum(y))[x], 3), y.value()) < 1e-14);
  }
}

TEST_CASE("a parameter is a value: copies are independent, a move keeps the identity") {
  Param a(random({3}, 1));
  const std::uint64_t id = a.id();
  const Tensor before = a.value().clone();
  Param copy = a;
  CHECK(copy.id() != id);
  copy.set_value(Tensor::zeros({3}, f64));
  CHECK(distance(a.value(), before) == 0);
  const Tensor held = a.value();
  a.handle()->mutable_value().fill_(7);
  CHECK(distance(held, before) == 0);  // whoever held the old numbers keeps them
  CHECK(a.value().at({0}) == 7);
  const Tensor given = random({3}, 2);
  Tensor changed = given.clone();
  a.set_value(changed);
  changed.fill_(0);
  CHECK(distance(a.value(), given) == 0);
  const Param moved = std::move(a);
  CHECK(moved.id() == id);
  CHECK(!a.defined());
  check_says(message_of([&] { (void)a.value(); }), "an undefined one");
  Param frozen(random({2}, 3));
  frozen.set_trainable(false);
  CHECK(!Param(frozen).trainable());
}

TEST_CASE("a gradient knows the name of its parameter") {
  manual_seed(1);
  const Model model;
  CHECK(model.head.weight.handle()->name().empty());
  (void)nn::parameters(model);
  CHECK(model.head.weight.handle()->name() == "head.weight");
  CHECK(Model(model).head.weight.handle()->name() == "head.weight");
  Tape tape;
  const Var watched = tape.watch(Tensor::ones({4, 2}));
  const Gradients g = tape.backward(sum(model.head(watched)));
  CHECK(g.find(model.head.bias.id())->param->name() == "head.bias");
  CHECK(!g.find(watched.leaf_id())->param);
}
