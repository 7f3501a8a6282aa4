// A program that has nothing but the installed library: x starts at 3 and walks down x^2 + c.
#include <unroll/unroll.h>

#include <cstdio>

int main() {
  unroll::Param x(unroll::Tensor::scalar(3));
  unroll::Tape tape;
  const unroll::Var y = unroll::matmul(unroll::reshape(x, {1, 1}), unroll::reshape(x, {1, 1}));
  const double slope = tape.backward(unroll::sum(y))[x].item();
  std::printf("d(x x)/dx = %g at x = 3\n", slope);
  return slope == 6 ? 0 : 1;
}
