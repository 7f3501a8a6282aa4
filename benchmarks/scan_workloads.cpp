// T3 to T6: models whose time grows linearly with the number of steps.
#include "benchmarks/read.h"
#include "benchmarks/workloads.h"

#include <unroll/autograd/fused.h>
#include <unroll/unroll.h>

#include <cstring>
#include <memory>

namespace bench {
namespace {

using namespace unroll;

constexpr Index kDim = 128, kInner = 256, kStates = 16, kRank = 8, kBatch = 8, kSteps = 1024,
                kRows = kBatch * kSteps;

// One layer and a loss of its outputs.
template <class Layer>
std::function<void()> layer_step(Layer of, Index dim) {
  auto layer = std::make_shared<Layer>(std::move(of));
  auto optimizer = std::make_shared<optim::Adam>(nn::parameters(*layer));
  Generator g(1);
  const nn::Sequence x(g.normal({kRows, dim}), SequenceLayout::equal(kBatch, kSteps));
  const Tensor target = g.normal({kRows, dim});
  return [=] {
    Tape tape;
    optimizer->step(tape.backward(nn::mse_loss((*layer)(x).sequence.rows, target)));
  };
}

// y = x w, the gradient of w, and that of x unless it is the input of the model, for [kRows, in] x
// [in, out] of each.
struct Products {
  struct One {
    Tensor x, w, y;
  };
  bool of_input;
  std::vector<One> all;
  Products(bool gradient_of_input, std::initializer_list<std::pair<Index, Index>> sizes)
      : of_input(gradient_of_input) {
    Generator g(1);
    for (const auto& [in, out] : sizes)
      all.push_back({g.normal({kRows, in}), g.normal({in, out}), g.normal({kRows, out})});
  }
  void run() const {
    for (const One& p : all) {
      matmul(p.x, p.w);
      if (of_input) matmul(p.y, p.w.transpose());
      matmul(p.x.transpose(), p.y);
    }
  }
};

// --- T3: a Mamba block ---

using Mamba = nn::Recurrent<nn::MambaCell>;

std::function<void()> mamba() {
  return layer_step(Mamba({.cell = {.in = kDim, .states = kStates}}), kDim);
}

// The same step by a loop of plain ops, which keeps the states of all steps for backward. Only its
// peak memory is asked for.
std::function<void()> mamba_loop() {
  return [run = mamba()] {
    const UseReference plain_ops;
    run();
  };
}

// The four products of such a step, and exp(dt a) of all steps, channels and states: in forward,
// and again in backward, which recomputes the states. The exponentials are of a block in the cache.
std::function<void()> mamba_limit() {
  const Products products(
      true, {{kDim, 2 * kInner}, {kInner, kRank + 2 * kStates}, {kRank, kInner}, {kInner, kDim}});
  constexpr Index kBlock = 4096;
  const Tensor x = Generator(1).uniform({kBlock}, -3, 0);
  return [=] {
    products.run();
    for (Index i = 0; i < 2 * kRows * kInner * kStates / kBlock; ++i) exp(x);
  };
}

// --- T4: minGRU ---

constexpr Index kUnits = 256;

std::function<void()> min_gru() {
  return layer_step(nn::MinGRU({.in = kUnits, .hidden = kUnits}), kUnits);
}

// Its two products, of z and of the candidate, side by side as the layer has them.
std::function<void()> min_gru_limit() {
  const Products products(false, {{kUnits, 2 * kUnits}});
  return [=] { products.run(); };
}

// --- T5: attention over one sequence, causal, 4 heads, forward and backward ---

constexpr Index kHeads = 4;

std::function<void()> attention_step(Index steps, bool linear) {
  Generator g(1);
  const auto rows = [&] { return g.normal({steps, kDim}); };
  const Tensor q = rows(), k = rows(), v = rows(), target = rows();
  const RowGroups groups = RowGroups::equal(1, steps);
  return [=] {
    Tape tape;
    const std::vector<Var> in{tape.watch(q), tape.watch(k), tape.watch(v)};
    const Var y =
        linear
            ? linear_attention(in[0], in[1], in[2],
                               {.queries = groups, .keys = groups, .heads = kHeads, .causal = true})
                  .rows
            : attention(in[0], in[1], in[2],
                        {.queries = groups, .keys = groups, .heads = kHeads, .causal = true});
    (void)grad(y, in, {.seed = Var(target)});
  };
}

// --- T6: a streamed step of a Mamba block ---

constexpr int kStreamed = 1000;

std::function<void()> mamba_stream() {
  auto layer = std::make_shared<Mamba>(Mamba::Options{.cell = {.in = kDim, .states = kStates}});
  auto state = std::make_shared<std::vector<nn::MambaCell::State>>();
  const Tensor x = Generator(1).normal({1, kDim});
  return [=] {
    for (int i = 0; i < kStreamed; ++i) layer->step(x, *state);
  };
}

std::function<void()> mamba_stream_limit() {
  auto layer = std::make_shared<Mamba>(Mamba::Options{.cell = {.in = kDim, .states = kStates}});
  return [=] {
    volatile float sum = 0;
    for (int i = 0; i < kStreamed; ++i)
      for (const NamedParam& p : nn::parameters(*layer))
        sum = sum + sum_of(p.param->value().data<float>(), p.param->value().numel());
  };
}

// --- the scan alone, and a copy of as many bytes: a and b are read, h is written ---

constexpr Index kScanned = Index{1} << 22;  // elements of a, b and h

std::function<void()> scan_forward() {
  Generator g(1);
  const Tensor a = g.uniform({kScanned / 256, 256}), b = g.normal({kScanned / 256, 256});
  const SequenceLayout layout = SequenceLayout::equal(8, kScanned / 256 / 8);
  return [=] { scan(a, b, Var(), layout); };
}
std::function<void()> scan_limit() {
  const Index bytes = 3 * kScanned * 4 / 2;  // read, and as many written
  auto from = std::make_shared<std::vector<char>>(bytes, char{1}),
       to = std::make_shared<std::vector<char>>(bytes);
  return [=] { std::memcpy(to->data(), from->data(), static_cast<std::size_t>(bytes)); };
}

}  // namespace

std::vector<Workload> scan_workloads() {
  return {
      {"t3", "Mamba block: D 128, inner 256, N 16, B 8, T 1024, Adam", kRows, 1, mamba},
      {"t3_limit", "the products and exponentials of t3 alone", kRows, 1, mamba_limit},
      {"t3_loop", "the same by a loop of plain ops, for its peak memory", kRows, 1, mamba_loop},
      {"t4", "minGRU layer: D 256, B 8, T 1024, Adam", kRows, 1, min_gru},
      {"t4_limit", "the products of t4 alone", kRows, 1, min_gru_limit},
      {"t5", "linear attention, causal: D 128, 4 heads, T 4096, forward and backward", 4096, 1,
       [] { return attention_step(4096, true); }},
      {"t5_full", "the same with full attention", 4096, 1,
       [] { return attention_step(4096, false); }},
      {"t6", "streaming Mamba block: D 128, N 16, B 1, a step", 0, kStreamed, mamba_stream},
      {"t6_limit", "reading t6's weights, a step", 0, kStreamed, mamba_stream_limit},
      {"scan", "the scan of 8 x 2048 steps of 256 channels, forward", 0, 1, scan_forward},
      {"scan_limit", "a copy that reads and writes as many bytes", 0, 1, scan_limit},
  };
}

std::function<void()> attention_of(Index steps, bool linear) {
  return attention_step(steps, linear);
}

}  // namespace bench
