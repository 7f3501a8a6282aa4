// The tape: what is recorded, what backward gives, and what it costs.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/recurrent.h>
#include <unroll/tensor/memory.h>

#include <cmath>
#include <limits>

using namespace unroll;

TEST_CASE("nothing is recorded without a tape, in NoGrad, after detach, or of constants") {
  const Param w(random({3}, 1));
  CHECK(!tanh(w).requires_grad());
  Tape tape;
  CHECK(tanh(w).requires_grad());
  CHECK(!tanh(Var(random({3}, 1))).requires_grad());
  CHECK(!tanh(Var(w).detach()).requires_grad());
  {
    const NoGrad off;
    CHECK(!tanh(w).requires_grad());
    CHECK(!recording());
  }
  CHECK(recording());
  const Index before = tape.size();
  CHECK(before == 1);
}

TEST_CASE("a frozen parameter is a constant") {
  Param w(random({3}, 1)), frozen(random({3}, 2));
  frozen.set_trainable(false);
  Tape tape;
  const Gradients g = tape.backward(sum(w * frozen));
  CHECK(distance(g[w], frozen.value()) == 0);
  CHECK(!g.has(frozen));
  check_says(message_of([&] { (void)g[frozen]; }), "without a gradient");
}

TEST_CASE("the gradient of a value used n times is the sum of n gradients") {
  for (Index n : {1, 2, 7}) {
    const Param x(random({4}, 1));
    Tape tape;
    Var y = Tensor::zeros({4}, f64);
    for (Index i = 0; i < n; ++i) y = y + x * static_cast<double>(i + 1);
    const Gradients g = tape.backward(sum(y));
    CHECK(distance(g[x], Tensor::full({4}, static_cast<double>(n * (n + 1) / 2), f64)) < 1e-14);
  }
}

TEST_CASE("backward is linear in its seed, and gradients add up over losses") {
  const Param w(random({3, 4}, 1));
  const Tensor x = random({5, 3}, 2), u = random({5, 4}, 3), v = random({5, 4}, 4);
  const auto with_seed = [&](const Tensor& seed) {
    Tape tape;
    return tape.backward(tanh(matmul(x, w)), {.seed = seed});
  };
  const Tensor both = with_seed(add(u, mul(v, 2)))[w];
  Gradients summed = with_seed(v);
  summed *= 2;
  summed += with_seed(u);
  CHECK(distance(both, summed[w]) < 1e-13);
}

TEST_CASE("backward can be repeated with retain") {
  const Param w(random({3}, 1));
  Tape tape;
  const Var loss = sum(exp(w));
  const Tensor first = tape.backward(loss, {.retain = true})[w];
  CHECK(distance(first, exp(w.value())) == 0);
  CHECK(distance(tape.backward(loss)[w], first) == 0);
  check_says(message_of([&] { tape.backward(loss); }), "pass {.retain = true} the first time");
}

TEST_CASE("two losses of one tape") {
  const Param w(random({3}, 1));
  Tape tape;
  const Var common = exp(w), a = sum(common), b = sum(square(common));
  const Tensor ga = tape.backward(a, {.retain = true})[w], gb = tape.backward(b)[w];
  CHECK(distance(ga, common.value()) < 1e-14);
  CHECK(distance(gb, mul(square(common.value()), 2)) < 1e-13);
}

TEST_CASE("values that cannot be differentiated are refused with a sentence") {
  const Param w(random({3}, 1));
  Var kept;
  {
    Tape old;
    kept = exp(w);
  }
  Tape tape;
  check_says(message_of([&] { tanh(kept); }), "recorded on another tape");
  check_says(message_of([&] { tape.backward(exp(w)); }), "a loss with one element was required");
  check_says(message_of([&] { tape.backward(exp(w), {.seed = Tensor::ones({2}, f64)}); }), "[2]");
  check_says(message_of([&] { tape.backward(exp(w), {.seed = Tensor::ones({3}, f32)}); }), "f32");
  check_says(message_of([&] { tape.backward(sum(random({3}, 1))); }), "a constant");
  check_says(message_of([&] { tape.backward(Var()); }), "undefined");
  check_says(message_of([&] { grad(sum(exp(w)), {Var(random({2}, 1))}); }), "grad");
  check_says(message_of([&] { Var(random({2}, 1)).hook([](const Tensor& g) { return g; }); }),
             "hook");
  {
    Tape inner;
    check_says(message_of([&] { tape.backward(sum(exp(Var(w)))); }), "tape");
  }
  check_says(message_of([&] { tape.watch(Tensor()); }), "undefined");
}

