// Sequence and Tokens: relations over random ragged lengths, with their gradients.
#include "random_sequences.h"

#include <unroll/autograd/gradcheck.h>

#include <cmath>
#include <limits>

using namespace unroll;

namespace {

// Random sequences [L_b, ..] and the lengths.
struct Batch {
  std::vector<Tensor> parts;
  std::vector<Index> lengths;
};

Batch random_batch(Generator& g, const Shape& row) {
  Batch out;
  out.lengths = random_lengths(g, 1 + g.below(7), 6);
  for (Index length : out.lengths)
    out.parts.push_back(g.normal(row.inserted(0, length), 0, 1, f64));
  return out;
}

const Shape kRows[] = {{}, {3}, {2, 3}};

}  // namespace

TEST_CASE("at undoes from; first, last, sum and mean equal those of each sequence") {
  Generator g(1);
  for (const Shape& row : kRows)
    for (int trial = 0; trial < 20; ++trial) {
      const Batch batch = random_batch(g, row);
      const nn::Sequence x = nn::Sequence::from(batch.parts);
      CHECK(x.layout.lengths() == batch.lengths);
      CHECK(x.size() == static_cast<Index>(batch.lengths.size()));
      const Tensor first = x.first().value(), last = x.last().value(), total = x.sum().value(),
                   average = x.mean().value();
      CHECK(total.shape() == row.inserted(0, x.size()));
      for (Index b = 0; b < x.size(); ++b) {
        const Tensor& part = batch.parts[b];
        CHECK(distance(x.at(b).value(), part) == 0);
        CHECK(distance(first.select(0, b), part.select(0, 0)) == 0);
        CHECK(distance(last.select(0, b), part.select(0, -1)) == 0);
        CHECK(distance(total.select(0, b), sum(part, {0})) < 1e-13);
        CHECK(distance(average.select(0, b), mean(part, {0})) < 1e-13);
      }
    }
}

TEST_CASE("padded puts sequences first and the value behind them; from_padded undoes it") {
  Generator g(2);
  for (const Shape& row : kRows)
    for (double value : {0.0, -1.5, -std::numeric_limits<double>::infinity()}) {
      const Batch batch = random_batch(g, row);
      const nn::Sequence x = nn::Sequence::from(batch.parts);
      const Tensor grid = x.padded(value).value();
      const Index steps = *std::max_element(batch.lengths.begin(), batch.lengths.end());
      CHECK(grid.shape() == row.inserted(0, steps).inserted(0, x.size()));
      for (Index b = 0; b < x.size(); ++b) {
        const Tensor line = grid.select(0, b);
        CHECK(distance(line.narrow(0, 0, batch.lengths[b]), batch.parts[b]) == 0);
        for (Index t = batch.lengths[b]; t < steps; ++t)
          for (double v : line.select(0, t).to_vector<double>()) CHECK(v == value);
      }
      const nn::Sequence back = nn::Sequence::from_padded(grid, batch.lengths);
      CHECK(back.layout == x.layout);
      CHECK(distance(back.rows.value(), x.rows.value()) == 0);
      // Whatever stands in the padding, and however much of it there is.
      const nn::Sequence wide =
          nn::Sequence::from_padded(pad(Var(grid), 1, 0, 3, 7), batch.lengths);
      CHECK(distance(wide.rows.value(), x.rows.value()) == 0);
    }
}

