// Scans, causal convolutions and linear attention along ragged sequences: against loops over single
// elements, against each sequence alone, and against themselves in chunks, in reverse and with
// several threads.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/conv.h>
#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/autograd/sequence/scan.h>
#include <unroll/autograd/sequence/selective_scan.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/memory.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

using namespace unroll;

namespace {

using Vars = std::vector<Var>;

// An op along time: inputs with rows [N, ..] first, then shared inputs (weights), then the state.
// Returns the rows and the last state.
struct TimeOp {
  std::string name;
  std::vector<Shape> rows;    // the shape of a row of each input with rows
  std::vector<Shape> shared;  // of each weight
  Shape state;                // of one sequence
  std::function<std::pair<Var, Var>(const Vars&, const SequenceLayout&, bool reverse)> f;
};

std::vector<TimeOp> random_ops(Generator& g, Index channels = 0) {
  const Index c = channels ? channels : 1 + g.below(90), k = 2 + g.below(7), s = 1 + g.below(9);
  std::vector<TimeOp> out;
  out.push_back(
      {"scan", {{c}, {c}}, {}, {c}, [](const Vars& v, const SequenceLayout& layout, bool reverse) {
         const ScanOutput y = scan(v[0], v[1], v[2], layout, {.reverse = reverse});
         return std::pair(y.rows, y.last);
       }});
  out.push_back({"min_gru_sequence",
                 {{2 * c}},
                 {},
                 {c},
                 [](const Vars& v, const SequenceLayout& layout, bool reverse) {
                   const ScanOutput y = min_gru_sequence(v[0], v[1], layout, {.reverse = reverse});
                   return std::pair(y.rows, y.last);
                 }});
  out.push_back({"causal_conv1d",
                 {{c}},
                 {{k, c}, {c}},
                 {k - 1, c},
                 [](const Vars& v, const SequenceLayout& layout, bool reverse) {
                   const ConvOutput y =
                       causal_conv1d(v[0], v[1], v[2], v[3], layout, {.reverse = reverse});
                   return std::pair(y.rows, y.state);
                 }});
  const bool gated = g.below(2) == 1;
  out.push_back({"selective_scan",
                 {{c}, {c}, {s}, {s}, {c}},
                 {{c, s}, {c}, {c}},
                 {c, s},
                 [=](const Vars& v, const SequenceLayout& layout, bool reverse) {
                   const ScanOutput y = selective_scan({.x = v[0],
                                                        .delta = v[1],
                                                        .a = -square(v[5]),
                                                        .b = v[2],
                                                        .c = v[3],
                                                        .d = v[6],
                                                        .delta_bias = v[7],
                                                        .z = gated ? v[4] : Var()},
                                                       v[8], layout, {.reverse = reverse});
                   return std::pair(gated ? y.rows : y.rows * v[4], y.last);
                 }});
  // The sum of features, the last column of a state, is positive; states in the order of the batch.
  const auto with_last = [](const Var& state, auto f) {
    const Index wide = state.size(3) - 1;
    return concat({narrow(state, 3, 0, wide), f(narrow(state, 3, wide, 1))}, 3);
  };
  const Index heads = c % 2 == 0 ? 2 : 1, wide = c / heads;  // keys of size s, values of size wide
  out.push_back({"linear_attention",
                 {{heads * s}, {heads * s}, {c}},
                 {},
                 {heads, s, wide + 1},
                 [=](const Vars& v, const SequenceLayout& layout, bool reverse) {
                   const RowGroups groups = RowGroups::of(layout);
                   const ScanOutput y = linear_attention(
                       v[0], v[1], v[2],
                       {.queries = groups,
                        .keys = groups,
                        .heads = heads,
                        .causal = true,
                        .reverse = reverse},
                       index_select(with_last(v[3], [](const Var& x) { return square(x); }), 0,
                                    layout.place()));
                   return std::pair(
                       y.rows, index_select(with_last(y.last, [](const Var& x) { return sqrt(x); }),
                                            0, layout.order()));
                 }});
  return out;
}

Shape with_first(Index n, const Shape& rest) {
  std::vector<Index> sizes{n};
  for (int i = 0; i < rest.rank(); ++i) sizes.push_back(rest[i]);
  return Shape(std::span<const Index>(sizes));
}

// Inputs of an op for a layout, the state last.
std::vector<Tensor> inputs_of(const TimeOp& op, const SequenceLayout& layout, Generator& g,
                              DType dtype = f64) {
  std::vector<Tensor> out;
  for (const Shape& s : op.rows)
    out.push_back(g.normal(with_first(layout.rows(), s), 0, 0.8, dtype));
  for (const Shape& s : op.shared) out.push_back(g.normal(s, 0, 0.5, dtype));
  out.push_back(g.normal(with_first(layout.sequences(), op.state), 0, 1, dtype));
  return out;
}

struct Result {
  Tensor rows, last;
  std::vector<Tensor> gradients;
};
Result run(const TimeOp& op, const std::vector<Tensor>& inputs, const SequenceLayout& layout,
           bool reverse, const Tensor& d_rows, const Tensor& d_last) {
  Tape tape;
  Vars v;
  for (const Tensor& x : inputs) v.push_back(tape.watch(x));
  const auto [rows, last] = op.f(v, layout, reverse);
  const Gradients g = tape.backward(sum(rows * d_rows) + sum(last * d_last));
  Result out{rows.value(), last.value(), {}};
  for (const Var& x : v) out.gradients.push_back(g[x]);
  return out;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.to_vector<double>() == b.to_vector<double>();
}

}  // namespace

