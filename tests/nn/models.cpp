// Whole models: fused against the same equations in plain ops.
#include "tasks.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/matmul.h>

#include <cmath>

using namespace unroll;

namespace {

// --- the same in plain ops ---

Var plain_linear(const Var& x, const nn::Linear& l) { return matmul(x, l.weight) + l.bias; }

Var plain_embedding(const IndexTensor& ids, const nn::Embedding& e) {
  Tensor one_hot = Tensor::zeros({ids.numel(), e.weight.shape()[0]}, e.weight.dtype());
  for (Index i = 0; i < ids.numel(); ++i) one_hot.set({i, ids[i]}, 1);
  return matmul(one_hot, e.weight);
}

Var plain_layer_norm(const Var& x, const nn::LayerNorm& norm) {
  const Var centred = x - mean(x, -1, {.keepdim = true});
  return centred / sqrt(mean(square(centred), -1, {.keepdim = true}) + 1e-5) * norm.gain +
         norm.bias;
}

Var plain_gelu(const Var& x) { return x * normal_cdf(x); }

Var plain_softmax(const Var& x) {
  const Var e = exp(x - max(x, -1, {.keepdim = true}).detach());
  return e / sum(e, -1, {.keepdim = true});
}

Var plain_cross_entropy(const Var& x, const IndexTensor& y, const nn::CrossEntropyOptions& o) {
  const Index n = x.size(0), v = x.size(1);
  Tensor counts = Tensor::zeros({n, v}, x.dtype());  // how often -log p of each class counts
  double total = 0;
  for (Index i = 0; i < n; ++i) {
    if (y[i] == o.ignore_id) continue;
    const auto weight = [&](Index j) {
      return o.class_weights.defined() ? o.class_weights.at({j}) : 1;
    };
    for (Index j = 0; j < v; ++j)
      counts.set({i, j}, weight(j) * (o.label_smoothing / static_cast<double>(v) +
                                      (j == y[i] ? 1 - o.label_smoothing : 0)));
    total += weight(y[i]);
  }
  const Var most = max(x, 1, {.keepdim = true}).detach();
  const Var log_sum = log(sum(exp(x - most), 1, {.keepdim = true})) + most;
  return sum((log_sum - x) * counts) / total;
}

Var plain_attention(const nn::Sequence& x, const Block& block) {
  const Index d = block.dim / block.heads;
  std::vector<Var> outputs;
  std::vector<Index> rows;
  for (Index b = 0; b < x.size(); ++b) {
    const Var qkv = plain_linear(x.at(b), block.attention.query_key_value);  // [T, 3 D]
    const IndexTensor own = x.layout.rows_of(b);
    rows.insert(rows.end(), own.begin(), own.end());
    std::vector<Var> heads;
    for (Index h = 0; h < block.heads; ++h) {
      const auto part = [&](Index k) { return narrow(qkv, 1, k * block.dim + h * d, d); };
      const Var scores = matmul(part(0), transpose(part(1))) / std::sqrt(static_cast<double>(d));
      const Index t = own.numel();
      const Tensor seen = causal_mask(t, t, x.rows.dtype());
      heads.push_back(matmul(plain_softmax(masked_fill(
                                 scores, equal(seen, Tensor::scalar(0, seen.dtype())), -INFINITY)),
                             part(2)));
    }
    outputs.push_back(concat(heads, 1));
  }
  // Back into the order of the layout.
  return plain_linear(index_add(concat(outputs, 0), 0, IndexTensor(rows), x.layout.rows()),
                      block.attention.out);
}

Var plain_block(const Block& block, const nn::Tokens& x) {
  const nn::Sequence h(plain_embedding(x.ids, block.embed), x.layout);
  const Var a = h.rows + plain_attention({plain_layer_norm(h.rows, block.norm1), h.layout}, block);
  const Var inner = plain_gelu(plain_linear(plain_layer_norm(a, block.norm2), block.up));
  return plain_linear(a + plain_linear(inner, block.down), block.head);
}

// --- comparing ---

void check_close(const Outcome& a, const Outcome& b, const NamedParams& params, double tolerance) {
  CHECK(std::abs(a.loss - b.loss) < tolerance * (1 + std::abs(b.loss)));
  for (std::size_t i = 0; i < params.size(); ++i) {
    CAPTURE(params[i].name);
    CHECK(distance(a.gradients[i], b.gradients[i]) <
          tolerance * (1 + max(abs(b.gradients[i])).item()));
    CHECK(max(abs(b.gradients[i])).item() > 0);
  }
}

// Embedding, two layers in both directions, linear, cross entropy with everything.
template <class Layer>
struct Everything {
  Between<Layer> model;
  nn::Tokens x;
  IndexTensor y;
  nn::CrossEntropyOptions options;