TEST_CASE("tapes nest: the inner one records, and the outer one does not see its ops") {
  const Param w(random({3}, 1));
  Tape outer;
  const Var before = exp(w);
  {
    Tape inner;
    CHECK(distance(inner.backward(sum(square(w)))[w], mul(w.value(), 2)) < 1e-15);
  }
  CHECK(Tape::current() == &outer);
  CHECK(distance(outer.backward(sum(before))[w], exp(w.value())) == 0);
}

TEST_CASE("a parameter may be changed while a tape is alive: the tape keeps the old values") {
  Param w(random({3}, 1));
  const Tensor seen = w.value().clone();
  Tape tape;
  const Var loss = sum(square(w) * w);
  w.set_value(Tensor::zeros({3}, f64));
  CHECK(distance(tape.backward(loss)[w], mul(square(seen), 3)) < 1e-14);
}

TEST_CASE("a hook gets the gradient, and its result replaces it") {
  const Param w(random({3}, 1));
  const Tensor u = random({3}, 2);
  Tape tape;
  const Var y = exp(w);
  Tensor seen;
  y.hook([&](const Tensor& g) {
    seen = g;
    return Tensor();
  });
  y.hook([](const Tensor& g) { return mul(g, 10); });
  const Gradients g = tape.backward(sum(y * u));
  CHECK(distance(seen, u) == 0);
  CHECK(distance(g[w], mul(mul(exp(w.value()), u), 10)) < 1e-13);

  Tape other;
  const Var z = exp(w);
  z.hook([](const Tensor&) { return Tensor::ones({2}, f64); });
  check_says(message_of([&] { other.backward(sum(z)); }), "hook");
}

TEST_CASE("a gradient that is still referenced elsewhere is not overwritten") {
  const Tensor seed = random({5}, 1), before = seed.clone(), one = Tensor::scalar(1, f64);
  Tape tape;
  const Var x = tape.watch(random({5}, 2)), a = sigmoid(x), b = tanh(x), y = a + b;
  Tensor seen;
  a.hook([&](const Tensor& g) {
    seen = g;
    return Tensor();
  });
  // The gradient of the sum goes to both, the seed stays the caller's, the hook keeps what it saw,
  // and grad() gives those of the values in the middle.
  const std::vector<Var> d = grad(y, {x, a, b, y}, {.seed = seed});
  const Tensor slope = add(mul(a.value(), sub(one, a.value())), sub(one, square(b.value())));
  CHECK(distance(d[0].value(), mul(before, slope)) < 1e-15);
  for (const Tensor& same : {d[1].value(), d[2].value(), d[3].value(), seed, seen})
    CHECK(distance(same, before) == 0);
}

TEST_CASE("a hook may add hooks and run a backward, which does not free entries of the outer one") {
  Tape tape;
  const Var x = tape.watch(Tensor::of({1, 2}, f64));
  const Var y = square(x), other = sum(exp(y));
  int calls = 0, added = 0;
  y.hook([&](const Tensor&) {
    if (++calls > 1) return Tensor();  // of the backward within
    for (int i = 0; i < 40; ++i)
      y.hook([&](const Tensor&) {
        ++added;
        return Tensor();
      });
    check_says(message_of([&] { tape.backward(other); }),
               "{.retain = true} was required inside of a hook");
    CHECK(distance(tape.backward(other, {.retain = true})[x],
                   Tensor::of({2 * std::exp(1.0), 4 * std::exp(4.0)}, f64)) < 1e-12);
    return Tensor();
  });
  CHECK(distance(tape.backward(sum(y))[x], Tensor::of({2, 4}, f64)) < 1e-15);
  CHECK(calls == 2);
  CHECK(added == 40);
}

