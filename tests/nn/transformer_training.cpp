// The Transformer in training: derivatives, threads, dropout, memory; and what must not leak from
// one sequence to another.
#include "tests/nn/random_sequences.h"
#include "tests/nn/tasks.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/positions.h>
#include <unroll/nn/transformer.h>
#include <unroll/tensor/memory.h>

#include <cmath>
#include <limits>

using namespace unroll;
using nn::FeedForward, nn::NormKind, nn::Rotary, nn::TransformerOptions;

namespace {

std::vector<TransformerOptions> small() {
  return {{.dim = 4, .heads = 2, .feed_forward = 3, .layers = 1, .dtype = f64},
          {.dim = 4,
           .heads = 2,
           .kv_heads = 1,
           .feed_forward = 3,
           .activation = FeedForward::swiglu,
           .norm = NormKind::rms,
           .norm_first = false,
           .causal = true,
           .window = 2,
           .rotary = Rotary::interleaved,
           .bias = false,
           .dtype = f64}};
}

struct CopyModel {
  nn::Embedding embed{{.vocab = 6, .dim = 32}};
  nn::TransformerEncoder gpt{
      {.dim = 32, .heads = 2, .causal = true, .rotary = Rotary::split_half, .layers = 2}};
  nn::Linear head{{.in = 32, .out = 6}};
  UNROLL_FIELDS(embed, gpt, head)
};

}  // namespace

TEST_CASE("an encoder and a decoder have the derivatives of finite differences, also the second") {
  manual_seed(1);
  for (const TransformerOptions& o : small()) {
    const nn::TransformerEncoder encoder(o);
    const nn::TransformerDecoder decoder(o);
    const SequenceLayout source({2, 3}), target({3, 1});
    const Function f = [&](const std::vector<Var>& in) {
      return sum(
          square(decoder(nn::Sequence(in[1], target), encoder(nn::Sequence(in[0], source))).rows));
    };
    const std::vector<Tensor> at{random({5, 4}, 2), random({4, 4}, 3)};
    const auto first = gradcheck(f, at), second = gradgradcheck(f, at);
    CHECK_MESSAGE(first, first.message);
    CHECK_MESSAGE(second, second.message);
    NamedParams params = nn::parameters(encoder);
    for (const NamedParam& p : nn::parameters(decoder)) params.push_back(p);
    const auto of_params = gradcheck_params([&] { return f({at[0], at[1]}); }, params);
    CHECK_MESSAGE(of_params, of_params.message);
  }
}

TEST_CASE("values, gradients and steps are the same on 1, 2 and 3 threads, bit by bit") {
  Generator g(2);
  for (const DType dtype : {f32, f64}) {
    manual_seed(3);
    const nn::TransformerEncoder model({.dim = 64,
                                        .heads = 4,
                                        .kv_heads = 2,
                                        .feed_forward = 160,
                                        .causal = true,
                                        .window = 50,
                                        .rotary = Rotary::split_half,
                                        .layers = 2,
                                        .dtype = dtype});
    const nn::Sequence x = random_sequence(g, {200, 7, 130, 90}, 64, dtype);
    const NamedParams params = nn::parameters(model);
    std::vector<std::vector<Tensor>> results;
    for (const int count : {1, 2, 3}) {
      const Threads on(count);
      results.push_back(gradients_of([&] { return sum(square(model(x).rows)); }, params));
      nn::TransformerEncoder::State state;
      results.back().push_back(model.prefill(x, state).rows.value());
      results.back().push_back(model.step(random({4, 64}, 4, dtype), state).value());
    }
    for (const std::size_t i : {1, 2})
      for (std::size_t k = 0; k < results[0].size(); ++k)
        CHECK(distance(results[i][k], results[0][k]) == 0);
  }
}

TEST_CASE("NaN or infinity in one sequence never reaches another") {
  Generator g(3);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()})
    for (const TransformerOptions& o : small()) {
      const nn::TransformerEncoder model(o);
      const nn::TransformerDecoder decoder(o);
      nn::Sequence x = random_sequence(g, {60, 3, 50}, 4);
      const Tensor clean = model(x).rows.value(), written = decoder(x, x).rows.value();
      Tensor rows = x.rows.value().clone();
      rows.set({x.layout.row(0, 1), 2}, bad);
      x.rows = rows;
      Tape tape;
      const Var watched = tape.watch(rows);
      const nn::Sequence in(watched, x.layout), y = model(in), z = decoder(in, in);
      const Tensor d = tape.backward(sum(square(y.rows)) + sum(square(z.rows)))[watched];
      CHECK(!all_finite(y.at(0).value()));
      for (const Index b : {1, 2}) {
        const IndexTensor of = x.layout.rows_of(b);
        CHECK(distance(y.at(b).value(), index_select(clean, 0, of)) == 0);
        CHECK(distance(z.at(b).value(), index_select(written, 0, of)) == 0);
        CHECK(all_finite(index_select(d, 0, of)));
      }
      if (!o.causal) continue;
      const NoGrad unrecorded;
      nn::TransformerEncoder::State state, other;
      model.prefill(x, state);
      model.prefill(nn::Sequence::from({x.at(1), x.at(2)}), other);
      const Tensor next = random({3, 4}, 5);
      CHECK(distance(model.step(next, state).value().narrow(0, 1, 2),
                     model.step(next.narrow(0, 1, 2), other).value()) < 1e-14);
    }
}

