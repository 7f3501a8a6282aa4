// Derivatives to second order along every axis, with and without keepdim, and of shapes at the
// edge: sizes of 1 and 0, scalars, broadcasting on either side.
#include "tests/support.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/ops.h>

using namespace unroll;

namespace {

using Vars = std::vector<Var>;

// Both orders at once, of inputs within [low, high).
void check_derivatives(const std::string& name, const Function& f, const std::vector<Shape>& shapes,
                       double low = -2, double high = 2) {
  CAPTURE(name);
  Generator g(name.size() + 17 * shapes.size());
  std::vector<Tensor> inputs;
  for (const Shape& shape : shapes) inputs.push_back(g.uniform(shape, low, high, f64));
  const auto first = gradcheck(f, inputs, {.tolerance = 1e-7, .name = name});
  CHECK_MESSAGE(first, first.message);
  const auto second = gradgradcheck(f, inputs, {.tolerance = 1e-6, .name = name});
  CHECK_MESSAGE(second, second.message);
}

// Every set of axes of a shape of that rank, the empty one (all of them) included.
std::vector<Axes> subsets(int rank) {
  std::vector<Axes> out;
  for (int bits = 0; bits < 1 << rank; ++bits) {
    Axes axes;
    for (int i = 0; i < rank; ++i)
      if (bits >> i & 1) axes.push_back(i % 2 ? i - rank : i);  // some counted from the end
    out.push_back(axes);
  }
  return out;
}

}  // namespace

TEST_CASE("reductions over every set of axes, with the axes kept and without") {
  struct Reduction {
    const char* name;
    Var (*f)(const In&, const Axes&, const ReduceOptions&);
  };
  const Reduction all[] = {
      {"sum", sum},
      {"mean", mean},
      {"max", max},
      {"min", min},
      {"var", [](const In& x, const Axes& a,
                 const ReduceOptions& o) { return var(x, a, {.keepdim = o.keepdim}); }},
      {"var 0",
       [](const In& x, const Axes& a, const ReduceOptions& o) {
         return var(x, a, {.keepdim = o.keepdim, .correction = 0});
       }},
      {"logsumexp", logsumexp}};
  const Shape shape{2, 3, 2};
  const Tensor x = random(shape, 5);
  for (const Reduction& r : all)
    for (const Axes& axes : subsets(3)) {
      const Tensor with = r.f(x, axes, {.keepdim = true}).value(),
                   without = r.f(x, axes, {}).value();
      CHECK(with.rank() == 3);
      CHECK(without.rank() == (axes.empty() ? 0 : 3 - static_cast<int>(axes.size())));
      CHECK(distance(with.flatten(), without.flatten()) == 0);
      for (bool keep : {false, true})
        check_derivatives(
            r.name, [&](const Vars& v) { return r.f(v[0] * v[0] + v[0], axes, {.keepdim = keep}); },
            {shape}, 0.1, 2);
    }
}

