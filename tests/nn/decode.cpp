// Greedy decoding and beam search, compared with loops and exhaustive search over a law that gives
// the logits after any history.
#include "decoders.h"

#include <unroll/tensor/memory.h>

#include <algorithm>
#include <map>

using namespace unroll;

namespace {

constexpr Index kEos = 1;

double penalised(double log_probability, std::size_t length, double penalty) {
  return length == 0 ? 0 : log_probability / std::pow(static_cast<double>(length), penalty);
}

// Every sequence that ends with <eos> within `limit` ids, or has `limit` ids; best first.
std::vector<nn::Decoded> exhaustive(const Law& law, Index first, Index limit, double penalty) {
  std::vector<nn::Decoded> all;
  const std::function<void(Ids, double)> visit = [&](const Ids& ids, double log_p) {
    Ids history{first};
    history.insert(history.end(), ids.begin(), ids.end());
    const std::vector<double> next = law.log_probabilities(history);
    for (Index id = 0; id < law.vocab; ++id) {
      const double now = log_p + next[id];
      Ids longer = ids;
      longer.push_back(id);
      const double score = penalised(now, longer.size(), penalty);
      if (id == kEos) {
        all.push_back({.ids = ids, .log_probability = now, .score = score, .ended = true});
      } else if (static_cast<Index>(longer.size()) == limit) {
        all.push_back({.ids = longer, .log_probability = now, .score = score});
      } else {
        visit(longer, now);
      }
    }
  };
  visit({}, 0);
  std::stable_sort(all.begin(), all.end(),
                   [](const nn::Decoded& a, const nn::Decoded& b) { return a.score > b.score; });
  return all;
}

// Beam search of the textbook: it always goes on to the limit.
std::vector<nn::Decoded> plain_beam_search(const Law& law, Index first, const nn::BeamOptions& o) {
  std::vector<nn::Decoded> running{{}}, found;
  for (Index t = 1; t <= o.max_length; ++t) {
    std::vector<nn::Decoded> all;
    for (const nn::Decoded& h : running) {
      Ids history{first};
      history.insert(history.end(), h.ids.begin(), h.ids.end());
      const std::vector<double> next = law.log_probabilities(history);
      for (Index id = 0; id < law.vocab; ++id) {
        nn::Decoded longer = h;
        longer.ids.push_back(id);
        longer.log_probability += next[id];
        longer.score = penalised(longer.log_probability, longer.ids.size(), o.length_penalty);
        all.push_back(longer);
      }
    }
    const auto better = [](const auto& a, const auto& b) { return a.score > b.score; };
    std::stable_sort(all.begin(), all.end(), better);
    all.resize(std::min(all.size(), static_cast<std::size_t>(o.beams)));
    running.clear();
    for (nn::Decoded& h : all) {
      h.ended = h.ids.back() == o.eos;
      if (h.ended) h.ids.pop_back();
      (h.ended || t == o.max_length ? found : running).push_back(h);
    }
    std::stable_sort(found.begin(), found.end(), better);
  }
  found.resize(std::min(found.size(), static_cast<std::size_t>(o.results)));
  return found;
}

void check_same(const nn::Decoded& a, const nn::Decoded& b, double tolerance = 1e-12) {
  CHECK(a.ids == b.ids);
  CHECK(a.ended == b.ended);
  CHECK(a.log_probability == doctest::Approx(b.log_probability).epsilon(tolerance));
  CHECK(a.score == doctest::Approx(b.score).epsilon(tolerance));
}

void check_same(const std::vector<nn::Decoded>& a, const std::vector<nn::Decoded>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) check_same(a[i], b[i]);
}

}  // namespace

TEST_CASE("greedy takes the most probable id of each step, of equal ones the lowest") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const HistoryDecoder decoder{{.seed = seed, .vocab = 5, .levels = seed % 3 ? 1000 : 2}};
    nn::Decoded expected;
    for (Ids history{0}; static_cast<Index>(expected.ids.size()) < 9 && !expected.ended;) {
      const std::vector<double> log_p = decoder.law.log_probabilities(history);
      const auto best = std::max_element(log_p.begin(), log_p.end());
      history.push_back(best - log_p.begin());
      expected.log_probability += *best;
      expected.ended = history.back() == kEos;
      if (!expected.ended) expected.ids.push_back(history.back());
    }
    expected.score = expected.log_probability;
    CAPTURE(seed);
    check_same(nn::greedy(decoder, {}, starts(1), {.eos = kEos, .max_length = 9}), {expected});
  }
}

