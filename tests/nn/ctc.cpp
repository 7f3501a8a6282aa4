// Decoding of CTC's frames: greedy, and prefix beam search against all labellings.
#include "tests/golden/golden.h"
#include "tests/nn/random_sequences.h"

#include <unroll/nn/ctc.h>
#include <unroll/nn/loss.h>

#include <cmath>
#include <map>

using namespace unroll;

namespace {

// Logits that make each frame's symbol certain.
nn::Sequence certain(const std::vector<Index>& alignment, Index classes) {
  Tensor x = Tensor::zeros({std::ssize(alignment), classes});
  for (std::size_t t = 0; t < alignment.size(); ++t)
    x.set({static_cast<Index>(t), alignment[t]}, 40);
  return nn::Sequence::from({Var(x)});
}

// Every list of up to `longest` labels of 1 .. classes - 1.
std::vector<std::vector<Index>> all_labels(Index classes, Index longest) {
  std::vector<std::vector<Index>> out{{}};
  for (std::size_t i = 0; i < out.size(); ++i)
    if (std::ssize(out[i]) < longest)
      for (Index v = 1; v < classes; ++v) {
        out.push_back(out[i]);
        out.back().push_back(v);
      }
  return out;
}

using Labels = std::vector<Index>;

}  // namespace

TEST_CASE("greedy CTC decoding removes repeated symbols, then blanks") {
  CHECK(nn::ctc_greedy(certain({0, 1, 1, 0, 1, 2, 2, 0}, 3))[0] == Labels{1, 1, 2});
  CHECK(nn::ctc_greedy(certain({2, 2, 2}, 3))[0] == Labels{2});
  CHECK(nn::ctc_greedy(certain({0, 0}, 3))[0].empty());
  CHECK(nn::ctc_greedy(certain({0, 1, 1, 2, 0}, 3), {.blank = 2})[0] == Labels{0, 1, 0});
  // A batch is decoded sequence by sequence.
  Generator g(1);
  const nn::Sequence x = random_sequence(g, {4, 9, 1, 6}, 5);
  const auto all = nn::ctc_greedy(x);
  for (Index b = 0; b < x.size(); ++b)
    CHECK(all[b] == nn::ctc_greedy(nn::Sequence::from({x.at(b)}))[0]);
}

TEST_CASE("prefix beam search with enough beams finds every labelling with exactly its CTC loss") {
  Generator g(2);
  for (int trial = 0; trial < 20; ++trial) {
    const Index frames = 1 + g.below(5), classes = 2 + g.below(2);
    const nn::Sequence x = random_sequence(g, {frames}, classes);
    const auto found = nn::ctc_beam_search(x, {.beams = 400, .results = 400})[0];
    std::map<Labels, double> by_labels;
    for (std::size_t i = 0; i < found.size(); ++i) {
      by_labels[found[i].labels] = found[i].log_probability;
      if (i > 0) CHECK(found[i].score <= found[i - 1].score);
    }
    CHECK(by_labels.size() == found.size());
    double total = 0;
    std::size_t possible = 0;
    for (const Labels& labels : all_labels(classes, frames)) {
      const double loss = nn::ctc_loss(x, {labels}, {.reduction = Reduction::sum}).item();
      if (std::isinf(loss)) {
        CHECK(by_labels.count(labels) == 0);
        continue;
      }
      ++possible;
      REQUIRE(by_labels.count(labels) == 1);
      CHECK(by_labels[labels] == doctest::Approx(-loss).epsilon(1e-10));
      total += std::exp(by_labels[labels]);
    }
    CHECK(by_labels.size() == possible);
    CHECK(total == doctest::Approx(1).epsilon(1e-10));
  }
}

TEST_CASE("prefix beam search finds labels that greedy decoding misses") {
  // Frame by frame blank is most probable (0.6), but "1" has 1 - 0.36 = 0.64 of all alignments.
  const double p = std::log(0.4 / 0.6);
  const nn::Sequence x = nn::Sequence::from({Var(Tensor::of({{0, p}, {0, p}}, f64))});
  CHECK(nn::ctc_greedy(x)[0].empty());
  const auto found = nn::ctc_beam_search(x, {.beams = 4, .results = 2})[0];
  CHECK(found[0].labels == Labels{1});
  CHECK(std::exp(found[0].log_probability) == doctest::Approx(0.64));
  CHECK(std::exp(found[1].log_probability) == doctest::Approx(0.36));
}

