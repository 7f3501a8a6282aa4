// The Transformer: a stream equals the whole sequences, ragged batches equal each sequence by
// itself, and the decoder works with nn/decode.h.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/decode.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/positions.h>
#include <unroll/nn/save.h>
#include <unroll/nn/transformer.h>
#include <unroll/tensor/memory.h>

#include <cmath>
#include <limits>

using namespace unroll;
using nn::FeedForward, nn::NormKind, nn::Rotary, nn::TransformerOptions;

namespace {

// Options that together use everything once.
std::vector<TransformerOptions> variants(DType dtype) {
  const auto with = [&](TransformerOptions o) {
    o.dim = 12, o.heads = 6, o.feed_forward = 10, o.layers = 2, o.dtype = dtype;
    return o;
  };
  return {with({}),
          with({.activation = FeedForward::relu, .norm_first = false}),
          with({.kv_heads = 2,
                .activation = FeedForward::swiglu,
                .norm = NormKind::rms,
                .rotary = Rotary::split_half,
                .bias = false}),
          with({.kv_heads = 1, .norm_first = false, .window = 3, .rotary = Rotary::interleaved}),
          with({.kv_heads = 3, .window = 1}),
          with({.window = 100, .rotary = Rotary::split_half, .final_norm = false})};
}
TransformerOptions causal(TransformerOptions o) {
  o.causal = true;
  return o;
}

// The rows of step t of each sequence of a batch of equal lengths.
Tensor step_rows(const nn::Sequence& x, Index t) {
  std::vector<Index> rows;
  for (Index b = 0; b < x.size(); ++b) rows.push_back(x.layout.row(b, t));
  return index_select(x.rows.value(), 0, IndexTensor(rows));
}

// Steps [first, first + count) of each sequence.
nn::Sequence part_of(const nn::Sequence& x, const std::vector<Index>& first,
                     const std::vector<Index>& count) {
  std::vector<Tensor> parts;
  for (Index b = 0; b < x.size(); ++b)
    parts.push_back(x.at(b).value().narrow(0, first[b], count[b]));
  return nn::Sequence::from(parts);
}

}  // namespace

TEST_CASE("a stream of steps after ragged prompts equals the whole sequences") {
  Generator g(1);
  for (const DType dtype : {f32, f64})
    for (const TransformerOptions& o : variants(dtype)) {
      CAPTURE(o.window);
      const nn::TransformerEncoder model(causal(o));
      const std::vector<Index> prompts{4, 1, 7}, zero{0, 0, 0};
      const Index more = 6;
      std::vector<Index> lengths = prompts;
      for (Index& l : lengths) l += more;
      const nn::Sequence x = random_sequence(g, lengths, o.dim, dtype), whole = model(x);
      const double tolerance = dtype == f32 ? 1e-5 : 1e-12;
      // Capacity 0: the option's, or the window. A capacity below the window is not a ring.
      for (const Index capacity : {0, 13}) {
        nn::TransformerEncoder::State state = model.initial(3, capacity);
        const nn::Sequence read = model.prefill(part_of(x, zero, prompts), state);
        for (Index b = 0; b < 3; ++b)
          CHECK(distance(read.at(b).value(), whole.at(b).value().narrow(0, 0, prompts[b])) <
                tolerance);
        CHECK(state.positions(3) == IndexTensor(prompts));
        for (Index t = 0; t < more; ++t) {
          std::vector<Tensor> in;
          for (Index b = 0; b < 3; ++b) in.push_back(x.at(b).value().select(0, prompts[b] + t));
          const Tensor y = model.step(stack(in), state).value();
          for (Index b = 0; b < 3; ++b)
            CHECK(distance(y.select(0, b), whole.at(b).value().select(0, prompts[b] + t)) <
                  tolerance);
        }
      }
      // From nothing, step by step; and in chunks of any lengths.
      const nn::Sequence same = random_sequence(g, {5, 5, 5}, o.dim, dtype);
      const nn::Sequence expected = model(same);
      nn::TransformerEncoder::State state;
      CHECK(state.positions(3) == IndexTensor::of({0, 0, 0}));
      for (Index t = 0; t < 5; ++t)
        CHECK(distance(model.step(step_rows(same, t), state).value(), step_rows(expected, t)) <
              tolerance);
      nn::TransformerEncoder::State chunks;
      std::vector<Index> at(3, 0);
      for (const std::vector<Index>& count :
           std::vector<std::vector<Index>>{{1, 4, 2}, {2, 1, 5}, {3, 2, 1}}) {
        const nn::Sequence y = model.prefill(part_of(x, at, count), chunks);
        for (Index b = 0; b < 3; ++b) {
          CHECK(distance(y.at(b).value(), whole.at(b).value().narrow(0, at[b], count[b])) <
                tolerance);
          at[b] += count[b];
        }
      }
    }
}

