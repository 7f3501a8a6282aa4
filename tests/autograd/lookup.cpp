// Rows looked up in a small table: what is done to each row alike is done to the table, and nobody
// can tell but by the time it takes. Each op is held against the same op on a copy of the rows.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/gradcheck.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

using namespace unroll;

namespace {

using Vars = std::vector<Var>;
// An op of rows [N, D] and its weights, and their shapes; `name` is how the tape lists it.
struct Consumer {
  std::string name;
  std::vector<Shape> weights;
  std::function<Vars(const Var& x, const Vars& w)> f;
};

std::vector<Consumer> consumers(Index dim, Index hidden, const SequenceLayout& layout) {
  using kernels::Recurrence;
  const Index m = 2 * hidden + 1;
  std::vector<Consumer> out{
      {"matmul", {{dim, m}}, [](const Var& x, const Vars& w) { return Vars{matmul(x, w[0])}; }},
      {"linear",
       {{dim, m}, {m}},
       [](const Var& x, const Vars& w) { return Vars{linear(x, w[0], w[1])}; }},
      {"linear",
       {{dim, m}},
       [](const Var& x, const Vars& w) { return Vars{linear(x, w[0], Var())}; }},
      {"layer_norm",
       {{dim}, {dim}},
       [](const Var& x, const Vars& w) { return Vars{layer_norm(x, w[0], w[1])}; }},
      {"rms_norm", {{dim}}, [](const Var& x, const Vars& w) { return Vars{rms_norm(x, w[0])}; }},
      {"layer_norm",  // one after the other
       {{dim}, {dim}, {dim, m}, {m, 3}, {3}},
       [](const Var& x, const Vars& w) {
         return Vars{linear(matmul(layer_norm(x, w[0], w[1]), w[2]), w[3], w[4])};
       }}};
  const Index batch = layout.sequences();
  for (bool reverse : {false, true})
    for (Recurrence kind :
         {Recurrence::rnn_tanh, Recurrence::rnn_relu, Recurrence::lstm, Recurrence::gru}) {
      const Index columns = kernels::gates_of(kind) * hidden;
      const bool lstm = kind == Recurrence::lstm, gru = kind == Recurrence::gru;
      out.push_back({lstm  ? "lstm_sequence"
                     : gru ? "gru_sequence"
                           : "rnn_sequence",
                     {{dim, columns}, {columns}, {hidden, columns}, {batch, hidden}, {hidden}},
                     [=](const Var& x, const Vars& w) {
                       Vars start{w[3]};
                       if (lstm) start.push_back(w[3] * 0.5);
                       return recurrent_sequence(kind, x, {w[0], w[1], w[2], gru ? w[4] : Var()},
                                                 start, layout, reverse);
                     }});
    }
  return out;
}

// A number in which each element of each result counts differently.
Var weighted(const Vars& results) {
  Var total;
  std::uint64_t seed = 77;
  for (const Var& y : results) {
    const Var part = sum(y * random(y.shape(), seed++, y.dtype()));
    total = total.defined() ? total + part : part;
  }
  return total;
}

// Results, and the gradients of table and weights, of a consumer: of rows as they were looked up or
// of a copy of them.
struct Outcome {
  std::vector<Tensor> results, gradients;
  std::string dump;
};
Outcome outcome(const Consumer& c, const IndexTensor& ids, const Tensor& table, bool copied,
                std::uint64_t seed) {
  Outcome out;
  Tape tape;
  const Var t = tape.watch(table);
  Vars w;
  for (const Shape& shape : c.weights)
    w.push_back(tape.watch(
        mul(random(shape, seed++, table.dtype()), 0.8 / std::sqrt(static_cast<double>(shape[0])))));
  const Var rows = embedding(ids, t);
  const Vars y = c.f(copied ? rows * 1.0 : rows, w);
  for (const Var& v : y) out.results.push_back(v.value());
  out.dump = tape.dump();
  const Gradients g = tape.backward(weighted(y));
  out.gradients.push_back(g[t]);
  for (const Var& v : w)
    out.gradients.push_back(g.has(v) ? g[v] : Tensor::zeros(v.shape(), v.dtype()));
  return out;
}

// Whether what is done first is done to the rows of the table that are used, %0, and not to %1,
// what was looked up there.
bool uses_table(const std::string& dump, const std::string& name) {
  const bool recurrent = name.find("sequence") != std::string::npos;
  REQUIRE(dump.find("%1 f") != std::string::npos);
  return dump.find(fmt::format("= {}(%0", recurrent ? "linear" : name)) != std::string::npos;
}

void check_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double size = 1 + (b[i].numel() ? max(abs(b[i])).item() : 0);
    CHECK_MESSAGE(distance(a[i], b[i]) < tolerance * size, "number ", i, " of shape ",
                  b[i].shape().str());
  }
}

}  // namespace

