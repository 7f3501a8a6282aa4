// The kinds of MultiHeadAttention other than full attention: linear and low rank.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/nn/transformer.h>
#include <unroll/tensor/memory.h>

#include <cmath>
#include <limits>

using namespace unroll;
using nn::AttentionKind, nn::MultiHeadAttention;

namespace {

MultiHeadAttention::Options linear(DType dtype = f64) {
  return {.dim = 12, .heads = 3, .kind = AttentionKind::linear, .dtype = dtype};
}
MultiHeadAttention::Options low_rank(DType dtype = f64) {
  return {.dim = 12,
          .heads = 3,
          .kind = AttentionKind::low_rank,
          .rank = 4,
          .max_length = 20,
          .dtype = dtype};
}

// Steps [first, first + count) of each sequence.
nn::Sequence part_of(const nn::Sequence& x, Index first, Index count) {
  std::vector<Tensor> parts;
  for (Index b = 0; b < x.size(); ++b) parts.push_back(x.at(b).value().narrow(0, first, count));
  return nn::Sequence::from(parts);
}

}  // namespace

TEST_CASE("linear and low-rank attention of ragged sequences give what each gives alone") {
  Generator g(1);
  for (const auto& o : {linear(), low_rank()})
    for (const bool causal : {false, true}) {
      if (causal && o.kind == AttentionKind::low_rank) continue;
      const MultiHeadAttention layer(o);
      const nn::Sequence x = random_sequence(g, {5, 17, 1, 9}, 12),
                         y = layer(x, {.causal = causal});
      for (Index b = 0; b < x.size(); ++b) {
        const nn::Sequence own = nn::Sequence::from({x.at(b).value()});
        CHECK(distance(layer(own, {.causal = causal}).rows.value(), y.at(b).value()) < 1e-12);
        // A padded batch of one gives the same.
        const Tensor padded = x.at(b).value().unsqueeze(0);
        CHECK(distance(layer(padded, padded, padded, {.causal = causal}).out.value().select(0, 0),
                       y.at(b).value()) < 1e-12);
      }
    }
}

TEST_CASE("low-rank attention is softmax attention to learned sums over time") {
  Generator g(2);
  const MultiHeadAttention layer(low_rank());
  const Index steps = 13, size = 4;
  const nn::Sequence x = random_sequence(g, {steps}, 12);
  const std::vector<Tensor> parts = split(layer.query_key_value(x.rows).value(), 12, 1);
  Tensor expected = Tensor::zeros({steps, 12}, f64);
  for (Index h = 0; h < 3; ++h) {
    const auto head = [&](int part) { return parts[part].narrow(1, h * size, size); };
    const auto sums = [&](const Param& weights, int part) {
      return matmul(weights.value().narrow(0, 0, steps).transpose(), head(part));  // [rank, size]
    };
    const Tensor weights =
        softmax(matmul(head(0), sums(layer.key_sums, 1).transpose()) / std::sqrt(4.0), 1);
    expected.narrow(1, h * size, size).copy_(matmul(weights, sums(layer.value_sums, 2)));
  }
  CHECK(distance(layer(x).rows.value(), layer.out(expected).value()) < 1e-12);
}

TEST_CASE("the parameters of linear and low-rank attention have the right gradients") {
  Generator g(3);
  for (const auto& o : {linear(), low_rank()}) {
    const MultiHeadAttention layer(o);
    const nn::Sequence x = random_sequence(g, {4, 2, 6}, 12);
    const Tensor weight = g.normal({12, 12}, 0, 1, f64);
    const auto checked = gradcheck_params(
        [&] { return sum(square(matmul(layer(x).rows, weight))); }, nn::parameters(layer));
    CHECK_MESSAGE(checked, checked.message);
  }
}

TEST_CASE("a stream of linear attention equals the whole, and its state does not grow") {
  Generator g(4);
  for (const DType dtype : {f32, f64}) {
    const nn::TransformerEncoder model({.dim = 12,
                                        .heads = 3,
                                        .causal = true,
                                        .kind = AttentionKind::linear,
                                        .layers = 2,
                                        .capacity = 1,
                                        .dtype = dtype});
    const nn::Sequence x = random_sequence(g, {90, 90}, 12, dtype), whole = model(x);
    const double tolerance = dtype == f32 ? 1e-4 : 1e-11;
    nn::TransformerState state;
    const nn::Sequence read = model.prefill(part_of(x, 0, 70), state);
    CHECK(distance(read.rows.value(), part_of(whole, 0, 70).rows.value()) < tolerance);
    for (Index t = 70; t < 90; ++t) {
      const nn::Sequence now = part_of(x, t, 1);
      // Copied rows of a state are independent of it, as a beam needs them.
      nn::TransformerState swapped = state;
      for (nn::KeyValueCache& cache : swapped.layers)
        cache = cache.select_rows(IndexTensor::of({1, 0}));
      const Tensor turned = model.step(index_select(now.rows, 0, IndexTensor::of({1, 0})), swapped)
                                .value(),
                   y = model.step(now.rows, state).value();
      CHECK(distance(y, part_of(whole, t, 1).rows.value()) < tolerance);
      CHECK(distance(index_select(turned, 0, IndexTensor::of({1, 0})), y) < tolerance);
    }
    CHECK(state.positions(2) == IndexTensor::of({90, 90}));
  }
}

