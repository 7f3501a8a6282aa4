// Ops of Tensors alone give Tensors, with the numbers that a Var has; and what a Var may do beside:
// braces, +=, comparisons, printing.
#include "tests/support.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/ops.h>

#include <cmath>
#include <limits>
#include <sstream>

using namespace unroll;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// f of a Tensor is a Tensor, of a Var a Var, and both have the same numbers.
template <class F>
void check_forms(const char* name, const Tensor& x, F f) {
  CAPTURE(name);
  using OfTensor = decltype(f(x));
  using OfVar = decltype(f(Var(x)));
  static_assert(std::is_same_v<OfTensor, Tensor>);
  static_assert(std::is_same_v<OfVar, Var>);
  CHECK(allclose(f(x), f(Var(x)), {.relative = 0, .absolute = 0, .equal_nan = true}));
}

#define FORMS(...) check_forms(#__VA_ARGS__, x, [&](const auto& t) { return __VA_ARGS__; })

}  // namespace

TEST_CASE("every op that there is for Tensors gives a Tensor in each of its forms") {
  const Tensor x = random({3, 4, 4}, 1), w = random({4, 2}, 2), b = random({2}, 3);
  const Tensor mask = less(x, 0.0);
  const IndexTensor at = IndexTensor::of({2, 0}), all = Generator(4).integers({3, 4, 4}, 0, 4);
  FORMS(add(t, t)), FORMS(add(t, 2.0)), FORMS(add(2.0, t)), FORMS(t + t), FORMS(t + 2.0),
      FORMS(2 + t);
  FORMS(sub(t, t)), FORMS(sub(t, 2.0)), FORMS(sub(2.0, t)), FORMS(t - t), FORMS(t - 2.0),
      FORMS(2 - t);
  FORMS(mul(t, t)), FORMS(mul(t, 2.0)), FORMS(mul(2.0, t)), FORMS(t * t), FORMS(t * 2.0),
      FORMS(2 * t);
  FORMS(div(t, t)), FORMS(div(t, 2.0)), FORMS(div(2.0, t)), FORMS(t / t), FORMS(t / 2.0),
      FORMS(2 / t);
  FORMS(pow(abs(t), t)), FORMS(pow(t, 2.0)), FORMS(pow(2.0, t));
  FORMS(minimum(t, -t)), FORMS(minimum(t, 0.0)), FORMS(minimum(0.0, t));
  FORMS(maximum(t, -t)), FORMS(maximum(t, 0.0)), FORMS(maximum(0.0, t));
  FORMS(where(mask, t, t * 2.0)), FORMS(where(mask, t, 0.0)), FORMS(where(mask, 0.0, t));
  FORMS(masked_fill(t, mask, 2));
  FORMS(neg(t)), FORMS(-t), FORMS(exp(t)), FORMS(log(abs(t))), FORMS(sqrt(abs(t))),
      FORMS(square(t));
  FORMS(reciprocal(t)), FORMS(sin(t)), FORMS(cos(t)), FORMS(tanh(t)), FORMS(sigmoid(t)),
      FORMS(relu(t));
  FORMS(leaky_relu(t)), FORMS(leaky_relu(t, 0.2)), FORMS(elu(t)), FORMS(elu(t, 0.5)),
      FORMS(gelu(t));
  FORMS(gelu_tanh(t)), FORMS(normal_cdf(t)), FORMS(silu(t)), FORMS(softplus(t)),
      FORMS(clamp(t, -1, 1));
  FORMS(sum(t)), FORMS(sum(t, 1)), FORMS(sum(t, {0, 2}, {.keepdim = true})), FORMS(mean(t)),
      FORMS(mean(t, -1));
  FORMS(max(t)), FORMS(max(t, 1)), FORMS(min(t)), FORMS(min(t, {0, 1})), FORMS(prod(t)),
      FORMS(prod(t, 1));
  FORMS(var(t)), FORMS(var(t, 1)), FORMS(stddev(t)),
      FORMS(stddev(t, 2, {.keepdim = true, .correction = 0})), FORMS(norm(t));
  FORMS(norm(t, {1, 2})), FORMS(logsumexp(t)), FORMS(logsumexp(t, 0)), FORMS(sum_to(t, {4}));
  FORMS(cumsum(t, 1)), FORMS(logcumsumexp(t, 1)), FORMS(softmax(t)), FORMS(softmax(t, 0));
  FORMS(log_softmax(t)), FORMS(log_softmax(t, 1));
  FORMS(matmul(t, w)), FORMS(linear(t, w, b)), FORMS(linear(t, w));
  FORMS(reshape(t, {4, -1})), FORMS(reshape(t, Shape{12, 4})), FORMS(transpose(t)),
      FORMS(transpose(t, 0, 1));
  FORMS(permute(t, {2, 0, 1})), FORMS(narrow(t, 1, 1, 2)), FORMS(select(t, 1, -1));
  FORMS(expand(t, {2, 3, 4, 4})), FORMS(flip(t, 0)), FORMS(pad(t, 1, 1, 2)),
      FORMS(pad(t, 1, 1, 2, 0.5));
  FORMS(unsqueeze(t, 0)), FORMS(squeeze(unsqueeze(t, 0), 0)), FORMS(tril(t)), FORMS(triu(t, 1));
  FORMS(split(t, 1).front()), FORMS(split(t, {1, 2}).back());
  FORMS(concat({t, t}, 1)), FORMS(stack({t, t}, 1));
  FORMS(gather(t, 1, all)), FORMS(scatter_add(t, 1, all, t)), FORMS(index_select(t, 0, at));
  FORMS(index_add(index_select(t, 0, at), 0, at, 5)),
      FORMS(scatter_rows(index_select(t, 0, at), IndexTensor::of({{1, 0, 2, 2}, {0, 0, 0, 1}}), 3));
  FORMS(sort(t, 1).values), FORMS(topk(t, 2).values);
}

