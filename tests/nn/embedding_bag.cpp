// EmbeddingBag, and Linear of sparse rows.
#include "tests/golden/golden.h"
#include "tests/support.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/nn/layers.h>
#include <unroll/optim/optimizer.h>

using namespace unroll;
using Mode = nn::EmbeddingBag::Mode;

namespace {

using Lists = std::vector<std::vector<Index>>;

Lists random_bags(Generator& g, Index bags, Index vocab, Index least) {
  Lists out(static_cast<std::size_t>(bags));
  for (auto& bag : out)
    for (Index i = least + g.below(6); i > 0; --i) bag.push_back(g.below(vocab));
  return out;
}

// The same in plain ops: each bag's rows of the table, summed or averaged.
Var by_gathering(const Lists& bags, const Param& table, Mode mode) {
  std::vector<Var> rows;
  for (const auto& bag : bags) {
    const Var found = embedding(bag, table);
    rows.push_back(mode == Mode::sum ? sum(found, 0) : mean(found, 0));
  }
  return stack(rows);
}

}  // namespace

TEST_CASE("an EmbeddingBag is the sum or mean of the embeddings, value and gradient") {
  Generator g(1);
  for (const Mode mode : {Mode::sum, Mode::mean})
    for (int round = 0; round < 20; ++round) {
      const Index vocab = 2 + g.below(9);
      nn::EmbeddingBag layer({.vocab = vocab, .dim = 1 + g.below(20), .mode = mode, .dtype = f64});
      const Lists bags = random_bags(g, 4, vocab, 1);
      const Tensor cotangent = random({4, layer.weight.shape()[1]}, 2);
      const auto run = [&](const std::function<Var()>& f) {
        Tape tape;
        const Var y = f();
        return std::pair(y.value(), tape.backward(sum(y * cotangent))[layer.weight]);
      };
      const auto expected = run([&] { return by_gathering(bags, layer.weight, mode); });
      const auto same = [&](const std::function<Var()>& f) {
        const auto [y, gradient] = run(f);
        CHECK(distance(y, expected.first) < 1e-12);
        CHECK(distance(gradient, expected.second) < 1e-12);
      };
      const SparseRows sparse = SparseRows::from(bags, vocab, f64);
      same([&] { return layer(sparse); });
      same([&] { return layer(sparse.counted()); });  // counts as weights
      same([&] { return layer(nn::Tokens::from(bags)); });
      if (mode == Mode::sum) same([&] { return matmul(sparse.dense(), layer.weight); });
    }
}

TEST_CASE("Linear of sparse rows equals Linear of the dense ones, value, gradients and training") {
  Generator g(2);
  for (const bool bias : {true, false}) {
    nn::Linear sparse({.in = 7, .out = 5, .bias = bias, .dtype = f64}), dense = sparse;
    optim::SGD a(nn::parameters(sparse), {.lr = 0.1}), b(nn::parameters(dense), {.lr = 0.1});
    for (int step = 0; step < 5; ++step) {
      const SparseRows x = SparseRows::from(random_bags(g, 6, 7, 0), 7, f64);
      const auto gradients = [](const Var& y, Tape& tape) { return tape.backward(sum(square(y))); };
      {
        Tape tape;
        a.step(gradients(sparse(x), tape));
      }
      {
        Tape tape;
        b.step(gradients(dense(x.dense()), tape));
      }
      CHECK(distance(sparse.weight.value(), dense.weight.value()) < 1e-12);
      if (bias) CHECK(distance(sparse.bias.value(), dense.bias.value()) < 1e-12);
    }
  }
}

TEST_CASE("the gradient of a sparse layer has the used rows only") {
  nn::EmbeddingBag bag({.vocab = 1000, .dim = 3});
  nn::Linear linear({.in = 1000, .out = 3});
  const SparseRows x = SparseRows::from({{7, 7, 900}, {8}}, 1000);
  Tape tape;
  const Gradients gradients = tape.backward(sum(bag(x)) + sum(linear(x)));
  for (const Param* weight : {&bag.weight, &linear.weight}) {
    const Gradient* g = gradients.find(weight->id());
    REQUIRE(g != nullptr);
    REQUIRE(g->is_rows());
    CHECK(g->rows.rows == IndexTensor({7, 8, 900}));
  }
}

