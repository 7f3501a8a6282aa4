// A tape and its gradient: fit y = a x + b to noisy points by gradient descent.
#include <unroll/unroll.h>

using namespace unroll;

int main() {
  Generator random(7);
  Tensor x = random.uniform({100}, -1, 1);
  Tensor y = add(add(mul(x, 3), 0.5), random.normal({100}, 0, 0.1));

  Param a(Tensor::scalar(0)), b(Tensor::scalar(0));
  for (int step = 0; step < 200; ++step) {
    Tape tape;  // records while it is alive
    Var loss = mean(square(a * x + b - y));
    Gradients g = tape.backward(loss);  // a value: there is no gradient to reset
    for (Param* p : {&a, &b}) p->set_value(sub(p->value(), mul(g[*p], 0.1)));
    if (step == 0) fmt::print("the first loss on tape:\n{}", tape.dump());
    if (step % 50 == 49) fmt::print("step {:3}: loss {:.4f}\n", step + 1, loss.item());
  }
  fmt::print("y = {:.3f} x + {:.3f}\n", a.value().item(), b.value().item());
  return std::abs(a.value().item() - 3) < 0.1 && std::abs(b.value().item() - 0.5) < 0.1 ? 0 : 1;
}
