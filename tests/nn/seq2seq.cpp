// Sequence to sequence: teacher forcing equals single steps, ragged equals one by one, derivatives,
// and what is refused.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/mode.h>
#include <unroll/nn/init.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/seq2seq.h>

#include <cmath>
#include <numeric>

using namespace unroll;

namespace {

using Ids = std::vector<std::vector<Index>>;

constexpr Index kSource = 7, kTarget = 5, kSos = 0;

Ids random_ids(Generator& g, Index batch, Index longest, Index vocab) {
  Ids out;
  for (Index length : random_lengths(g, batch, longest)) {
    const IndexTensor ids = g.integers({length}, 0, vocab);
    out.emplace_back(ids.begin(), ids.end());
  }
  return out;
}

nn::Tokens tokens(const Ids& ids) { return nn::Tokens::from(ids); }

// A small model of f64. Encoder: GRU, two layers, both directions.
template <class Cell = nn::GRUCell>
nn::Seq2Seq<nn::GRUCell, Cell> small(nn::AttentionScore score, bool input_feeding,
                                     Index layers = 1) {
  typename nn::Recurrent<Cell>::Options decoder;
  decoder.hidden = 6;
  decoder.layers = layers;
  return nn::Seq2Seq<nn::GRUCell, Cell>(
      {.source_vocab = kSource,
       .target_vocab = kTarget,
       .sos = kSos,
       .embed = 4,
       .encoder = {.hidden = 3, .layers = 2, .bidirectional = true},
       .decoder = decoder,
       .score = score,
       .input_feeding = input_feeding,
       .dtype = f64});
}

// Calls f(model) for each score, with and without input feeding.
template <class F>
void each_model(F f) {
  for (const nn::AttentionScore score :
       {nn::AttentionScore::additive, nn::AttentionScore::dot, nn::AttentionScore::general})
    for (const bool input_feeding : {false, true}) {
      CAPTURE(static_cast<int>(score));
      CAPTURE(input_feeding);
      f(small(score, input_feeding));
    }
}

// log p of each target, from the logits of teacher forcing.
template <class Model>
std::vector<double> taught_log_p(const Model& model, const Ids& sources, const Ids& targets) {
  const nn::Tokens target = tokens(targets);
  const nn::Sequence logits = model(tokens(sources), target);
  const Tensor log_p = log_softmax(logits.rows).value();
  std::vector<double> out;
  for (Index b = 0; b < target.size(); ++b) {
    double sum = 0;
    const IndexTensor rows = target.layout.rows_of(b);
    for (std::size_t t = 0; t < targets[b].size(); ++t)
      sum += log_p.at({rows[static_cast<Index>(t)], targets[b][t]});
    out.push_back(sum);
  }
  return out;
}

// The same by single steps.
template <class Model>
double stepped_log_p(const Model& model, const std::vector<Index>& source,
                     const std::vector<Index>& target) {
  auto state = model.encode(Ids{source});
  Index last = kSos;
  double sum = 0;
  for (const Index id : target) {
    auto step = model.step(IndexTensor::of({last}), std::move(state));
    sum += log_softmax(step.logits).value().at({0, id});
    state = std::move(step.state);
    last = id;
  }
  return sum;
}

}  // namespace

TEST_CASE("the log-probability of teacher forcing is the sum of the steps' log-probabilities") {
  Generator g(1);
  each_model([&](const auto& model) {
    for (int round = 0; round < 3; ++round) {
      const Ids sources = random_ids(g, 5, 8, kSource), targets = random_ids(g, 5, 6, kTarget);
      const std::vector<double> taught = taught_log_p(model, sources, targets);
      for (std::size_t b = 0; b < sources.size(); ++b)
        CHECK(taught[b] ==
              doctest::Approx(stepped_log_p(model, sources[b], targets[b])).epsilon(1e-12));
    }
  });
}

TEST_CASE("decoders of any cell and number of layers: teacher forcing equals single steps") {
  Generator g(2);
  const Ids sources = random_ids(g, 4, 8, kSource), targets = random_ids(g, 4, 6, kTarget);
  const auto check = [&](const auto& model) {
    const std::vector<double> taught = taught_log_p(model, sources, targets);
    for (std::size_t b = 0; b < sources.size(); ++b)
      CHECK(taught[b] ==
            doctest::Approx(stepped_log_p(model, sources[b], targets[b])).epsilon(1e-12));
  };
  for (const bool input_feeding : {false, true})
    for (const Index layers : {1, 2}) {
      check(small<nn::LSTMCell>(nn::AttentionScore::additive, input_feeding, layers));
      check(small<nn::RNNCell>(nn::AttentionScore::dot, input_feeding, layers));
      check(small<nn::GRUCell>(nn::AttentionScore::general, input_feeding, layers));
    }
}