TEST_CASE("dropout changes values in training only, and differently each time") {
  manual_seed(5);
  nn::TransformerEncoder model(
      {.dim = 8, .heads = 2, .dropout = 0.3, .causal = true, .dtype = f64});
  Generator g(6);
  const nn::Sequence x = random_sequence(g, {4, 2}, 8);
  const Tensor plain = model(x).rows.value();
  CHECK(distance(model(x).rows.value(), plain) == 0);
  const Training on;
  CHECK(distance(model(x).rows.value(), plain) > 0.01);
  CHECK(distance(model(x).rows.value(), model(x).rows.value()) > 0.01);
  nn::TransformerEncoder::State state;  // dropout of the parts around attention only
  CHECK(all_finite(model.prefill(x, state).rows.value()));
}

TEST_CASE("sequences of one step, and padded calls without sequences, are right") {
  const nn::TransformerEncoder model(
      {.dim = 4, .heads = 2, .rotary = Rotary::split_half, .dtype = f64});
  const Tensor x = random({3, 4}, 7);
  const nn::Sequence one(x, SequenceLayout({1, 1, 1}));
  // A single key has all the weight: attention returns its value.
  const nn::TransformerEncoderLayer& layer = model.layers[0];
  const nn::MultiHeadAttention& mha = layer.self_attn;
  const Var values = narrow(mha.query_key_value(x), 1, 8, 4);
  CHECK(distance(mha(one).rows.value(), mha.out(values).value()) < 1e-14);
  const Tensor none = Tensor::zeros({0, 3, 4}, f64);
  CHECK(mha(none, none, none).out.shape() == Shape({0, 3, 4}));
  CHECK(mha.cache(0, 5).size() == 0);
}

TEST_CASE("memory of a stream does not grow, and with a window it has no end") {
  for (const Index window : {0, 16}) {
    const nn::TransformerEncoder model({.dim = 8,
                                        .heads = 2,
                                        .causal = true,
                                        .window = window,
                                        .rotary = Rotary::split_half,
                                        .capacity = 700});
    nn::TransformerEncoder::State state;
    const Tensor x = random({2, 8}, 8, f32);
    for (Index t = 0; t < 20; ++t) model.step(x, state);
    memory::reset_peak();
    const Index before = memory::stats().in_use, calls = memory::stats().system_calls;
    for (Index t = 20; t < (window > 0 ? 5000 : 700); ++t) model.step(x, state);
    CHECK(memory::stats().in_use == before);
    // A step's weights grow with the number of keys it sees, not with the steps.
    if (memory::caching() && window > 0) CHECK(memory::stats().system_calls == calls);
  }
}

TEST_CASE("training memory grows in proportion to time, not to its square") {
  const nn::TransformerEncoder model({.dim = 8, .heads = 2, .causal = true});
  const auto peak_of = [&](Index steps) {
    const nn::Sequence x(random({steps, 8}, 9, f32), SequenceLayout({steps}));
    memory::reset_peak();
    const Index before = memory::stats().in_use;
    Tape tape;
    (void)tape.backward(sum(square(model(x).rows)));
    return static_cast<double>(memory::stats().peak - before);
  };
  peak_of(512);
  CHECK(peak_of(4096) < 1.3 * 8 * peak_of(512));
}

TEST_CASE("a decoder-only model learns to copy ids from a distance, which takes attention") {
  manual_seed(10);
  // The second half of a sequence repeats the first.
  const Index vocab = 6, half = 5, batch = 16;
  CopyModel model;
  optim::Adam adam(nn::parameters(model), {.lr = 3e-3});
  Generator g(11);
  double last = 0;
  for (int step = 0; step < 150; ++step) {
    std::vector<Index> ids;  // [B, 2 half]
    for (Index b = 0; b < batch; ++b) {
      const IndexTensor own = g.integers({half}, 0, vocab);
      for (int copy = 0; copy < 2; ++copy) ids.insert(ids.end(), own.begin(), own.end());
    }
    const IndexTensor all(ids, {batch, 2 * half});
    const nn::Tokens x = nn::Tokens::from(all.narrow(1, 0, 2 * half - 1));
    IndexTensor y = all.narrow(1, 1, 2 * half - 1);
    std::vector<Index> wanted(y.begin(), y.end());
    for (Index i = 0; i < y.numel(); ++i)
      if (i % (2 * half - 1) < half - 1) wanted[static_cast<std::size_t>(i)] = -100;
    const IndexTensor target = nn::Tokens::from(IndexTensor(wanted, y.shape())).ids;
    Tape tape;
    const Var loss = nn::cross_entropy(model.head(model.gpt(model.embed(x))).rows, target);
    last = loss.item();
    adam.step(tape.backward(loss));
  }
  CHECK(last < 0.1);  // guessing: log 6 = 1.8
}