TEST_CASE("products of looked-up rows go through the table, with the same results and gradients") {
  Generator g(11);
  for (DType dtype : {f32, f64})
    for (bool equal : {false, true})
      for (Index hidden : {3, 128})   // at 128 rows of gates stand apart
        for (Index dim : {2, 130}) {  // beyond 2^16 bytes a weight is not applied step by step
          const SequenceLayout layout =
              equal ? SequenceLayout::equal(5, 8) : SequenceLayout({9, 8, 6, 6, 1});
          const Index vocab = 7;
          // Some ids come often, one never does.
          std::vector<Index> list;
          for (Index i = 0; i < layout.rows(); ++i) list.push_back(g.below(3) ? g.below(6) : 2);
          const IndexTensor ids(list);
          const Tensor table = random({vocab, dim}, 5, dtype);
          for (const Consumer& c : consumers(dim, hidden, layout)) {
            CAPTURE(c.name);
            CAPTURE(dim);
            CAPTURE(hidden);
            CAPTURE(equal);
            const Outcome fast = outcome(c, ids, table, false, 21);
            const Outcome plain = outcome(c, ids, table, true, 21);
            CHECK(uses_table(fast.dump, c.name));
            CHECK(!uses_table(plain.dump, c.name));
            const double tolerance = dtype == f64 ? 1e-13 : 2e-5;
            check_equal(fast.results, plain.results, tolerance);
            check_equal(fast.gradients, plain.gradients, tolerance);
          }
        }
}

TEST_CASE("gradients of products of looked-up rows are right to second order") {
  const SequenceLayout layout({5, 4, 2});
  const IndexTensor ids({0, 2, 1, 2, 2, 0, 4, 1, 0, 2, 2});
  for (const Consumer& c : consumers(3, 2, layout)) {
    if (c.name == "rnn_sequence") continue;  // relu has a kink
    CAPTURE(c.name);
    std::vector<Tensor> inputs{random({5, 3}, 3)};
    std::uint64_t seed = 40;
    for (const Shape& shape : c.weights) inputs.push_back(random(shape, seed++));
    const Function f = [&](const Vars& in) {
      return weighted(c.f(embedding(ids, in[0]), Vars(in.begin() + 1, in.end())));
    };
    const GradcheckResult first = gradcheck(f, inputs), second = gradgradcheck(f, inputs);
    CHECK_MESSAGE(first.ok, first.message);
    CHECK_MESSAGE(second.ok, second.message);
  }
}

