// Decoding with models: states of every kind follow their hypotheses, scores equal teacher forcing,
// attention weights belong to the ids, and bad input is refused.
#include "decoders.h"

#include <unroll/nn/attention.h>

#include <algorithm>
#include <map>
#include <optional>

using namespace unroll;

namespace {

constexpr Index kEos = 1;

// What each row has read, kept in all the ways in which a state may be kept. Every step checks that
// all tell the same.
struct OwnRows {
  Var sums;  // [R]
  OwnRows select_rows(const IndexTensor& rows) const { return {index_select(sums, 0, rows)}; }
};
struct Everything {
  Var var;                                          // [R]
  std::vector<Tensor> tensors;                      // [R, 1]
  std::pair<IndexTensor, std::array<Var, 2>> pair;  // [R]
  std::map<std::string, Var> map;                   // [R, 1, 1]
  std::optional<Tensor> optional;                   // [R]
  nn::Sequence memory;                              // R sequences; the first row of each counts
  struct Nested {
    OwnRows own;
    Var undefined;
    double number = 7;
    std::vector<bool> flags = {true};
  } nested;
  std::shared_ptr<Tensor> shared;  // [1]: not per row
};

struct Keeper {
  Law law;
  using State = Everything;
  State initial(Index batch) const {
    const Tensor zero = Tensor::zeros({batch}, f64), column = zero.unsqueeze(1);
    std::vector<Tensor> memory;
    for (Index b = 0; b < batch; ++b) memory.push_back(Tensor::zeros({1 + b % 3, 1}, f64));
    return {.var = zero,
            .tensors = {column, column},
            .pair = {IndexTensor::full({batch}, 0), {zero, zero}},
            .map = {{"a", column.unsqueeze(2)}},
            .optional = zero,
            .memory = nn::Sequence::from(memory),
            .nested = {.own = {zero}, .undefined = {}},
            .shared = std::make_shared<Tensor>(Tensor::zeros({1}, f64))};
  }
  nn::DecoderStep<State> step(const IndexTensor& ids, State s) const {
    const Index rows = ids.numel();
    const Tensor sums = s.var.value();
    const auto check_equal = [&](const Tensor& part) {
      REQUIRE(part.numel() == rows);
      CHECK(distance(part.reshape({rows}), sums) == 0);
    };
    for (const Tensor& t : s.tensors) check_equal(t);
    check_equal(s.pair.first.to(f64));
    for (const Var& v : s.pair.second) check_equal(v.value());
    check_equal(s.map.at("a").value());
    check_equal(*s.optional);
    REQUIRE(s.memory.size() == rows);
    check_equal(s.memory.first().value());
    check_equal(s.memory.last().value());
    check_equal(s.nested.own.sums.value());
    CHECK(!s.nested.undefined.defined());
    CHECK(s.nested.number == 7);
    CHECK(s.shared->shape() == Shape({1}));
    // The number written by the ids in base 7.
    const Tensor now = sums * 7.0 + ids.to(f64), column = now.unsqueeze(1);
    std::vector<double> logits;
    for (Index r = 0; r < rows; ++r) {
      const auto each = law({static_cast<Index>(now.at({r})) % 100003});
      logits.insert(logits.end(), each.begin(), each.end());
    }
    std::vector<Tensor> memory;
    for (Index r = 0; r < rows; ++r)
      memory.push_back(Tensor::full({s.memory.layout.lengths()[r], 1}, now.at({r}), f64));
    State next = s;
    next.var = now, next.tensors = {column, column};
    next.pair = {IndexTensor::from(now), {now, now}};
    next.map["a"] = column.unsqueeze(2), next.optional = now;
    next.memory = nn::Sequence::from(memory), next.nested.own = {now};
    return {Tensor::from(logits, {rows, law.vocab}), next};
  }
};

// An LSTM that attends to a memory of the state, in f64 unless told otherwise.
struct Reader {
  nn::Embedding embed;
  nn::LSTM lstm;
  nn::Linear query, head;
  nn::Dropout dropout{{.p = 0.5}};
  Reader(Index vocab, DType dtype)
      : embed({.vocab = vocab, .dim = 5, .dtype = dtype}),
        lstm({.in = 5, .hidden = 6, .layers = 2, .dtype = dtype}),
        query({.in = 6, .out = 4, .dtype = dtype}),
        head({.in = 10, .out = vocab, .dtype = dtype}) {}
  struct State {
    std::vector<nn::LSTM::State> lstm;
    Var memory;  // [R, S, 4]
  };
  // One step: h [R, 6].
  std::pair<Var, Var> read(const Var& h, const Var& memory) const {
    const nn::Attended found = nn::scaled_dot_product_attention(
        unsqueeze(query(h), 1), memory, memory, {.weights = true});  // [R, 1, 4]
    return {head(dropout(concat({h, squeeze(found.out, 1)}, 1))) * 3.0, squeeze(found.weights, 1)};
  }
  nn::DecoderStep<State> step(const IndexTensor& ids, State s) const {
    const Var h = lstm.step(embed(ids), s.lstm);
    auto [logits, weights] = read(h, s.memory);
    return {logits, std::move(s), weights};
  }
};

// Log-probabilities and attention of given ids, all steps at once.
void check_forced(const Reader& model, const Tensor& memory, Index first, const nn::Decoded& out) {
  const Inference mode;
  Ids read{first}, target = out.ids;
  read.insert(read.end(), out.ids.begin(), out.ids.end());
  if (out.ended) {
    target.push_back(kEos);
  } else {
    read.pop_back();
  }
  const Var h = model.lstm(model.embed(nn::Tokens::from({read}))).sequence.rows;
  const auto count = static_cast<Index>(read.size());
  auto [logits, weights] = model.read(h, expand(memory, {count, memory.size(1), 4}));
  const Tensor log_p = log_softmax(logits.value());
  double sum = 0;
  for (Index t = 0; t < count; ++t) sum += log_p.at({t, target[t]});
  CHECK(out.log_probability == doctest::Approx(sum).epsilon(1e-10));
  if (out.ids.empty()) {
    CHECK(!out.attention.defined());
  } else {
    const auto length = static_cast<Index>(out.ids.size());
    CHECK(distance(out.attention, weights.value().narrow(0, 0, length)) < 1e-12);
  }
}

}  // namespace

