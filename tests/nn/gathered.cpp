// A Gathered, rows of a table, against the same rows each by itself: each layer that has a form for
// tables, values and gradients.
#include "random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/attention.h>

#include <algorithm>

using namespace unroll;

namespace {

using Vars = std::vector<Var>;

// A layer that takes a Gathered, and its parameters.
struct Layer {
  std::string name;
  NamedParams params;
  std::function<Vars(const nn::Gathered& x)> f;
  bool keeps_table = false;  // the result is a Gathered as well
};

Vars results_of(const nn::Gathered& x) { return {x.rows()}; }
Vars results_of(const nn::Sequence& x) { return {x.rows}; }
template <class State>
Vars results_of(const nn::RecurrentResult<State>& x) {
  Vars out{x.sequence.rows, x.last()};
  for (const State& s : x.state)
    for (const Var& part : nn::parts_of(s)) out.push_back(part);
  return out;
}

// A cell of one's own: a GRU without its reset gate.
struct MyCell {
  struct Options {
    Index in = 0, hidden = 0;
    DType dtype = f32;
  };
  struct State {
    Var h;
  };
  explicit MyCell(const Options& o)
      : w(random({o.in, 2 * o.hidden}, 8, o.dtype)),
        u(mul(random({o.hidden, 2 * o.hidden}, 9, o.dtype), 0.2)),
        hidden(o.hidden) {}
  Var project(const Var& x) const { return matmul(x, w); }
  State step(const Var& px, const State& s) const {
    const auto z = split(px + matmul(s.h, u), hidden, 1);
    return {s.h + sigmoid(z[0]) * (tanh(z[1]) - s.h)};
  }
  State initial(Index batch) const { return {Tensor::zeros({batch, hidden}, w.dtype())}; }
  Index output_size() const { return hidden; }
  Param w, u;
  UNROLL_FIELDS(w, u)
  Index hidden;
};

std::vector<Layer> layers(Index dim, Index hidden, DType dtype) {
  std::vector<Layer> out;
  const auto add = [&]<class M>(const std::string& name, M module, bool keeps_table = false) {
    const auto own = std::make_shared<const M>(std::move(module));
    out.push_back({name, nn::parameters(*own),
                   [own](const nn::Gathered& x) { return results_of((*own)(x)); }, keeps_table});
  };
  manual_seed(12);
  const Index wide = 2 * hidden + 1;
  add("Linear", nn::Linear({.in = dim, .out = wide, .dtype = dtype}), true);
  add("Linear without bias", nn::Linear({.in = dim, .out = wide, .bias = false, .dtype = dtype}),
      true);
  add("LayerNorm", nn::LayerNorm({.dim = dim, .dtype = dtype}), true);
  add("RMSNorm", nn::RMSNorm({.dim = dim, .dtype = dtype}), true);
  add("Activation", nn::Activation(tanh), true);
  add("one after the other",
      nn::Sequential(nn::LayerNorm({.dim = dim, .dtype = dtype}), nn::Activation(gelu),
                     nn::Linear({.in = dim, .out = wide, .dtype = dtype}),
                     nn::Linear({.in = wide, .out = 3, .dtype = dtype})),
      true);
  for (const bool both : {false, true}) {
    const std::string way = both ? " in both directions" : "";
    add("RNN" + way, nn::RNN({.in = dim, .hidden = hidden, .bidirectional = both, .dtype = dtype}));
    add("RNN relu" + way,
        nn::RNN(
            {.in = dim, .hidden = hidden, .bidirectional = both, .relu = true, .dtype = dtype}));
    add("LSTM" + way, nn::LSTM({.in = dim,
                                .hidden = hidden,
                                .layers = 2,
                                .bidirectional = both,
                                .learned_state = true,
                                .dtype = dtype}));
    add("GRU" + way, nn::GRU({.in = dim, .hidden = hidden, .bidirectional = both, .dtype = dtype}));
    add("a cell of one's own" + way,
        nn::Recurrent<MyCell>({.cell = {.in = dim, .hidden = hidden, .dtype = dtype},
                               .layers = 2,
                               .bidirectional = both}));
  }
  add("LSTM with layer norm",
      nn::LSTM({.in = dim, .hidden = hidden, .layer_norm = true, .dtype = dtype}));
  add("GRU reset before",
      nn::GRU({.in = dim, .hidden = hidden, .reset_after = false, .dtype = dtype}));
  add("GRU without bias", nn::GRU({.in = dim, .hidden = hidden, .bias = false, .dtype = dtype}));
  if (dim % 2 == 0)
    add("MultiHeadAttention", nn::MultiHeadAttention({.dim = dim, .heads = 2, .dtype = dtype}));
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

void check_equal(const std::vector<Tensor>& a, const std::vector<Tensor>& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(i);
    const double size = 1 + (b[i].numel() ? max(abs(b[i])).item() : 0);
    CHECK(distance(a[i], b[i]) < tolerance * size);
  }
}

// Results, and the gradients of table and parameters, of a layer on a Gathered or on its rows.
struct Outcome {
  std::vector<Tensor> results, gradients;
};
Outcome outcome(const Layer& layer, const Tensor& table, const IndexTensor& ids,
                const SequenceLayout& layout, bool by_row) {
  Outcome out;
  Tape tape;
  const Var t = tape.watch(table);
  const nn::Gathered x(t, ids, layout);
  const Vars y = layer.f(by_row ? nn::Gathered(nn::Sequence(x)) : x);
  for (const Var& v : y) out.results.push_back(v.value());
  const Gradients g = tape.backward(weighted(y));
  out.gradients.push_back(g[t]);
  for (const NamedParam& p : layer.params) {
    const Gradient* found = g.find(p.param->id());
    out.gradients.push_back(found ? found->to_dense()
                                  : Tensor::zeros(p.param->value().shape(), table.dtype()));
  }
  return out;
}

const IndexTensor kIds({0, 2, 1, 2, 2, 0, 4, 1, 0, 2, 2});
const SequenceLayout kLayout({5, 4, 2});

}  // namespace

