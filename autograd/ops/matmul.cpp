// Matrix products.
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/reduce.h>

namespace unroll {
namespace {

const Op matmul_op{"matmul"}, linear_op{"linear"};

Var rows_of(const Var& x) {
  return reshape(x, Shape{x.shape().without(x.rank() - 1).numel(), x.shape().back()});
}

}  // namespace

Var matmul(const In& a, const In& b) {
  check_defined("matmul", *a), check_defined("matmul", *b);
  // A 1-D operand gets an axis of size 1, which is removed from the result.
  const Where at = a.where();
  if (a->rank() == 1)
    return squeeze(In(matmul(In(unsqueeze(a, 0), at), b), at), b->rank() == 1 ? -1 : -2);
  if (b->rank() == 1) return squeeze(In(matmul(a, unsqueeze(b, 1)), at), -1);
  return record(matmul_op, matmul(a.value(), b.value()), {&a, &b},
                [sa = a->shape(), sb = b->shape(), va = b.requires_grad() ? *a : Var(),
                 vb = a.requires_grad() ? *b : Var()](const Var& g, Cotangents& d) {
                  if (d.needs(0)) d.add(0, sum_to(matmul(g, transpose(vb)), sa));
                  if (!d.needs(1)) return;
                  if (sb.rank() == 2) {
                    d.add_product(1, rows_of(va), rows_of(g));
                  } else {
                    d.add(1, sum_to(matmul(transpose(va), g), sb));
                  }
                });
}

Var linear(const In& x, const In& w, const In& b) {
  check_defined("linear", *x), check_defined("linear", *w);
  const Tensor y = linear(x.value(), w.value(), b.value());
  return record(linear_op, y, {&x, &w, &b},
                [x = w.requires_grad() ? *x : Var(), w = x.requires_grad() ? *w : Var()](
                    const Var& g, Cotangents& d) {
                  if (d.needs(0)) d.add(0, matmul(g, transpose(w)));
                  if (d.needs(1)) d.add_product(1, rows_of(x), rows_of(g));
                  if (d.needs(2)) d.add(2, sum(rows_of(g), {0}));
                });
}

}  // namespace unroll