TEST_CASE("a hook that changes a gradient which is itself recorded is refused") {
  Tape tape;
  const Var x = tape.watch(Tensor::of({1, 2}, f64));
  const Var y = square(x);
  y.hook([](const Tensor& g) { return mul(g, 2); });
  check_says(message_of([&] { grad(sum(y), {x}, {.create_graph = true}); }), "create_graph");
}

TEST_CASE("NoGrad also applies to tapes created inside it, and ends with its scope") {
  const Param w(Tensor::of({1, 2}, f64));
  {
    const NoGrad off;
    Tape tape;
    CHECK(!recording());
    CHECK(!square(Var(w)).requires_grad());
  }
  auto tape = std::make_unique<Tape>();
  {
    const NoGrad off;
    tape.reset();
    CHECK(!recording());
  }
  const Tape after;
  CHECK(recording());
}

TEST_CASE("grad of grad gives the Hessian of a quartic, and is undefined for independent values") {
  const Tensor x = random({4}, 1);
  Tape tape;
  const Var v = tape.watch(x), unused = tape.watch(x);
  const Var y = sum(square(square(v)));
  const auto first = grad(y, {v, unused}, {.create_graph = true});
  CHECK(distance(first[0].value(), mul(mul(square(x), x), 4)) < 1e-12);
  CHECK(!first[1].defined());
  const auto second = grad(sum(first[0]), {v}, {.create_graph = true});
  CHECK(distance(second[0].value(), mul(square(x), 12)) < 1e-12);
  const auto third = grad(sum(second[0]), {v});
  CHECK(distance(third[0].value(), mul(x, 24)) < 1e-12);
}

TEST_CASE("a watched value has its own gradient") {
  Tape tape;
  const Var a = tape.watch(random({2}, 1)), b = tape.watch(random({2}, 2));
  const Gradients g = tape.backward(sum(a * b));
  CHECK(distance(g[a], b.value()) == 0);
  CHECK(distance(g[b], a.value()) == 0);
}

TEST_CASE("the gradient of an embedding holds only the rows used") {
  const Param table(random({1000, 4}, 1));
  const IndexTensor ids({7, 3, 7, 999});
  Tape tape;
  const Tensor u = random({4, 4}, 2);
  const Gradients g = tape.backward(sum(embedding(ids, table) * u));
  const Gradient* found = g.find(table.id());
  REQUIRE(found);
  REQUIRE(found->is_rows());
  CHECK(found->rows.rows == IndexTensor::of({3, 7, 999}));
  const Tensor dense = found->to_dense();
  CHECK(distance(dense.select(0, 7), add(u.select(0, 0), u.select(0, 2))) < 1e-15);
  CHECK(distance(sum(dense, {0}), sum(u, {0})) < 1e-14);
}

TEST_CASE("anomaly mode names op, shapes and line of the first NaN, forward and backward") {
  const Param w(Tensor::of({1, -1}, f64));
  const DetectAnomaly on;
  Tape tape;
  std::string text = message_of([&] { log(w); });
  check_says(text, "log");
  check_says(text, "[2]");
  check_says(text, fmt::format("tape.cpp:{}", __LINE__ - 3));

  const Param zero(Tensor::of({0, 4}, f64));
  const Var root = sqrt(zero);
  const int line = __LINE__ - 1;
  text = message_of([&] { tape.backward(sum(root)); });
  check_says(text, "sqrt");
  check_says(text, fmt::format("tape.cpp:{}", line));
}

TEST_CASE("anomaly mode allows a mask of -inf and reports NaN computed from it") {
  const Param w(random({3, 4}, 1));
  const DetectAnomaly detect;
  Tape tape;
  const Tensor mask = less(random({3, 4}, 2), Tensor::scalar(0, f64));
  const double inf = std::numeric_limits<double>::infinity();
  const Var logits = pad(masked_fill(w, mask, -inf), 1, 1, 1, -inf) + Tensor::full({6}, -inf, f64);
  CHECK(sum(softmax(logits)).item() == 0);
  check_says(message_of([&] { logits - logits; }), "anomaly: sub made the first NaN");
  check_says(message_of([&] { log(w * 0.0); }), "anomaly: log made the first NaN or infinity");
}

