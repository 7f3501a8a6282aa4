// CTC loss: against a sum over all alignments, against its reference in plain ops, sequence by
// sequence, and where no alignment exists.
#include "tests/nn/random_sequences.h"

#include <unroll/autograd/fused.h>
#include <unroll/nn/loss.h>

#include <cmath>

using namespace unroll;

namespace {

using Targets = std::vector<std::vector<Index>>;

// The labels of an alignment: repeated symbols and then blanks removed.
std::vector<Index> labels_of(const std::vector<Index>& alignment, Index blank) {
  std::vector<Index> out;
  for (std::size_t t = 0; t < alignment.size(); ++t)
    if (alignment[t] != blank && (t == 0 || alignment[t] != alignment[t - 1]))
      out.push_back(alignment[t]);
  return out;
}

// The sum over all V^T alignments of logits [T, V].
double by_enumeration(const Tensor& logits, const std::vector<Index>& target, Index blank) {
  const Tensor p = softmax(logits.to(f64));
  const Index frames = p.size(0), classes = p.size(1);
  std::vector<Index> alignment(static_cast<std::size_t>(frames), 0);
  double total = 0;
  for (;;) {
    if (labels_of(alignment, blank) == target) {
      double product = 1;
      for (Index t = 0; t < frames; ++t) product *= p.at({t, alignment[t]});
      total += product;
    }
    Index t = 0;
    while (t < frames && ++alignment[t] == classes) alignment[t++] = 0;
    if (t == frames) return -std::log(total);
  }
}

Targets random_targets(Generator& g, const std::vector<Index>& lengths, Index classes,
                       Index blank) {
  Targets out;
  for (Index length : lengths) {
    std::vector<Index> labels;
    for (Index i = g.below(length + 1); i > 0; --i) {
      const Index label = g.below(classes - 1);
      labels.push_back(label < blank ? label : label + 1);
    }
    out.push_back(std::move(labels));
  }
  return out;
}

struct LossAndGradient {
  Tensor loss, gradient;
};
LossAndGradient run(const nn::Sequence& x, const Targets& targets, const CTCOptions& o,
                    const Tensor& weights = {}) {
  Tape tape;
  const Var rows = tape.watch(x.rows.value());
  const Var loss = ctc_loss(rows, x.layout, targets, o);
  return {loss.value(), tape.backward(sum(weights.defined() ? loss * weights : loss))[rows]};
}

}  // namespace

TEST_CASE("CTC loss is the sum over all alignments, for any blank, length and target") {
  Generator g(1);
  for (int trial = 0; trial < 60; ++trial) {
    const Index classes = 2 + g.below(3), blank = g.below(classes);
    const auto lengths = random_lengths(g, 1 + g.below(4), 6);
    const nn::Sequence x = random_sequence(g, lengths, classes, trial % 2 ? f32 : f64);
    const Targets targets = random_targets(g, lengths, classes, blank);
    const Tensor loss =
        ctc_loss(x.rows, x.layout, targets, {.blank = blank, .reduction = Reduction::none}).value();
    for (Index b = 0; b < x.size(); ++b) {
      const double expected = by_enumeration(x.at(b).value(), targets[b], blank);
      if (std::isinf(expected)) {
        CHECK(loss.at({b}) == expected);
      } else {
        CHECK(loss.at({b}) == doctest::Approx(expected).epsilon(trial % 2 ? 1e-5 : 1e-12));
      }
    }
  }
}

TEST_CASE("CTC loss and its gradient equal the reference in plain ops, f32 and f64") {
  Generator g(2);
  for (int trial = 0; trial < 40; ++trial) {
    const DType dtype = trial % 2 ? f32 : f64;
    const Index classes = 2 + g.below(30), blank = g.below(classes);
    const auto lengths = random_lengths(g, 1 + g.below(5), 40);
    const nn::Sequence x = random_sequence(g, lengths, classes, dtype);
    const Targets targets = random_targets(g, lengths, classes, blank);
    const CTCOptions o{
        .blank = blank, .zero_infinity = trial % 3 == 0, .reduction = Reduction::none};
    const Tensor weights = g.normal({x.size()}, 0, 1, dtype);
    const LossAndGradient ours = run(x, targets, o, weights);
    const UseReference reference;
    const LossAndGradient theirs = run(x, targets, o, weights);
    const double tolerance = dtype == f32 ? 2e-5 : 1e-12;
    for (Index b = 0; b < x.size(); ++b) {
      if (std::isinf(theirs.loss.at({b}))) {
        CHECK(ours.loss.at({b}) == theirs.loss.at({b}));
      } else {
        CHECK(ours.loss.at({b}) == doctest::Approx(theirs.loss.at({b})).epsilon(tolerance));
      }
    }
    CHECK(distance(ours.gradient, theirs.gradient) < tolerance);
  }
}

