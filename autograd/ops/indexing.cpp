// Gather and scatter: indexing and its transpose.
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>

namespace unroll {
namespace {

const Op gather_op{"gather"}, scatter_add_op{"scatter_add"}, index_select_op{"index_select"};
const Op index_add_op{"index_add"}, embedding_op{"embedding"}, scatter_rows_op{"scatter_rows"};

}  // namespace

Var gather(const In& x, int axis, const IndexTensor& index) {
  check_defined("gather", *x);
  axis = x->shape().axis(axis, "gather");
  return record(gather_op, gather(x.value(), axis, index), {&x},
                [axis, index, shape = x->shape()](const Var& g, Cotangents& d) {
                  if (recording())
                    return d.add(0, scatter_add(Tensor::zeros(shape, g.dtype()), axis, index, g));
                  d.add(0, Var(scatter_add(shape, axis, index, g.value())));
                });
}

Var scatter_add(const In& x, int axis, const IndexTensor& index, const In& source) {
  check_defined("scatter_add", *x), check_defined("scatter_add", *source);
  axis = x->shape().axis(axis, "scatter_add");
  return record(scatter_add_op, scatter_add(x.value(), axis, index, source.value()), {&x, &source},
                [axis, index](const Var& g, Cotangents& d) {
                  d.add(0, g);
                  if (d.needs(1)) d.add(1, gather(g, axis, index));
                });
}

Var index_select(const In& x, int axis, const IndexTensor& index) {
  check_defined("index_select", *x);
  axis = x->shape().axis(axis, "index_select");
  return record(index_select_op, index_select(x.value(), axis, index), {&x},
                [axis, index, size = x->shape()[axis]](const Var& g, Cotangents& d) {
                  d.add(0, index_add(g, axis, index, size));
                });
}

Var index_add(const In& x, int axis, const IndexTensor& index, Index size) {
  check_defined("index_add", *x);
  axis = x->shape().axis(axis, "index_add");
  check(size >= 0, "index_add: a size of at least 0 was required: got {}", size);
  check(index.shape() == Shape({x->shape()[axis]}),
        "index_add: {} indices, one for each slice on axis {} of {}, were required: got {}",
        x->shape()[axis], axis, x->shape(), index.shape());
  return record(
      index_add_op, index_add(x.value(), axis, index, size), {&x},
      [axis, index](const Var& g, Cotangents& d) { d.add(0, index_select(g, axis, index)); });
}

Var embedding(const IndexTensor& ids, const In& table, const EmbeddingOptions& options) {
  check_defined("embedding", *table);
  check(table->rank() == 2, "embedding: a table [V, D] was required: got {}", table->shape());
  return record(
      embedding_op, take_rows(table.value(), ids), {&table},
      [ids, padding_id = options.padding_id, shape = table->shape()](const Var& g, Cotangents& d) {
        const Index dim = shape[1];
        const Var rows = reshape(g, {ids.numel(), dim});
        if (padding_id < 0) return d.add_rows(0, ids, rows, shape);
        Tensor keep = Tensor::ones({ids.numel(), 1}, g.dtype());
        for (Index i = 0; i < ids.numel(); ++i)
          if (ids[i] == padding_id) keep.set({i, 0}, 0);
        d.add_rows(0, ids, rows * keep, shape);
      });
}

Var scatter_rows(const In& x, const IndexTensor& ids, Index rows) {
  check_defined("scatter_rows", *x);
  check(x->rank() >= 1 && x->shape().without(x->rank() - 1).numel() == ids.numel(),
        "scatter_rows: one row for each of {} ids was required: got {}", ids.numel(), x->shape());
  check(rows >= 0, "scatter_rows: a number of rows of at least 0 was required: got {}", rows);
  ids.check_range("scatter_rows", rows);
  Tensor y = Tensor::zeros({rows, x->shape().back()}, x->dtype());
  add_rows_into(y, ids, x.value());
  return record(scatter_rows_op, y, {&x}, [ids, shape = x->shape()](const Var& g, Cotangents& d) {
    d.add(0, reshape(embedding(ids, g), shape));
  });
}

}  // namespace unroll
