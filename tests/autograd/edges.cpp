// At the edges of their domains the ops give what PyTorch documents: values, gradients, NaN and
// infinity.
#include "tests/support.h"

#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/nn/loss.h>

#include <cmath>
#include <limits>

using namespace unroll;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

using Unary = std::function<Var(const Var&)>;

bool same(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b));
}

// The derivative at x: by the fused kernel, or as the op writes it in plain ops.
double slope(const Unary& f, double x, DType dtype, bool by_reference) {
  Tape tape;
  const Var v = tape.watch(Tensor::scalar(x, dtype));
  return grad(f(v), {v}, {.create_graph = by_reference})[0].item();
}

const std::vector<std::pair<std::string, Unary>>& unary() {
  static const std::vector<std::pair<std::string, Unary>> all = {
      {"neg", [](const Var& x) { return neg(x); }},
      {"exp", [](const Var& x) { return exp(x); }},
      {"log", [](const Var& x) { return log(x); }},
      {"sqrt", [](const Var& x) { return sqrt(x); }},
      {"abs", [](const Var& x) { return abs(x); }},
      {"square", [](const Var& x) { return square(x); }},
      {"reciprocal", [](const Var& x) { return reciprocal(x); }},
      {"sin", [](const Var& x) { return sin(x); }},
      {"cos", [](const Var& x) { return cos(x); }},
      {"tanh", [](const Var& x) { return tanh(x); }},
      {"sigmoid", [](const Var& x) { return sigmoid(x); }},
      {"relu", [](const Var& x) { return relu(x); }},
      {"leaky_relu", [](const Var& x) { return leaky_relu(x, 0.1); }},
      {"elu", [](const Var& x) { return elu(x, 0.7); }},
      {"gelu", [](const Var& x) { return gelu(x); }},
      {"gelu_tanh", [](const Var& x) { return gelu_tanh(x); }},
      {"normal_cdf", [](const Var& x) { return normal_cdf(x); }},
      {"silu", [](const Var& x) { return silu(x); }},
      {"softplus", [](const Var& x) { return softplus(x); }},
      {"clamp", [](const Var& x) { return clamp(x, -0.5, 0.8); }},
      {"pow 2", [](const Var& x) { return pow(x, 2.0); }},
      {"pow -1", [](const Var& x) { return pow(x, -1.0); }},
  };
  return all;
}

}  // namespace