namespace {

// A cell of a user's own, in plain ops, with two parts of different sizes.
struct OwnCell {
  struct Options {
    Index in = 0, hidden = 0;
  };
  struct State {
    Var h, sum;  // [B, H], [B, 1]
  };
  Param u, w;  // [D, H], [H, H]
  UNROLL_FIELDS(u, w)
  explicit OwnCell(const Options& o)
      : u(nn::xavier_uniform({o.in, o.hidden}, 1, {.dtype = f64})),
        w(nn::xavier_uniform({o.hidden, o.hidden}, 1, {.dtype = f64})) {}
  Var project(const Var& x) const { return matmul(x, u); }
  State step(const Var& px, const State& s) const {
    const Var h = tanh(px + matmul(s.h, w) + s.sum);
    return {h, s.sum * 0.5 + mean(h, {1}, {.keepdim = true})};
  }
  State initial(Index batch) const {
    return {Tensor::zeros({batch, output_size()}, f64), Tensor::zeros({batch, 1}, f64)};
  }
  Index output_size() const { return w.shape()[0]; }
};

}  // namespace

TEST_CASE("encoder and decoder may be cells of one's own: teacher forcing equals single steps") {
  Generator g(12);
  const Ids sources = random_ids(g, 4, 8, kSource), targets = random_ids(g, 4, 6, kTarget);
  for (const bool input_feeding : {false, true}) {
    const nn::Seq2Seq<OwnCell> model(
        {.source_vocab = kSource,
         .target_vocab = kTarget,
         .sos = kSos,
         .embed = 4,
         .encoder = {.cell = {.hidden = 5}, .layers = 2, .bidirectional = true},
         .decoder = {.cell = {.hidden = 6}, .layers = 2},
         .input_feeding = input_feeding,
         .dtype = f64});
    CHECK(nn::parameters(model).size() == 24);
    const std::vector<double> taught = taught_log_p(model, sources, targets);
    for (std::size_t b = 0; b < sources.size(); ++b)
      CHECK(taught[b] ==
            doctest::Approx(stepped_log_p(model, sources[b], targets[b])).epsilon(1e-12));
  }
}

TEST_CASE("a ragged batch of sources and targets equals each pair alone, gradients too") {
  Generator g(3);
  each_model([&](const auto& model) {
    const Ids sources = random_ids(g, 6, 8, kSource), targets = random_ids(g, 6, 6, kTarget);
    const NamedParams params = nn::parameters(model);
    const auto loss_of = [&](const Ids& s, const Ids& t) {
      const nn::Tokens target = tokens(t);
      return nn::cross_entropy(model(tokens(s), target).rows, target.ids,
                               {.reduction = Reduction::sum});
    };
    const std::vector<Tensor> together =
        gradients_of([&] { return loss_of(sources, targets); }, params);
    std::vector<Tensor> alone;
    double sum_of_losses = 0;
    for (std::size_t b = 0; b < sources.size(); ++b) {
      const Ids s{sources[b]}, t{targets[b]};
      sum_of_losses += loss_of(s, t).item();
      const std::vector<Tensor> one = gradients_of([&] { return loss_of(s, t); }, params);
      for (std::size_t i = 0; i < one.size(); ++i)
        b == 0 ? alone.push_back(one[i].clone()) : void(alone[i] = add(alone[i], one[i]));
      const nn::TeacherForced batch = model.teacher_forced(tokens(sources), tokens(targets)),
                              single = model.teacher_forced(tokens(s), tokens(t));
      const Index at = static_cast<Index>(b);
      CHECK(distance(batch.logits.at(at).value(), single.logits.rows.value()) < 1e-13);
      CHECK(distance(batch.weights_of(at), single.weights_of(0)) < 1e-13);
    }
    CHECK(loss_of(sources, targets).item() == doctest::Approx(sum_of_losses).epsilon(1e-12));
    for (std::size_t i = 0; i < params.size(); ++i) {
      CAPTURE(params[i].name);
      CHECK(distance(together[i], alone[i]) < 1e-11);
    }
  });
}