TEST_CASE("a ragged batch equals each sequence by itself, values and gradients") {
  Generator g(2);
  for (const bool is_causal : {false, true})
    for (const TransformerOptions& given : variants(f64)) {
      TransformerOptions o = given;
      o.causal = is_causal;
      const nn::TransformerEncoder model(o);
      const nn::Sequence x = random_sequence(g, {3, 1, 9, 4}, o.dim), y = model(x);
      const NamedParams params = nn::parameters(model);
      const Tensor weight = g.normal({o.dim}, 0, 1, f64);
      const auto loss_of = [&](const nn::Sequence& in) {
        return sum(square(model(in).rows) * weight);
      };
      const auto together = gradients_of([&] { return loss_of(x); }, params);
      const auto apart = gradients_of(
          [&] {
            Var total = Tensor::scalar(0, f64);
            for (Index b = 0; b < x.size(); ++b)
              total = total + loss_of(nn::Sequence::from({x.at(b)}));
            return total;
          },
          params);
      for (std::size_t i = 0; i < params.size(); ++i)
        CHECK(distance(together[i], apart[i]) < 1e-10 * (1 + max(abs(apart[i])).item()));
      for (Index b = 0; b < x.size(); ++b)
        CHECK(distance(y.at(b).value(), model(nn::Sequence::from({x.at(b)})).rows.value()) < 1e-12);
    }
}

TEST_CASE("a decoder's steps equal teacher forcing, for targets in any order of their sources") {
  Generator g(3);
  for (const TransformerOptions& o : variants(f64)) {
    const nn::TransformerEncoder encoder(o);
    const nn::TransformerDecoder decoder(o);
    const nn::Sequence source = encoder(random_sequence(g, {5, 2, 8}, o.dim)),
                       x = random_sequence(g, {4, 4, 4}, o.dim);
    const nn::Sequence whole = decoder(x, source);
    nn::TransformerDecoder::State state = decoder.initial(source);
    CHECK(state.positions() == IndexTensor::of({0, 0, 0}));
    for (Index t = 0; t < 2; ++t)
      CHECK(distance(decoder.step(step_rows(x, t), state).value(), step_rows(whole, t)) < 1e-12);
    CHECK(state.positions() == IndexTensor::of({2, 2, 2}));
    // From here on: rows 2, 0 and 0 again, as in beam search.
    const IndexTensor chosen = IndexTensor::of({2, 0, 0});
    for (nn::KeyValueCache& layer : state.layers) layer = layer.select_rows(chosen);
    state.source_of = chosen;  // until now row b attended to source b
    for (Index t = 2; t < 4; ++t) {
      const Tensor in = index_select(step_rows(x, t), 0, chosen);
      CHECK(distance(decoder.step(in, state).value(),
                     index_select(step_rows(whole, t), 0, chosen)) < 1e-12);
    }
  }
}

TEST_CASE("rows of a cache are selected with their lengths; rows it does not have are refused") {
  for (const Index window : {0, 3}) {
    const nn::MultiHeadAttention layer({.dim = 6,
                                        .heads = 3,
                                        .kv_heads = 1,
                                        .window = window,
                                        .rotary = Rotary::split_half,
                                        .dtype = f64});
    Generator g(4);
    const nn::Sequence prompts = random_sequence(g, {5, 1, 3}, 6);
    nn::KeyValueCache cache = layer.cache(3, 8);
    layer.prefill(prompts, cache);
    CHECK(cache.lengths() == std::vector<Index>{5, 1, 3});
    CHECK(cache.capacity() == (window > 0 ? window : 8));
    const IndexTensor rows = IndexTensor::of({2, 2, 0, 1, 2});
    nn::KeyValueCache chosen = cache.select_rows(rows);
    CHECK(chosen.lengths() == std::vector<Index>{3, 3, 5, 1, 3});
    const Tensor x = g.normal({3, 6}, 0, 1, f64);
    const Tensor y = layer.step(index_select(x, 0, rows), chosen).value();
    CHECK(distance(y, index_select(layer.step(x, cache).value(), 0, rows)) < 1e-14);
    CHECK(chosen.lengths() == std::vector<Index>{4, 4, 6, 2, 4});
    CHECK(cache.select_rows(IndexTensor(std::vector<Index>{})).size() == 0);
    CHECK_THROWS_AS(cache.select_rows(IndexTensor::of({3})), std::invalid_argument);
    CHECK_THROWS_AS(cache.select_rows(IndexTensor::of({-1})), std::invalid_argument);
    CHECK_THROWS_AS(nn::KeyValueCache().select_rows(rows), std::invalid_argument);
    CHECK_THROWS_AS(layer.cache(-1, 3), std::invalid_argument);
    // A cache of another layer.
    nn::KeyValueCache other =
        nn::MultiHeadAttention({.dim = 6, .heads = 3, .dtype = f64}).cache(3, 8);
    check_refused([&] { layer.step(x, other); }, "a cache of this layer for 3 sequences");
  }
  check_refused([] { nn::MultiHeadAttention({.dim = 4, .heads = 2}).cache(1, 0); },
                "a capacity of at least 1 (or a window), were required: got 1 and 0");
}