TEST_CASE("who looks at the gradient of looked-up rows gets it, and may change it") {
  const SequenceLayout layout({5, 4, 2});
  const IndexTensor ids({0, 2, 1, 2, 2, 0, 4, 1, 0, 2, 2});
  const Tensor table = random({5, 2}, 3);
  for (const Consumer& c : consumers(2, 3, layout)) {
    CAPTURE(c.name);
    Vars w;
    std::uint64_t seed = 60;
    for (const Shape& shape : c.weights) w.push_back(random(shape, seed++));
    Tape tape;
    const Var t = tape.watch(table), rows = embedding(ids, t);
    const Var loss = weighted(c.f(rows, w)), same = weighted(c.f(rows * 1.0, w));
    const GradOptions keep{.retain = true};
    const Tensor of_table = grad(loss, {t}, keep)[0].value();
    CHECK(distance(of_table, grad(same, {t}, keep)[0].value()) < 1e-13);
    // With grad:
    const Vars both = grad(loss, {rows, t}, keep), expected = grad(same, {rows, t}, keep);
    REQUIRE(both[0].defined());
    CHECK(distance(both[0].value(), expected[0].value()) < 1e-13);
    CHECK(distance(both[1].value(), expected[1].value()) < 1e-13);
    // With a hook, put there after the op:
    Tensor seen;
    rows.hook([&](const Tensor& gradient) {
      seen = gradient;
      return mul(gradient, -2);
    });
    const Tensor changed = tape.backward(loss)[t];
    REQUIRE(seen.defined());
    CHECK(distance(seen, expected[0].value()) < 1e-13);
    CHECK(distance(changed, mul(of_table, -2)) < 1e-13);
  }
}

TEST_CASE("the gradient of each value in a chain over looked-up rows can be looked at") {
  const IndexTensor ids({0, 2, 1, 2, 2, 0, 4, 1, 0, 2, 2});
  const SequenceLayout layout({5, 4, 2});
  const Tensor gain = random({2}, 1), w = random({2, 3}, 2), wx = random({3, 8}, 3),
               wh = random({2, 8}, 4), zero = Tensor::zeros({3, 2}, f64);
  const auto chain = [&](const Var& table, bool copied) {
    const auto rows = [&](const Var& x) { return copied ? x * 1.0 : x; };
    Vars out{embedding(ids, table)};
    out.push_back(layer_norm(rows(out[0]), gain, Var()));
    out.push_back(matmul(rows(out[1]), w));
    out.push_back(recurrent_sequence(kernels::Recurrence::lstm, rows(out[2]), {wx, Var(), wh},
                                     {zero, zero}, layout)[0]);
    return out;
  };
  Tape tape;
  const Var table = tape.watch(random({5, 2}, 5));
  const Vars fast = chain(table, false), plain = chain(table, true);
  for (unsigned looked_at = 0; looked_at < 16; ++looked_at)
    for (bool create_graph : {false, true}) {
      CAPTURE(looked_at);
      const auto gradients = [&](const Vars& values) {
        Vars of{table};
        for (unsigned i = 0; i < 4; ++i)
          if (looked_at >> i & 1) of.push_back(values[i]);
        return grad(weighted({values[3]}), of, {.create_graph = create_graph, .retain = true});
      };
      const Vars a = gradients(fast), b = gradients(plain);
      for (std::size_t i = 0; i < a.size(); ++i) {
        REQUIRE(a[i].defined());
        CHECK(distance(a[i].value(), b[i].value()) < 1e-13);
      }
    }
}

TEST_CASE("a recorded gradient depends on looked-up rows as on a copy of them") {
  const IndexTensor ids({0, 2, 1, 2, 2, 0, 4, 1, 0, 2, 2});
  Tape tape;
  const Var table = tape.watch(random({5, 3}, 5)), w = tape.watch(random({3, 2}, 6)),
            gain = tape.watch(random({3}, 7));
  const auto mixed = [&](bool copied) {
    const Var x = embedding(ids, table), y = layer_norm(copied ? x * 1.0 : x, gain, Var());
    const Var loss = weighted({square(matmul(copied ? y * 1.0 : y, w))});
    const Vars first = grad(loss, {w, gain}, {.create_graph = true});
    return grad(weighted(first), {x, y, table}, {.retain = true});
  };
  const Vars a = mixed(false), b = mixed(true);
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].defined());
    CHECK(distance(a[i].value(), b[i].value()) < 1e-13);
  }
}

TEST_CASE("an op inside a checkpoint sees who looks at what stands outside") {
  static const Op asking_op("asking");
  Tape tape;
  const Var x = tape.watch(random({2}, 1)) * 2.0;
  bool seen = false;
  const Var y = checkpoint(
      [&](const Vars& in) {
        const In input(in[0]);
        return Vars{
            record(asking_op, input.value().clone(), {&input}, [&](const Var& g, Cotangents& d) {
              seen = d.watched(x);
              d.add(0, g);
            })};
      },
      {x})[0];
  grad(sum(y), {x}, {.retain = true});
  CHECK(seen);
  tape.backward(sum(y));
  CHECK(!seen);
}

