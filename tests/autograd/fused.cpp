// Every fused op against its reference, values and gradients, over random inputs; and ops that can
// be differentiated once.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/fused.h>
#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/autograd/sequence/conv.h>
#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/autograd/sequence/recurrent.h>
#include <unroll/autograd/sequence/selective_scan.h>
#include <unroll/nn/loss.h>

using namespace unroll;

namespace {

using Vars = std::vector<Var>;

struct Case {
  std::string name;
  std::vector<Shape> shapes;
  std::function<Vars(const Vars& in)> f;
};

// Layers over a batch, with inputs that are projected inside, projected already, or a table.
void add_recurrent(std::vector<Case>& out, Generator& g) {
  const SequenceLayout layout = g.below(2) ? SequenceLayout(random_lengths(g, 1 + g.below(9), 12))
                                           : SequenceLayout::equal(1 + g.below(9), 1 + g.below(12));
  const Index n = layout.rows(), batch = layout.sequences(), hidden = 1 + g.below(40),
              table = 1 + g.below(6);
  const Index dim = g.below(2) ? 1 + g.below(5) : 300 + g.below(20);  // small ones go step by step
  const IndexTensor ids = g.integers({n}, 0, table);
  for (const bool reverse : {false, true})
    for (const bool bias : {false, true})
      for (const std::string kind : {"rnn", "rnn relu", "lstm", "gru"})
        for (const std::string from : {"inside", "projected", "table"}) {
          const Index gates = (kind == "lstm" ? 4 : kind == "gru" ? 3 : 1) * hidden;
          std::vector<Shape> shapes{{hidden, gates}, {batch, hidden}, {batch, hidden}, {hidden}};
          if (from == "inside") {
            shapes.insert(shapes.end(), {{n, dim}, {dim, gates}, {gates}});
          } else {
            shapes.push_back({from == "table" ? table : n, gates});
          }
          out.push_back({kind + " " + from, shapes, [=](const Vars& v) {
                           RecurrentWeights w{.wh = v[0] * 0.3, .bhn = bias ? v[3] : Var()};
                           if (from == "inside") w.wx = v[5] * 0.1, w.b = bias ? v[6] : Var();
                           if (kind != "gru") w.bhn = Var();
                           const RecurrentOptions o{.reverse = reverse,
                                                    .relu = kind == "rnn relu",
                                                    .ids = from == "table" ? ids : IndexTensor()};
                           const RecurrentOutput y =
                               kind == "lstm"  ? lstm_sequence(v[4], w, v[1], v[2], layout, o)
                               : kind == "gru" ? gru_sequence(v[4], w, v[1], layout, o)
                                               : rnn_sequence(v[4], w, v[1], layout, o);
                           Vars results{y.rows};
                           results.insert(results.end(), y.last.begin(), y.last.end());
                           return results;
                         }});
        }
}

// Sequences of queries and keys of any lengths, in any order of rows; some see no key.
RowGroups random_groups(Generator& g, Index count, Index longest, Index shortest) {
  std::vector<Index> offsets{0};
  for (Index s = 0; s < count; ++s)
    offsets.push_back(offsets.back() + shortest + g.below(longest - shortest + 1));
  return {IndexTensor(g.permutation(offsets.back())), offsets};
}

void add_attention(std::vector<Case>& out, Generator& g) {
  const Index count = 1 + g.below(4), heads = 1 + g.below(3), k = 1 + g.below(20),
              d = 1 + g.below(20);
  const RowGroups queries = random_groups(g, count, 40, 1), keys = random_groups(g, count, 40, 1);
  for (const bool causal : {false, true})
    for (const double scale : {0.0, 0.37}) {
      const AttentionRows rows{queries, keys, heads, causal, scale};
      const Index n = queries.rows().numel(), m = keys.rows().numel();
      out.push_back({"attention",
                     {{n, heads * k}, {m, heads * k}, {m, heads * d}},
                     [=](const Vars& v) { return Vars{attention(v[0], v[1], v[2], rows)}; }});
      const AttentionRows own{queries, queries, heads, causal, scale};
      out.push_back({"self attention", {{n, 3 * heads * k}}, [=](const Vars& v) {
                       return Vars{self_attention(v[0], own)};
                     }});
    }
}

void add_linear_attention(std::vector<Case>& out, Generator& g) {
  const Index count = 1 + g.below(4), heads = 1 + g.below(3), k = 1 + g.below(20),
              d = 1 + g.below(20);
  const RowGroups queries = random_groups(g, count, 150, 0), keys = random_groups(g, count, 90, 0);
  const Index n = queries.rows().numel();
  for (const bool with_state : {false, true}) {
    const auto state = [=](const Vars& v) { return with_state ? square(v[3]) : Var(); };
    const auto add = [&](const RowGroups& of, const LinearAttentionRows& rows) {
      const Index size = of.rows().numel();
      out.push_back(
          {"linear_attention",
           {{n, heads * k}, {size, heads * k}, {size, heads * d}, {count, heads, k, d + 1}},
           [=](const Vars& v) {
             const ScanOutput y = linear_attention(v[0], v[1], v[2], rows, state(v));
             return Vars{y.rows, y.last};
           }});
    };
    add(keys, {.queries = queries, .keys = keys, .heads = heads});
    for (const bool reverse : {false, true})
      add(queries, {.queries = queries,
                    .keys = queries,
                    .heads = heads,
                    .causal = true,
                    .reverse = reverse});
  }
}

void add_scans(std::vector<Case>& out, Generator& g) {
  const SequenceLayout layout(random_lengths(g, 1 + g.below(6), 90));
  const Index n = layout.rows(), batch = layout.sequences(), c = 1 + g.below(80),
              s = 1 + g.below(9), k = 2 + g.below(7);
  for (const bool reverse : {false, true}) {
    const ScanOptions o{.reverse = reverse};
    out.push_back({"scan", {{n, c}, {n, c}, {batch, c}}, [=](const Vars& v) {
                     const ScanOutput y = scan(tanh(v[0]), v[1], v[2], layout, o);
                     return Vars{y.rows, y.last};
                   }});
    for (const bool positive : {false, true})
      out.push_back({"min_gru_sequence", {{n, 2 * c}, {batch, c}}, [=](const Vars& v) {
                       const ScanOutput y = min_gru_sequence(
                           v[0], v[1], layout, {.reverse = reverse, .positive = positive});
                       return Vars{y.rows, y.last};
                     }});
    for (const bool with_state : {false, true}) {
      const auto maybe = [=](const Var& v) { return with_state ? v : Var(); };
      out.push_back({"causal_conv1d", {{n, c}, {k, c}, {c}, {batch, k - 1, c}}, [=](const Vars& v) {
                       const ConvOutput y = causal_conv1d(v[0], v[1], maybe(v[2]), maybe(v[3]),
                                                          layout, {.reverse = reverse});
                       return Vars{y.rows, y.state};
                     }});
      out.push_back({"selective_scan",
                     {{n, 2 * c}, {n, c}, {c, s}, {n, 2 * s}, {c}, {c}, {batch, c, s}},
                     [=](const Vars& v) {
                       const ScanOutput y = selective_scan({.x = narrow(v[0], 1, 0, c),
                                                            .delta = v[1],
                                                            .a = -square(v[2]),
                                                            .b = narrow(v[3], 1, 0, s),
                                                            .c = narrow(v[3], 1, s, s),
                                                            .d = maybe(v[4]),
                                                            .delta_bias = maybe(v[5]),
                                                            .z = maybe(narrow(v[0], 1, c, c))},
                                                           maybe(v[6]), layout, o);
                       return Vars{y.rows, y.last};
                     }});
    }
  }
}

void add_norms(std::vector<Case>& out, Generator& g) {
  const Shape shape{1 + g.below(4), 1 + g.below(400), 2 + g.below(60)};
  const Index n = shape.back();
  for (const bool gain : {false, true})
    for (const bool bias : {false, true}) {
      const auto maybe = [](bool there, const Var& v) { return there ? v : Var(); };
      out.push_back({"layer_norm", {shape, {n}, {n}}, [=](const Vars& v) {
                       return Vars{layer_norm(v[0], maybe(gain, v[1]), maybe(bias, v[2]), 1e-3)};
                     }});
      out.push_back({"rms_norm", {shape, {n}}, [=](const Vars& v) {
                       return Vars{rms_norm(v[0], maybe(gain, v[1]), 1e-3)};
                     }});
    }
}

// Losses of a difference, longer than the pieces they are computed in; as views, and of a number.
void add_losses(std::vector<Case>& out, Generator& g) {
  const Shape shape =
      g.below(2) ? Shape{1 + g.below(3000)} : Shape{1 + g.below(40), 1 + g.below(40)};
  using F = std::function<Var(const In&, const In&)>;
  const auto none = Reduction::none;
  const std::vector<F> losses = {[=](const In& x, const In& y) { return nn::mse_loss(x, y, none); },
                                 [=](const In& x, const In& y) { return nn::l1_loss(x, y, none); },
                                 [=](const In& x, const In& y) {
                                   return nn::huber_loss(x, y, {.delta = 0.7, .reduction = none});
                                 }};
  for (const F& f : losses) {
    out.push_back({"a loss", {shape, shape}, [=](const Vars& v) { return Vars{f(v[0], v[1])}; }});
    out.push_back(
        {"a loss of a number", {shape}, [=](const Vars& v) { return Vars{f(v[0], 0.3)}; }});
    if (shape.rank() == 2)
      out.push_back({"a loss of views", {shape, shape.swapped(0, 1)}, [=](const Vars& v) {
                       return Vars{f(v[0], transpose(v[1])), f(transpose(v[0]), v[1])};
                     }});
  }
}

struct Outcome {
  std::vector<Tensor> results, gradients;
};
Outcome outcome(const Case& c, std::uint64_t seed, DType dtype, bool some_only) {
  Tape tape;
  Vars in;
  for (const Shape& shape : c.shapes) in.push_back(tape.watch(random(shape, seed++, dtype)));
  const Vars y = c.f(in);
  Outcome out;
  Var loss;
  for (std::size_t k = 0; k < y.size(); ++k) {
    out.results.push_back(y[k].value());
    if (some_only && k != seed % y.size()) continue;  // no gradient arrives at the others
    const Var part = sum(y[k] * random(y[k].shape(), 90 + k, dtype));
    loss = loss.defined() ? loss + part : part;
  }
  const Gradients g = tape.backward(loss);
  for (const Var& v : in)
    out.gradients.push_back(g.has(v) ? g[v] : Tensor::zeros(v.shape(), dtype));
  return out;
}

void check_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i);
    CHECK(distance(a[i], b[i]) < tolerance * (1 + max(abs(b[i])).item()));
  }
}

}  // namespace

