// The product of sparse rows with a matrix.
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/sparse.h>

namespace unroll {
namespace {

const Op sparse_matmul_op{"sparse_matmul"};

}  // namespace

// y = x w, dw = x^T g: rows of dw for the columns that x has. K elements of x are stored.
Var matmul(const SparseRows& x, const In& w) {
  check_defined("matmul", *w);
  return record(sparse_matmul_op, matmul(x, w.value()), {&w},
                [x, shape = w->shape()](const Var& g, Cotangents& d) {
                  if (recording()) {
                    const Tensor values = x.values().reshape({x.stored(), 1});
                    return d.add_rows(0, x.ids(),
                                      index_select(g, 0, x.row_of_values()) * values,  // [K, D]
                                      shape);
                  }
                  TransposedProduct dw = transposed_matmul(x, g.value());
                  d.add_rows(0, dw.ids, Var(std::move(dw.rows)), shape);
                });
}

}  // namespace unroll