TEST_CASE("the gradient of each frame of CTC loss sums to zero, also over 3,000 frames in f32") {
  Generator g(3);
  for (DType dtype : {f32, f64}) {
    const std::vector<Index> lengths{3000, 60, 1};
    nn::Sequence x = random_sequence(g, lengths, 29, dtype);
    x.rows = x.rows * 5.0;
    Targets targets = random_targets(g, {1200, 20, 1}, 29, 0);
    const Tensor gradient = run(x, targets, {.reduction = Reduction::none}).gradient;
    CHECK(max(abs(sum(gradient, 1))).item() < (dtype == f32 ? 2e-6 : 1e-14));
    CHECK(max(abs(gradient)).item() > 0.1);
  }
}

TEST_CASE("CTC loss in f32 stays close to f64, however many frames and labels there are") {
  Generator g(4);
  const nn::Sequence x = random_sequence(g, {6000}, 12, f64);
  const nn::Sequence rounded{x.rows.value().to(f32), x.layout};
  std::vector<Index> labels;  // more than 1,024
  for (Index i = 0; i < 2000; ++i) labels.push_back(1 + g.below(11));
  const LossAndGradient exact = run(x, {labels}, {}), close = run(rounded, {labels}, {});
  CHECK(std::isfinite(exact.loss.item()));
  CHECK(close.loss.item() == doctest::Approx(exact.loss.item()).epsilon(1e-6));
  CHECK(distance(close.gradient, exact.gradient) * 2000 < 1e-3);  // mean: divided by the length
}

TEST_CASE("a ragged batch gives each sequence's own CTC loss and gradient, to the bit") {
  Generator g(5);
  const auto lengths = random_lengths(g, 7, 30);
  const nn::Sequence x = random_sequence(g, lengths, 9, f32);
  const Targets targets = random_targets(g, lengths, 9, 0);
  const CTCOptions o{.zero_infinity = true, .reduction = Reduction::none};
  const LossAndGradient all = run(x, targets, o);
  const nn::Sequence gradients(all.gradient, x.layout);
  for (Index b = 0; b < x.size(); ++b) {
    const LossAndGradient one = run(nn::Sequence::from({x.at(b)}), {targets[b]}, o);
    CHECK(one.loss.at({0}) == all.loss.at({b}));
    CHECK(distance(one.gradient, gradients.at(b).value()) == 0);
  }
}

TEST_CASE("CTC loss is the same to the bit with one thread and with two") {
  Generator g(6);
  const auto lengths = random_lengths(g, 40, 80);
  const nn::Sequence x = random_sequence(g, lengths, 28, f32);
  const Targets targets = random_targets(g, lengths, 28, 0);
  const int before = threads();
  set_threads(1);
  const LossAndGradient one = run(x, targets, {.reduction = Reduction::none});
  set_threads(2);
  const LossAndGradient two = run(x, targets, {.reduction = Reduction::none});
  set_threads(before);
  CHECK(one.loss.to_vector<float>() == two.loss.to_vector<float>());
  CHECK(distance(one.gradient, two.gradient) == 0);
}

TEST_CASE("a target that does not fit has an infinite loss, or none, and no gradient: never NaN") {
  Generator g(7);
  const nn::Sequence x = random_sequence(g, {3, 3, 2, 4}, 5);
  // Equal neighbours need a blank between them.
  const Targets targets{{1, 2, 3, 4}, {1, 1, 2}, {}, {1, 1, 2}};
  for (bool zero : {false, true}) {
    const LossAndGradient out =
        run(x, targets, {.zero_infinity = zero, .reduction = Reduction::none});
    CHECK(out.loss.at({0}) == (zero ? 0 : INFINITY));
    CHECK(out.loss.at({1}) == (zero ? 0 : INFINITY));
    CHECK(std::isfinite(out.loss.at({2})));
    CHECK(std::isfinite(out.loss.at({3})));
    const nn::Sequence gradient(out.gradient, x.layout);
    CHECK(max(abs(gradient.at(0).value())).item() == 0);
    CHECK(max(abs(gradient.at(1).value())).item() == 0);
    CHECK(max(abs(gradient.at(2).value())).item() > 0);
    CHECK(all_finite(out.gradient));
  }
  CHECK(ctc_loss(x.rows, x.layout, targets, {}).item() == INFINITY);
  CHECK(std::isfinite(ctc_loss(x.rows, x.layout, targets, {.zero_infinity = true}).item()));
}

