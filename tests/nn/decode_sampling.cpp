// Sampling: the distribution that is drawn from, and the draws.
#include "decoders.h"

#include <algorithm>
#include <map>

using namespace unroll;

namespace {

constexpr Index kEos = 1;

// The definition: sort, cut, divide.
std::vector<double> restricted(const std::vector<double>& logits, const nn::SampleOptions& o) {
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<std::pair<double, Index>> sorted;
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i)
    sorted.emplace_back(-std::exp((logits[i] - top) / o.temperature), static_cast<Index>(i));
  std::sort(sorted.begin(), sorted.end());  // by probability, then by id
  if (o.top_k > 0) sorted.resize(std::min(sorted.size(), static_cast<std::size_t>(o.top_k)));
  for (const auto& [p, id] : sorted) sum -= p;
  double reached = 0, kept = 0;
  std::vector<double> out(logits.size(), 0.0);
  for (const auto& [p, id] : sorted) {
    if (o.top_p < 1 && reached >= o.top_p * sum) break;
    reached -= p, kept -= p;
    out[static_cast<std::size_t>(id)] = -p;
  }
  for (double& p : out) p /= kept;
  return out;
}

struct Constant {
  std::vector<double> logits;
  nn::DecoderStep<int> step(const IndexTensor& ids, int) const {
    const auto n = static_cast<Index>(logits.size());
    return {Tensor::from(logits, {1, n}).expand({ids.numel(), n}), 0};
  }
};

}  // namespace