TEST_CASE("only rows that are used, and come twice on average, are a table for their copies") {
  const Param table(random({9, 2}, 2));
  const Tensor w = random({2, 3}, 1);
  const auto listed = [&](const std::vector<Index>& list, Index padding, bool narrowed) {
    const IndexTensor ids(list);
    Tape tape;
    const Var rows = embedding(ids, table, padding);
    const Var y = matmul(narrowed ? narrow(rows, 0, 0, 4) : rows, w);
    const std::string dump = tape.dump();
    const auto has = [&](const char* text) { return dump.find(text) != std::string::npos; };
    const bool through = has("= look_up(%0)") && has("= matmul(%0");
    // Either way only the rows used have a gradient, and none that of padding.
    const Gradients g = tape.backward(sum(y));
    const Gradient& found = *g.find(table.id());
    REQUIRE(found.is_rows());
    for (Index i = 0; i < 9; ++i) {
      const bool used = std::find(ids.begin(), ids.end(), i) != ids.end();
      CHECK(used == (std::find(found.rows.rows.begin(), found.rows.rows.end(), i) !=
                     found.rows.rows.end()));
      CHECK((max(abs(g[table].select(0, i))).item() > 0) == (used && i != padding));
    }
    return through;
  };
  CHECK(listed({5, 5}, -1, false));
  CHECK(listed({5, 1, 8, 5, 8, 8, 1, 1}, -1, false));
  CHECK(listed({5, 1, 8, 5, 8, 8, 1, 1}, 8, false));
  CHECK(!listed({5, 1, 8, 5, 8, 7, 1, 0}, -1, false));
  CHECK(!listed({5}, -1, false));
  CHECK(!listed({5, 1, 1, 5, 5, 5, 1, 1}, -1, true));
}

TEST_CASE("looked-up rows of many axes, used twice, in a checkpoint, and with a frozen weight") {
  const IndexTensor ids = IndexTensor({2, 0, 1, 2, 2, 1, 0, 0, 1, 1, 2, 0}).reshape({2, 2, 3});
  const Param table(random({3, 4}, 1)), w(random({4, 5}, 2)), fixed(random({4, 5}, 3));
  Param(fixed).set_trainable(false);
  const NamedParams params{{"table", table.handle()}, {"w", w.handle()}};
  const auto loss = [&](bool copied) {
    const Var rows = copied ? embedding(ids, table) * 1.0 : embedding(ids, table);
    const Var y = matmul(rows, w) * linear(rows, fixed.value(), Var());
    const Var z = checkpoint(
        [&](const Vars& in) {
          const Var inside = embedding(ids, in[0]);
          return Vars{linear(copied ? inside * 1.0 : inside, w, Var())};
        },
        {table})[0];
    return weighted({y + sum(square(rows)), z});
  };
  const std::vector<Tensor> fast = gradients_of([&] { return loss(false); }, params);
  check_equal(fast, gradients_of([&] { return loss(true); }, params), 1e-13);
}

TEST_CASE("sums by id are the same for any number of threads") {
  const Index n = 600, columns = 2000;
  Generator g(9);
  const IndexTensor ids = g.integers({n}, 0, 20);
  const Tensor table = random({20, 8}, 1, f32), w = random({8, columns}, 2, f32);
  const auto gradients = [&](int count) {
    const int before = threads();
    set_threads(count);
    const Consumer linear_alone = consumers(8, (columns - 1) / 2, SequenceLayout({n}))[1];
    const Outcome out = outcome(linear_alone, ids, table, false, 31);
    set_threads(before);
    return out;
  };
  const Outcome one = gradients(1), three = gradients(3);
  for (std::size_t i = 0; i < one.gradients.size(); ++i)
    CHECK(distance(one.gradients[i], three.gradients[i]) == 0);
  CHECK(distance(one.results[0], three.results[0]) == 0);
}
