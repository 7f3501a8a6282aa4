// Picking and spreading by index.
#include <unroll/autograd/ops.h>
#include <unroll/autograd/ops/lookup.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>

#include <algorithm>

namespace unroll {
namespace {

const Op gather_op{"gather"}, scatter_add_op{"scatter_add"}, index_select_op{"index_select"};
const Op index_add_op{"index_add"}, embedding_op{"embedding"}, scatter_rows_op{"scatter_rows"};

const Op look_up_op{"look_up"};

struct LookUpDerivative {
  Lookup from;
  std::function<Var(const Var&)> f;  // made the rows of the last of from.made_of, if there is one

  void operator()(const Var& g, Cotangents& d) const {
    if (f && (recording() || from.watched(d)))
      return d.add_through([&](const std::vector<Var>& v) { return std::vector<Var>{f(v[0])}; },
                           {from.made_of.back()}, {&g, 1});
    const Shape& table = from.table.shape();
    d.add_rows(0, from.ids, reshape(g, {from.ids.numel(), table[1]}), table);
  }
};

// table[ids].
Var recorded(LookUpDerivative made, Where where) {
  const Lookup from = made.from;
  const Tensor y = take_rows(from.table.value(), from.ids);
  const In table(from.table, where);
  if (from.made_of.empty()) return record(look_up_op, y, {&table}, std::move(made));
  const In x(from.made_of.back(), where);
  return record(look_up_op, y, {&table, &x}, std::move(made));
}

}  // namespace

Var gather(const In& x, int axis, const IndexTensor& index) {
  check_defined("gather", *x);
  axis = x->shape().axis(axis, "gather");
  return record(gather_op, gather(x.value(), axis, index), {&x},
                [axis, index, shape = x->shape()](const Var& g, Cotangents& d) {
                  d.add(0, scatter_add(Tensor::zeros(shape, g.dtype()), axis, index, g));
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

Var embedding(const IndexTensor& ids, const In& table, Index padding_id) {
  check_defined("embedding", *table);
  check(table->rank() == 2, "embedding: a table [V, D] was required: got {}", table->shape());
  if (recording() && table.requires_grad()) {
    Distinct used = distinct("embedding", {&ids, 1}, table->shape()[0]);
    if (ids.numel() > 0 && static_cast<Index>(used.ids.size()) <= ids.numel() / 2) {
      const Var rows = embedding(std::move(used.ids), In(*table, table.where()), padding_id);
      return recorded({{IndexTensor(std::move(used.places), ids.shape()), rows, {}}, nullptr},
                      table.where());
    }
  }
  return record(embedding_op, take_rows(table.value(), ids), {&table},
                [ids, padding_id, shape = table->shape()](const Var& g, Cotangents& d) {
                  const Index dim = shape[1];
                  const Var rows = reshape(g, {ids.numel(), dim});
                  if (padding_id < 0) return d.add_rows(0, ids, rows, shape);
                  Tensor keep = Tensor::ones({ids.numel(), 1}, g.dtype());
                  for (Index i = 0; i < ids.numel(); ++i)
                    if (ids[i] == padding_id) keep.set({i, 0}, 0);
                  d.add_rows(0, ids, rows * keep, shape);
                });
}

bool Lookup::watched(const Cotangents& d) const {
  return std::any_of(made_of.begin(), made_of.end(),
                     [&](const Var& rows) { return d.watched(rows); });
}

const Lookup* lookup_of(const Var& x) {
  const void* closure = Recorder::closure_of(x, look_up_op);
  return closure ? &static_cast<const LookUpDerivative*>(closure)->from : nullptr;
}

Var look_up(const In& x, const Lookup& from, std::function<Var(const Var&)> f) {
  Lookup made{from.ids, f(from.table), from.made_of};
  made.made_of.push_back(*x);
  return recorded({std::move(made), std::move(f)}, x.where());
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