TEST_CASE("a scan is the loop h = a h + b, whatever the lengths, in both directions") {
  Generator g(1);
  for (const DType dtype : {f32, f64})
    for (int round = 0; round < 20; ++round) {
      const SequenceLayout layout(random_lengths(g, 1 + g.below(6), 40));
      const Index c = 1 + g.below(40);
      const bool reverse = round % 2 == 1;
      const Tensor a = g.normal({layout.rows(), c}, 0, 0.7, dtype),
                   b = g.normal({layout.rows(), c}, 0, 1, dtype),
                   h0 = g.normal({layout.sequences(), c}, 0, 1, dtype);
      const ScanOutput y =
          scan(a, b, round % 4 < 2 ? Var(h0) : Var(), layout, {.reverse = reverse});
      double worst = 0;
      for (Index place = 0; place < layout.sequences(); ++place) {
        const IndexTensor rows = layout.rows_of(layout.order()[place]);
        for (Index j = 0; j < c; ++j) {
          double h = round % 4 < 2 ? h0.at({place, j}) : 0;
          for (Index i = 0; i < rows.numel(); ++i) {
            const Index row = rows[reverse ? rows.numel() - 1 - i : i];
            h = a.at({row, j}) * h + b.at({row, j});
            worst = std::max(worst, std::abs(h - y.rows.value().at({row, j})) / (1 + std::abs(h)));
          }
          const Index end = rows[reverse ? 0 : rows.numel() - 1];
          CHECK(y.last.value().at({place, j}) == y.rows.value().at({end, j}));
        }
      }
      CHECK(worst < (dtype == f32 ? 1e-4 : 1e-12));
    }
}

TEST_CASE("ragged sequences give what each gives alone, values and gradients") {
  Generator g(2);
  for (int round = 0; round < 12; ++round)
    for (const TimeOp& op : random_ops(g)) {
      CAPTURE(op.name);
      const SequenceLayout layout(random_lengths(g, 1 + g.below(6), 14));
      const bool reverse = round % 2 == 1;
      const std::vector<Tensor> inputs = inputs_of(op, layout, g);
      const Tensor d_last = g.normal(inputs.back().shape(), 0, 1, f64);
      const Result probe = run(op, inputs, layout, reverse, Tensor::scalar(1, f64), d_last);
      const Tensor d_rows = g.normal(probe.rows.shape(), 0, 1, f64);
      const Result all = run(op, inputs, layout, reverse, d_rows, d_last);
      std::vector<Tensor> shared(op.shared.size());
      for (Index place = 0; place < layout.sequences(); ++place) {
        const IndexTensor rows = layout.rows_of(layout.order()[place]);
        std::vector<Tensor> own;
        for (std::size_t i = 0; i < op.rows.size(); ++i)
          own.push_back(index_select(inputs[i], 0, rows));
        for (std::size_t i = 0; i < op.shared.size(); ++i)
          own.push_back(inputs[op.rows.size() + i]);
        own.push_back(inputs.back().narrow(0, place, 1));
        const Result alone = run(op, own, SequenceLayout::equal(1, rows.numel()), reverse,
                                 index_select(d_rows, 0, rows), d_last.narrow(0, place, 1));
        CHECK(distance(index_select(all.rows, 0, rows), alone.rows) < 1e-12);
        CHECK(distance(all.last.narrow(0, place, 1), alone.last) < 1e-12);
        for (std::size_t i = 0; i < op.rows.size(); ++i)
          CHECK(distance(index_select(all.gradients[i], 0, rows), alone.gradients[i]) < 1e-11);
        for (std::size_t i = 0; i < op.shared.size(); ++i) {
          const Tensor& part = alone.gradients[op.rows.size() + i];
          shared[i] = shared[i].defined() ? add(shared[i], part) : part;
        }
        CHECK(distance(all.gradients.back().narrow(0, place, 1), alone.gradients.back()) < 1e-11);
      }
      for (std::size_t i = 0; i < op.shared.size(); ++i)
        CHECK(distance(all.gradients[op.rows.size() + i], shared[i]) < 1e-10);
    }
}