TEST_CASE("each fused op equals its reference, values and gradients, over random inputs") {
  Generator g(31);
  for (const DType dtype : {f32, f64})
    for (int round = 0; round < 3; ++round) {
      std::vector<Case> cases;
      add_recurrent(cases, g);
      add_attention(cases, g);
      add_norms(cases, g);
      add_losses(cases, g);
      add_linear_attention(cases, g);
      add_scans(cases, g);
      for (const Case& c : cases)
        for (const bool some_only : {false, true}) {
          CAPTURE(c.name);
          CAPTURE(some_only);
          const std::uint64_t seed = 1 + static_cast<std::uint64_t>(g.below(1000));
          const Outcome fused = outcome(c, seed, dtype, some_only);
          const UseReference on;
          const Outcome reference = outcome(c, seed, dtype, some_only);
          const double tolerance = dtype == f64 ? 1e-11 : 2e-4;
          check_equal(fused.results, reference.results, tolerance);
          check_equal(fused.gradients, reference.gradients, tolerance);
        }
    }
}

TEST_CASE("UseReference is in effect for its scope, in which a fused op records plain ops") {
  Tape tape;
  const Var x = tape.watch(random({3, 4}, 1));
  CHECK(!UseReference::active());
  {
    const UseReference outer;
    {
      const UseReference inner;
      CHECK(UseReference::active());
    }
    CHECK(UseReference::active());
    (void)layer_norm(x, Var(), Var());
    CHECK(tape.dump().find("layer_norm") == std::string::npos);
  }
  CHECK(!UseReference::active());
  (void)layer_norm(x, Var(), Var());
  CHECK(tape.dump().find("layer_norm") != std::string::npos);
}