TEST_CASE("anomaly mode names the input that already held NaN") {
  const DetectAnomaly on;
  Tape tape;
  const Var x = tape.watch(random({2, 3}, 1));
  Tensor data = random({3, 2}, 2);
  data.set({1, 1}, NAN);
  std::string text = message_of([&] { matmul(x, data); });
  check_says(text, "anomaly: input 1 of matmul already held NaN: a constant of shape [3, 2], at ");
  check_says(text, fmt::format("tape.cpp:{}", __LINE__ - 2));
  const Var watched = tape.watch(data);
  check_says(message_of([&] { exp(watched); }),
             "input 0 of exp already held NaN: a Var from Tape::watch of shape [3, 2]");
  nn::Linear head({.in = 3, .out = 2, .dtype = f64});
  const NamedParams named = nn::parameters(head);
  head.weight.set_value(Tensor::full({3, 2}, NAN, f64));
  check_says(message_of([&] { head(x); }),
             "already held NaN: the parameter \"weight\" of shape [3, 2]");
  // Without a tape too, and where the NaN is left out nothing is said.
  check_says(message_of([&] {
               data + 1.0;
               Var(data) + 1.0;
             }),
             "input 0 of add already held NaN");
  const Tensor holes = sub(Tensor::scalar(1, f64), equal(data, data));
  CHECK(all_finite(masked_fill(data, holes, 0).value()));
  check_says(message_of([&] { tape.backward(sum(x), {.seed = Tensor::scalar(NAN, f64)}); }),
             "the seed of backward already held NaN");
  const Var y = sum(x * 2.0);
  x.hook([](const Tensor& g) { return mul(g, NAN); });
  check_says(message_of([&] { tape.backward(y); }), "a hook made the first NaN or infinity");
}

TEST_CASE("anomaly mode names the line that called a loss or module, and the line inside it") {
  const DetectAnomaly on;
  Tape tape;
  const Var x = tape.watch(Tensor::of({{0, 1, 2}, {3, 4, 5}}, f64));
  const SequenceLayout layout({2});
  const Tensor infinite = Tensor::full({2, 3}, INFINITY, f64);
  const auto says_line = [](const std::function<void()>& f, int line) {
    check_says(message_of(f), fmt::format("tests/autograd/tape.cpp:{}", line));
  };
  // Going forward.
  says_line([&] { nn::mse_loss(infinite, infinite); }, __LINE__);
  says_line([&] { nn::huber_loss(infinite, infinite); }, __LINE__);
  says_line([&] { nn::l1_loss(infinite, infinite); }, __LINE__);
  says_line([&] { nn::gaussian_nll(infinite, infinite, 1.0); }, __LINE__);
  says_line([&] { nn::bce_with_logits(infinite, 1.0); }, __LINE__);
  says_line([&] { mean(x - x + Var(infinite) - infinite); }, __LINE__);
  const nn::Activation logs(log), negs(neg);
  const nn::Sequence below(neg(x), layout);
  says_line([&] { logs(below); }, __LINE__);
  says_line([&] { nn::Sequential(negs, logs)(x); }, __LINE__);
  nn::LSTM lstm({.in = 3, .hidden = 2, .peephole = true, .dtype = f64});
  lstm.layers[0].peephole.set_value(Tensor::full({3, 2}, NAN, f64));
  says_line([&] { lstm(nn::Sequence(x, layout)); }, __LINE__);
  // Going backward: the slope of sqrt at 0.
  const Var zero = tape.watch(Tensor::zeros({2, 3}, f64));
  const nn::Activation roots(sqrt);
  const int line = __LINE__ + 1;
  const Var loss = nn::Sequential(roots, negs)(zero);
  const std::string text = message_of([&] { tape.backward(sum(loss)); });
  check_says(text, "sqrt made the first NaN or infinity going backward");
  check_says(text, fmt::format("tests/autograd/tape.cpp:{} (within ", line));
  check_says(text, "nn/layers.h:");
}