TEST_CASE("a permuted batch of pairs gives permuted results") {
  Generator g(4);
  each_model([&](const auto& model) {
    const Ids sources = random_ids(g, 7, 8, kSource), targets = random_ids(g, 7, 6, kTarget);
    const std::vector<Index> order = g.permutation(7);
    Ids s, t;
    for (const Index b : order) s.push_back(sources[b]), t.push_back(targets[b]);
    const nn::TeacherForced a = model.teacher_forced(tokens(sources), tokens(targets)),
                            b = model.teacher_forced(tokens(s), tokens(t));
    for (Index i = 0; i < 7; ++i) {
      CHECK(distance(a.logits.at(order[i]).value(), b.logits.at(i).value()) < 1e-13);
      CHECK(distance(a.weights_of(order[i]), b.weights_of(i)) < 1e-13);
    }
  });
}

TEST_CASE("the rows of a state may attend to any sources: reordered and repeated") {
  Generator g(5);
  each_model([&](const auto& model) {
    const Ids sources = random_ids(g, 3, 8, kSource);
    auto state = model.encode(sources);
    const IndexTensor rows = IndexTensor::of({2, 0, 0, 2}), ids = IndexTensor::of({1, 2, 3, 1});
    for (auto& layer : state.layers)
      nn::each_part(layer, [&](Var& part) { part = index_select(part, 0, rows); });
    if (state.fed) state.fed = index_select(*state.fed, 0, rows);
    state.source_of = rows;
    const auto many = model.step(ids, state);
    REQUIRE(many.attention.size(0) == 4);
    for (Index r = 0; r < 4; ++r) {
      const auto one = model.step(IndexTensor::of({ids[r]}), model.encode(Ids{sources[rows[r]]}));
      CHECK(distance(many.logits.value().narrow(0, r, 1), one.logits.value()) < 1e-13);
      const Index length = static_cast<Index>(sources[rows[r]].size());
      const Tensor weights = many.attention.value().narrow(0, r, 1);
      CHECK(distance(weights.narrow(1, 0, length), one.attention.value()) < 1e-13);
      CHECK(sum(weights).item() == doctest::Approx(1));
    }
  });
}

namespace {
void check_equal(const nn::Decoded& a, const nn::Decoded& b) {
  CHECK(a.ids == b.ids);
  CHECK(a.ended == b.ended);
  CHECK(a.log_probability == doctest::Approx(b.log_probability).epsilon(1e-12));
}
}  // namespace

TEST_CASE("greedy decoding equals beam search of width 1") {
  Generator g(10);
  each_model([&](const auto& model) {
    const auto state = model.encode(random_ids(g, 6, 8, kSource));
    const auto greedy = nn::greedy(model, state, model.first(6), {.eos = 1, .max_length = 12});
    const auto beam =
        nn::beam_search(model, state, model.first(6), {.eos = 1, .max_length = 12, .beams = 1});
    for (std::size_t b = 0; b < 6; ++b) check_equal(greedy[b], beam[b][0]);
  });
}

TEST_CASE("decoding a ragged batch equals each source alone, the attention weights too") {
  Generator g(11);
  each_model([&](const auto& model) {
    const Ids sources = random_ids(g, 5, 8, kSource);
    const nn::BeamOptions options{.eos = 1, .max_length = 10, .beams = 3, .results = 3};
    const auto together = nn::beam_search(model, model.encode(sources), model.first(5), options);
    for (std::size_t b = 0; b < sources.size(); ++b) {
      const auto alone =
          nn::beam_search(model, model.encode(Ids{sources[b]}), model.first(1), options)[0];
      REQUIRE(together[b].size() == alone.size());
      for (std::size_t rank = 0; rank < alone.size(); ++rank) {
        check_equal(together[b][rank], alone[rank]);
        std::vector<Index> target = alone[rank].ids;  // as teacher forcing has it
        if (alone[rank].ended) target.push_back(1);
        CHECK(alone[rank].log_probability ==
              doctest::Approx(taught_log_p(model, {sources[b]}, {target})[0]).epsilon(1e-12));
        if (alone[rank].ids.empty()) continue;  // only <eos>: no weights
        const Tensor &wide = together[b][rank].attention, &own = alone[rank].attention;
        REQUIRE(own.size(0) == static_cast<Index>(alone[rank].ids.size()));
        CHECK(distance(wide.narrow(1, 0, own.size(1)), own) < 1e-13);
      }
    }
  });
}

TEST_CASE("the derivatives of a sequence to sequence loss agree with finite differences") {
  Generator g(6);
  const Ids sources{{1, 4}, {3}, {2, 2, 6}}, targets{{2, 1}, {4, 3, 1}, {1}};
  const nn::Tokens source = tokens(sources), target = tokens(targets);
  each_model([&](const auto& model) {
    const auto result =
        gradcheck_params([&] { return nn::cross_entropy(model(source, target).rows, target.ids); },
                         nn::parameters(model), {.tolerance = 1e-5});
    CHECK_MESSAGE(result, result.message);
  });
}

