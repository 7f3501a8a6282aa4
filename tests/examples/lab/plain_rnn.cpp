// The RNN in plain ops and the task of the experiment `sharing`.
#include "examples/lab/common/plain_rnn.h"

#include "examples/lab/common/marked.h"

#include <unroll/nn/recurrent.h>
#include <unroll/tensor/math.h>

#include <doctest/doctest.h>

using lab::Marked;
using unroll::Index;
using unroll::Tensor;
namespace nn = unroll::nn;

namespace {

double largest_difference(const Tensor& a, const Tensor& b) {
  double out = 0;
  for (Index i = 0; i < a.numel(); ++i)
    out = std::max(out, std::abs(a.flatten().at({i}) - b.flatten().at({i})));
  return out;
}

}  // namespace

TEST_CASE("separate parameters with equal values are shared parameters, on any length") {
  unroll::manual_seed(1);
  const lab::PlainRnn shared(Marked::kIds, 6, 4, 1);
  lab::PlainRnn separate = shared;
  for (int t = 1; t < 7; ++t) separate.steps.push_back(shared.steps[0]);
  unroll::Generator random(2);
  for (const Index steps : {2, 7, 12}) {
    const lab::Batch batch = Marked::anywhere(steps)(5, random);
    CHECK(largest_difference(shared(batch.ids).value(), separate(batch.ids).value()) == 0);
  }
  CHECK(nn::parameter_count(nn::parameters(separate)) -
            nn::parameter_count(nn::parameters(shared)) ==
        6 * (5 * 6 + 6 * 6 + 6));
}

TEST_CASE("steps after the last separate one use its parameters; others do not matter to them") {
  unroll::manual_seed(3);
  const lab::PlainRnn two(Marked::kIds, 6, 4, 2);
  lab::PlainRnn four = two;
  four.steps.push_back(two.steps[1]);
  four.steps.push_back(two.steps[1]);
  unroll::Generator random(4);
  const lab::Batch batch = Marked::anywhere(9)(5, random);
  CHECK(largest_difference(two(batch.ids).value(), four(batch.ids).value()) == 0);
  four.steps[3].b.set_value(Tensor::full({6}, 0.5));
  CHECK(largest_difference(two(batch.ids).value(), four(batch.ids).value()) > 0);
}

TEST_CASE("the RNN in plain ops is the library's RNN") {
  unroll::manual_seed(5);
  const lab::PlainRnn plain(Marked::kIds, 6, 4, 1);
  nn::RNN rnn({.in = Marked::kIds, .hidden = 6});
  rnn.layers[0].wx.set_value(plain.steps[0].u.value());
  rnn.layers[0].wh.set_value(plain.steps[0].w.value());
  rnn.layers[0].b.set_value(plain.steps[0].b.value());
  unroll::Generator random(6);
  const lab::Batch batch = Marked::anywhere(10)(8, random);
  Tensor one_hot = Tensor::zeros({batch.ids.ids.numel(), Marked::kIds});
  for (Index i = 0; i < batch.ids.ids.numel(); ++i) one_hot.set({i, batch.ids.ids[i]}, 1);
  const auto out = rnn(nn::Sequence(one_hot, batch.ids.layout));
  const Tensor logits = (matmul(out.last(), plain.v) + plain.c).value();
  CHECK(largest_difference(logits, plain(batch.ids).value()) < 1e-5);
}

TEST_CASE("the answer is the symbol after the mark, and the mark is at one of its places") {
  unroll::Generator random(7);
  const Marked marked{10, {2, 5, 8}};
  const lab::Batch batch = marked(200, random);
  std::vector<int> seen(10);
  for (Index b = 0; b < 200; ++b) {
    const unroll::IndexTensor rows = batch.ids.layout.rows_of(b);
    Index marks = 0;
    for (Index t = 0; t < 10; ++t) {
      if (batch.ids.ids[rows[t]] != Marked::kSymbols) continue;
      ++marks, ++seen[static_cast<std::size_t>(t)];
      CHECK(batch.ids.ids[rows[t + 1]] == batch.targets[b]);
    }
    CHECK(marks == 1);
  }
  CHECK(seen[2] + seen[5] + seen[8] == 200);
  CHECK(std::min({seen[2], seen[5], seen[8]}) > 30);
  CHECK_THROWS_WITH_AS((Marked{4, {3}})(1, random),
                       "marked: places from 0 to 2 were required: got others, or none",
                       std::invalid_argument);
}

TEST_CASE("batches of a fixed set of examples have no other texts") {
  const lab::Task task = Marked::anywhere(8).examples(32, 3, 11);
  unroll::Generator random(8);
  std::vector<std::vector<Index>> texts;
  for (int k = 0; k < 4; ++k) {
    const lab::Batch batch = task(random);
    for (Index b = 0; b < 32; ++b) {
      std::vector<Index> text;
      const unroll::IndexTensor rows = batch.ids.layout.rows_of(b);
      for (Index t = 0; t < 8; ++t) text.push_back(batch.ids.ids[rows[t]]);
      if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
    }
  }
  CHECK(texts.size() == 3);
}

TEST_CASE("the page shows the source of the RNN") {
  const std::string source = lab::plain_rnn_source();
  CHECK(source.find("tanh(embedding(ids, s.u)") != std::string::npos);
  CHECK(source.find("#include") == std::string::npos);
}
