#include "benchmarks/ops.h"

#include <fmt/format.h>

#include <memory>

namespace bench {
namespace {

using namespace unroll;

// The element at position `place` of input number `at`, in [0, 1). pytorch_ops.py has the same
// formula.
double value_at(Index place, int at) {
  return static_cast<double>((place * 7919 + 104729 * (at + 1)) % 10007) / 10007;
}
constexpr int kSeed = 8, kWeight = 9;  // `at` of the result's gradient and of a checksum's weights

Tensor numbers(const Shape& shape, int at, double low, double high) {
  Tensor out = Tensor::empty(shape);
  float* to = out.data<float>();
  for (Index i = 0; i < out.numel(); ++i)
    to[i] = static_cast<float>(low + (high - low) * value_at(i, at));
  return out;
}

Tensor leaf(const Input& in) {
  Tensor out = numbers(in.shape, in.at, in.low, in.high);
  if (in.kind == "mask") {
    float* to = out.data<float>();
    for (Index i = 0; i < out.numel(); ++i) to[i] = to[i] > 0 ? 1.0F : 0.0F;
  }
  return in.layout == "transposed" ? out.transpose(0, 1) : out;
}

IndexTensor ids_of(const Input& in) {
  std::vector<Index> ids(static_cast<std::size_t>(in.shape.numel()));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] =
        static_cast<Index>(value_at(static_cast<Index>(i), in.at) * static_cast<double>(in.limit));
  return {std::move(ids), in.shape};
}

// The data of a run.
struct Ready {
  OpCase c;
  std::vector<Tensor> leaves;  // x, y, z
  IndexTensor ids;
  Tensor seed;

  explicit Ready(OpCase of) : c(std::move(of)) {
    for (const Input& in : c.inputs) {
      if (in.kind == "ids") {
        ids = ids_of(in);
      } else {
        leaves.push_back(leaf(in));
      }
    }
  }
  // With a tape, floating-point inputs are watched.
  Inputs inputs(Tape* tape, std::vector<Var>& watched) const {
    Inputs in{.ids = ids, .R = c.R, .C = c.C};
    Var* const to[] = {&in.x, &in.y, &in.z};
    std::size_t n = 0;
    for (const Input& input : c.inputs) {
      if (input.kind == "ids") continue;
      Var v(leaves[n]);
      if (tape && input.kind == "number") watched.push_back(v = tape->watch(leaves[n]));
      *to[n++] = input.layout == "expanded" ? expand(v, {c.R, c.C}) : v;
    }
    return in;
  }
};

double weighted(const Tensor& x) {
  const std::vector<double> values = x.to_vector<double>();
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    sum += values[i] * value_at(static_cast<Index>(i), kWeight);
  return sum;
}

}  // namespace

std::function<void()> prepare(const OpCase& c, bool backward) {
  auto ready = std::make_shared<Ready>(c);
  if (!backward) {
    std::vector<Var> none;
    auto in = std::make_shared<Inputs>(ready->inputs(nullptr, none));
    return [ready, in] { ready->c.f(*in); };
  }
  {
    std::vector<Var> none;
    ready->seed = numbers(c.f(ready->inputs(nullptr, none)).shape(), kSeed, -1, 1);
  }
  return [ready] {
    Tape tape;
    std::vector<Var> watched;
    const Var y = ready->c.f(ready->inputs(&tape, watched));
    tape.backward(y, {.seed = ready->seed});
  };
}

std::vector<double> checksums(const OpCase& c) {
  const Ready ready(c);
  Tape tape;
  std::vector<Var> watched;
  const Var y = c.f(ready.inputs(&tape, watched));
  if (!y.defined()) return {};
  std::vector<double> sums{weighted(y.value())};
  if (c.forward_only || watched.empty()) return sums;
  const Var seed(numbers(y.shape(), kSeed, -1, 1));
  for (const Var& g : grad(y, watched, {.seed = seed})) sums.push_back(weighted(g.value()));
  return sums;
}

std::string op_cases_json() {
  const auto list = [](std::span<const Index> sizes) {
    return fmt::format("[{}]", fmt::join(sizes, ", "));
  };
  std::vector<std::string> cases;
  for (const OpCase& c : op_cases()) {
    std::vector<std::string> inputs;
    for (const Input& in : c.inputs)
      inputs.push_back(fmt::format(
          R"({{"name": "{}", "at": {}, "shape": {}, "layout": "{}", "kind": "{}", "low": {}, "high": {}, "limit": {}}})",
          in.name, in.at, list(in.shape.span()), in.layout, in.kind, in.low, in.high, in.limit));
    cases.push_back(fmt::format(
        R"({{"name": "{}", "torch": "{}", "R": {}, "C": {}, "forward_only": {}, "random": {}, "inputs": [{}]}})",
        c.name, c.torch, c.R, c.C, c.forward_only, c.random, fmt::join(inputs, ", ")));
  }
  return fmt::format("[{}]", fmt::join(cases, ", "));
}

}  // namespace bench