TEST_CASE("chunks with a carried state give what the whole gives, values and gradients") {
  Generator g(3);
  for (int round = 0; round < 12; ++round)
    for (const TimeOp& op : random_ops(g)) {
      CAPTURE(op.name);
      const Index batch = 1 + g.below(3), steps = 2 + g.below(20), cut = 1 + g.below(steps - 1);
      const SequenceLayout whole = SequenceLayout::equal(batch, steps),
                           first = SequenceLayout::equal(batch, cut),
                           second = SequenceLayout::equal(batch, steps - cut);
      const std::vector<Tensor> inputs = inputs_of(op, whole, g);
      TimeOp chunked = op;
      chunked.f = [&](const Vars& v, const SequenceLayout&, bool) {
        Vars early = v, late = v;
        for (std::size_t i = 0; i < op.rows.size(); ++i) {
          early[i] = narrow(v[i], 0, 0, first.rows());
          late[i] = narrow(v[i], 0, first.rows(), second.rows());
        }
        const auto [y0, state] = op.f(early, first, false);
        late.back() = state;
        const auto [y1, last] = op.f(late, second, false);
        return std::pair(concat({y0, y1}, 0), last);
      };
      const Tensor d_last = g.normal(inputs.back().shape(), 0, 1, f64);
      const Result probe = run(op, inputs, whole, false, Tensor::scalar(1, f64), d_last);
      const Tensor d_rows = g.normal(probe.rows.shape(), 0, 1, f64);
      const Result a = run(op, inputs, whole, false, d_rows, d_last),
                   b = run(chunked, inputs, whole, false, d_rows, d_last);
      CHECK(distance(a.rows, b.rows) < 1e-13);
      CHECK(distance(a.last, b.last) < 1e-13);
      for (std::size_t i = 0; i < inputs.size(); ++i)
        CHECK(distance(a.gradients[i], b.gradients[i]) < 1e-11);
    }
}

TEST_CASE("reverse gives what flipped sequences give, flipped back") {
  Generator g(4);
  for (int round = 0; round < 10; ++round)
    for (const TimeOp& op : random_ops(g)) {
      CAPTURE(op.name);
      const SequenceLayout layout(random_lengths(g, 1 + g.below(5), 12));
      std::vector<Index> flipped(static_cast<std::size_t>(layout.rows()));
      for (Index b = 0; b < layout.sequences(); ++b) {
        const IndexTensor rows = layout.rows_of(b);
        for (Index i = 0; i < rows.numel(); ++i) flipped[rows[i]] = rows[rows.numel() - 1 - i];
      }
      const IndexTensor index(flipped);
      Vars v, turned;
      for (const Tensor& x : inputs_of(op, layout, g)) v.push_back(x);
      turned = v;
      for (std::size_t i = 0; i < op.rows.size(); ++i) turned[i] = index_select(v[i], 0, index);
      const auto [rows, last] = op.f(v, layout, true);
      const auto [rows_f, last_f] = op.f(turned, layout, false);
      CHECK(same(rows.value(), index_select(rows_f.value(), 0, index)));
      CHECK(same(last.value(), last_f.value()));
    }
}