TEST_CASE("a language model decides between labels that sound alike") {
  // Two frames: "1 2" and "1 3" are about equally probable.
  Tensor x = Tensor::full({2, 4}, -20, f64);
  x.set({0, 1}, 0), x.set({1, 2}, 0), x.set({1, 3}, 0.1);
  const nn::Sequence rows = nn::Sequence::from({Var(x)});
  CHECK(nn::ctc_beam_search(rows)[0][0].labels == Labels{1, 3});
  const nn::CTCLanguageModel prefers_two = [](std::span<const Index> prefix, Index next) {
    return !prefix.empty() && prefix.back() == 1 && next == 2 ? std::log(0.9) : std::log(0.1);
  };
  const auto found = nn::ctc_beam_search(rows, {.language_model = prefers_two})[0][0];
  CHECK(found.labels == Labels{1, 2});
  CHECK(found.score ==
        doctest::Approx(found.log_probability + std::log(0.1) + std::log(0.9)).epsilon(1e-12));
  // Its weight and a bonus for each label.
  CHECK(nn::ctc_beam_search(rows, {.language_model = prefers_two, .language_weight = 0})[0][0]
            .labels == Labels{1, 3});
  const auto with_bonus =
      nn::ctc_beam_search(rows, {.language_model = prefers_two, .label_bonus = 3})[0][0];
  CHECK(with_bonus.score == doctest::Approx(found.score + 6).epsilon(1e-12));
}

TEST_CASE("prefix beam search decodes a batch as each sequence alone, and stops where asked") {
  Generator g(3);
  const nn::Sequence x = random_sequence(g, {12, 3, 7}, 6);
  const auto all = nn::ctc_beam_search(x, {.beams = 8, .results = 3});
  for (Index b = 0; b < x.size(); ++b) {
    const auto one =
        nn::ctc_beam_search(nn::Sequence::from({x.at(b)}), {.beams = 8, .results = 3})[0];
    REQUIRE(one.size() == all[b].size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      CHECK(one[i].labels == all[b][i].labels);
      CHECK(one[i].score == all[b][i].score);
    }
  }
  // Only symbols at least as probable as the cutoff extend a prefix: here none does.
  CHECK(nn::ctc_beam_search(x, {.cutoff = 0.999})[0][0].labels.empty());
}

TEST_CASE("CTC decoding refuses options, shapes and logits that do not fit") {
  Generator g(4);
  const nn::Sequence x = random_sequence(g, {2}, 3);
  check_refused([&] { (void)nn::ctc_greedy(x, {.blank = 3}); }, "a blank in [0, 3) was required");
  check_refused([&] { (void)nn::ctc_greedy({}); }, "ctc_greedy");
  check_refused([&] { (void)nn::ctc_beam_search(x, {.beams = 0}); }, "got 0 beams and 1 results");
  check_refused([&] { (void)nn::ctc_beam_search(x, {.beams = 2, .results = 3}); },
                "got 2 beams and 3 results");
  check_refused([&] { (void)nn::ctc_beam_search(x, {.cutoff = 1}); }, "a cutoff in [0, 1)");
  nn::Sequence bad = nn::Sequence::from({Var(Tensor::of({{0, NAN, 1}}, f64))});
  check_refused([&] { (void)nn::ctc_greedy(bad); }, "below infinity were required: got nan");
  check_refused(
      [&] {
        (void)nn::ctc_beam_search(
            x, {.language_model = [](std::span<const Index>, Index) { return NAN; }});
      },
      "a score of the language model");
}

TEST_CASE("CTC loss gives PyTorch's results, values and gradients") {
  const auto cases = golden::cases("ctc");
  CHECK(cases.size() == 24);
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64}) {
      Tape tape;
      const Var x = tape.watch(c("x", dtype));  // [B, T, V]
      std::vector<std::vector<Index>> targets;
      const std::vector<Index> labels = c.integers("labels");
      std::size_t at = 0;
      for (Index count : c.integers("counts")) {
        const auto first = labels.begin() + static_cast<std::ptrdiff_t>(at);
        targets.emplace_back(first, first + count);
        at += static_cast<std::size_t>(count);
      }
      const std::string name = c.option("reduction");
      const Var loss = nn::ctc_loss(nn::Sequence::from_padded(x, c.integers("lengths")), targets,
                                    {.blank = static_cast<Index>(c.number("blank")),
                                     .zero_infinity = c.flag("zero_infinity"),
                                     .reduction = name == "mean"  ? nn::Reduction::mean
                                                  : name == "sum" ? nn::Reduction::sum
                                                                  : nn::Reduction::none});
      golden::check_gradients(c, tape.backward(golden::checked_loss(c, {{"loss", loss}})),
                              {{"x", x}});
    }
}