TEST_CASE("names of PyTorch's Transformer are mapped, and names of other parts are kept") {
  NamedTensors published;
  const std::vector<std::pair<std::string, std::string>> names{
      {"in_proj_weight", "query_key_value.weight"},
      {"encoder.layers.1.self_attn.in_proj_bias",
       "encoder.layers.1.self_attn.query_key_value.bias"},
      {"layers.0.multihead_attn.out_proj.weight", "layers.0.multihead_attn.out.weight"},
      {"layers.0.norm3.weight", "layers.0.norm3.gain"},
      {"layers.0.norm3.bias", "layers.0.norm3.bias"},
      {"norm.weight", "norm.gain"},
      {"layers.0.linear1.weight", "layers.0.linear1.weight"},
      {"prenorm.weight", "prenorm.weight"},
      {"my_in_proj_weight", "my_in_proj_weight"},
      {"embed.weight", "embed.weight"}};
  for (const auto& entry : names) published.emplace(entry.first, random({2, 3}, published.size()));
  const NamedTensors mapped = nn::transformer_tensors(published);
  CHECK(mapped.size() == names.size());
  for (const auto& entry : names) {
    REQUIRE(mapped.count(entry.second) == 1);
    CHECK(distance(mapped.at(entry.second), published.at(entry.first)) == 0);
  }
}

TEST_CASE("a layer with a window or rotary positions does not attend to a memory") {
  const nn::Sequence x(random({3, 4}, 1, f32), SequenceLayout({3}));
  check_refused([&] { (void)nn::MultiHeadAttention({.dim = 4, .window = 2}).prepare(x); },
                "without .rotary and .window was required for a memory: got one with a window");
  check_refused(
      [&] { (void)nn::MultiHeadAttention({.dim = 4, .rotary = Rotary::interleaved}).prepare(x); },
      "got one with rotary positions");
}

TEST_CASE("a copy of a state is independent of it") {
  const nn::TransformerEncoder model({.dim = 8, .heads = 2, .causal = true, .dtype = f64});
  nn::TransformerEncoder::State state = model.initial(2, 10);
  model.step(random({2, 8}, 1), state);
  nn::TransformerEncoder::State copy = state;
  const Tensor first = model.step(random({2, 8}, 2), state).value();
  model.step(random({2, 8}, 3), state);
  CHECK(distance(model.step(random({2, 8}, 2), copy).value(), first) == 0);
}

TEST_CASE("steps beyond the capacity of a cache are refused, naming it; a window has no limit") {
  const nn::TransformerEncoder model({.dim = 4, .heads = 2, .causal = true, .capacity = 3});
  nn::TransformerEncoder::State state;
  for (Index t = 0; t < 3; ++t) model.step(random({1, 4}, 1, f32), state);
  const auto refused = "at most 3 steps, the capacity of the cache, were required: got 4";
  check_refused([&] { model.step(random({1, 4}, 1, f32), state); }, refused);
  check_refused([&] { model.step(random({1, 4}, 1, f32), state); }, refused);  // unchanged
  nn::TransformerEncoder::State prompt;
  check_refused(
      [&] {
        model.prefill(nn::Sequence::from({random({4, 4}, 1, f32)}), prompt);
      },
      refused);
  const nn::TransformerEncoder window(
      {.dim = 4, .heads = 2, .causal = true, .window = 3, .capacity = 3});
  nn::TransformerEncoder::State stream;
  for (Index t = 0; t < 20; ++t)
    CHECK(all_finite(window.step(random({1, 4}, t, f32), stream).value()));
  CHECK(stream.layers[0].capacity() == 3);
  CHECK(stream.positions(1) == IndexTensor::of({20}));
}