TEST_CASE("one, two and five threads give the same bits") {
  Generator g(5);
  const int before = threads();
  for (const DType dtype : {f32, f64})
    for (const bool wide : {false, true})  // divided by channels, and by sequences
      for (const TimeOp& op : random_ops(g, wide ? 330 : 30)) {
        CAPTURE(op.name);
        const SequenceLayout layout(random_lengths(g, 9, wide ? 500 : 3000));
        const std::vector<Tensor> inputs = inputs_of(op, layout, g, dtype);
        const Tensor d_rows = g.normal({layout.rows(), wide ? 330 : 30}, 0, 1, dtype),
                     d_last = g.normal(inputs.back().shape(), 0, 1, dtype);
        std::vector<Result> results;
        for (const int count : {1, 2, 5}) {
          set_threads(count);
          results.push_back(run(op, inputs, layout, false, d_rows, d_last));
        }
        set_threads(before);
        for (const Result& r : results) {
          CHECK(same(r.rows, results[0].rows));
          CHECK(same(r.last, results[0].last));
          for (std::size_t i = 0; i < inputs.size(); ++i)
            CHECK(same(r.gradients[i], results[0].gradients[i]));
        }
      }
}

TEST_CASE("a NaN or infinity in one sequence reaches no other, forward or backward") {
  Generator g(6);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (const bool reverse : {false, true})
      for (const TimeOp& op : random_ops(g)) {
        CAPTURE(op.name);
        const SequenceLayout layout({7, 4, 9, 1});
        std::vector<Tensor> inputs = inputs_of(op, layout, g);
        for (std::size_t i = 0; i < op.rows.size(); ++i)
          inputs[i].select(0, layout.row(0, 3)).fill_(bad);
        const Tensor one = Tensor::scalar(1, f64);
        const Result r = run(op, inputs, layout, reverse, one, one);
        CHECK(!all_finite(r.rows));
        for (Index b = 1; b < layout.sequences(); ++b) {
          CHECK(all_finite(index_select(r.rows, 0, layout.rows_of(b))));
          CHECK(all_finite(r.last.select(0, layout.place()[b])));
          for (std::size_t i = 0; i < op.rows.size(); ++i)
            CHECK(all_finite(index_select(r.gradients[i], 0, layout.rows_of(b))));
          CHECK(all_finite(r.gradients.back().select(0, layout.place()[b])));
        }
      }
}

