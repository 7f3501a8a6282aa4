// T1 and T2: a Transformer layer, and decoding.
#include "benchmarks/read.h"
#include "benchmarks/workloads.h"

#include <unroll/unroll.h>

#include <memory>

namespace bench {
namespace {

using namespace unroll;

// --- T1: a Transformer layer ---

constexpr Index kLayerBatch = 8, kLayerSteps = 256, kDim = 256, kHeads = 4, kHidden = 1024;

nn::TransformerOptions layer_options() {
  return {.dim = kDim, .heads = kHeads, .feed_forward = kHidden};
}

std::function<void()> transformer_layer() {
  auto model = std::make_shared<nn::TransformerEncoderLayer>(layer_options());
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*model));
  Generator g(1);
  const SequenceLayout layout = SequenceLayout::equal(kLayerBatch, kLayerSteps);
  const nn::Sequence x(g.normal({layout.rows(), kDim}), layout);
  const Tensor y = g.normal({layout.rows(), kDim});
  return [=] {
    Tape tape;
    optimizer->step(tape.backward(nn::mse_loss((*model)(x).rows, y)));
  };
}

// The products of such a step alone: of each weight the output, the gradient of the input and that
// of the weight; of attention the logits and the output, and the gradients of both their factors.
std::function<void()> transformer_layer_limit() {
  Generator g(1);
  struct Product {
    Tensor x, w, y;  // y = x w
  };
  std::vector<Product> products;
  const auto add = [&](Shape x, Shape w, Shape y) {
    products.push_back({g.normal(x), g.normal(w), g.normal(y)});
  };
  const Index rows = kLayerBatch * kLayerSteps, heads = kLayerBatch * kHeads, size = kDim / kHeads;
  add({rows, kDim}, {kDim, 3 * kDim}, {rows, 3 * kDim});
  add({rows, kDim}, {kDim, kDim}, {rows, kDim});
  add({rows, kDim}, {kDim, kHidden}, {rows, kHidden});
  add({rows, kHidden}, {kHidden, kDim}, {rows, kDim});
  add({heads, kLayerSteps, size}, {heads, size, kLayerSteps}, {heads, kLayerSteps, kLayerSteps});
  add({heads, kLayerSteps, kLayerSteps}, {heads, kLayerSteps, size}, {heads, kLayerSteps, size});
  return [=] {
    for (const Product& p : products) {
      matmul(p.x, p.w);
      matmul(p.y, p.w.transpose());
      matmul(p.x.transpose(), p.y);
    }
  };
}

// --- T2: decoding with a cache of keys and values ---

constexpr Index kDecoded = 256;

struct Decoder {
  nn::Embedding embed{{.vocab = 64, .dim = kDim}};
  nn::LearnedPositions positions{{.max_length = kDecoded, .dim = kDim}};
  nn::TransformerEncoder layers{{.dim = kDim,
                                 .heads = kHeads,
                                 .feed_forward = kHidden,
                                 .causal = true,
                                 .layers = 2,
                                 .capacity = kDecoded}};
  nn::Linear head{{.in = kDim, .out = 64}};
  UNROLL_FIELDS(embed, positions, layers, head)
  using State = nn::TransformerEncoder::State;
  nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
    const Var x = positions(embed(ids), state.positions(ids.numel()));
    const Var h = layers.step(x, state);
    return {head(h), std::move(state)};
  }
};

std::function<void()> decoding() {
  auto model = std::make_shared<Decoder>();
  auto random = std::make_shared<Generator>(1);
  return [=] {
    nn::sample(*model, Decoder::State(), IndexTensor::full({1}, 0),
               {.max_length = kDecoded, .temperature = 0.8}, *random);
  };
}

std::function<void()> decoding_limit() {
  auto model = std::make_shared<Decoder>();
  return [=] {
    volatile float sum = 0;
    for (Index i = 0; i < kDecoded; ++i)
      for (const NamedParam& p : nn::parameters(*model))
        if (p.name != "embed.weight" && p.name != "positions.weight")
          sum = sum + sum_of(p.param->value().data<float>(), p.param->value().numel());
  };
}

}  // namespace

std::vector<Workload> transformer_workloads() {
  return {
      {"t1", "Transformer layer: D 256, 4 heads, FFN 1024, B 8, T 256, MSE, Adam",
       kLayerBatch * kLayerSteps, 1, transformer_layer},
      {"t1_limit", "the products of t1 alone", kLayerBatch * kLayerSteps, 1,
       transformer_layer_limit},
      {"t2", "256 ids from a Transformer with a cache: 2 x 256, 4 heads, FFN 1024, V 64, B 1",
       kDecoded, 1, decoding},
      {"t2_limit", "reading t2's weights 256 times", 0, 1, decoding_limit},
  };
}

}  // namespace bench