TEST_CASE("beam search with one beam equals greedy") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const HistoryDecoder decoder{{.seed = seed, .vocab = 4, .levels = seed % 2 ? 1000 : 3}};
    for (bool early : {false, true})
      for (double penalty : {0.0, 1.0}) {
        const auto found = nn::beam_search(decoder, HistoryDecoder::State(), starts(3, 2),
                                           {.eos = kEos,
                                            .max_length = 8,
                                            .beams = 1,
                                            .length_penalty = penalty,
                                            .early_stopping = early});
        const auto best = nn::greedy(decoder, HistoryDecoder::State(), starts(3, 2),
                                     {.eos = kEos, .max_length = 8});
        CAPTURE(seed);
        for (std::size_t b = 0; b < 3; ++b) {
          REQUIRE(found[b].size() == 1);
          CHECK(found[b][0].ids == best[b].ids);
          CHECK(found[b][0].ended == best[b].ended);
          CHECK(found[b][0].log_probability == best[b].log_probability);
        }
      }
  }
}

TEST_CASE("beam search with enough beams equals exhaustive search") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    for (double penalty : {0.0, 0.6, 1.0, 2.0}) {
      const HistoryDecoder decoder{{.seed = seed, .vocab = 3}};
      const nn::BeamOptions options{
          .eos = kEos, .max_length = 4, .beams = 81, .results = 81, .length_penalty = penalty};
      CAPTURE(seed);
      CAPTURE(penalty);
      const auto all = exhaustive(decoder.law, 0, 4, penalty);
      check_same(nn::beam_search(decoder, HistoryDecoder::State(), starts(1), options)[0], all);
      nn::BeamOptions one = options;
      one.results = 1;
      check_same(nn::beam_search(decoder, HistoryDecoder::State(), starts(1), one)[0], {all[0]});
    }
}

TEST_CASE("a search that ends before the limit finds what one that goes on to the limit finds") {
  Index steps = 0, searches = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    for (double penalty : {0.0, 0.7, 1.5})
      for (Index results : {Index{1}, Index{3}}) {
        const HistoryDecoder decoder{{.seed = seed, .vocab = 6, .levels = seed % 4 ? 1000 : 4}};
        const nn::BeamOptions options{.eos = kEos,
                                      .max_length = 12,
                                      .beams = 3,
                                      .results = results,
                                      .length_penalty = penalty};
        CAPTURE(seed);
        CAPTURE(penalty);
        CAPTURE(results);
        check_same(nn::beam_search(decoder, HistoryDecoder::State(), starts(1), options)[0],
                   plain_beam_search(decoder.law, 0, options));
        steps += decoder.steps, ++searches;
      }
  CHECK(steps < 11 * searches);  // many do end before
}

namespace {
// Says "b" with certainty 0.5, then a sure <eos>; or "a", and then sure ids up to the limit.
struct LateWinner {
  struct State {
    IndexTensor before;  // [B] the id read before
  };
  mutable Index steps = 0;
  nn::DecoderStep<State> step(const IndexTensor& ids, const State&) const {
    ++steps;
    std::vector<double> logits;
    for (Index id : ids)  // <sos> 0, <eos> 1, a 2, b 3
      for (double p : id == 0   ? std::vector<double>{0, 0, 0.4, 0.6}
                      : id == 2 ? std::vector<double>{0, 0.1, 0.9, 0}
                                : std::vector<double>{0, 1, 0, 0})
        logits.push_back(std::log(p));
    return {Tensor::from(logits, {ids.numel(), 4}), {ids}};
  }
};
}  // namespace

TEST_CASE("with a length penalty a late hypothesis wins, unless the search stops early") {
  const LateWinner decoder;
  nn::BeamOptions options{.eos = kEos, .max_length = 20, .beams = 2, .length_penalty = 1};
  const nn::Decoded best = nn::beam_search(decoder, LateWinner::State(), starts(1), options)[0][0];
  CHECK(best.ids == Ids(20, 2));
  CHECK(best.score == doctest::Approx((std::log(0.4) + 19 * std::log(0.9)) / 20));
  CHECK(decoder.steps == 20);
  options.early_stopping = true, decoder.steps = 0;
  const nn::Decoded early = nn::beam_search(decoder, LateWinner::State(), starts(1), options)[0][0];
  CHECK(early.ids == Ids{3});
  CHECK(early.score == doctest::Approx(std::log(0.6) / 2));
  CHECK(decoder.steps == 3);  // two hypotheses have ended: b and a
  // Without a penalty, the probability of what runs on cannot grow again.
  options = {.eos = kEos, .max_length = 20, .beams = 2};
  decoder.steps = 0;
  CHECK(nn::beam_search(decoder, LateWinner::State(), starts(1), options)[0][0].ids == Ids{3});
  CHECK(decoder.steps == 2);
}