TEST_CASE("values and derivatives at the edge of a domain") {
  struct Edge {
    const char* name;
    Unary f;
    double x, value, slope;
  };
  const Edge all[] = {
      {"log", [](const Var& x) { return log(x); }, 0, -kInf, kInf},
      {"log", [](const Var& x) { return log(x); }, -1, NAN, -1},
      {"log", [](const Var& x) { return log(x); }, kInf, kInf, 0},
      {"sqrt", [](const Var& x) { return sqrt(x); }, 0, 0, kInf},
      {"sqrt", [](const Var& x) { return sqrt(x); }, -1, NAN, NAN},
      {"reciprocal", [](const Var& x) { return reciprocal(x); }, 0, kInf, -kInf},
      {"1 / x", [](const Var& x) { return 1.0 / x; }, 0, kInf, -kInf},
      {"x / x", [](const Var& x) { return x / x.detach(); }, 0, NAN, kInf},
      {"abs", [](const Var& x) { return abs(x); }, 0, 0, 0},
      {"relu", [](const Var& x) { return relu(x); }, 0, 0, 0},
      {"leaky_relu", [](const Var& x) { return leaky_relu(x, 0.1); }, 0, 0, 0.1},
      {"elu", [](const Var& x) { return elu(x, 0.7); }, 0, 0, 0.7},
      {"elu", [](const Var& x) { return elu(x, 0.7); }, -1e4, -0.7, 0},
      {"elu", [](const Var& x) { return elu(x, 0.7); }, 1e4, 1e4, 1},
      {"clamp at its low end", [](const Var& x) { return clamp(x, -1, 1); }, -1, -1, 1},
      {"clamp at its high end", [](const Var& x) { return clamp(x, -1, 1); }, 1, 1, 1},
      {"clamp beyond", [](const Var& x) { return clamp(x, -1, 1); }, 1.5, 1, 0},
      {"exp", [](const Var& x) { return exp(x); }, 1e4, kInf, kInf},
      {"exp", [](const Var& x) { return exp(x); }, -1e4, 0, 0},
      {"sigmoid", [](const Var& x) { return sigmoid(x); }, 1e4, 1, 0},
      {"sigmoid", [](const Var& x) { return sigmoid(x); }, -1e4, 0, 0},
      {"tanh", [](const Var& x) { return tanh(x); }, 1e4, 1, 0},
      {"tanh", [](const Var& x) { return tanh(x); }, -kInf, -1, 0},
      {"softplus", [](const Var& x) { return softplus(x); }, 1e4, 1e4, 1},
      {"softplus", [](const Var& x) { return softplus(x); }, -1e4, 0, 0},
      {"silu", [](const Var& x) { return silu(x); }, -1e4, 0, 0},
      {"silu", [](const Var& x) { return silu(x); }, 1e4, 1e4, 1},
      {"gelu", [](const Var& x) { return gelu(x); }, -1e4, 0, 0},
      {"gelu", [](const Var& x) { return gelu(x); }, 1e4, 1e4, 1},
      {"normal_cdf", [](const Var& x) { return normal_cdf(x); }, 0, 0.5, 0.3989422804014327},
      {"normal_cdf", [](const Var& x) { return normal_cdf(x); }, -1e4, 0, 0},
      {"normal_cdf", [](const Var& x) { return normal_cdf(x); }, 1e4, 1, 0},
      {"x^2", [](const Var& x) { return pow(x, 2.0); }, 0, 0, 0},
      {"x^1", [](const Var& x) { return pow(x, 1.0); }, 0, 0, 1},
      {"x^0", [](const Var& x) { return pow(x, 0.0); }, 0, 1, 0},
      {"x^0", [](const Var& x) { return pow(x, 0.0); }, -3, 1, 0},
      {"x^(1/2)", [](const Var& x) { return pow(x, 0.5); }, 0, 0, kInf},
      {"x^(1/2)", [](const Var& x) { return pow(x, 0.5); }, -1, NAN, NAN},
      {"x^3", [](const Var& x) { return pow(x, 3.0); }, -2, -8, 12},
      {"x^-1", [](const Var& x) { return pow(x, -1.0); }, 0, kInf, -kInf},
      {"0^x", [](const Var& x) { return pow(0.0, x); }, 2, 0, 0},
      {"0^x", [](const Var& x) { return pow(0.0, x); }, 0, 1, 0},
      {"0^x", [](const Var& x) { return pow(0.0, x); }, -1, kInf, -kInf},
      {"(-2)^x", [](const Var& x) { return pow(-2.0, x); }, 2, 4, NAN},
      {"2^x", [](const Var& x) { return pow(2.0, x); }, 3, 8, 5.545177444479562},
      {"minimum", [](const Var& x) { return minimum(x, 1.0); }, 1, 1, 0.5},
      {"maximum", [](const Var& x) { return maximum(x, 1.0); }, 1, 1, 0.5},
      {"where", [](const Var& x) { return where(Tensor::of({1}), 1.0, log(x)); }, 0, 1, NAN},
  };
  for (const Edge& e : all)
    for (DType dtype : {f32, f64}) {
      CAPTURE(e.name);
      CAPTURE(e.x);
      const double value = e.f(Tensor::scalar(e.x, dtype)).item();
      CHECK_MESSAGE(same(value, e.value, 1e-6), "value ", value, " for ", e.value);
      for (bool by_reference : {false, true}) {
        CAPTURE(by_reference);
        const Unary summed = [&](const Var& x) { return sum(e.f(x)); };
        const double got = slope(summed, e.x, dtype, by_reference);
        CHECK_MESSAGE(same(got, e.slope, 1e-6), "derivative ", got, " for ", e.slope);
      }
    }
}

