// Alignment, time warping and n-grams beside searches through everything.
#include "examples/speech/alignment.h"
#include "examples/speech/augment.h"
#include "examples/speech/decode.h"
#include "examples/speech/endpoints.h"
#include "examples/speech/warping.h"

#include <unroll/autograd/ops.h>

#include "tests/examples/speech/sounds.h"

#include <functional>

using namespace speech;

namespace {

// All paths of `steps` symbols in [0, known).
void for_each_path(Index steps, Index known,
                   const std::function<void(const std::vector<Index>&)>& use) {
  std::vector<Index> path(static_cast<std::size_t>(steps), 0);
  for (;;) {
    use(path);
    std::size_t at = 0;
    while (at < path.size() && ++path[at] == known) path[at++] = 0;
    if (at == path.size()) return;
  }
}

std::vector<Index> collapsed(const std::vector<Index>& path) {
  std::vector<Index> out;
  for (std::size_t t = 0; t < path.size(); ++t)
    if (path[t] != 0 && (t == 0 || path[t] != path[t - 1])) out.push_back(path[t]);
  return out;
}

Track random_track(Index rows, unroll::Generator& random) {
  Track out(static_cast<std::size_t>(rows));
  for (auto& row : out)
    for (float& x : row) x = static_cast<float>(random.uniform());
  return out;
}

// The cost of the best path from the beginnings to row i of a and row j of b, tried one by one.
double warped(const Track& a, const Track& b, std::size_t i, std::size_t j) {
  double square = 0;
  for (std::size_t k = 0; k < a[i].size(); ++k) {
    const auto d = static_cast<double>(a[i][k]) - static_cast<double>(b[j][k]);
    square += d * d;
  }
  double before = i == 0 && j == 0 ? 0 : INFINITY;
  if (i > 0) before = std::min(before, warped(a, b, i - 1, j));
  if (j > 0) before = std::min(before, warped(a, b, i, j - 1));
  if (i > 0 && j > 0) before = std::min(before, warped(a, b, i - 1, j - 1));
  return before + std::sqrt(square);
}

}  // namespace

TEST_CASE("the alignment of letters is the best of all paths that read as them") {
  unroll::Generator random(1);
  const Index known = 3;
  for (const std::vector<Index>& symbols :
       {std::vector<Index>{1}, {2, 1}, {1, 1}, {1, 2, 1}, {2, 2, 2}})
    for (Index steps = 1; steps <= 6; ++steps) {
      const unroll::Tensor logits = random.normal({steps, known}, 0, 2);
      const std::vector<double> log_p =
          log_softmax(unroll::Var(logits)).value().to_vector<double>();
      const auto score_of = [&](const std::vector<Index>& path) {
        double sum = 0;
        for (std::size_t t = 0; t < path.size(); ++t)
          sum += log_p[t * static_cast<std::size_t>(known) + static_cast<std::size_t>(path[t])];
        return sum;
      };
      double best = -INFINITY;
      for_each_path(steps, known, [&](const std::vector<Index>& path) {
        if (collapsed(path) == symbols) best = std::max(best, score_of(path));
      });
      const std::vector<Index> found = align(logits, symbols);
      CHECK(found.empty() == std::isinf(best));
      if (found.empty()) continue;
      std::vector<Index> path;
      for (const Index letter : found)
        path.push_back(letter < 0 ? 0 : symbols[static_cast<std::size_t>(letter)]);
      CHECK(collapsed(path) == symbols);
      CHECK(score_of(path) == doctest::Approx(best));
    }
}

TEST_CASE("time warping finds the best of all paths, and gives up only above the limit") {
  unroll::Generator random(2);
  for (int trial = 0; trial < 20; ++trial) {
    const Track a = random_track(1 + random.below(6), random),
                b = random_track(1 + random.below(6), random);
    const double all =
        warped(a, b, a.size() - 1, b.size() - 1) / static_cast<double>(a.size() + b.size());
    CHECK(warped_distance(a, b, INFINITY) == doctest::Approx(all).epsilon(1e-5));
    CHECK(warped_distance(a, b, all * 1.01) == doctest::Approx(all).epsilon(1e-5));
    CHECK(std::isinf(warped_distance(a, b, all * 0.5)));
    CHECK(warped_distance(a, a, INFINITY) == 0);
  }
}

