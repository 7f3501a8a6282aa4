// Products.
#include <unroll/autograd/ops.h>
#include <unroll/autograd/ops/lookup.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/matmul.h>

namespace unroll {
namespace {

const Op matmul_op{"matmul"}, linear_op{"linear"};

Var rows_of(const Var& x) {
  return reshape(x, Shape{x.shape().without(x.rank() - 1).numel(), x.shape().back()});
}

// Where x was looked up, if w fits it.
const Lookup* lookup_for(const In& x, const In& w) {
  const Lookup* from = lookup_of(*x);
  return from && w->rank() == 2 && w->shape()[0] == x->shape().back() ? from : nullptr;
}

// x w (+ b) of an x that was looked up.
Var product_of_table(const Op& op, const Lookup& from, const In& x, const In& w, const In* b) {
  const Tensor& table = from.table.value();
  const Tensor y = b ? linear(table, w.value(), b->value()) : matmul(table, w.value());
  const std::vector<Var> inputs{*x, *w, b ? **b : Var(), from.table};
  return record(op, {take_rows(y, from.ids)}, inputs, x.where(),
                [x = *x, w = *w, from](std::span<const Var> g, Cotangents& d) {
                  add_linear_gradients(d, x, w, g[0], &from);
                })[0];
}

}  // namespace

void add_linear_gradients(Cotangents& d, const Var& x, const Var& w, const Var& g,
                          const Lookup* from) {
  if (from && !recording() && !d.watched(0)) {
    const Shape& table = from->table.shape();
    const Tensor rows = rows_of(g).value();
    const RowGradient by_id =
        RowGradient::sum({&from->ids, 1}, {&rows, 1}, {table[0], rows.shape()[1]});
    const Var sums(by_id.values);
    if (d.needs(1)) d.add_product(1, take_rows(from->table.value(), by_id.rows), sums);
    if (d.needs(2)) d.add(2, sum(sums, {0}));
    return d.add_rows(3, by_id.rows, matmul(sums, transpose(w)), table);
  }
  if (d.needs(0)) d.add(0, matmul(g, transpose(w)));
  if (d.needs(1)) d.add_product(1, rows_of(x), rows_of(g));
  if (d.needs(2)) d.add(2, sum(rows_of(g), {0}));
}

Var matmul(const In& a, const In& b) {
  check_defined("matmul", *a), check_defined("matmul", *b);
  // A 1-D operand is a matrix with an axis of 1, which goes again.
  const Where at = a.where();
  if (a->rank() == 1)
    return squeeze(In(matmul(In(unsqueeze(a, 0), at), b), at), b->rank() == 1 ? -1 : -2);
  if (b->rank() == 1) return squeeze(In(matmul(a, unsqueeze(b, 1)), at), -1);
  if (const Lookup* from = lookup_for(a, b))
    return product_of_table(matmul_op, *from, a, b, nullptr);
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
  if (const Lookup* from = lookup_for(x, w)) return product_of_table(linear_op, *from, x, w, &b);
  const Tensor y = linear(x.value(), w.value(), b.value());
  return record(linear_op, y, {&x, &w, &b},
                [x = w.requires_grad() ? *x : Var(), w = x.requires_grad() ? *w : Var()](
                    const Var& g, Cotangents& d) { add_linear_gradients(d, x, w, g); });
}

}  // namespace unroll