TEST_CASE("ops along an axis, along each axis from either end") {
  const Shape shape{2, 3, 2};
  for (int axis = -3; axis < 3; ++axis) {
    const Index n = shape[axis];
    const auto along = [&](const char* name, const std::function<Var(const Var&)>& f) {
      check_derivatives(fmt::format("{} {}", name, axis),
                        [&](const Vars& v) { return f(v[0]) * f(v[0]); }, {shape});
    };
    along("cumsum", [&](const Var& x) { return cumsum(x, axis); });
    along("softmax", [&](const Var& x) { return softmax(x, axis); });
    along("log_softmax", [&](const Var& x) { return log_softmax(x, axis); });
    along("flip", [&](const Var& x) { return flip(x, axis); });
    along("pad", [&](const Var& x) { return pad(x, axis, 1, 2, 0.5); });
    along("pad before", [&](const Var& x) { return pad(x, axis, 2, 0); });
    along("pad by nothing", [&](const Var& x) { return pad(x, axis, 0, 0); });
    along("narrow at the beginning", [&](const Var& x) { return narrow(x, axis, 0, n - 1); });
    along("narrow at the end", [&](const Var& x) { return narrow(x, axis, 1, n - 1); });
    along("narrow of all", [&](const Var& x) { return narrow(x, axis, 0, n); });
    along("narrow of nothing", [&](const Var& x) { return narrow(x, axis, n, 0); });
    along("select the first", [&](const Var& x) { return select(x, axis, 0); });
    along("select the last", [&](const Var& x) { return select(x, axis, -1); });
    along("unsqueeze and squeeze",
          [&](const Var& x) { return squeeze(unsqueeze(x, axis), axis < 0 ? axis : axis); });
    along("split", [&](const Var& x) {
      const auto parts = split(x, Index{1}, axis);
      return parts[0] * parts[1] + parts.back();
    });
    for (int other = 0; other < 3; ++other)
      along("transpose", [&](const Var& x) { return transpose(x, axis, other); });
    const IndexTensor picks({n - 1, 0, n - 1, 0});
    along("index_select", [&](const Var& x) { return index_select(x, axis, picks); });
    along("index_add", [&](const Var& x) {
      return index_add(x, axis, IndexTensor(std::vector<Index>(static_cast<std::size_t>(n), 1)), 3);
    });
    Generator g(3);
    const IndexTensor same = g.integers(shape, 0, n), fewer = g.integers({1, 2, 1}, 0, n);
    along("gather", [&](const Var& x) { return gather(x, axis, same); });
    along("gather fewer", [&](const Var& x) { return gather(x, axis, fewer); });
    check_derivatives("scatter_add",
                      [&](const Vars& v) { return square(scatter_add(v[0], axis, same, v[1])); },
                      {shape, shape});
    check_derivatives("scatter_add fewer",
                      [&](const Vars& v) { return square(scatter_add(v[0], axis, fewer, v[1])); },
                      {shape, {1, 2, 1}});
    for (int parts : {1, 2, 3}) {
      std::vector<Shape> shapes;
      for (int i = 0; i < parts; ++i)
        shapes.push_back(shape.with(axis < 0 ? axis + 3 : axis, i + 1));
      check_derivatives(
          "concat", [&](const Vars& v) { return square(concat(v, axis)); }, shapes);
      check_derivatives(
          "stack", [&](const Vars& v) { return square(stack(v, axis)); },
          std::vector<Shape>(static_cast<std::size_t>(parts), shape));
    }
  }
  check_derivatives("stack at the end", [](const Vars& v) { return square(stack(v, 2)); },
                    {{2, 2}, {2, 2}});
}

TEST_CASE("index ops equal loops") {
  const Tensor x = random({3, 4}, 1);
  Generator g(2);
  const IndexTensor index = g.integers({2, 4}, 0, 3);
  const Tensor picked = gather(x, 0, index).value();
  for (Index i : {0, 1})
    for (Index j = 0; j < 4; ++j) CHECK(picked.at({i, j}) == x.at({index[i * 4 + j], j}));
  const Tensor source = random({2, 4}, 3);
  Tensor expected = x.clone();
  for (Index i : {0, 1})
    for (Index j = 0; j < 4; ++j) {
      const Index row = index[i * 4 + j];
      expected.set({row, j}, expected.at({row, j}) + source.at({i, j}));
    }
  CHECK(distance(scatter_add(x, 0, index, source).value(), expected) < 1e-15);
}

TEST_CASE("binary ops broadcast on either side, scalars included") {
  using Binary = Var (*)(const In&, const In&);
  const std::pair<const char*, Binary> all[] = {
      {"add", add}, {"sub", sub},         {"mul", mul},        {"div", div},
      {"pow", pow}, {"minimum", minimum}, {"maximum", maximum}};
  const std::pair<Shape, Shape> shapes[] = {
      {{2, 1, 3}, {1, 2, 1}}, {{}, {2, 3}},        {{2, 3}, {}},  {{1}, {}},
      {{1, 1}, {3}},          {{3, 1}, {1, 1, 3}}, {{2, 0}, {1}}, {{1, 0}, {3, 1}}};
  for (const auto& [name, f] : all)
    for (const auto& [a, b] : shapes)
      check_derivatives(
          name, [f = f](const Vars& v) { return f(v[0], v[1]); }, {a, b}, 0.5, 2);
  for (const auto& [a, b] : shapes) {
    if (a.numel() * b.numel() == 0) continue;
    const Tensor condition = Generator(4).bernoulli({3}, 0.5);
    if (b.rank() && b.back() != 3 && b.back() != 1) continue;
    if (a.rank() && a.back() != 3 && a.back() != 1) continue;
    check_derivatives("where", [&](const Vars& v) { return where(condition, v[0] * v[0], v[1]); },
                      {a, b});
  }
  check_derivatives("expand",
                    [](const Vars& v) {
                      return square(expand(v[0], {2, 3, 1, 2}));
                    },
                    {{3, 1, 1}});
}