TEST_CASE("second derivatives of the attentions of a decoder agree with finite differences") {
  const SequenceLayout layout({2, 1, 3});
  for (const nn::AttentionScore score :
       {nn::AttentionScore::additive, nn::AttentionScore::dot, nn::AttentionScore::general}) {
    const nn::MemoryAttention attention({.score = score, .query = 3, .key = 3, .dtype = f64});
    const RowGroups rows(IndexTensor::of({3, 1, 0, 2}), {0, 2, 3, 4});
    const Function f = [&](const std::vector<Var>& v) {
      const auto memory = attention.prepare(nn::Sequence(v[1], layout));
      const auto out = attention(v[0], memory, rows);
      return sum(square(out.out)) + sum(square(out.weights));
    };
    const std::vector<Tensor> at{random({4, 3}, 1), random({6, 3}, 2)};
    const auto first = gradcheck(f, at), second = gradgradcheck(f, at);
    CHECK_MESSAGE(first, first.message);
    CHECK_MESSAGE(second, second.message);
  }
}

TEST_CASE("dot attention is its formula, sequence by sequence") {
  const SequenceLayout layout({2, 1, 4});
  const nn::Sequence keys(random({7, 3}, 1), layout);
  const Tensor query = random({3, 5}, 2);
  const nn::DotAttention general({.query = 5, .key = 3, .dtype = f64});
  const auto a = general(query, keys);
  const nn::Sequence weights(a.weights, layout);
  for (Index b = 0; b < 3; ++b) {
    const Var logits = matmul(matmul(keys.at(b), general.wk->weight), query.select(0, b));
    const Var w = softmax(logits);
    CHECK(distance(weights.at(b).value(), w.value()) < 1e-14);
    CHECK(distance(a.out.value().select(0, b), matmul(w, keys.at(b)).value()) < 1e-13);
  }
  const nn::DotAttention dot({.query = 3, .key = 3, .general = false, .dtype = f64});
  CHECK(nn::parameters(dot).empty());
  CHECK(distance(dot(query.narrow(1, 0, 3), keys).out.value(),
                 memory_attention(query.narrow(1, 0, 3), keys.rows, keys.rows, Var(),
                                  {RowGroups::equal(3, 1), RowGroups::of(layout)})
                     .out.value()) < 1e-14);
}

TEST_CASE("scheduled sampling: 0 is teacher forcing, and 1 reads what the model itself wrote") {
  Generator g(7);
  for (const bool input_feeding : {false, true}) {
    const auto model = small(nn::AttentionScore::additive, input_feeding);
    const nn::Tokens source = tokens(random_ids(g, 6, 8, kSource)),
                     target = tokens(random_ids(g, 6, 9, kTarget));
    const auto logits = [&](double sampling, std::uint64_t seed) {
      Generator own(seed);
      return model(source, target, {.sampling = sampling, .generator = &own}).rows.value();
    };
    CHECK(distance(logits(0, 1), model(source, target).rows.value()) == 0);
    CHECK(distance(logits(0.5, 1), logits(0.5, 1)) == 0);
    CHECK(distance(logits(0.5, 1), logits(0.5, 2)) > 0);
    // With a probability of 1 the targets do not matter, but for their number.
    const nn::Tokens others(IndexTensor::full({target.layout.rows()}, 2), target.layout);
    Generator one(3), two(3);
    CHECK(distance(model(source, target, {.sampling = 1, .generator = &one}).rows.value(),
                   model(source, others, {.sampling = 1, .generator = &two}).rows.value()) == 0);
    // Almost never: the step-by-step form of teacher forcing.
    CHECK(distance(logits(1e-300, 1), logits(0, 1)) < 1e-13);
  }
}

TEST_CASE("scheduled sampling draws as often as asked for, from the model's distribution") {
  Generator g(8);
  const Index n = 20000;
  const Tensor logits = expand(Var(Tensor::of({0, 1, 2}, f64)), {n, 3}).value();
  const IndexTensor ids = IndexTensor::full({n}, 5);
  const IndexTensor mixed = nn::mixed_with_samples(ids, logits, {0.3, &g});
  const Tensor p = softmax(Tensor::of({0, 1, 2}, f64));
  for (Index id = 0; id < 3; ++id) {
    const double expected = 0.3 * p.at({id});
    const double share =
        static_cast<double>(std::count(mixed.begin(), mixed.end(), id)) / static_cast<double>(n);
    CHECK(std::abs(share - expected) < 5 * std::sqrt(expected / static_cast<double>(n)));
  }
}