TEST_CASE("derivatives of last, first, sum, mean, at and padded, to second order") {
  Generator g(3);
  const SequenceLayout layout({2, 4, 1, 4});
  const Tensor rows = g.normal({11, 2}, 0, 1, f64), grid = g.normal({4, 5, 2}, 0, 1, f64);
  const auto check_both = [](const char* name, const Function& f, const Tensor& at) {
    CAPTURE(name);
    const auto first = gradcheck(f, {at}, {.name = name}),
               second = gradgradcheck(f, {at}, {.name = name});
    CHECK_MESSAGE(first, first.message);
    CHECK_MESSAGE(second, second.message);
  };
  const auto out = [&](const char* name, const std::function<Var(const nn::Sequence&)>& f) {
    check_both(
        name,
        [&](const std::vector<Var>& in) {
          return square(f({in[0], layout}));
        },
        rows);
  };
  out("last", [](const nn::Sequence& x) { return x.last(); });
  out("first", [](const nn::Sequence& x) { return x.first(); });
  out("sum", [](const nn::Sequence& x) { return x.sum(); });
  out("mean", [](const nn::Sequence& x) { return x.mean(); });
  out("at", [](const nn::Sequence& x) { return x.at(1); });
  out("padded", [](const nn::Sequence& x) { return x.padded(0.5); });
  check_both(
      "from_padded",
      [](const std::vector<Var>& in) {
        return square(nn::Sequence::from_padded(in[0], {2, 5, 1, 4}).rows);
      },
      grid);
  Tape tape;
  const Var v = tape.watch(rows);
  CHECK(!nn::Sequence(v, layout).detach().rows.requires_grad());
}

TEST_CASE("padding has no gradient") {
  Tape tape;
  const Var grid = tape.watch(random({2, 3, 1}, 1));
  const Tensor d = tape.backward(sum(nn::Sequence::from_padded(grid, {1, 2}).rows))[grid];
  CHECK(distance(d.reshape({2, 3}), Tensor::of({{1, 0, 0}, {1, 1, 0}}, f64)) == 0);
}

TEST_CASE("Tokens are in the order of the rows of a Sequence") {
  Generator g(4);
  for (int trial = 0; trial < 20; ++trial) {
    const auto lengths = random_lengths(g, 1 + g.below(6), 7);
    std::vector<std::vector<Index>> texts;
    std::vector<Tensor> numbers;
    Index longest = 0;
    for (Index length : lengths) {
      const IndexTensor ids = g.integers({length}, 0, 50);
      texts.emplace_back(ids.begin(), ids.end());
      Tensor same = Tensor::zeros({length}, f64);
      for (Index i = 0; i < length; ++i) same.set({i}, static_cast<double>(ids[i]));
      numbers.push_back(same);
      longest = std::max(longest, length);
    }
    const nn::Tokens tokens = nn::Tokens::from(texts);
    const nn::Sequence rows = nn::Sequence::from(numbers);
    CHECK(tokens.layout == rows.layout);
    for (Index i = 0; i < tokens.ids.numel(); ++i)
      CHECK(static_cast<double>(tokens.ids[i]) == rows.rows.value().at({i}));
    std::vector<Index> grid;
    for (const auto& text : texts) {
      grid.insert(grid.end(), text.begin(), text.end());
      grid.insert(grid.end(), static_cast<std::size_t>(longest) - text.size(), -1);
    }
    const auto count = static_cast<Index>(texts.size());
    CHECK(nn::Tokens::from_padded(IndexTensor(grid, {count, longest}), lengths).ids == tokens.ids);
  }
}