TEST_CASE("a batch of searches equals each search alone") {
  const HistoryDecoder decoder{{.seed = 5, .vocab = 6}};
  const IndexTensor first = IndexTensor::of({0, 2, 3, 4, 5, 2});
  const nn::BeamOptions options{
      .eos = kEos, .max_length = 9, .beams = 4, .results = 4, .length_penalty = 0.5};
  const auto together = nn::beam_search(decoder, HistoryDecoder::State(), first, options);
  const auto greedily =
      nn::greedy(decoder, HistoryDecoder::State(), first, {.eos = kEos, .max_length = 9});
  for (Index b = 0; b < first.numel(); ++b) {
    CAPTURE(b);
    const IndexTensor one = starts(1, first[b]);
    check_same(together[b], nn::beam_search(decoder, HistoryDecoder::State(), one, options)[0]);
    check_same(greedily[b], nn::greedy(decoder, HistoryDecoder::State(), one,
                                       {.eos = kEos, .max_length = 9})[0]);
  }
}

TEST_CASE("ended sequences are no longer computed") {
  const HistoryDecoder decoder{{.seed = 8, .vocab = 3}};
  const IndexTensor first = IndexTensor::of({0, 2, 0, 2});
  const auto out = nn::greedy(decoder, HistoryDecoder::State(), first, {.eos = kEos});
  std::size_t steps = 0;
  for (const nn::Decoded& each : out) steps += each.ids.size() + (each.ended ? 1 : 0);
  CHECK(decoder.rows == static_cast<Index>(steps));
}

TEST_CASE("a sequence may end at once, and at the limit") {
  struct Fixed {
    double end = 0;
    std::pair<Var, int> step(const IndexTensor& ids, int) const {
      Tensor logits = Tensor::zeros({ids.numel(), 3});
      for (Index b = 0; b < ids.numel(); ++b) logits.set({b, kEos}, end);
      return {logits, 0};
    }
  };
  const auto both = [](const Fixed& decoder, Index limit) {
    const nn::Decoded a = nn::greedy(decoder, 0, starts(1), {.eos = kEos, .max_length = limit})[0];
    check_same(a, nn::beam_search(decoder, 0, starts(1),
                                  {.eos = kEos, .max_length = limit, .beams = 1})[0][0]);
    return a;
  };
  const nn::Decoded at_once = both(Fixed{5}, 10);
  CHECK(at_once.ids.empty());
  CHECK(at_once.ended);
  CHECK(at_once.log_probability == doctest::Approx(5 - std::log(std::exp(5) + 2)));
  const nn::Decoded long_one = both(Fixed{-5}, 10);
  CHECK(long_one.ids == Ids(10, 0));
  CHECK(!long_one.ended);
  CHECK(both(Fixed{-5}, 1).ids == Ids{0});
  const nn::Decoded none = both(Fixed{-5}, 0);
  CHECK(none.ids.empty());
  CHECK(!none.ended);
  CHECK(none.score == 0);
  // Without <eos>, no id ends a sequence.
  CHECK(nn::greedy(Fixed{5}, 0, starts(2), {.max_length = 4})[1].ids == Ids(4, kEos));
}

TEST_CASE("decoding takes no more memory after a thousand steps than after ten") {
  struct Recurrent {
    nn::Embedding embed{{.vocab = 50, .dim = 16}};
    nn::LSTM lstm{{.in = 16, .hidden = 32, .layers = 2}};
    nn::Linear head{{.in = 32, .out = 50}};
    using State = std::vector<nn::LSTM::State>;
    mutable std::vector<memory::Stats> seen;
    nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
      seen.push_back(memory::stats());
      const Var h = lstm.step(embed(ids), state);
      return {head(h), std::move(state)};
    }
  };
  manual_seed(3);
  const Recurrent model;
  const auto check_flat = [&](const char* what) {
    CAPTURE(what);
    REQUIRE(model.seen.size() == 1000);
    CHECK(model.seen[999].in_use == model.seen[10].in_use);
    if (memory::caching()) CHECK(model.seen[999].system_calls == model.seen[10].system_calls);
    model.seen.clear();
  };
  (void)nn::greedy(model, Recurrent::State(), starts(3), {.max_length = 1000});
  check_flat("greedy");
  (void)nn::sample(model, Recurrent::State(), starts(3), {.max_length = 1000, .top_p = 0.9});
  check_flat("sample");
  (void)nn::beam_search(model, Recurrent::State(), starts(3), {.max_length = 1000, .beams = 4});
  check_flat("beam_search");
}