TEST_CASE("top_k and top_p exclude exactly the ids they should") {
  Generator g(1);
  for (int round = 0; round < 300; ++round) {
    const Index n = 1 + g.below(12), levels = round % 3 ? 1000 : 3;  // few levels: many ties
    std::vector<double> logits;
    for (Index i = 0; i < n; ++i)
      logits.push_back(6.0 * static_cast<double>(g.below(levels)) / static_cast<double>(levels));
    const nn::SampleOptions options{.temperature = 0.3 + 2 * g.uniform(),
                                    .top_k = g.below(n + 2),
                                    .top_p = g.below(3) == 0 ? 1.0 : 0.001 + 0.99 * g.uniform()};
    const std::vector<double> expected = restricted(logits, options);
    for (DType dtype : {f32, f64}) {
      const Tensor p = nn::sampling_probabilities(Tensor::from(logits, {1, n}, dtype), options);
      CHECK(p.dtype() == dtype);
      for (Index i = 0; i < n; ++i) {
        CHECK((p.at({0, i}) == 0) == (expected[i] == 0));
        CHECK(p.at({0, i}) == doctest::Approx(expected[i]).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("top_p keeps the id that reaches the sum, also if the sum is rounded") {
  const auto kept = [](double top_p) {
    std::vector<double> logits;
    for (double p : {0.125, 0.5, 0.25, 0.125}) logits.push_back(std::log(p));
    const Tensor p =
        nn::sampling_probabilities(Tensor::from(logits, {1, 4}, f32), {.top_p = top_p});
    Ids ids;
    for (Index i = 0; i < 4; ++i)
      if (p.at({0, i}) > 0) ids.push_back(i);
    return ids;
  };
  CHECK(kept(1e-9) == Ids{1});
  CHECK(kept(0.5) == Ids{1});
  CHECK(kept(0.51) == Ids{1, 2});
  CHECK(kept(0.75) == Ids{1, 2});
  CHECK(kept(0.76) == Ids{0, 1, 2});
  CHECK(kept(0.875) == Ids{0, 1, 2});
  CHECK(kept(0.9) == Ids{0, 1, 2, 3});
  CHECK(kept(1) == Ids{0, 1, 2, 3});
}

TEST_CASE("temperatures flatten and sharpen, up to their limits") {
  const Tensor logits = Tensor::of({{1, 2, 4}, {-3e38, 0, 3e38}, {0, -1e30, 0}});
  const Tensor cold = nn::sampling_probabilities(logits, {.temperature = 1e-6});
  CHECK(distance(cold, Tensor::of({{0, 0, 1}, {0, 0, 1}, {0.5, 0, 0.5}})) == 0);
  const Tensor hot = nn::sampling_probabilities(logits.narrow(0, 0, 1), {.temperature = 1e6});
  CHECK(distance(hot, Tensor::full({1, 3}, 1.0 / 3)) < 1e-5);
  const Tensor warm = nn::sampling_probabilities(logits, {.temperature = 2});
  CHECK(distance(warm.narrow(0, 0, 1), softmax(logits.narrow(0, 0, 1) / 2.0)) < 1e-6);
  // An impossible id stays impossible at any temperature.
  const double inf = std::numeric_limits<double>::infinity();
  for (double temperature : {1e-6, 1.0, 1e6})
    CHECK(nn::sampling_probabilities(Tensor::of({{-inf, 0}}), {.temperature = temperature})
              .at({0, 0}) == 0);
}

TEST_CASE("ids are drawn as often as their probabilities say") {
  const Constant decoder{{0.5, -1, 2, 1, 0}};
  const nn::SampleOptions options{
      .max_length = 20000, .temperature = 1.5, .top_k = 4, .top_p = 0.9};
  Generator g(11);
  const nn::Decoded out = nn::sample(decoder, 0, starts(1), options, g)[0];
  std::map<Index, double> count;
  for (Index id : out.ids) count[id] += 1;
  const Tensor p = nn::sampling_probabilities(Tensor::from(decoder.logits, {1, 5}, f32), options);
  double expected = 0;  // log-probability according to the model, not to what is drawn from
  for (Index id = 0; id < 5; ++id) {
    const double share = p.at({0, id});
    CHECK(std::abs(count[id] - 20000 * share) <= 4 * std::sqrt(20000 * share * (1 - share)));
    expected += count[id] * log_softmax(Tensor::from(decoder.logits, {5}, f64)).at({id});
  }
  CHECK(out.log_probability == doctest::Approx(expected).epsilon(1e-6));
}

TEST_CASE("a cold sample, and one from the most probable id only, equal greedy") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const HistoryDecoder decoder{{.seed = seed, .vocab = 5}};
    const auto best = nn::greedy(decoder, {}, starts(3), {.eos = kEos, .max_length = 9});
    for (nn::SampleOptions o :
         {nn::SampleOptions{.temperature = 1e-6}, {.top_k = 1}, {.top_p = 1e-9}}) {
      o.eos = kEos, o.max_length = 9;
      const auto out = nn::sample(decoder, {}, starts(3), o);
      for (std::size_t b = 0; b < 3; ++b) {
        CHECK(out[b].ids == best[b].ids);
        CHECK(out[b].ended == best[b].ended);
        CHECK(out[b].score == best[b].score);
      }
    }
  }
}

TEST_CASE("a sequence is sampled alike alone, in a batch, and again from the same seed") {
  const HistoryDecoder decoder{{.seed = 3, .vocab = 6}};
  const nn::SampleOptions options{.eos = kEos, .max_length = 30, .temperature = 2};
  Generator g(7), same(7), other(8);
  const auto batch = nn::sample(decoder, {}, starts(5, 2), options, g);
  const auto again = nn::sample(decoder, {}, starts(5, 2), options, same);
  CHECK(g.position() == same.position());
  bool different = false;
  Generator alone(7);
  for (std::size_t b = 0; b < 5; ++b) {
    CHECK(batch[b].ids == again[b].ids);
    CHECK(batch[b].ids == nn::sample(decoder, {}, starts(1, 2), options, alone)[0].ids);
    different = different || batch[b].ids != batch[0].ids;
  }
  CHECK(different);
  CHECK(nn::sample(decoder, {}, starts(5, 2), options, other)[0].ids != batch[0].ids);
  // Without a generator, that of the thread is used.
  manual_seed(7);
  CHECK(nn::sample(decoder, {}, starts(1, 2), options)[0].ids == batch[0].ids);
}

TEST_CASE("sampling options that do not fit are refused") {
  const auto probabilities = [](const nn::SampleOptions& o) {
    (void)nn::sampling_probabilities(Tensor::zeros({1, 3}), o);
  };
  for (double t : {0.0, -1.0, 1e-7, 1e7, std::nan("")})
    check_refused([&] { probabilities({.temperature = t}); },
                  "sample: a temperature in [1e-06, 1000000] was required");
  check_refused([&] { probabilities({.top_k = -1}); }, "or 0 for all ids, was required: got -1");
  for (double p : {0.0, -0.1, 1.1, std::nan("")})
    check_refused([&] { probabilities({.top_p = p}); }, "sample: a top_p in (0, 1] was required");
  check_refused([] { (void)nn::sample(HistoryDecoder{}, {}, starts(1), {.temperature = 0}); },
                "greedy() is the limit at 0");
  check_refused([] { (void)nn::sampling_probabilities(Tensor::zeros({3}), {}); },
                "sampling_probabilities: logits [B, V] were required: got [3]");
  check_refused([] { (void)nn::sampling_probabilities(Tensor(), {}); }, "a value was required");
  check_refused(
      [] {
        (void)nn::sampling_probabilities(Tensor::of({{0, 1}, {0, std::nan("")}}), {});
      },
      "got NaN in row 1");
}