TEST_CASE("a step with a tape, without .causal, or with another state is refused") {
  const nn::TransformerEncoder model({.dim = 4, .heads = 2, .causal = true}),
      both({.dim = 4, .heads = 2});
  const Tensor x = random({2, 4}, 1, f32);
  nn::TransformerEncoder::State state = model.initial(2);
  {
    Tape tape;
    check_refused([&] { model.step(x, state); }, "a step that is not recorded was required");
    const NoGrad unrecorded;
    model.step(x, state);
  }
  nn::TransformerEncoder::State none;
  check_refused([&] { both.step(x, none); }, ".causal = true was required");
  check_refused(
      [&] {
        model.step(random({3, 4}, 1, f32), state);
      },
      "a cache of this layer for 3 sequences was required: got one for 2");
  check_refused(
      [&] {
        model.step(random({2, 5}, 1, f32), state);
      },
      "TransformerEncoder: rows [N, 4] were required: got [2, 5]");
  nn::TransformerDecoder::State empty;
  check_refused([&] { nn::TransformerDecoder({.dim = 4}).step(x, empty); },
                "a state from initial() was required");
  check_refused([&] { nn::TransformerEncoder({.dim = 4, .heads = 3}); }, "divides by heads");
  check_refused(
      [&] { nn::TransformerEncoder({.dim = 6, .heads = 2, .rotary = Rotary::interleaved}); },
      "heads of an even size were required for rotary positions: got 3");
  check_refused([&] { nn::TransformerEncoder({.dim = 4, .layers = 0}); }, "got 0 and 1024");
  check_refused([&] { nn::TransformerEncoder({.dim = 4, .heads = 4, .kv_heads = 3}); },
                "kv_heads that divide the 4 heads were required: got 3");
}

namespace {
// A decoder-only model of ids, and one that reads a source.
struct LanguageModel {
  nn::Embedding embed{{.vocab = 7, .dim = 8, .dtype = f64}};
  nn::LearnedPositions positions{{.max_length = 20, .dim = 8, .stddev = 1, .dtype = f64}};
  nn::TransformerEncoder gpt;
  nn::Linear head{{.in = 8, .out = 7, .dtype = f64}};
  using State = nn::TransformerEncoder::State;
  Tensor logits(const nn::Tokens& ids) const {
    return head(gpt(positions(embed(ids)))).rows.value();
  }
  nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
    const Var x = positions(embed(ids), state.positions(ids.numel()));
    const Var h = gpt.step(x, state);
    return {head(h), std::move(state)};
  }
};
}  // namespace

TEST_CASE("greedy decoding and beam search with a cache give what whole passes give") {
  manual_seed(5);
  const LanguageModel model{.gpt = nn::TransformerEncoder(
                                {.dim = 8, .heads = 2, .causal = true, .layers = 2, .dtype = f64})};
  const auto found = nn::greedy(model, {}, IndexTensor::of({0, 3}), {.max_length = 8});
  for (Index b = 0; b < 2; ++b) {
    std::vector<Index> ids{b == 0 ? Index{0} : Index{3}};
    for (Index t = 0; t < 8; ++t) {
      const Tensor logits = model.logits(nn::Tokens::from({ids}));
      ids.push_back(argmax(logits.select(0, t), 0)[0]);
    }
    CHECK(found[b].ids == std::vector<Index>(ids.begin() + 1, ids.end()));
  }
  // With as many beams as there are sequences of two ids, the search is exhaustive.
  const auto best = nn::beam_search(model, {}, IndexTensor::of({2}),
                                    {.max_length = 2, .beams = 49, .results = 3})[0];
  std::vector<std::pair<double, std::vector<Index>>> all;
  for (Index a = 0; a < 7; ++a)
    for (Index b = 0; b < 7; ++b) {
      const Tensor p = log_softmax(model.logits(nn::Tokens::from({{2, a}})));
      all.emplace_back(-p.at({0, a}) - p.at({1, b}), std::vector<Index>{a, b});
    }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < best.size(); ++i) {
    CHECK(best[i].ids == all[i].second);
    CHECK(best[i].log_probability == doctest::Approx(-all[i].first).epsilon(1e-10));
  }
}
