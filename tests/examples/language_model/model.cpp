// The network: its evaluation in parallel streams, the chunks it is trained on, and what it writes.
#include "examples/language_model/fit.h"
#include "examples/language_model/generate.h"
#include "tests/support.h"

#include <numeric>

using namespace language_model;
using unroll::check_refused;

namespace {

Ids random_ids(Index count, Index vocab, std::uint64_t seed) {
  const unroll::IndexTensor ids = unroll::Generator(seed).integers({count}, 0, vocab);
  return {ids.begin(), ids.end()};
}

}  // namespace

TEST_CASE("evaluation in streams equals reading the text id by id") {
  for (const std::string& kind : program::sequence_kinds()) {
    if (kind == "linear-attention") continue;  // it reads windows
    CAPTURE(kind);
    const LanguageModel model({.layer = {.kind = kind,
                                         .hidden = 8,
                                         .layers = 2,
                                         .window = kind == "transformer" ? 20 : 0},
                               .vocab = 7,
                               .dim = 4});
    const Ids ids = random_ids(700, 7, 1);  // two streams
    for (Index from : {1, 60, 130, 699}) {
      const std::vector<double> found = nats(model, ids, from);
      REQUIRE(found.size() == ids.size() - static_cast<std::size_t>(from));
      LanguageModel::State state;
      const unroll::NoGrad unrecorded;
      double worst = 0;
      for (Index i = 0; i + 1 < static_cast<Index>(ids.size()); ++i) {
        auto out = model.step(unroll::IndexTensor::of({ids[i]}), std::move(state));
        state = std::move(out.state);
        if (i + 1 < from) continue;
        const double expected = -log_softmax(out.logits.value()).at({0, ids[i + 1]});
        worst = std::max(worst, std::abs(found[i + 1 - from] - expected));
      }
      CHECK(worst < 1e-5);  // what a stream forgets of more than 128 ids before
    }
  }
}

TEST_CASE("linear attention is evaluated in windows, with at least half of one before an id") {
  const LanguageModel model(
      {.layer = {.kind = "linear-attention", .hidden = 8}, .vocab = 7, .dim = 4, .context = 10});
  const Ids ids = random_ids(400, 7, 1);
  for (Index from : {1, 3, 60, 399}) {
    const std::vector<double> found = nats(model, ids, from);
    REQUIRE(found.size() == ids.size() - static_cast<std::size_t>(from));
    for (Index t = from; t < 400; ++t) {
      // The target is at place 6 to 10 of its window, or the window begins with the text.
      const Index end = std::min<Index>(from + ((t - from) / 5 + 1) * 5, 400),
                  begin = std::max<Index>(end - 11, 0);
      const nn::Tokens x = nn::Tokens::from({Ids(ids.begin() + begin, ids.begin() + t)});
      const unroll::Tensor logits = model(x, {}).logits.value();
      const double expected =
          -log_softmax(logits).at({t - begin - 1, ids[static_cast<std::size_t>(t)]});
      CHECK(found[static_cast<std::size_t>(t - from)] == doctest::Approx(expected).epsilon(1e-4));
    }
  }
}

TEST_CASE("a tied model has one table, and the gradient reaches it from both sides") {
  const LanguageModel model({.layer = {.hidden = 6}, .vocab = 9, .dim = 6, .tied = true});
  CHECK(unroll::nn::parameter_count(nn::parameters(model)) == 9 * 6 + 9 + 4 * 6 * 6 * 2 + 4 * 6);
  const nn::Tokens x = nn::Tokens::from({{1, 2, 3}});
  unroll::Tape tape;
  const auto g =
      tape.backward(unroll::cross_entropy(model(x, {}).logits, unroll::IndexTensor::of({2, 3, 4})));
  const unroll::Tensor table = g[model.embed.weight];
  CHECK(abs(table.select(0, 8)).to_vector<double>()[0] > 0);  // an output only
}

TEST_CASE("dropout acts in training only, with one mask for all steps if it is variational") {
  for (bool variational : {false, true}) {
    const LanguageModel model(
        {.layer = {.hidden = 8}, .vocab = 5, .dim = 8, .dropout = 0.5, .variational = variational});
    const nn::Tokens x = nn::Tokens::from({{1, 1, 1, 1}});
    const unroll::Tensor a = model(x, {}).logits.value(), b = model(x, {}).logits.value();
    CHECK(unroll::distance(a, b) == 0);
    const unroll::Training training;
    const unroll::Tensor c = model(x, {}).logits.value();
    CHECK(unroll::distance(a, c) > 0);
  }
}