namespace {

// The square and the sum of the squares, by hand.
const Op square_op{"test fused square"}, once_op{"test square once", {.once = true}};

FusedOutputs<Tensor> square_forward(const FusedInputs& in) {
  const Tensor y = square(in[0]);
  return {{y, sum(y)}, y};
}
void square_backward(const FusedInputs& in, const Tensor&, FusedGradients g, Cotangents& d) {
  if (g[0].defined()) d.add(0, Var(mul(mul(in[0], 2), g[0])));
  if (g[1].defined()) d.add(0, Var(mul(mul(in[0], 2), g[1])));
}
Vars squares(const In& x) {
  return fused(square_op, {*x}, x.where(), square_forward, square_backward, [](const Vars& in) {
    return Vars{square(in[0]), sum(square(in[0]))};
  });
}
Vars squares_once(const In& x) {
  return fused(once_op, {*x}, x.where(), square_forward, square_backward, OnceDifferentiable());
}

}  // namespace

TEST_CASE("a user-defined fused op is differentiated twice through its reference") {
  const auto f = [](const Vars& in) {
    const Vars y = squares(in[0]);
    return y[0] * y[1];
  };
  CHECK(gradcheck(f, {random({5}, 1)}));
  CHECK(gradgradcheck(f, {random({5}, 1)}));
  Tape tape;
  const Var x = tape.watch(random({5}, 2));
  const Var y = squares(x)[1];
  CHECK(y.requires_grad());
  CHECK(distance(tape.backward(y)[x], mul(x.value(), 2)) < 1e-15);
}