TEST_CASE("100,000 steps run forward and backward, with memory linear in the steps") {
  Generator g(7);
  for (const TimeOp& op : random_ops(g, 20)) {
    CAPTURE(op.name);
    const SequenceLayout layout = SequenceLayout::equal(1, 100'000);
    const std::vector<Tensor> inputs = inputs_of(op, layout, g, f32);
    Index values = 0;
    for (const Tensor& x : inputs) values += x.numel();
    memory::reset_peak();
    const Index before = memory::stats().in_use;
    const Tensor one = Tensor::scalar(1);
    const Result r = run(op, inputs, layout, false, one, one);
    CHECK(all_finite(r.rows));
    for (const Tensor& d : r.gradients) CHECK(all_finite(d));
    // Outputs, gradients of both, and what the test itself multiplies.
    CHECK(memory::stats().peak - before < 8 * 4 * values);
  }
}

TEST_CASE("a scan multiplies by 0 and by large factors, and never divides by their product") {
  const SequenceLayout layout = SequenceLayout::equal(1, 400);
  Tensor a = Tensor::full({400, 3}, 1e-30), b = Tensor::ones({400, 3});
  for (Index t = 0; t < 400; t += 7) a.select(0, t).fill_(0);
  for (Index t = 3; t < 400; t += 7) a.select(0, t).fill_(1e20);
  const ScanOutput y = scan(a, b, Var(), layout);
  CHECK(all_finite(y.rows.value()));
  CHECK(y.rows.value().at({7, 0}) == 1);
  CHECK(y.rows.value().at({3, 1}) == doctest::Approx(1e20));
}

TEST_CASE("a selective scan is the loop over steps, channels and states of the paper") {
  Generator g(9);
  const auto soft = [](double v) { return std::log1p(std::exp(v)); };
  for (const DType dtype : {f32, f64})
    for (int round = 0; round < 8; ++round) {
      const Index batch = 1 + g.below(3), steps = 1 + g.below(150), c = 1 + g.below(80),
                  s = 1 + g.below(20);
      const SequenceLayout layout = SequenceLayout::equal(batch, steps);
      const auto rows = [&](Index columns) {
        return g.normal({batch * steps, columns}, 0, 1, dtype);
      };
      const Tensor x = rows(c), delta = rows(c), b = rows(s), cc = rows(s), z = rows(c),
                   a = g.uniform({c, s}, -3, 0.05, dtype), d = g.normal({c}, 0, 1, dtype),
                   bias = g.normal({c}, -1, 1, dtype), h0 = g.normal({batch, c, s}, 0, 1, dtype);
      const ScanOutput y = selective_scan(
          {.x = x, .delta = delta, .a = a, .b = b, .c = cc, .d = d, .delta_bias = bias, .z = z}, h0,
          layout);
      double worst = 0;
      for (Index i = 0; i < batch; ++i)
        for (Index j = 0; j < c; ++j) {
          std::vector<double> h(static_cast<std::size_t>(s));
          for (Index n = 0; n < s; ++n) h[n] = h0.at({i, j, n});
          for (Index t = 0; t < steps; ++t) {
            const Index row = t * batch + i;
            const double dt = soft(delta.at({row, j}) + bias.at({j}));
            double sum = d.at({j}) * x.at({row, j});
            for (Index n = 0; n < s; ++n) {
              h[n] = std::exp(dt * a.at({j, n})) * h[n] + dt * b.at({row, n}) * x.at({row, j});
              sum += cc.at({row, n}) * h[n];
            }
            const double gate = z.at({row, j}), out = sum * gate / (1 + std::exp(-gate));
            worst =
                std::max(worst, std::abs(out - y.rows.value().at({row, j})) / (1 + std::abs(out)));
          }
          for (Index n = 0; n < s; ++n)
            worst = std::max(worst,
                             std::abs(h[n] - y.last.value().at({i, j, n})) / (1 + std::abs(h[n])));
        }
      CHECK(worst < (dtype == f32 ? 1e-4 : 1e-12));
    }
}

TEST_CASE("steps of a selective scan give what the whole gives, to the bit") {
  Generator g(10);
  for (const DType dtype : {f32, f64}) {
    const Index batch = 3, steps = 70, c = 70, s = 5;
    const auto rows = [&](Index columns) {
      return g.normal({batch * steps, columns}, 0, 1, dtype);
    };
    const SelectiveScanInputs in{.x = rows(c),
                                 .delta = rows(c),
                                 .a = g.uniform({c, s}, -3, 0, dtype),
                                 .b = rows(s),
                                 .c = rows(s),
                                 .d = g.normal({c}, 0, 1, dtype),
                                 .delta_bias = g.normal({c}, 0, 1, dtype),
                                 .z = rows(c)};
    const ScanOutput whole = selective_scan(in, Var(), SequenceLayout::equal(batch, steps));
    Var state;
    for (Index t = 0; t < steps; ++t) {
      SelectiveScanInputs now = in;
      for (Var* v : {&now.x, &now.delta, &now.b, &now.c, &now.z})
        *v = narrow(*v, 0, t * batch, batch);
      const Var y = selective_scan_step(now, state);
      CHECK(same(y.value(), whole.rows.value().narrow(0, t * batch, batch)));
    }
    CHECK(same(state.value(), whole.last.value()));
  }
}

TEST_CASE("a selective scan saves the states of one step in 64") {
  Generator g(11);
  const Index steps = 4096, c = 64, s = 16;
  const auto rows = [&](Index columns) { return g.normal({steps, columns}); };
  const SelectiveScanInputs in{
      .x = rows(c), .delta = rows(c), .a = g.uniform({c, s}, -3, 0), .b = rows(s), .c = rows(s)};
  Tape tape;
  const Var x = tape.watch(in.x.value());
  SelectiveScanInputs watched = in;
  watched.x = x;
  const Index before = memory::stats().in_use;
  const Var y = selective_scan(watched, Var(), SequenceLayout::equal(1, steps)).rows;
  // The output, and a 64th of all states; blocks of memory are up to a half larger.
  CHECK(memory::stats().in_use - before < 4 * (steps * c + steps * c * s / 16));
}

TEST_CASE("steps of a convolution give what the whole gives, to the bit") {
  Generator g(8);
  for (const DType dtype : {f32, f64})
    for (Index k = 2; k <= 8; ++k) {
      const Index batch = 1 + g.below(4), c = 1 + g.below(40), steps = 11;
      const SequenceLayout layout = SequenceLayout::equal(batch, steps);
      const Tensor x = g.normal({batch * steps, c}, 0, 1, dtype), w = g.normal({k, c}, 0, 1, dtype),
                   bias = g.normal({c}, 0, 1, dtype);
      const ConvOutput whole = causal_conv1d(x, w, bias, Var(), layout);
      Var state;
      for (Index t = 0; t < steps; ++t) {
        const Var y = causal_conv1d_step(x.narrow(0, t * batch, batch), w, bias, state);
        CHECK(same(y.value(), whole.rows.value().narrow(0, t * batch, batch)));
      }
      CHECK(same(state.value(), whole.state.value()));
      // The definition, at one place.
      double expected = bias.at({0});
      for (Index j = 0; j < k; ++j) expected += w.at({j, 0}) * x.at({(steps - k + j) * batch, 0});
      CHECK(whole.rows.value().at({(steps - 1) * batch, 0}) ==
            doctest::Approx(expected).epsilon(1e-4));
    }
}

TEST_CASE("a selective scan refuses what does not fit, in a sentence") {
  const SequenceLayout layout({3, 2});
  const Tensor x = Tensor::zeros({5, 4}), states = Tensor::zeros({5, 3});
  const SelectiveScanInputs good{
      .x = x, .delta = x, .a = Tensor::zeros({4, 3}), .b = states, .c = states};
  CHECK(selective_scan(good, Var(), layout).rows.shape() == Shape{5, 4});
  const auto refused = [&](auto change, const char* text) {
    SelectiveScanInputs bad = good;
    change(bad);
    check_refused([&] { (void)selective_scan(bad, Var(), layout); }, text);
  };
  refused(
      [&](auto& i) {
        i.a = Tensor::zeros({3, 4});
      },
      "selective_scan: a [D, S] with D = 4 and S of at least 1 was required: got [3, 4]");
  refused([&](auto& i) { i.b = x; }, "selective_scan: b of shape [5, 3] was required: got [5, 4]");
  refused([&](auto& i) { i.z = states; },
          "selective_scan: z of shape [5, 4] was required: got [5, 3]");
  refused([&](auto& i) { i.c = Var(); }, "selective_scan: a value was required");
  refused([&](auto& i) { i.c = states.to(f64); }, "selective_scan");
  check_refused(
      [&] {
        (void)selective_scan(good, Tensor::zeros({2, 3, 4}), layout);
      },
      "selective_scan: an initial state of shape [2, 4, 3] was required: got [2, 3, 4]");
}

TEST_CASE("scan and convolution refuse what does not fit, in a sentence") {
  const SequenceLayout layout({3, 2});
  const Tensor x = Tensor::zeros({5, 4});
  check_refused(
      [&] {
        (void)scan(x, Tensor::zeros({5, 3}), Var(), layout);
      },
      "scan: b of shape [5, 4] was required: got [5, 3]");
  check_refused(
      [&] {
        (void)scan(Tensor::zeros({6, 4}), x, Var(), layout);
      },
      "scan: a of shape [5, 4] was required: got [6, 4]");
  check_refused(
      [&] {
        (void)scan(x, x, Tensor::zeros({3, 4}), layout);
      },
      "scan: an initial state of shape [2, 4] was required: got [3, 4]");
  check_refused([&] { (void)scan(x, x.to(f64), Var(), layout); }, "scan");
  check_refused(
      [&] {
        (void)causal_conv1d(x, Tensor::zeros({9, 4}), Var(), Var(), layout);
      },
      "causal_conv1d: weights [K, C] with K from 2 to 8 were required: got [9, 4]");
  check_refused(
      [&] {
        (void)causal_conv1d(x, Tensor::zeros({4, 3}), Var(), Var(), layout);
      },
      "causal_conv1d: weights of shape [4, 4] was required: got [4, 3]");
  check_refused(
      [&] {
        (void)causal_conv1d(x, Tensor::zeros({4, 4}), Var(), Tensor::zeros({2, 4, 4}), layout);
      },
      "causal_conv1d: a state of shape [2, 3, 4] was required: got [2, 4, 4]");
}