TEST_CASE("products of every pair of ranks, with batches that broadcast on either side") {
  const std::pair<Shape, Shape> all[] = {{{3}, {3}},
                                         {{3}, {3, 2}},
                                         {{2, 3}, {3}},
                                         {{3}, {2, 3, 2}},
                                         {{2, 2, 3}, {3}},
                                         {{2, 3}, {2, 3, 2}},
                                         {{2, 2, 3}, {3, 2}},
                                         {{1, 2, 3}, {2, 3, 2}},
                                         {{2, 2, 3}, {1, 3, 2}},
                                         {{2, 1, 2, 3}, {1, 2, 3, 1}},
                                         {{2, 3}, {1, 2, 3, 2}},
                                         {{1, 1}, {1, 1}},
                                         {{2, 1}, {1, 3}},
                                         {{1, 3}, {3, 1}},
                                         {{2, 0}, {0, 3}},
                                         {{0, 2}, {2, 3}},
                                         {{2, 3}, {3, 0}},
                                         {{2, 2, 0}, {0, 3}},
                                         {{0, 2, 3}, {3, 2}},
                                         {{0, 2, 3}, {1, 3, 2}},
                                         {{2, 2, 0}, {2, 0, 3}}};
  for (const auto& [a, b] : all)
    check_derivatives(fmt::format("matmul {} {}", a, b),
                      [](const Vars& v) { return matmul(v[0], v[1]); }, {a, b});
  for (const Shape& x : {Shape{3}, Shape{1, 3}, Shape{2, 1, 3}, Shape{0, 3}})
    check_derivatives(fmt::format("linear {}", x),
                      [](const Vars& v) { return linear(v[0], v[1], v[2]); }, {x, {3, 2}, {2}});
  check_derivatives("linear of nothing", [](const Vars& v) { return linear(v[0], v[1], v[2]); },
                    {{2, 0}, {0, 3}, {3}});
}

TEST_CASE("a product equals its sums by hand, whatever broadcasts") {
  const Tensor a = random({2, 1, 2, 3}, 1), b = random({3, 3, 4}, 2);
  const Tensor y = matmul(a, b).value();
  REQUIRE(y.shape() == Shape{2, 3, 2, 4});
  for (Index p = 0; p < 2; ++p)
    for (Index q = 0; q < 3; ++q)
      for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 4; ++j) {
          double expected = 0;
          for (Index k = 0; k < 3; ++k) expected += a.at({p, 0, i, k}) * b.at({q, k, j});
          CHECK(y.at({p, q, i, j}) == doctest::Approx(expected).epsilon(1e-13));
        }
}