TEST_CASE("the second derivative of a once-differentiable op is an error that names it") {
  CHECK(once_op.once());
  CHECK(!square_op.once());
  const auto f = [](const Vars& in) { return squares_once(in[0])[1]; };
  CHECK(gradcheck(f, {random({5}, 1)}));
  Tape tape;
  const Var x = tape.watch(random({5}, 2));
  const Var y = f({x});
  CHECK(distance(grad(y, {x}, {.retain = true})[0].value(), mul(x.value(), 2)) < 1e-15);
  check_refused([&] { grad(y, {x}, {.create_graph = true}); },
                "test square once: an op that can be differentiated twice was required");
  check_says(message_of([&] { grad(y, {x}, {.create_graph = true}); }), "tests/autograd/fused.cpp");
  // Within a checkpoint once is enough; and there is no reference to compute by.
  const Var z = checkpoint([&](const Vars& in) { return Vars{f(in)}; }, {x})[0];
  CHECK(distance(tape.backward(z)[x], mul(x.value(), 2)) < 1e-15);
  const UseReference on;
  CHECK(f({x}).item() == doctest::Approx(y.item()));
}

TEST_CASE("the gradient of a fused op is right where only some inputs are on the tape") {
  const SequenceLayout layout({4, 2, 1});
  const std::vector<Shape> shapes{{7, 3}, {3, 15}, {15}, {5, 15}, {5}, {3, 5}};
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < shapes.size(); ++i) values.push_back(random(shapes[i], i));
  for (std::size_t only = 0; only < shapes.size(); ++only)
    for (const bool create_graph : {false, true}) {
      CAPTURE(only);
      Tape tape;
      Vars in(values.begin(), values.end());
      in[only] = tape.watch(values[only]);
      const auto run = [&] {
        const RecurrentOutput y = gru_sequence(
            in[0], {.wx = in[1], .b = in[2], .wh = in[3], .bhn = in[4]}, in[5], layout);
        return grad(sum(square(y.rows)) + sum(y.last[0]), {in[only]},
                    {.create_graph = create_graph})[0]
            .value();
      };
      const Tensor fused = run();
      const UseReference on;
      CHECK(distance(fused, run()) < 1e-11);
      CHECK(max(abs(fused)).item() > 0);
    }
}