TEST_CASE("a derivative in plain ops equals the fused one, from the middle to the far tails") {
  for (const auto& [op, f] : unary())
    for (DType dtype : {f32, f64})
      for (double size : {0.0, 1e-30, 1e-8, 0.3, 1.0, 3.0, 9.0, 30.0, 80.0, 300.0, 1e4, 1e8})
        for (double x : {size, -size}) {
          const std::string name = op;
          CAPTURE(name);
          CAPTURE(x);
          CAPTURE(std::string(name_of(dtype)));
          const double fused = slope(f, x, dtype, false), plain = slope(f, x, dtype, true);
          CHECK_MESSAGE(same(fused, plain, dtype == f32 ? 1e-5 : 1e-12), "fused ", fused,
                        ", in plain ops ", plain);
        }
}

TEST_CASE("NaN propagates through every op") {
  for (DType dtype : {f32, f64}) {
    const Var bad = Tensor::of({1, NAN, 2, 3, 4, 5, 6, 7, 8, 9}, dtype),
              good = Tensor::of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, dtype);
    const auto passes = [&](const std::string& name, const Var& y, Index at = 1) {
      CAPTURE(name);
      CAPTURE(std::string(name_of(dtype)));
      CHECK(std::isnan(y.value().flatten().at({at})));
    };
    for (const auto& entry : unary()) {
      const auto& name = entry.first;
      const auto& f = entry.second;
      passes(name, f(bad));
      CHECK(!std::isnan(f(bad).value().at({2})));
    }
    passes("add", bad + good), passes("sub", bad - good), passes("mul", bad * good);
    passes("div", bad / good), passes("pow", pow(bad, good));
    passes("minimum", minimum(bad, good)), passes("minimum", minimum(good, bad));
    passes("maximum", maximum(bad, good)), passes("maximum", maximum(good, bad));
    passes("sum", sum(bad), 0), passes("mean", mean(bad), 0), passes("var", var(bad), 0);
    passes("max", max(bad), 0), passes("min", min(bad), 0);
    passes("logsumexp", logsumexp(bad), 0);
    passes("softmax", softmax(bad)), passes("log_softmax", log_softmax(bad));
    passes("cumsum", cumsum(bad, 0));
    passes("layer_norm", layer_norm(bad, Var(), Var())), passes("rms_norm", rms_norm(bad, Var()));
    const Var rows = reshape(bad, {10, 1}), columns = reshape(bad, {1, 10});
    passes("max of columns", max(rows, {0}), 0), passes("min of columns", min(rows, {0}), 0);
    passes("matmul", matmul(columns, reshape(good, {10, 1})), 0);
    passes("cross_entropy",
           cross_entropy(columns, IndexTensor({3}), {.reduction = Reduction::none}), 0);
  }
}

TEST_CASE("the gradient at a NaN is NaN, and that of its neighbours is not") {
  for (const DType dtype : {f32, f64})
    for (const bool by_reference : {false, true}) {
      const auto gradient = [&](const std::function<Var(const Var&, const Var&)>& f, Index input) {
        Tape tape;
        const Var bad = tape.watch(Tensor::of({1, NAN, 2, -3, 0.5}, dtype)),
                  good = tape.watch(Tensor::of({2, 1.5, 0.75, 0.25, 3}, dtype));
        return grad(sum(f(bad, good)), {input == 0 ? bad : good}, {.create_graph = by_reference})[0]
            .value();
      };
      const auto check = [&](const std::string& name, const Tensor& g) {
        CAPTURE(name);
        CAPTURE(by_reference);
        CAPTURE(std::string(name_of(dtype)));
        CHECK(std::isnan(g.at({1})));
        CHECK(!std::isnan(g.at({0})));
        CHECK(!std::isnan(g.at({2})));
      };
      for (const auto& op : unary()) {
        const auto& name = op.first;
        const auto& f = op.second;
        if (name == "neg") continue;  // its slope is -1 everywhere
        check(name, gradient([&](const Var& x, const Var&) { return f(x); }, 0));
      }
      for (const Index input : {0, 1}) {
        const auto both = [&](const std::string& name, Var (*f)(const In&, const In&)) {
          check(name, gradient([&](const Var& a, const Var& b) { return f(a, b); }, input));
          check(name, gradient([&](const Var& a, const Var& b) { return f(b, a); }, input));
        };
        both("minimum", minimum), both("maximum", maximum), both("pow", pow);
      }
      check("huber", gradient(
                         [](const Var& a, const Var& b) {
                           return nn::huber_loss(a, b, {.reduction = nn::Reduction::none});
                         },
                         0));
      check("l1", gradient([](const Var& a,
                              const Var& b) { return nn::l1_loss(a, b, nn::Reduction::none); },
                           0));
      check("mse", gradient([](const Var& a,
                               const Var& b) { return nn::mse_loss(a, b, nn::Reduction::none); },
                            1));
      for (const auto extreme :
           {static_cast<Var (*)(const In&, const Axes&, const ReduceOptions&)>(max),
            static_cast<Var (*)(const In&, const Axes&, const ReduceOptions&)>(min)}) {
        const Tensor g = gradient([&](const Var& a, const Var&) { return extreme(a, {}, {}); }, 0);
        CHECK(std::isnan(g.at({1})));
      }
    }
}