TEST_CASE("the nearest neighbour of a slower copy of a word is that word") {
  Words known;
  for (const std::string label : {"abc", "cba", "bad"})
    known.push_back({label, "s", label, trimmed(tones(label))});
  const NearestNeighbour nearest(known);
  CHECK(nearest.size() == 3);
  for (const std::string label : {"abc", "cba", "bad"}) {
    Sound slow = silence(0.1);
    for (const char c : label) slow = slow + tone(300 * std::pow(1.7, c - 'a'), 0.17);
    CHECK(nearest({label, "t", label, trimmed(slow)}) == label);
  }
}

TEST_CASE("n-gram probabilities sum to one, and prefer what was counted") {
  const std::vector<Counted> labels{{{1, 2, 3}}, {{1, 2, 1}, 3}, {{3, 1}}};
  for (Index order = 1; order <= 4; ++order) {
    const NGrams ngrams(labels, order, 5);
    for (const std::vector<Index>& prefix :
         {std::vector<Index>{}, {1}, {1, 2}, {4, 4}, {1, 2, 3, 1, 2}, {3, 3, 3, 3}}) {
      double sum = 0;
      for (Index next = 1; next <= ngrams.end(); ++next)
        sum += std::exp(ngrams.log_p(prefix, next));
      CHECK(sum == doctest::Approx(1));
    }
    if (order > 1) {
      CHECK(ngrams.log_p(std::vector<Index>{1}, 2) > ngrams.log_p(std::vector<Index>{1}, 3));
      CHECK(ngrams.log_p({}, 1) > ngrams.log_p({}, 2));  // labels begin so
      CHECK(ngrams.log_p({}, ngrams.end()) < ngrams.log_p(std::vector<Index>{3}, ngrams.end()));
    }
  }
}

TEST_CASE("a language model decides between letters that sound alike") {
  const Words words{{"ab", "", "", {}}, {"cd", "", "", {}}};
  const Letters letters(words);
  const std::vector<Index> ab = *letters.encode("ab");
  std::vector<float> rows;  // "a" for certain, then "b" or, by a little, "d"
  const auto row = [&](const std::string& likely, const std::string& second) {
    std::vector<float> one(static_cast<std::size_t>(letters.symbols()), 0.0F);
    one[static_cast<std::size_t>((*letters.encode(likely))[0])] = 6;
    if (!second.empty()) one[static_cast<std::size_t>((*letters.encode(second))[0])] = 5.8F;
    rows.insert(rows.end(), one.begin(), one.end());
  };
  row("a", ""), row("d", "b");
  const Tensor logits = Tensor::from(rows, {2, letters.symbols()});
  CHECK(Decoder(letters, {.decoder = "greedy"}, {})(logits).text == "ad");
  CHECK(Decoder(letters, {.order = 0}, {})(logits).text == "ad");
  const Heard heard =
      Decoder(letters, {.order = 2, .weight = 1}, {{ab}, {*letters.encode("cd")}})(logits);
  CHECK(heard.text == "ab");
  CHECK(heard.probability > 0.3);
  CHECK(heard.probability < 0.5);
}

TEST_CASE("errors are counted in letters, not bytes") {
  const Accuracy a = accuracy_of({"하나", "셋", ""}, {"하나", "넷", "다섯"});
  CHECK(a.words == doctest::Approx(1.0 / 3));
  CHECK(a.character_errors == doctest::Approx(3.0 / 5));
  CHECK(a.right == std::vector<bool>{true, false, false});
}

TEST_CASE("varied recordings differ in length and loudness, and stay sound") {
  unroll::Generator random(3);
  const Samples word = trimmed(tones("abcd"));
  std::size_t shortest = word.size(), longest = 0;
  for (int i = 0; i < 50; ++i) {
    const Samples other = varied(word, random);
    shortest = std::min(shortest, other.size()), longest = std::max(longest, other.size());
    for (const float x : other) CHECK(std::abs(x) < 2);
  }
  CHECK(shortest < word.size() * 9 / 10);
  CHECK(longest > word.size());
  for (const std::size_t size : {1u, 2u, 100u, 3000u}) varied(Samples(size, 0.1F), random);
  const Frames frames = log_mel(word);
  const std::vector<float> mean(kBands, 0.0F);
  std::size_t fewest = frames.size(), most = 0;
  for (int i = 0; i < 50; ++i) {
    const Frames other = varied(frames, mean, random);
    fewest = std::min(fewest, other.size()), most = std::max(most, other.size());
    for (const Frame& frame : other)
      for (const float x : frame.mel) CHECK((x >= silent_mel() && x < 12));
  }
  CHECK(fewest < frames.size() * 9 / 10);
  CHECK(most > frames.size() * 11 / 10);
}