TEST_CASE("each layer gives on a table what it gives on the rows, with the same gradients") {
  Generator g(11);
  for (const DType dtype : {f32, f64})
    for (const bool equal : {false, true})
      for (const Index dim : {2, 7, 130}) {
        const Index hidden = dim == 2 ? 3 : dim == 7 ? 40 : 128;
        const SequenceLayout layout =
            equal ? SequenceLayout::equal(5, 8) : SequenceLayout({6, 8, 9, 1, 6});
        // Some ids come often, one never does.
        std::vector<Index> list;
        for (Index i = 0; i < layout.rows(); ++i) list.push_back(g.below(3) ? g.below(6) : 2);
        const Tensor table = random({7, dim}, 5, dtype);
        for (const Layer& layer : layers(dim, hidden, dtype)) {
          CAPTURE(layer.name);
          CAPTURE(dim);
          CAPTURE(equal);
          const Outcome fast = outcome(layer, table, list, layout, false),
                        plain = outcome(layer, table, list, layout, true);
          const double tolerance = dtype == f64 ? 1e-12 : 5e-5;
          check_equal(fast.results, plain.results, tolerance);
          check_equal(fast.gradients, plain.gradients, tolerance);
        }
      }
}

TEST_CASE("gradients through a table are right to second order") {
  for (const Layer& layer : layers(4, 2, f64)) {
    if (layer.name.rfind("RNN relu", 0) == 0) continue;  // a kink
    CAPTURE(layer.name);
    const Function f = [&](const Vars& in) {
      return weighted(layer.f(nn::Gathered(in[0], kIds, kLayout)));
    };
    const std::vector<Tensor> table{random({5, 4}, 3)};
    const GradcheckResult first = gradcheck(f, table), second = gradgradcheck(f, table);
    CHECK_MESSAGE(first.ok, first.message);
    CHECK_MESSAGE(second.ok, second.message);
    if (layer.params.empty()) continue;
    const GradcheckResult params = gradcheck_params(
        [&] { return weighted(layer.f(nn::Gathered(table[0], kIds, kLayout))); }, layer.params);
    CHECK_MESSAGE(params.ok, params.message);
  }
}