TEST_CASE("normal_cdf at and near 0 is 1/2, with the right slope") {
  for (const DType dtype : {f32, f64})
    for (const double x :
         {0.0, -0.0, 5e-324, -5e-324, 1e-310, 1e-45, -1e-45, 1e-40, 1.2e-38, -1e-30, 1e-12}) {
      CAPTURE(x);
      Tape tape;
      const Var v = tape.watch(Tensor::scalar(x, dtype));
      const Var y = normal_cdf(v);
      CHECK(y.item() == doctest::Approx(0.5).epsilon(1e-7));
      for (const bool by_reference : {false, true})
        CHECK(grad(y, {v}, {.create_graph = by_reference, .retain = true})[0].item() ==
              doctest::Approx(0.3989422804).epsilon(1e-7));
    }
}

TEST_CASE(
    "the variance and its gradient are accurate if the mean is much larger than the deviation") {
  for (const DType dtype : {f32, f64})
    for (const double offset : {0.0, 3.0, -1e3, dtype == f32 ? 1e5 : 1e12}) {
      const Tensor x = Generator(3).uniform({3, 400}, offset - 1, offset + 1, dtype);
      Tape tape;
      const Var v = tape.watch(x);
      const Var y = var(v, {1});
      const Tensor g = tape.backward(sum(y))[v];
      for (Index r = 0; r < 3; ++r) {
        // From the first element on, where long double is exact.
        const auto at = [&](Index i) {
          return static_cast<long double>(x.at({r, i}) - x.at({r, 0}));
        };
        long double mean = 0, squares = 0;
        for (Index i = 0; i < 400; ++i) mean += at(i) / 400;
        for (Index i = 0; i < 400; ++i) {
          const long double d = at(i) - mean;
          squares += d * d;
          const double off = g.at({r, i}) - static_cast<double>(2 * d / 399);
          CHECK(std::abs(off) < (dtype == f32 ? 1e-4 : 1e-10) * 0.005);
        }
        CHECK(y.value().at({r}) == doctest::Approx(static_cast<double>(squares / 399))
                                       .epsilon(dtype == f32 ? 2e-6 : 1e-13));
      }
    }
  CHECK(var(Tensor::full({1000}, 0.1)).item() >= 0);
}

TEST_CASE("the gradient of logsumexp is softmax, however large the maximum") {
  Generator g(4);
  for (const DType dtype : {f32, f64})
    for (const double offset : {0.0, 1e4, -1e7})
      for (const bool by_reference : {false, true}) {
        const Tensor x = add(g.normal({3, 5}, 0, 2, dtype), offset);
        Tape tape;
        const Var v = tape.watch(x);
        const Tensor got =
            grad(sum(logsumexp(v, {0})), {v}, {.create_graph = by_reference})[0].value();
        CHECK(distance(got, softmax(x.to(f64).transpose()).transpose()) <
              (dtype == f32 ? 5e-7 : 1e-15));
      }
}