TEST_CASE("rows and lengths that do not fit are refused") {
  check_refused(
      [] {
        nn::Tokens::from_padded(IndexTensor::arange(12).reshape({2, 3, 2}), {3, 1});
      },
      "from_padded: ids [B, T] were required: got [2, 3, 2]");
  check_refused([] { nn::Tokens::from_padded(IndexTensor::arange(2), {1, 1}); }, "got [2]");
  const SequenceLayout layout({2, 1});
  check_refused(
      [&] {
        nn::Sequence(Tensor::ones({4, 2}), layout);
      },
      "Sequence: one row for each of 3 steps in all was required: got [4, 2]");
  check_refused([&] { nn::Sequence(Tensor::ones({}), layout); }, "got []");
  check_refused([&] { nn::Sequence(Var(), layout); }, "Sequence: a value was required");
  check_refused([&] { nn::Sequence(Tensor::ones({3}), layout).at(2); },
                "a sequence in [0, 2) was required");
  check_refused([&] { nn::Sequence(Tensor::ones({3}), layout).at(-1); }, "got -1");
  check_refused([] { nn::Sequence::from(std::vector<Tensor>{}); },
                "at least one sequence was required");
  check_refused([] { nn::Sequence::from(std::vector<Tensor>{Tensor()}); },
                "Sequence: a value was required");
  check_refused([] { nn::Sequence::from(std::vector<Tensor>{Tensor::ones({})}); },
                "Sequence: values [L, ..] were required: got a scalar");
  check_refused(
      [] {
        nn::Sequence::from(std::vector<Tensor>{Tensor::ones({0, 2})});
      },
      "lengths of at least 1 were required: got 0 for sequence 0");
  check_refused(
      [] {
        nn::Sequence::from(std::vector<Tensor>{Tensor::ones({1, 2}), Tensor::ones({1, 3})});
      },
      "[1, 2] and [1, 3]");
  check_refused(
      [] {
        nn::Sequence::from(std::vector<Tensor>{Tensor::ones({1, 2}), Tensor::ones({1, 2}, f64)});
      },
      "f32 [1, 2] and f64 [1, 2]");
  const Tensor grid = Tensor::ones({2, 3, 4});
  check_refused([&] { nn::Sequence::from_padded(grid, {1}); },
                "from_padded: [B, T, ..] and B lengths were required: got [2, 3, 4] and 1 lengths");
  check_refused(
      [&] {
        nn::Sequence::from_padded(grid, {1, 4});
      },
      "lengths in [1, 3] were required: got 4");
  check_refused([&] { nn::Sequence::from_padded(grid, {0, 1}); }, "got 0");
  check_refused([&] { nn::Sequence::from_padded(Tensor::ones({2}), {1, 1}); }, "got [2]");
  check_refused([] { nn::Sequence::from_padded(Var(), {1}); }, "from_padded: a value was required");
  check_refused(
      [&] {
        nn::Tokens(IndexTensor({1, 2}), layout);
      },
      "Tokens: 3 ids in the order of the layout were required: got [2]");
  check_refused([] { nn::Tokens::from(std::vector<std::vector<Index>>{}); },
                "at least one sequence");
  check_refused(
      [] {
        nn::Tokens::from(std::vector<std::vector<Index>>{{1}, {}});
      },
      "got 0 for sequence 1");
  check_refused(
      [] {
        nn::Tokens::from_padded(IndexTensor({1, 2}), {1, 1});
      },
      "from_padded: [B, T, ..]");
}

TEST_CASE(
    "sequences and tokens are made from braces, from Vars, and from a batch of equal lengths") {
  Generator g(21);
  const Tensor a = g.normal({3, 2}, 0, 1, f64), b = g.normal({1, 2}, 0, 1, f64);
  const nn::Sequence pair = nn::Sequence::from({a, b});
  CHECK(pair.layout.lengths() == std::vector<Index>{3, 1});
  CHECK(distance(pair.rows.value(), nn::Sequence::from(std::vector<Tensor>{a, b}).rows.value()) ==
        0);
  CHECK(distance(nn::Sequence::from({a}).at(0).value(), a) == 0);
  {
    Tape tape;
    const Var v = tape.watch(a);
    const Gradients got = tape.backward(sum(nn::Sequence::from({v, b}).rows * 2.0));
    CHECK(distance(got[v], Tensor::full({3, 2}, 2, f64)) == 0);
  }
  for (const Shape& shape : {Shape{4, 3, 2}, Shape{1, 5, 3}, Shape{2, 1, 1}, Shape{2, 3, 2, 2}}) {
    const Tensor x = g.normal(shape, 0, 1, f64);
    const nn::Sequence batch = nn::Sequence::from(x);
    CHECK(batch.layout == SequenceLayout::equal(shape[0], shape[1]));
    for (Index i = 0; i < shape[0]; ++i) CHECK(distance(batch.at(i).value(), x.select(0, i)) == 0);
    CHECK(distance(batch.padded().value(), x) == 0);
    const auto rows = [](const auto& in) { return nn::Sequence::from(in[0]).rows * 3.0; };
    CHECK(gradcheck(rows, {x}));
  }
  check_refused([&] { (void)nn::Sequence::from(a); }, "Sequence: [B, T, ..]");
  check_refused([&] { (void)nn::Sequence::from(Tensor::zeros({2, 0, 3})); }, "at least one step");

  const nn::Tokens two = nn::Tokens::from({{1, 2, 3}, {4}});
  CHECK(two.layout.lengths() == std::vector<Index>{3, 1});
  CHECK(two.ids == IndexTensor({1, 4, 2, 3}));
  CHECK(two.size() == 2);
  CHECK(nn::Tokens::from({{7}}).ids == IndexTensor({7}));
  const std::vector<Index> one{5, 6};
  CHECK(nn::Tokens::from({one}).ids == IndexTensor({5, 6}));
  CHECK(nn::Tokens::from({one, one}).ids == IndexTensor({5, 5, 6, 6}));
  // [B, T]: the same as text by text.
  const IndexTensor ids = IndexTensor::of({{1, 2, 3}, {4, 5, 6}});
  const nn::Tokens texts = nn::Tokens::from(ids);
  CHECK(texts.ids == nn::Tokens::from({{1, 2, 3}, {4, 5, 6}}).ids);
  CHECK(texts.layout == SequenceLayout::equal(2, 3));
  check_refused([] { (void)nn::Tokens::from(IndexTensor::of({1, 2})); }, "Tokens: ids [B, T]");
  check_refused([&] { nn::Tokens(ids, SequenceLayout::equal(2, 3)); },
                "in the order of the layout were required: got [2, 3]");
}