TEST_CASE("an impossible symbol leaves CTC loss to the alignments without it") {
  Tensor x = random({4, 3}, 8);
  for (Index t = 0; t < 4; ++t) x.set({t, 2}, -INFINITY);
  const SequenceLayout layout({4});
  const nn::Sequence rows(x, layout);
  const Tensor two = x.narrow(1, 0, 2).contiguous();
  const LossAndGradient with = run(rows, {{1}}, {}), without = run({two, layout}, {{1}}, {});
  CHECK(with.loss.item() == doctest::Approx(without.loss.item()).epsilon(1e-12));
  CHECK(distance(with.gradient.narrow(1, 0, 2), without.gradient) < 1e-12);
  CHECK(max(abs(with.gradient.narrow(1, 2, 1))).item() == 0);
  const LossAndGradient none = run(rows, {{2}}, {});
  CHECK(none.loss.item() == INFINITY);
  CHECK(max(abs(none.gradient)).item() == 0);
}

TEST_CASE("NaN in one sequence stays in its own CTC loss and gradient") {
  Generator g(9);
  const nn::Sequence x = random_sequence(g, {5, 7, 6}, 4);
  const Targets targets{{1, 2}, {3}, {2, 2}};
  const LossAndGradient clean = run(x, targets, {.reduction = Reduction::none});
  Tensor bad = x.rows.value().clone();
  bad.set({x.layout.row(1, 3), 2}, NAN);
  const LossAndGradient out = run({bad, x.layout}, targets, {.reduction = Reduction::none});
  CHECK(std::isnan(out.loss.at({1})));
  for (Index b : {0, 2}) {
    CHECK(out.loss.at({b}) == clean.loss.at({b}));
    const auto of = [&](const Tensor& rows) { return nn::Sequence(rows, x.layout).at(b).value(); };
    CHECK(distance(of(out.gradient), of(clean.gradient)) == 0);
  }
}

TEST_CASE("the mean of CTC losses divides each by its target's length, as PyTorch does") {
  Generator g(10);
  const nn::Sequence x = random_sequence(g, {8, 9, 4}, 5);
  const Targets targets{{1, 2, 3}, {}, {4}};
  const Tensor each = ctc_loss(x.rows, x.layout, targets, {.reduction = Reduction::none}).value();
  CHECK(nn::ctc_loss(x, targets).item() ==
        doctest::Approx((each.at({0}) / 3 + each.at({1}) + each.at({2})) / 3).epsilon(1e-12));
  CHECK(nn::ctc_loss(x, targets, {.reduction = Reduction::sum}).item() ==
        doctest::Approx(sum(each).item()).epsilon(1e-12));
}

TEST_CASE("CTC loss refuses labels and shapes that do not fit") {
  const SequenceLayout layout({3, 2});
  const Tensor x = random({5, 4}, 11);
  check_refused(
      [&] {
        (void)ctc_loss(random({4, 4}, 1), layout, {{1}, {2}});
      },
      "logits [5, V], V at least 1, were required for 2 sequences: got [4, 4]");
  check_refused([&] { (void)ctc_loss(x, layout, {{1}}); },
                "a target for each of 2 sequences was required: got 1");
  check_refused([&] { (void)ctc_loss(x, layout, {{1}, {4}}); }, "got 4 in target 1");
  check_refused([&] { (void)ctc_loss(x, layout, {{1}, {0}}); }, "other than the blank, 0");
  check_refused(
      [&] {
        (void)ctc_loss(x, layout, {{1}, {2}}, {.blank = 4});
      },
      "a blank in [0, 4) was required: got 4");
  check_refused([&] { (void)ctc_loss(Var(), layout, {{1}, {2}}); }, "ctc_loss");
}