TEST_CASE("every kind of state follows its hypothesis") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Keeper decoder{{.seed = seed, .vocab = 6}};
    const IndexTensor first = IndexTensor::of({0, 2, 3, 4});
    const auto found = nn::beam_search(decoder, decoder.initial(4), first,
                                       {.eos = kEos, .max_length = 5, .beams = 3, .results = 3});
    CHECK(found.size() == 4);
    (void)nn::greedy(decoder, decoder.initial(4), first, {.eos = kEos, .max_length = 5});
    (void)nn::sample(decoder, decoder.initial(4), first, {.eos = kEos, .max_length = 5});
  }
}

TEST_CASE("scores and attention of an LSTM equal those of reading the result at once") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    manual_seed(seed);
    const Reader model(7, f64);
    const Tensor memory = random({3, 4, 4}, seed);
    const IndexTensor first = IndexTensor::of({0, 2, 3});
    const Reader::State start{{}, memory};
    const auto found = nn::beam_search(model, start, first,
                                       {.eos = kEos, .max_length = 8, .beams = 4, .results = 4});
    const auto greedily = nn::greedy(model, start, first, {.eos = kEos, .max_length = 8});
    Generator g(seed);
    const auto sampled =
        nn::sample(model, start, first, {.eos = kEos, .max_length = 8, .temperature = 1.3}, g);
    for (Index b = 0; b < 3; ++b) {
      const Tensor own = memory.narrow(0, b, 1);
      REQUIRE(found[b].size() == 4);
      for (const nn::Decoded& each : found[b]) check_forced(model, own, first[b], each);
      CHECK(std::is_sorted(found[b].begin(), found[b].end(),
                           [](const auto& x, const auto& y) { return x.score > y.score; }));
      check_forced(model, own, first[b], greedily[b]);
      check_forced(model, own, first[b], sampled[b]);
      // Alone it finds the same.
      const Reader::State one{{}, own};
      const auto alone = nn::beam_search(model, one, starts(1, first[b]),
                                         {.eos = kEos, .max_length = 8, .beams = 4, .results = 4});
      for (std::size_t k = 0; k < 4; ++k) {
        CHECK(alone[0][k].ids == found[b][k].ids);
        CHECK(alone[0][k].score == doctest::Approx(found[b][k].score).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("a search goes on from the state after a prompt") {
  manual_seed(4);
  const Reader model(7, f32);
  const Tensor memory = random({1, 4, 4}, 9, f32);
  const nn::Decoded all =
      nn::greedy(model, Reader::State{{}, memory}, starts(1), {.max_length = 9})[0];
  Reader::State state{{}, memory};
  for (Index id : {Index{0}, all.ids[0], all.ids[1]})
    (void)model.lstm.step(model.embed(starts(1, id)), state.lstm);
  const nn::Decoded rest = nn::greedy(model, state, starts(1, all.ids[2]), {.max_length = 6})[0];
  CHECK(rest.ids == Ids(all.ids.begin() + 3, all.ids.end()));
}

TEST_CASE("decoding is inference: no dropout, and nothing is recorded") {
  manual_seed(5);
  const Reader model(7, f32);
  const Reader::State start{{}, random({2, 4, 4}, 9, f32)};
  const auto expected = nn::greedy(model, start, starts(2), {.max_length = 12});
  const Training training;
  Tape tape;
  const Index before = tape.size();
  const auto found = nn::greedy(model, start, starts(2), {.max_length = 12});
  CHECK(tape.size() == before);
  for (std::size_t b = 0; b < 2; ++b) {
    CHECK(found[b].ids == expected[b].ids);
    CHECK(found[b].log_probability == expected[b].log_probability);
  }
}

TEST_CASE("decoders that do not fit are refused") {
  struct Wrong {
    Var logits, attention = {};
    nn::DecoderStep<Var> step(const IndexTensor&, const Var& s) const {
      return {logits, s, attention};
    }
  };
  const auto run = [](const Wrong& decoder, const Var& state = {}, nn::BeamOptions o = {}) {
    o.max_length = 3;
    (void)nn::beam_search(decoder, state, starts(2), o);
  };
  const Tensor good = Tensor::zeros({2, 3});
  const auto with = [](double value) {
    Tensor t = Tensor::zeros({2, 3});
    t.set({1, 2}, value);
    return t;
  };
  const double inf = std::numeric_limits<double>::infinity();
  check_refused([&] { run({Var()}); }, "beam_search: a value was required");
  check_refused([&] { run({Tensor::zeros({2})}); },
                "beam_search: logits [2, V] were required of a step: got [2]");
  check_refused([&] { run({Tensor::zeros({3, 3})}); }, "got [3, 3]");
  check_refused([&] { run({Tensor::zeros({2, 0})}); }, "got [2, 0]");
  check_refused([&] { run({with(std::nan(""))}); }, "were required: got NaN in row 1");
  check_refused([&] { run({with(inf)}); }, "were required: got inf in row 1");
  Tensor empty = with(-inf);
  empty.set({1, 0}, -inf), empty.set({1, 1}, -inf);
  check_refused([&] { run({empty}); }, "were required: got only -inf in row 1");
  check_refused([&] { run({good}, {}, {.eos = 3}); },
                "beam_search: an eos in [0, 3) was required: got 3");
  check_refused(
      [&] {
        run({good, Tensor::zeros({3, 4})});
      },
      "beam_search: attention [2, 4] was required of a step: got [3, 4]");
  check_refused([&] { run({good, Tensor::zeros({2})}); }, "got [2]");
  check_refused(
      [&] {
        run({good}, Tensor::zeros({3, 8}));
      },
      "a state with one row for each of 2 sequences was required: got [3, 8]");
  check_refused([&] { run({good}, Tensor::scalar(1)); }, "was required: got []");
  CHECK_NOTHROW(nn::greedy(Wrong{with(-inf)}, Var(), starts(2), {.max_length = 3}));
}

TEST_CASE("options and first ids that do not fit are refused") {
  const HistoryDecoder decoder{{.vocab = 3}};
  const auto greedy = [&](const IndexTensor& first, const nn::GreedyOptions& o = {}) {
    (void)nn::greedy(decoder, {}, first, o);
  };
  const auto beams = [&](const nn::BeamOptions& o) {
    (void)nn::beam_search(decoder, {}, starts(1), o);
  };
  check_refused([&] { greedy(IndexTensor(Ids{})); },
                "greedy: the first id of each sequence, [B] with B of at least 1, was required");
  check_refused([&] { greedy(IndexTensor()); }, "was required: got none");
  check_refused([&] { greedy(IndexTensor::of({{0, 1}})); }, "was required: got [1, 2]");
  check_refused([&] { greedy(starts(1, -1)); }, "first ids of at least 0 were required: got -1");
  check_refused([&] { greedy(starts(1, 3)); }, "first ids in [0, 3) were required: got 3");
  check_refused([&] { greedy(starts(1), {.eos = -2}); }, "or -1 for none, was required: got -2");
  check_refused([&] { greedy(starts(1), {.max_length = -1}); }, "of at least 0 was required");
  check_refused([&] { beams({.beams = 0}); }, "at least one beam was required: got 0");
  check_refused([&] { beams({.beams = 2, .results = 3}); },
                "results in [1, 2], the number of beams, were required: got 3");
  check_refused([&] { beams({.results = 0}); }, "were required: got 0");
  check_refused([&] { beams({.length_penalty = -0.5}); }, "of at least 0 was required: got -0.5");
  check_refused([&] { beams({.length_penalty = std::nan("")}); }, "was required: got nan");
}