TEST_CASE("sequences of one layout are added, subtracted, multiplied and divided row by row") {
  Generator g(22);
  for (int trial = 0; trial < 20; ++trial) {
    const auto lengths = random_lengths(g, 1 + g.below(5), 5);
    const nn::Sequence x = random_sequence(g, lengths, 3),
                       y = {g.uniform(x.rows.shape(), 1, 2, f64), SequenceLayout(lengths)};
    const Tensor a = x.rows.value(), b = y.rows.value(), bias = g.normal({3}, 0, 1, f64);
    const auto same = [&](const nn::Sequence& got, const Tensor& expected) {
      CHECK(got.layout == x.layout);
      CHECK(distance(got.rows.value(), expected) == 0);
    };
    same(x + y, a + b), same(x - y, a - b), same(x * y, a * b), same(x / y, a / b);
    same(x + 2, a + 2.0), same(x - 2, a - 2.0), same(x * 2.0, a * 2.0), same(x / 2, a / 2.0);
    same(2 + y, 2.0 + b), same(2 - y, 2.0 - b), same(2 * y, 2.0 * b), same(2 / y, 2.0 / b);
    same(x + bias, a + bias), same(bias * x, bias * a), same(-x, -a), same(x + Var(b), a + b);
    nn::Sequence z = x;
    z += y, z -= 1, z *= y, z /= 2.0;
    same(z, (a + b - 1.0) * b / 2.0);
  }
  const nn::Sequence x = random_sequence(g, {3, 1}, 2), y = random_sequence(g, {2, 2}, 2),
                     z = random_sequence(g, {2}, 2);
  check_refused([&] { (void)(x + y); },
                "add: sequences of one layout were required: got two of 2 sequences with 4 rows, "
                "whose lengths differ");
  check_refused([&] { (void)(x * z); }, "got 2 sequences with 4 rows and 1 sequences with 2 rows");
  check_refused([&] { (void)(x + Tensor::zeros({5, 4, 2}, f64)); }, "Sequence: one row for each");
  check_refused([&] { (void)(x + Tensor::zeros({3}, f64)); }, "broadcast");
  check_refused([&] { (void)(x - nn::Sequence()); }, "sub: a value was required");
}

TEST_CASE("embeddings of tokens, and what layers make of them, are added as sequences are") {
  manual_seed(23);
  const nn::Tokens tokens = nn::Tokens::from({{1, 2, 1, 2, 1}, {2, 2, 1}});
  const nn::Embedding embed({.vocab = 3, .dim = 4, .dtype = f64});
  const nn::Linear mix({.in = 4, .out = 4, .dtype = f64});
  Tape tape;
  const auto x = embed(tokens);
  const nn::Sequence plain = x, both = x + mix(x), other = plain + mix(plain);
  CHECK(distance(both.rows.value(), other.rows.value()) < 1e-15);
  const nn::Sequence scaled = (x * 2.0 - plain) / 4.0 + 1.0;
  CHECK(distance(scaled.rows.value(), plain.rows.value() / 4.0 + 1.0) < 1e-15);
}