TEST_CASE("low-rank attention needs memory in proportion to steps times rank") {
  Generator g(5);
  const auto peak = [&](Index steps) {
    const MultiHeadAttention layer(
        {.dim = 16, .heads = 2, .kind = AttentionKind::low_rank, .rank = 8, .max_length = steps});
    const nn::Sequence x = random_sequence(g, {steps}, 16, f32);
    memory::reset_peak();
    const Index before = memory::stats().in_use;
    Tape tape;
    (void)tape.backward(sum(layer(x).rows));
    return memory::stats().peak - before;
  };
  CHECK(peak(16'000) < 12 * peak(2'000));
}

TEST_CASE("a NaN in one sequence reaches no other through linear or low-rank attention") {
  Generator g(6);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (const auto& o : {linear(), low_rank()}) {
      const MultiHeadAttention layer(o);
      nn::Sequence x = random_sequence(g, {5, 8, 3}, 12);
      Tensor rows = x.rows.value().clone();
      rows.select(0, x.layout.row(1, 2)).fill_(bad);
      Tape tape;
      x.rows = tape.watch(rows);
      const nn::Sequence y = layer(x);
      const Gradients d = tape.backward(sum(y.rows));
      CHECK(!all_finite(y.at(1).value()));
      for (const Index b : {Index{0}, Index{2}}) {
        CHECK(all_finite(y.at(b).value()));
        CHECK(all_finite(index_select(d[x.rows], 0, x.layout.rows_of(b))));
      }
    }
}

TEST_CASE("each kind of attention refuses what it cannot do, in a sentence") {
  const auto refused = [](MultiHeadAttention::Options o, auto change, const char* text) {
    change(o);
    check_refused([&] { const MultiHeadAttention layer(o); }, text);
  };
  refused(
      linear(), [](auto& o) { o.window = 2; },
      "MultiHeadAttention: .kind = full was required for a window or rotary positions");
  refused(
      linear(), [](auto& o) { o.kv_heads = 1; },
      "MultiHeadAttention: kv_heads = heads and no dropout were required for .kind = linear: got 1 "
      "of 3 heads, and 0");
  refused(
      low_rank(), [](auto& o) { o.rank = 0; },
      "MultiHeadAttention: a rank and a max_length of at least 1 for .kind = low_rank, otherwise "
      "0, were required: got 0 and 20");
  refused(
      linear(), [](auto& o) { o.rank = 3; }, "MultiHeadAttention: a rank and a max_length");

  Generator g(7);
  const MultiHeadAttention layer(low_rank()), sums(linear());
  const nn::Sequence x = random_sequence(g, {21}, 12), shorter = random_sequence(g, {3}, 12);
  check_refused([&] { (void)layer(x); },
                "MultiHeadAttention: sequences of at most 20 steps, the max_length, were required: "
                "got one of 21");
  check_refused([&] { (void)layer(shorter, {.causal = true}); },
                "MultiHeadAttention: .causal = false was required of .kind = low_rank");
  check_refused([&] { (void)layer.cache(1, 8); },
                "MultiHeadAttention: .kind = full or linear was required for a stream: got "
                "low_rank");
  check_refused([&] { (void)sums.prepare(shorter); },
                "MultiHeadAttention: .kind = full was required for a memory: got another one");
  const Tensor padded = g.normal({1, 3, 12}, 0, 1, f64);
  check_refused([&] { (void)sums(padded, padded, padded, {.weights = true}); },
                "MultiHeadAttention: .kind = full was required for a mask, a bias or the weights");
  nn::KeyValueCache full = MultiHeadAttention({.dim = 12, .heads = 3, .dtype = f64}).cache(1, 4);
  check_refused(
      [&] {
        (void)sums.step(g.normal({1, 12}, 0, 1, f64), full);
      },
      "MultiHeadAttention: a cache of this layer for 1 sequences was required");
}