TEST_CASE("a Tensor and a Var, or a Param, make a Var") {
  const Tensor t = random({2, 3}, 1);
  const Param p(random({2, 3}, 2));
  static_assert(std::is_same_v<decltype(t + Var(t)), Var>);
  static_assert(std::is_same_v<decltype(p + t), Var>);
  static_assert(std::is_same_v<decltype(concat({Var(t), Var(t)})), Var>);
  static_assert(std::is_same_v<decltype(minimum(p, 0.0)), Var>);
  CHECK(concat({Var(p), t}, 1).shape() == Shape({2, 6}));
  Tape tape;
  CHECK(stack({p, t}).requires_grad());
}

TEST_CASE("a single axis is an axis list of one, for every reduction") {
  const Tensor x = random({2, 3, 4}, 1);
  for (int axis = -3; axis < 3; ++axis)
    for (const bool keep : {false, true}) {
      const Axes one{axis};
      CHECK(distance(sum(x, axis, {.keepdim = keep}), sum(x, one, {.keepdim = keep})) == 0);
      CHECK(distance(mean(x, axis, {.keepdim = keep}), mean(x, one, {.keepdim = keep})) == 0);
      CHECK(distance(prod(Var(x), axis, {.keepdim = keep}).value(),
                     prod(x, one, {.keepdim = keep})) == 0);
      CHECK(max(Var(x), axis, {.keepdim = keep}).shape() == min(x, one, {.keepdim = keep}).shape());
      CHECK(distance(var(x, axis, {.keepdim = keep}), square(stddev(x, one, {.keepdim = keep}))) <
            1e-14);
      CHECK(distance(norm(x, axis, {.keepdim = keep}),
                     sqrt(sum(square(x), one, {.keepdim = keep}))) < 1e-14);
      CHECK(logsumexp(Var(x), axis, {.keepdim = keep}).shape() ==
            sum(x, one, {.keepdim = keep}).shape());
    }
  CHECK(mean(x, std::vector<int>{0, 2}).shape() == Shape({3}));
  check_refused([&] { (void)mean(x, 3); }, "mean: an axis in [-3, 2] was required");
  check_refused([&] { (void)norm(x, {1, 1}); }, "norm: each axis once was required");
  check_refused([] { (void)Axes({0, 1, 2, 3, 4, 5, 6, 7, 8}); }, "at most 8 axes");
}

TEST_CASE("v += w is v = v + w on the tape, with gradients to both") {
  Tape tape;
  const Tensor a = random({3}, 1, f64), b = abs(random({3}, 2, f64)) + 1.0;
  const Var x = tape.watch(a), y = tape.watch(b);
  Var c = x;
  c += y, c -= 2.0, c *= y, c /= y, c += a;
  const Gradients g = tape.backward(sum(c));
  CHECK(distance(c.value(), a + b - 2.0 + a) < 1e-14);
  CHECK(distance(g[x], Tensor::ones({3}, f64)) < 1e-14);
  CHECK(distance(g[y], Tensor::ones({3}, f64)) < 1e-14);
  CHECK(distance(x.value(), a) == 0);
  Var total = Tensor::scalar(0, f64);
  for (int i = 0; i < 3; ++i) total += sum(x * static_cast<double>(i));
  CHECK(std::abs(total.item() - 3 * sum(a).item()) < 1e-14);
  Var undefined;
  check_refused([&] { undefined += x; }, "add: a value was required");
}

TEST_CASE("a Var is compared, sorted and printed like its value") {
  Tape tape;
  const Tensor t = random({2, 3}, 1);
  const Var v = tape.watch(t), w = tape.watch(-t);
  CHECK(argmax(v) == argmax(t));
  CHECK(argmax(v, 0) == argmax(t, 0));
  CHECK(argmin(v, 0) == argmin(t, 0));
  CHECK(argsort(v, 0) == argsort(t, 0));
  CHECK(argtopk(v, 2) == argtopk(t, 2));
  CHECK(distance(less(v, w), less(t, -t)) == 0);
  CHECK(distance(less(v, 0.0), less(t, 0.0)) == 0);
  CHECK(distance(less_equal(0.5, v), less_equal(0.5, t)) == 0);
  CHECK(min(equal(v, t)).item() == 1);
  CHECK(allclose(v, t));
  CHECK(!allclose(v, w));
  CHECK(all_finite(v));
  std::ostringstream out;
  out << v << Var();
  CHECK(out.str() == t.str() + "undefined");
}