TEST_CASE("a budget of ids is read in equal epochs, each on from where the last one stopped") {
  const Ids ids = random_ids(1001, 5, 2);
  FitOptions o{.epochs = 3, .streams = 10, .steps = 7};
  const Chunks whole(ids, o);
  CHECK(whole.epochs() == 3);
  CHECK(whole.per_epoch() == 15);    // 100 steps of 10 streams, 7 at a time
  const Chunks by_default(ids, {});  // of a short text: 4 streams of 250 steps
  CHECK(by_default.epochs() == 10);
  CHECK(by_default.per_epoch() == 4);
  CHECK(!whole.continues(2, 0));
  CHECK(whole.continues(2, 1));
  o.budget = 22 * 70 + 5;
  const Chunks part(ids, o);
  CHECK(part.epochs() == 2);
  CHECK(part.per_epoch() == 11);
  CHECK(part.at(2, 0).ids == whole.at(1, 11).ids);
  CHECK(part.at(2, 4).ids == whole.at(1, 0).ids);  // the text begins again
  CHECK(!part.continues(2, 4));
  CHECK(part.continues(2, 5));
}

TEST_CASE("the rate of sgd is halved after each epoch but the first ones, that of adam falls") {
  const Ids ids = random_ids(1001, 5, 2);
  FitOptions o{.epochs = 7, .streams = 10, .steps = 10, .optimizer = "sgd", .lr = 1, .constant = 4};
  const Chunks chunks(ids, o);
  REQUIRE(chunks.per_epoch() == 10);
  for (const auto& [step, expected] :
       {std::pair{0, 1.0}, {39, 1.0}, {40, 0.5}, {49, 0.5}, {50, 0.25}, {69, 0.125}})
    CHECK(rate(o, chunks, step) == expected);
  o.optimizer = "adam", o.lr = 0.01;
  CHECK(rate(o, chunks, 7) == doctest::Approx(0.01));
  CHECK(rate(o, chunks, 70) == doctest::Approx(0.01 / 20));
}

TEST_CASE("what is written begins with the prompt, follows the seed and never has <unk>") {
  unroll::manual_seed(1);
  const Units units("a b c d e f\n g a b\n", {.unit = Unit::words, .max_size = 6});
  const LanguageModel model({.layer = {.hidden = 4}, .vocab = units.size(), .dim = 4});
  unroll::Generator random(1), same(1), other(2);
  const GenerateOptions options{.length = 200, .temperature = 2};
  const std::string text = continuation(model, units, "a b", options, random);
  CHECK(text.rfind("a b", 0) == 0);
  CHECK(text.find("<unk>") == std::string::npos);
  CHECK(text == continuation(model, units, "a b", options, same));
  CHECK(text != continuation(model, units, "a b", options, other));
  const std::string greedy =
      continuation(model, units, "a b", {.length = 20, .temperature = 0}, random);
  CHECK(greedy == continuation(model, units, "a b", {.length = 20, .beams = 1}, random));
  CHECK(units.encode(greedy).size() == 22);
}

TEST_CASE("a text is read alike alone and beside others, and as probable as evaluation says") {
  unroll::manual_seed(2);
  const Units units("abcdefgh\n", {});
  const LanguageModel model({.layer = {.hidden = 8, .layers = 2}, .vocab = units.size(), .dim = 4});
  const std::vector<std::string> texts{"abc", "", "hgfedcba", "x"};
  const auto all = read(model, units, texts);
  for (std::size_t b = 0; b < texts.size(); ++b) {
    const auto one = read(model, units, {texts[b]});
    CHECK(one.last[0] == all.last[static_cast<Index>(b)]);
    CHECK(one.nats[0] == doctest::Approx(all.nats[b]).epsilon(1e-5));
  }
  Ids ids{units.start()};
  for (Index id : units.encode("hgfedcba")) ids.push_back(id);
  const std::vector<double> each = nats(model, ids, 1);
  CHECK(all.nats[2] == doctest::Approx(std::accumulate(each.begin(), each.end(), 0.0)));
}
