// A user-defined op: softsign(x) = x / (1 + |x|), with its derivative, checked to second order.
#include <unroll/unroll.h>

using namespace unroll;

Var softsign(const In& x) {
  static const Op op("softsign");
  const Tensor y = div(x.value(), add(abs(x.value()), 1));
  // The tape saves what the lambda captures. The derivative is written in differentiable ops, so
  // that it can be differentiated again: d/dx = 1 / (1 + |x|)^2.
  return record(op, y, {&x}, [x = *x](const Var& gradient, Cotangents& out) {
    out.add(0, gradient / square(abs(x) + 1));
  });
}

Var wrong(const In& x) {
  static const Op op("wrong");
  return record(op, square(x.value()), {&x},
                [x = *x](const Var& gradient, Cotangents& out) { out.add(0, gradient * x); });
}

int main() {
  const Tensor x = Generator(1).uniform({2, 3}, 0.1, 2, f64);
  const auto f = [](const std::vector<Var>& in) { return softsign(in[0]); };
  const auto first = gradcheck(f, {x}), second = gradgradcheck(f, {x});
  fmt::print("softsign\n{}\n", softsign(x).value());
  fmt::print("errors: gradient {:.1e}, its gradient {:.1e}\n", first.worst, second.worst);

  const auto caught = gradcheck([](const auto& in) { return wrong(in[0]); }, {x});
  fmt::print("{}\n", caught.message);
  return first && second && !caught ? 0 : 1;
}