TEST_CASE("derivatives of sparse layers are right, first and second order") {
  Generator g(3);
  const SparseRows x = SparseRows::from(random_bags(g, 3, 5, 0), 5, f64);
  const SparseRows weighted = x.with_values(g.uniform({x.stored()}, 0.5, 2, f64));
  const auto check_both = [&](const Function& f, const std::vector<Tensor>& at) {
    const auto first = gradcheck(f, at), second = gradgradcheck(f, at);
    CHECK_MESSAGE(first.ok, first.message);
    CHECK_MESSAGE(second.ok, second.message);
  };
  for (const SparseRows& rows : {x, weighted})
    check_both([&](const auto& in) { return square(matmul(rows, in[0])); }, {random({5, 4}, 4)});
  for (const Mode mode : {Mode::sum, Mode::mean}) {
    nn::EmbeddingBag bag({.vocab = 5, .dim = 4, .mode = mode, .padding_id = 2, .dtype = f64});
    const auto result =
        gradcheck_params([&] { return square(bag(weighted)); }, nn::parameters(bag));
    CHECK_MESSAGE(result.ok, result.message);
  }
  nn::Linear linear({.in = 5, .out = 2, .dtype = f64});
  const auto result =
      gradcheck_params([&] { return square(linear(weighted)); }, nn::parameters(linear));
  CHECK_MESSAGE(result.ok, result.message);
}

TEST_CASE("an EmbeddingBag leaves padding out, and an empty bag is 0") {
  nn::EmbeddingBag bag({.vocab = 4, .dim = 2, .padding_id = 3, .dtype = f64});
  CHECK(bag.weight.value().select(0, 3).str() == Tensor::zeros({2}, f64).str());
  const IndexTensor padded({0, 1, 3, 2, 3, 3, 3, 3, 3}, {3, 3});
  const Var y = bag(padded);
  CHECK(distance(y.value(), bag(SparseRows::from({{0, 1}, {2}, {}}, 4, f64)).value()) < 1e-15);
  CHECK(distance(y.value().select(0, 2), Tensor::zeros({2}, f64)) == 0);
  Tape tape;
  const Tensor gradient = tape.backward(sum(bag(padded)))[bag.weight];
  CHECK(distance(gradient.select(0, 3), Tensor::zeros({2}, f64)) == 0);
}

TEST_CASE("EmbeddingBag refuses what does not fit") {
  nn::EmbeddingBag bag({.vocab = 4, .dim = 2});
  check_refused([&] { (void)bag(SparseRows::from({{1}}, 5)); }, "a matrix [5, D] was required");
  check_refused([&] { (void)bag(SparseRows::from({{1}}, 4, f64)); }, "f64");
  check_refused([&] { (void)bag(IndexTensor({0, 1})); }, "ids [B, T] were required: got [2]");
  check_refused([&] { (void)bag(IndexTensor({0, 4}, {1, 2})); }, "SparseRows");
  check_refused([&] { (void)bag(nn::Tokens()); }, "ids were required");
  const SparseRows negative = SparseRows::from({{0, 1}}, 4).with_values(Tensor::of({1, -1}));
  check_refused([&] { (void)bag(negative); }, "values of at least 0 were required for the mean");
  CHECK(nn::EmbeddingBag({.vocab = 4, .dim = 2, .mode = Mode::sum})(negative).shape() ==
        Shape({1, 2}));
  check_refused([] { nn::EmbeddingBag({.vocab = 0, .dim = 2}); }, "at least 1");
  check_refused([] { nn::EmbeddingBag({.vocab = 2, .dim = 2, .padding_id = 2}); }, "a padding id");
}

TEST_CASE("EmbeddingBag gives PyTorch's results") {
  const auto cases = golden::cases("embedding_bag");
  CHECK(cases.size() == 4);
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64}) {
      const Tensor table = c("weight", dtype);
      nn::EmbeddingBag bag({.vocab = table.size(0),
                            .dim = table.size(1),
                            .mode = c.option("mode") == "sum" ? Mode::sum : Mode::mean,
                            .padding_id = static_cast<Index>(c.number("padding_id")),
                            .dtype = dtype});
      bag.weight.set_value(table);
      const IndexTensor ids = c.ids("ids"), offsets = c.ids("offsets");
      std::vector<Index> starts(offsets.begin(), offsets.end());
      starts.push_back(ids.numel());
      const Tensor values =
          c.has("values") ? c("values", dtype) : Tensor::ones({ids.numel()}, dtype);
      Tape tape;
      const Var y = bag(SparseRows(std::move(starts), ids, values, table.size(0)));
      golden::check_gradients(c, tape.backward(golden::checked_loss(c, {{"y", y}})),
                              {{"weight", bag.weight}});
    }
}