TEST_CASE("no padding is touched: a long sequence in the batch changes nothing for the others") {
  Generator g(9);
  each_model([&](const auto& model) {
    const Ids sources{{1, 2}, {3}}, targets{{1}, {2, 3}};
    Ids longer = sources, more = targets;
    longer.push_back(std::vector<Index>(300, 4));
    more.push_back(std::vector<Index>(100, 4));
    const nn::TeacherForced a = model.teacher_forced(tokens(sources), tokens(targets)),
                            b = model.teacher_forced(tokens(longer), tokens(more));
    CHECK(b.logits.rows.size(0) == 103);                // one row per id
    CHECK(b.weights.numel() == 2 + 2 * 1 + 100 * 300);  // one weight per pair
    for (Index i = 0; i < 2; ++i)
      CHECK(distance(a.logits.at(i).value(), b.logits.at(i).value()) < 1e-14);
  });
}

TEST_CASE("dropout acts in training only") {
  const nn::Seq2Seq<nn::LSTMCell> model({.source_vocab = kSource,
                                         .target_vocab = kTarget,
                                         .sos = kSos,
                                         .encoder = {.hidden = 4, .layers = 2, .dropout = 0.5},
                                         .decoder = {.hidden = 4, .layers = 2, .dropout = 0.5},
                                         .dropout = 0.5});
  const nn::Tokens source = tokens({{1, 2, 3}}), target = tokens({{1, 2, 3}});
  const auto logits = [&] { return model(source, target).rows.value(); };
  const Tensor off = logits();
  CHECK(distance(off, logits()) == 0);
  const Training on;
  const Tensor a = logits();
  CHECK(distance(off, a) > 0);
  CHECK(distance(logits(), a) > 0);
}

TEST_CASE("an empty source is refused by a sentence, as is what does not fit") {
  const auto model = small(nn::AttentionScore::additive, false);
  check_refused(
      [&] {
        model.encode(Ids{{1, 2}, {}});
      },
      "Seq2Seq: sources of at least one id were required, since the decoder must attend "
      "to something: source 1 is empty");
  check_refused([&] { model.encode(Ids{}); }, "Seq2Seq: at least one source was required");
  check_refused([&] { tokens({{1}, {}}); }, "got 0 for sequence 1");
  check_refused([&] { model.encode(nn::Tokens()); }, "Seq2Seq: sources were required");
  check_refused(
      [&] {
        model(tokens({{1}}), tokens({{1}, {2}}));
      },
      "one target for each source was required: got 1 sources and 2 targets");
  check_refused([&] { model(tokens({{1}}), tokens({{1}}), {.sampling = 1.5}); },
                "a probability of .sampling in [0, 1] was required: got 1.5");
  check_refused([&] { model(tokens({{kSource}}), tokens({{1}})); }, "7");
  check_refused(
      [&] {
        model.step(IndexTensor::of({1, 2}), model.encode(Ids{{1}}));
      },
      "Seq2Seq: an id for each of 1 rows of the state was required: got [2]");
  check_refused([&] { model.step(IndexTensor::of({1}), {}); },
                "Seq2Seq: a state from encode() of this model was required");
  using Model = nn::Seq2Seq<nn::GRUCell>;
  Model::Options o{
      .source_vocab = 5, .target_vocab = 5, .encoder = {.hidden = 3}, .decoder = {.hidden = 3}};
  check_refused([&] { Model{o}; }, "Seq2Seq: .sos, the id of the target vocabulary");
  o.sos = 0;
  CHECK_NOTHROW(Model{o});
  const auto with = [&](auto change) {
    Model::Options changed = o;
    change(changed);
    return message_of([&] { Model{changed}; });
  };
  check_says(with([](auto& x) { x.decoder.bidirectional = true; }),
             "Seq2Seq: a decoder of one direction was required");
  check_says(with([](auto& x) { x.decoder.learned_state = true; }), "without .learned_state");
  check_says(with([](auto& x) { x.encoder.in = 9; }),
             "Seq2Seq: no .in of the encoder was required (the model sets it to 64): got 9");
  check_says(with([](auto& x) { x.score = nn::AttentionScore::dot, x.encoder.hidden = 4; }),
             "DotAttention: sizes of at least 1, and equal ones unless .general");
  check_says(with([](auto& x) { x.dropout = 1; }), "a probability in [0, 1) was required");
}