TEST_CASE("dump shows every entry with its inputs, as text and for Graphviz") {
  const Param w(random({2, 3}, 1));
  Tape tape;
  const Var y = sum(tanh(matmul(random({4, 2}, 1), w)));
  const std::string text = tape.dump(), dot = tape.dump_dot();
  for (const char* op : {"matmul", "tanh", "sum"}) {
    check_says(text, op);
    check_says(dot, op);
  }
  check_says(text, "[4, 3]");
  check_says(text, "tape.cpp:");
  CHECK(dot.rfind("digraph", 0) == 0);
  CHECK(std::count(text.begin(), text.end(), '\n') == tape.size() + 1);  // and the leaf
}

TEST_CASE("checkpoint gives the same gradients, also with dropout, and saves less memory") {
  const Param w(Generator(1).normal({64, 64}, 0, 0.1));
  const Tensor x = Generator(2).normal({32, 64});
  const auto block = [&](const std::vector<Var>& in) {
    Var h = in[0];
    for (int i = 0; i < 20; ++i) h = tanh(matmul(dropout(h, 0.3), w));
    return std::vector<Var>{h};
  };
  Tensor gradient[2];
  Index kept[2];
  for (int with : {0, 1}) {
    manual_seed(9);
    const Index before = memory::stats().in_use;
    Tape tape;
    std::vector<Var> h{Var(x)};
    for (int i = 0; i < 3; ++i) h = with ? checkpoint(block, h) : block(h);
    kept[with] = memory::stats().in_use - before;
    gradient[with] = tape.backward(sum(square(h[0])))[w];
    CHECK(default_generator().position() > 0);
  }
  CHECK(distance(gradient[0], gradient[1]) <= 1e-5 * max(abs(gradient[0])).item());
  CHECK(max(abs(gradient[0])).item() > 0);
  CHECK(kept[1] * 5 < kept[0]);
}

TEST_CASE("100,000 steps go forward and backward without recursion") {
  const Param a(Tensor::scalar(0.5, f64));
  Tape tape;
  Var h = Tensor::scalar(0, f64);
  for (int t = 0; t < 100000; ++t) h = h * a + 1.0;
  const Gradients g = tape.backward(h);
  CHECK(h.item() == doctest::Approx(2));     // 1 / (1 - a)
  CHECK(g[a].item() == doctest::Approx(4));  // 1 / (1 - a)^2
}

TEST_CASE("100,000 steps of a layer go forward and backward, fused and in plain ops") {
  manual_seed(1);
  const nn::GRU gru({.in = 1, .hidden = 3, .dtype = f64});
  const nn::Sequence x(random({100000, 1}, 1), SequenceLayout({100000}));
  const NamedParams params = nn::parameters(gru);
  const auto run = [&](nn::UnrollOptions options) {
    return gradients_of([&] { return sum(gru(x, {}, options).last()); }, params);
  };
  const auto fused = run({}), plain = run({.fused = false}), few = run({.checkpoint_every = 316});
  for (std::size_t i = 0; i < params.size(); ++i) {
    CHECK(distance(fused[i], plain[i]) < 1e-10);
    CHECK(distance(few[i], plain[i]) < 1e-10);
  }
}

TEST_CASE("memory stays flat over 10,000 training steps") {
  manual_seed(1);
  nn::LSTM lstm({.in = 2, .hidden = 4});
  Generator g(1);
  const SequenceLayout layout({3, 2});
  const NamedParams params = nn::parameters(lstm);
  memory::Stats early;
  for (int step = 0; step < 10000; ++step) {
    {
      const nn::Sequence x(g.normal({5, 2}), layout);
      Tape tape;
      const Gradients gradients = tape.backward(sum(square(lstm(x).last())));
      for (const NamedParam& p : params)
        p.param->set_value(
            sub(p.param->value(), mul(gradients.find(p.param->id())->to_dense(), 0.01)));
    }
    if (step == 100) early = memory::stats();
  }
  const memory::Stats late = memory::stats();
  CHECK(late.in_use == early.in_use);
  CHECK(late.cached == early.cached);
  if (memory::caching()) CHECK(late.system_calls == early.system_calls);
  CHECK(early.system_calls > 0);
}