TEST_CASE("the gain of a norm and the bias of linear may be omitted") {
  const Tensor x = random({3, 4}, 1), gain = random({4}, 2), w = random({4, 2}, 3);
  const Var zero = Tensor::zeros({4}, f64), one = Tensor::ones({4}, f64);
  CHECK(distance(layer_norm(x, gain).value(), layer_norm(x, gain, zero).value()) == 0);
  CHECK(distance(layer_norm(x).value(), layer_norm(x, one, zero).value()) == 0);
  CHECK(distance(rms_norm(x).value(), rms_norm(x, one).value()) == 0);
  CHECK(distance(linear(Var(x), w).value(), matmul(x, w)) == 0);
}

TEST_CASE("a norm neither overflows nor underflows, and its gradient at 0 is 0") {
  for (const DType type : {f32, f64})
    for (const double scale :
         {1.0, 1e-30, 1e30, type == f64 ? 1e-200 : 1e-35, type == f64 ? 1e200 : 1e37}) {
      const Tensor x = Tensor::of({{3, 4}, {0, 0}, {-5, 12}}, type) * scale;
      const Tensor y = norm(x, 1) / scale;
      CHECK(allclose(y, Tensor::of({5, 0, 13}), {.relative = 1e-6}));
    }
  CHECK(std::isinf(norm(Tensor::of({1, -kInf})).item()));
  CHECK(std::isnan(norm(Tensor::of({1, NAN})).item()));
  CHECK(norm(Tensor::zeros({0, 2}), 0).shape() == Shape({2}));
  Tape tape;
  const Var x = tape.watch(Tensor::zeros({2, 3}, f64));
  CHECK(max(abs(tape.backward(sum(norm(x, 1)) + sum(stddev(x, 1)))[x])).item() == 0);
}

TEST_CASE("a product is what multiplying one after another gives, its gradient right at zeros") {
  Generator g(3);
  for (Index n : {1, 2, 3, 5, 8, 13}) {
    const Tensor x = g.uniform({2, n}, -2, 2, f64);
    Tensor expected = Tensor::ones({2}, f64);
    for (Index i = 0; i < n; ++i) expected *= x.select(1, i);
    CHECK(distance(prod(x, 1), expected) < 1e-12);
    CHECK(distance(prod(x), prod(expected)) < 1e-12);
  }
  CHECK(prod(Tensor::zeros({2, 0}), 1).str() == Tensor::ones({2}).str());
  CHECK(prod(Tensor::scalar(3)).item() == 3);
  Tape tape;
  const Var x = tape.watch(Tensor::of({{2, 0, 3}, {0, 0, 5}}, f64));
  CHECK(distance(tape.backward(sum(prod(x, 1)))[x], Tensor::of({{0, 6, 0}, {0, 0, 0}}, f64)) == 0);
}

TEST_CASE("logcumsumexp is the log of sums of exponentials, however large they are") {
  Generator g(4);
  for (const DType type : {f32, f64})
    for (const double shift : {0.0, 1e4, -1e4}) {
      const Tensor x = g.uniform({3, 7, 2}, -3, 3, type) + shift;
      for (int axis = 0; axis < 3; ++axis) {
        const Tensor expected = log(cumsum(exp(x.to(f64) - shift), axis)) + shift;
        CHECK(allclose(logcumsumexp(x, axis), expected, {.relative = type == f32 ? 1e-6 : 1e-13}));
      }
      // The last of a row is logsumexp, and so are the gradients: softmaxes of the differences.
      Tape tape;
      const Var v = tape.watch(x);
      const Var last = select(logcumsumexp(v, 1), 1, -1);
      const Tensor expected = softmax(x.to(f64), 1);
      CHECK(allclose(tape.backward(sum(last))[v], expected, {.relative = 1e-5}));
    }
  const Tensor edge = logcumsumexp(Tensor::of({-kInf, -kInf, 1, -kInf, kInf, 0}, f64), 0);
  CHECK(edge.str() == Tensor::of({-kInf, -kInf, 1, 1, kInf, kInf}, f64).str());
  Tape tape;
  const Var x = tape.watch(Tensor::of({-kInf, 1, -kInf, 1}, f64));
  CHECK(distance(tape.backward(sum(narrow(logcumsumexp(x, 0), 0, 1, 3)))[x],
                 Tensor::of({0, 2.5, 0, 0.5}, f64)) < 1e-15);
  CHECK(logcumsumexp(Tensor::zeros({2, 0}), 1).shape() == Shape({2, 0}));
}