TEST_CASE("logsumexp neither overflows nor loses precision") {
  for (DType dtype : {f32, f64}) {
    const double tolerance = dtype == f32 ? 1e-3 : 1e-11;  // of one place of 10^4
    const auto near = [&](const Tensor& a, const Tensor& b) {
      for (Index i = 0; i < a.numel(); ++i) {
        CAPTURE(a.flatten().at({i}));
        CHECK(same(a.flatten().at({i}), b.flatten().at({i}), tolerance));
      }
    };
    const Tensor large = Tensor::of({1e4, 1e4, -1e4}, dtype);
    near(logsumexp(large).value(), Tensor::scalar(1e4 + std::log(2.0), dtype));
    near(softmax(Var(large)).value(), Tensor::of({0.5, 0.5, 0}, dtype));
    near(log_softmax(Var(large)).value(),
         Tensor::of({-std::log(2.0), -std::log(2.0), -2e4 - std::log(2.0)}, dtype));
    const Tensor half = Tensor::of({-kInf, 0, 0}, dtype), none = Tensor::full({3}, -kInf, dtype);
    near(logsumexp(half).value(), Tensor::scalar(std::log(2.0), dtype));
    near(softmax(Var(half)).value(), Tensor::of({0, 0.5, 0.5}, dtype));
    near(logsumexp(none).value(), Tensor::scalar(-kInf, dtype));
    near(softmax(Var(none)).value(),
         Tensor::zeros({3}, dtype));  // ours: a fully masked row is zeros
    for (bool by_reference : {false, true}) {
      Tape tape;
      const Var a = tape.watch(half), b = tape.watch(none), c = tape.watch(large);
      const Tensor weights = Tensor::of({1, 2, 5}, dtype);
      const auto at = [&](const Var& y, const Var& x) {
        return grad(sum(y * weights), {x}, {.create_graph = by_reference, .retain = true})[0]
            .value();
      };
      near(at(softmax(a), a), Tensor::of({0, -0.75, 0.75}, dtype));
      near(at(softmax(b), b), Tensor::zeros({3}, dtype));
      near(at(logsumexp(c, 0, {.keepdim = true}), c), Tensor::of({4, 4, 0}, dtype));
    }
  }
}

TEST_CASE("normal_cdf reaches 0 and 1, and all derivatives of x^0 are 0") {
  for (DType dtype : {f32, f64}) {
    const Tensor y = normal_cdf(Tensor::of({-kInf, -50, 50, kInf}, dtype)).value();
    for (Index i = 0; i < 4; ++i) CHECK(y.at({i}) == (i < 2 ? 0 : 1));
  }
  Tape tape;
  const Var x = tape.watch(Tensor::scalar(0, f64));
  const Var slope = grad(pow(x, 0.0), {x}, {.create_graph = true})[0];
  CHECK(grad(slope, {x})[0].item() == 0);
}

TEST_CASE("logsumexp of a row of -inf is -inf, and its first and second derivatives are 0") {
  Tape tape;
  const Var x = tape.watch(Tensor::of({{-kInf, -kInf}, {1, 3}, {-kInf, 2}}, f64));
  const Var y = logsumexp(x, {1});
  CHECK(y.value().at({0}) == -kInf);
  const Var g = grad(sum(y), {x}, {.create_graph = true})[0];
  CHECK(distance(g.value(), softmax(x.value())) < 1e-15);
  const Var second = grad(sum(square(g)), {x})[0];
  CHECK(all_finite(second.value()));
  CHECK(std::abs(second.value().at({1, 0})) > 0.01);
}

TEST_CASE(
    "the logits of an ignored row have no effect, even if NaN, in first and second derivatives") {
  const IndexTensor target = IndexTensor::of({-100, 1});
  Tape tape;
  const Var x = tape.watch(Tensor::of({{NAN, 1, 2}, {1, 2, 0}}, f64));
  const Var loss = cross_entropy(x, target, {.reduction = Reduction::sum});
  const Var first = grad(loss, {x}, {.retain = true})[0],
            recorded = grad(loss, {x}, {.create_graph = true})[0];
  CHECK(all_finite(first.value()));
  CHECK(distance(first.value(), recorded.value()) < 1e-15);
  const Var second = grad(sum(square(recorded)), {x})[0];
  CHECK(all_finite(second.value()));
}