TEST_CASE("every op and its derivative accept tensors without elements") {
  struct Empty {
    const char* name;
    Function f;
    std::vector<Shape> shapes;
    Shape out;
  };
  const IndexTensor none(std::vector<Index>{}, Shape{0});
  const Empty all[] = {
      {"sum of nothing", [](const Vars& v) { return sum(v[0], {0}); }, {{0, 3}}, {3}},
      {"sum of all of nothing", [](const Vars& v) { return sum(v[0]); }, {{0, 3}}, {}},
      {"sum to nothing", [](const Vars& v) { return sum(v[0], {1}); }, {{0, 3}}, {0}},
      {"mean to nothing", [](const Vars& v) { return mean(v[0], {1}); }, {{0, 3}}, {0}},
      {"max to nothing", [](const Vars& v) { return max(v[0], {1}); }, {{0, 3}}, {0}},
      {"cumsum", [](const Vars& v) { return cumsum(v[0], 0); }, {{0, 3}}, {0, 3}},
      {"softmax of no rows", [](const Vars& v) { return softmax(v[0]); }, {{0, 3}}, {0, 3}},
      {"softmax of empty rows", [](const Vars& v) { return softmax(v[0]); }, {{2, 0}}, {2, 0}},
      {"log_softmax", [](const Vars& v) { return log_softmax(v[0], 0); }, {{3, 0}}, {3, 0}},
      {"tanh", [](const Vars& v) { return tanh(v[0]); }, {{0}}, {0}},
      {"gelu", [](const Vars& v) { return gelu(v[0]); }, {{0}}, {0}},
      {"normal_cdf", [](const Vars& v) { return normal_cdf(v[0]); }, {{0}}, {0}},
      {"reshape",
       [](const Vars& v) {
         return reshape(v[0], Shape{3, 0});
       },
       {{0, 2}},
       {3, 0}},
      {"transpose", [](const Vars& v) { return transpose(v[0]); }, {{0, 2}}, {2, 0}},
      {"flip", [](const Vars& v) { return flip(v[0], 0); }, {{0, 2}}, {0, 2}},
      {"pad", [](const Vars& v) { return pad(v[0], 0, 1, 1); }, {{0, 2}}, {2, 2}},
      {"expand",
       [](const Vars& v) {
         return expand(v[0], {0, 2});
       },
       {{1, 2}},
       {0, 2}},
      {"concat", [](const Vars& v) { return square(concat(v)); }, {{0, 2}, {1, 2}, {0, 2}}, {1, 2}},
      {"stack", [](const Vars& v) { return stack(v); }, {{0}, {0}}, {2, 0}},
      {"split",
       [](const Vars& v) {
         return split(v[0], {0, 2, 0})[2];
       },
       {{2, 3}},
       {0, 3}},
      {"gather", [&](const Vars& v) { return gather(v[0], 0, none); }, {{3}}, {0}},
      {"scatter_add",
       [&](const Vars& v) { return square(scatter_add(v[0], 0, none, v[1])); },
       {{3}, {0}},
       {3}},
      {"index_select",
       [&](const Vars& v) { return index_select(v[0], 0, none); },
       {{3, 2}},
       {0, 2}},
      {"index_add", [&](const Vars& v) { return index_add(v[0], 0, none, 3); }, {{0, 2}}, {3, 2}},
      {"embedding", [&](const Vars& v) { return embedding(none, v[0]); }, {{3, 2}}, {0, 2}},
      {"embedding of no numbers",
       [](const Vars& v) {
         return embedding(IndexTensor({1, 2}), v[0]);
       },
       {{3, 0}},
       {2, 0}},
      {"scatter_rows",
       [&](const Vars& v) { return scatter_rows(v[0], none, 3); },
       {{0, 2}},
       {3, 2}},
      {"layer_norm",
       [](const Vars& v) { return layer_norm(v[0], v[1], v[2]); },
       {{0, 3}, {3}, {3}},
       {0, 3}},
      {"rms_norm", [](const Vars& v) { return rms_norm(v[0], v[1]); }, {{0, 3}, {3}}, {0, 3}},
      {"dropout",
       [](const Vars& v) {
         Generator g(1);
         return dropout(v[0], 0.5, g);
       },
       {{0, 3}},
       {0, 3}},
      {"cross_entropy",
       [&](const Vars& v) { return cross_entropy(v[0], none, {.reduction = Reduction::none}); },
       {{0, 3}},
       {0}},
  };
  for (const Empty& e : all) {
    CAPTURE(e.name);
    std::vector<Var> inputs;
    for (const Shape& shape : e.shapes) inputs.emplace_back(random(shape, 1));
    CHECK(e.f(inputs).shape() == e.out);
    check_derivatives(e.name, e.f, e.shapes);
  }
}

TEST_CASE("equal elements share the gradient of a min or max evenly") {
  const Tensor x = Tensor::of({{3, 1, 3}, {2, 2, 2}}, f64);
  Tape tape;
  const Var v = tape.watch(x);
  const Tensor rows = tape.backward(sum(max(v, {1})))[v];
  CHECK(distance(rows, Tensor::of({{0.5, 0, 0.5}, {1. / 3, 1. / 3, 1. / 3}}, f64)) < 1e-15);
  const Var w = tape.watch(x);
  const Tensor all = tape.backward(max(w))[w];
  CHECK(distance(all, Tensor::of({{0.5, 0, 0.5}, {0, 0, 0}}, f64)) < 1e-15);
  const Var u = tape.watch(x);
  const Tensor least = tape.backward(sum(min(u, {0})))[u];
  CHECK(distance(least, Tensor::of({{0, 1, 0}, {1, 0, 1}}, f64)) == 0);
  const Var a = tape.watch(x), b = tape.watch(Tensor::full({2, 3}, 2, f64));
  const Gradients g = tape.backward(sum(maximum(a, b)));
  CHECK(distance(g[a], Tensor::of({{1, 0, 1}, {0.5, 0.5, 0.5}}, f64)) == 0);
  CHECK(distance(add(g[a], g[b]), Tensor::ones({2, 3}, f64)) == 0);
}

TEST_CASE("a tensor may be split into more parts than kMaxRank") {
  const Param x(random({20, 2}, 1));
  Tape tape;
  Var total = Tensor::zeros({1, 2}, f64);
  const auto parts = split(x, Index{1});
  REQUIRE(parts.size() == 20);
  for (std::size_t i = 0; i < parts.size(); ++i) total = total + parts[i] * static_cast<double>(i);
  const Tensor g = tape.backward(sum(total))[x];
  for (Index i = 0; i < 20; ++i) CHECK(g.at({i, 1}) == static_cast<double>(i));
  CHECK(split(x, std::vector<Index>(20, 1)).size() == 20);
  CHECK(split(x, Index{7}).back().shape() == Shape{6, 2});
}