TEST_CASE("layers that treat rows alike are applied to the table of a Gathered") {
  for (const Layer& layer : layers(4, 3, f64)) {
    if (!layer.keeps_table) continue;
    CAPTURE(layer.name);
    Tape tape;
    const nn::Gathered x(tape.watch(random({5, 4}, 1)), kIds, kLayout);
    layer.f(x);
    // Of 5 rows and not of 11, up to where the rows are asked for, at the end.
    const std::string dump = tape.dump();
    CHECK(dump.find(" [5, ") != std::string::npos);
    CHECK(dump.find(" [11, ") == dump.rfind(" [11, "));
  }
  // A fused layer reads the projected table.
  Tape tape;
  const nn::Gathered x(tape.watch(random({5, 4}, 1)), kIds, kLayout);
  const nn::LSTM lstm({.in = 4, .hidden = 3, .dtype = f64});
  (void)lstm(x);
  CHECK(tape.dump().find("linear") != std::string::npos);
  CHECK(tape.dump().find("embedding") == std::string::npos);
}

TEST_CASE("embedded ids become a table of used rows if each occurs at least twice on average") {
  const nn::Embedding embed({.vocab = 9, .dim = 2});
  const auto made = [&](const std::vector<Index>& list) {
    const nn::Tokens tokens(list, SequenceLayout({static_cast<Index>(list.size())}));
    const nn::Gathered x = embed(tokens);
    CHECK(distance(x.rows().value(), embed(tokens.ids).value()) == 0);
    CHECK(x.layout() == tokens.layout);
    CHECK(x.size() == 1);
    if (x.has_ids()) {
      // Each row that is used once, and no other.
      std::vector<Index> used = list;
      std::sort(used.begin(), used.end());
      used.erase(std::unique(used.begin(), used.end()), used.end());
      CHECK(x.table().shape() == Shape{static_cast<Index>(used.size()), 2});
      CHECK(x.ids().numel() == static_cast<Index>(list.size()));
    }
    return x.has_ids();
  };
  CHECK(made({5, 5}));
  CHECK(made({5, 1, 8, 5, 8, 8, 1, 1}));
  CHECK(!made({5, 1, 8, 5, 8, 7, 1, 0}));
  CHECK(!made({5}));
  CHECK(!made({0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_CASE("with a Gathered input, only used rows have a gradient, and the padding row has none") {
  for (const bool twice : {false, true})
    for (const Index padding : {Index{-1}, Index{8}}) {
      const nn::Embedding embed({.vocab = 9, .dim = 2, .padding_id = padding, .dtype = f64});
      const std::vector<Index> list =
          twice ? std::vector<Index>{5, 1, 8, 5, 8, 8, 1, 1} : std::vector<Index>{5, 1, 8, 7, 0};
      const nn::Tokens tokens(list, SequenceLayout({static_cast<Index>(list.size())}));
      const nn::Linear head({.in = 2, .out = 3, .dtype = f64});
      Tape tape;
      const nn::Gathered x = embed(tokens);
      CHECK(x.has_ids() == twice);
      const Gradients g = tape.backward(sum(head(x).rows()));
      const Gradient& found = *g.find(embed.weight.id());
      REQUIRE(found.is_rows());
      for (Index i = 0; i < 9; ++i) {
        const bool used = std::find(list.begin(), list.end(), i) != list.end();
        const IndexTensor& rows = found.rows.rows;
        CHECK(used == (std::find(rows.begin(), rows.end(), i) != rows.end()));
        CHECK((max(abs(g[embed.weight].select(0, i))).item() > 0) == (used && i != padding));
      }
    }
}

TEST_CASE("the rows of a Sequence made from a Gathered have a gradient that hooks see and change") {
  const nn::Embedding embed({.vocab = 5, .dim = 3, .dtype = f64});
  const nn::Tokens tokens(kIds, kLayout);
  const nn::GRU gru({.in = 3, .hidden = 4, .dtype = f64});
  Tape tape;
  const nn::Gathered gathered = embed(tokens);
  REQUIRE(gathered.has_ids());
  const nn::Sequence x = gathered;
  CHECK(x.layout == tokens.layout);
  const Var loss = weighted({gru(x).sequence.rows}), fast = weighted({gru(gathered).sequence.rows});
  CHECK(fast.item() == doctest::Approx(loss.item()).epsilon(1e-12));
  const Tensor of_rows = grad(loss, {x.rows}, {.retain = true})[0].value();
  CHECK(of_rows.shape() == Shape{11, 3});
  CHECK(distance(scatter_rows(of_rows, kIds, 5).value(),
                 grad(fast, {embed.weight}, {.retain = true})[0].value()) < 1e-12);
  Tensor seen;
  x.rows.hook([&](const Tensor& g) {
    seen = g;
    return mul(g, -2);
  });
  const Tensor expected = grad(fast, {embed.weight}, {.retain = true})[0].value();
  const Tensor changed = tape.backward(loss)[embed.weight];
  CHECK(distance(seen, of_rows) == 0);
  CHECK(distance(changed, mul(expected, -2)) < 1e-12);
}

TEST_CASE("a Gathered is accepted wherever a Sequence is, and has the same functions") {
  const Tensor table = random({5, 3}, 1);
  const nn::Gathered x(table, kIds, kLayout);
  const nn::Sequence rows = x;
  const auto takes_sequence = [](const nn::Sequence& s) { return s.mean(); };
  CHECK(distance(takes_sequence(x).value(), rows.mean().value()) == 0);
  CHECK(distance(x.last().value(), rows.last().value()) == 0);
  CHECK(distance(x.first().value(), rows.first().value()) == 0);
  CHECK(distance(x.sum().value(), rows.sum().value()) == 0);
  CHECK(distance(x.mean().value(), rows.mean().value()) == 0);
  CHECK(distance(x.at(1).value(), rows.at(1).value()) == 0);
  CHECK(distance(x.padded(3).value(), rows.padded(3).value()) == 0);
  CHECK(x.size() == 3);
  const nn::Dropout none({.p = 0.5});
  CHECK(distance(none(x).rows.value(), rows.rows.value()) == 0);
  Tape tape;
  const nn::Gathered watched(tape.watch(table), kIds, kLayout);
  CHECK(watched.rows().requires_grad());
  CHECK(!watched.detach().rows.requires_grad());
  // Back from a Sequence: each row by itself.
  const nn::Gathered again(rows);
  CHECK(!again.has_ids());
  CHECK(distance(again.rows().value(), rows.rows.value()) == 0);
}

TEST_CASE("a Gathered times a number multiplies its table") {
  Tape tape;
  const Var table = tape.watch(random({5, 3}, 1));
  const nn::Gathered x(table, kIds, kLayout);
  for (const nn::Gathered& y : {x * 2.0, 2.0 * x}) {
    CHECK(y.has_ids());
    CHECK(y.table().shape() == Shape{5, 3});
    CHECK(distance(y.rows().value(), mul(x.rows().value(), 2)) == 0);
  }
  const Tensor g = tape.backward(sum((x * 2.0).rows()))[table];
  Tensor counts = Tensor::zeros({5, 3}, f64);
  for (const Index id : kIds)
    for (Index c = 0; c < 3; ++c) counts.set({id, c}, counts.at({id, c}) + 2);
  CHECK(distance(g, counts) < 1e-14);
}

TEST_CASE("rows with several axes or none are gathered") {
  for (const Shape& shape : {Shape{5}, Shape{5, 2, 3}}) {
    Tape tape;
    const Var table = tape.watch(random(shape, 1));
    const nn::Gathered x(table, kIds, kLayout);
    CHECK(distance(x.rows().value(), index_select(table, 0, kIds).value()) == 0);
    const Var loss = sum(square(x.map([](const Var& v) { return tanh(v); }).rows()));
    const Var same = sum(square(tanh(index_select(table, 0, kIds))));
    const Tensor g = grad(loss, {table}, {.retain = true})[0].value();
    CHECK(distance(g, grad(same, {table})[0].value()) < 1e-13);
  }
}

TEST_CASE("a Gathered input works in checkpoints, used twice, and with frozen tables or weights") {
  const nn::Tokens tokens(kIds, kLayout);
  for (const bool frozen_table : {false, true})
    for (const bool frozen_weights : {false, true}) {
      CAPTURE(frozen_table);
      CAPTURE(frozen_weights);
      manual_seed(5);
      const nn::Embedding embed({.vocab = 5, .dim = 3, .frozen = frozen_table, .dtype = f64});
      const nn::LSTM lstm({.in = 3, .hidden = 4, .bidirectional = true, .dtype = f64});
      const nn::Linear linear({.in = 3, .out = 8, .dtype = f64});
      nn::set_trainable(linear, !frozen_weights);
      NamedParams params = nn::parameters(embed);
      for (const NamedParams& more : {nn::parameters(lstm), nn::parameters(linear)})
        params.insert(params.end(), more.begin(), more.end());
      const auto gradients = [&](bool by_row, Index every) {
        return gradients_of(
            [&] {
              const nn::Gathered x = embed(tokens);
              CHECK(x.has_ids());
              const nn::Gathered in = by_row ? nn::Gathered(nn::Sequence(x)) : x;
              const auto out = lstm(in, {}, {.checkpoint_every = every});
              const Var inside = checkpoint(
                  [&](const Vars& v) {
                    return Vars{linear(nn::Gathered(v[0], kIds, kLayout)).rows()};
                  },
                  {embed.weight})[0];
              return weighted({out.sequence.rows * linear(in).rows(), out.last(), inside});
            },
            params);
      };
      const std::vector<Tensor> expected = gradients(true, 0);
      for (const bool by_row : {false, true})
        for (const Index every : {0, 1, 2, 100})
          check_equal(gradients(by_row, every), expected, 1e-12);
      CHECK((max(abs(expected[0])).item() > 0) == !frozen_table);
      CHECK((max(abs(expected.back())).item() > 0) == !frozen_weights);
    }
}

TEST_CASE("gradients through a table are the same for any number of threads") {
  const Index n = 600, columns = 2000;
  Generator g(9);
  const IndexTensor ids = g.integers({n}, 0, 20);
  const Tensor table = random({20, 8}, 1, f32);
  const SequenceLayout layout = SequenceLayout::equal(30, 20);
  for (const Layer& layer : layers(8, columns / 10, f32)) {
    CAPTURE(layer.name);
    const auto with = [&](int count) {
      const int before = threads();
      set_threads(count);
      const Outcome out = outcome(layer, table, ids, layout, false);
      set_threads(before);
      return out;
    };
    const Outcome one = with(1), three = with(3);
    check_equal(one.results, three.results, 0x1p-60);
    check_equal(one.gradients, three.gradients, 0x1p-60);
  }
}

TEST_CASE("a Gathered refuses ids and tables that do not fit") {
  const Tensor table = random({5, 3}, 1);
  const std::string rows = "Gathered: an id for each of 11 rows was required: got ";
  check_refused([&] { nn::Gathered(table, IndexTensor({0, 1}), kLayout); }, rows + "[2]");
  check_refused([&] { nn::Gathered(table, kIds.reshape({11, 1}), kLayout); }, rows + "[11, 1]");
  check_refused([&] { nn::Gathered(table, IndexTensor(), kLayout); }, rows);
  check_refused(
      [&] {
        nn::Gathered(random({4, 3}, 1), kIds, kLayout);
      },
      "Gathered: ids in [0, 4) were required: got 4");
  check_refused([&] { nn::Gathered(Var(), kIds, kLayout); }, "Gathered: a value was required");
  check_refused([&] { nn::Gathered(Tensor::scalar(1), kIds, kLayout); }, "Gathered: a table [U");
}