  Everything(Index hidden, const std::vector<Index>& lengths, DType dtype)
      : model{
            nn::Embedding({.vocab = 7, .dim = 5, .dtype = dtype}),
            Layer({.in = 5, .hidden = hidden, .layers = 2, .bidirectional = true, .dtype = dtype}),
            nn::Linear({.in = 2 * hidden, .out = 4, .dtype = dtype})} {
    Generator g(21);
    const SequenceLayout layout(lengths);
    x = nn::Tokens(g.integers({layout.rows()}, 0, 7), layout);
    std::vector<Index> targets;
    for (Index i = 0; i < layout.rows(); ++i) targets.push_back(i % 5 == 3 ? -1 : g.below(4));
    y = IndexTensor(targets);
    options = {.ignore_id = -1,
               .class_weights = Tensor::of({1, 0.5, 2, 0.25}, dtype),
               .label_smoothing = 0.1};
  }
  Var fused() const { return nn::cross_entropy(scores(model.embed(x), true), y, options); }
  Var plain() const {
    const nn::Sequence rows(plain_embedding(x.ids, model.embed), x.layout);
    return plain_cross_entropy(scores(rows, false), y, options);
  }
  Var scores(const nn::Gathered& embedded, bool fused) const {
    const Var out = model.middle(embedded, {}, {.fused = fused}).sequence.rows;
    return fused ? model.head(out) : plain_linear(out, model.head);
  }
};

const std::vector<std::vector<Index>> kBatches{{6, 6, 6, 6, 6}, {3, 11, 1, 6, 6, 2}};

}  // namespace

TEST_CASE_TEMPLATE("a whole recurrent model, fused, is the same model in plain ops", Layer, nn::RNN,
                   nn::LSTM, nn::GRU) {
  manual_seed(2);
  for (DType dtype : {f32, f64})
    for (Index hidden : {3, 20})
      for (const auto& lengths : kBatches) {
        const Everything<Layer> all(hidden, lengths, dtype);
        const NamedParams params = nn::parameters(all.model);
        check_close(outcome_of([&] { return all.fused(); }, params),
                    outcome_of([&] { return all.plain(); }, params), params,
                    dtype == f32 ? 1e-5 : 1e-13);
      }
}

TEST_CASE_TEMPLATE("finite differences agree with both ways to write it", Layer, nn::RNN, nn::LSTM,
                   nn::GRU) {
  manual_seed(3);
  for (const auto& lengths : {std::vector<Index>{2, 2}, {3, 1, 2}}) {
    const Everything<Layer> all(2, lengths, f64);
    const NamedParams params = nn::parameters(all.model);
    for (bool fused : {true, false}) {
      const auto result =
          gradcheck_params([&] { return fused ? all.fused() : all.plain(); }, params);
      CHECK_MESSAGE(result, result.message);
    }
  }
}

TEST_CASE("an attention block is the same from matmul, softmax, mean and sqrt") {
  manual_seed(4);
  Generator g(5);
  for (DType dtype : {f32, f64})
    for (const auto& lengths : {std::vector<Index>{20, 20, 20}, {7, 60, 1, 20, 20}}) {
      const Block block(9, 12, 3, dtype);
      const SequenceLayout layout(lengths);
      const nn::Tokens x(g.integers({layout.rows()}, 0, 9), layout);
      const IndexTensor y = g.integers({layout.rows()}, 0, 9);
      const NamedParams params = nn::parameters(block);
      check_close(
          outcome_of([&] { return nn::cross_entropy(block(x), y); }, params),
          outcome_of([&] { return plain_cross_entropy(plain_block(block, x), y, {}); }, params),
          params, dtype == f32 ? 2e-5 : 1e-12);
    }
}

TEST_CASE(
    "the derivatives of an attention block, fused and reference, agree with finite differences") {
  manual_seed(5);
  const Block block(3, 4, 2, f64);
  const nn::Tokens x(IndexTensor::of({0, 2, 1, 1, 0, 2}), SequenceLayout({2, 3, 1}));
  const IndexTensor y = IndexTensor::of({1, 0, 2, 0, 1, 2});
  for (bool fused : {true, false}) {
    const auto result = gradcheck_params(
        [&] { return nn::cross_entropy(fused ? block(x) : plain_block(block, x), y); },
        nn::parameters(block));
    CHECK_MESSAGE(result, result.message);
  }
}
