#include <unroll/autograd/sequence/attention.h>
#include <unroll/nn/attention.h>
#include <unroll/nn/init.h>
#include <unroll/tensor/math.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace unroll::nn {
namespace {

// [.., T, D] -> [N, D], all leading axes merged
Var rows_of(const Var& x) { return reshape(x, {-1, x.shape().back()}); }

}  // namespace

Attended scaled_dot_product_attention(const In& q, const In& k, const In& v,
                                      const AttentionOptions& o) {
  const Caller caller(q.where());
  check(o.scale >= 0 && std::isfinite(o.scale),
        "attention: a scale above 0, or 0 for the usual one, was required: got {}", o.scale);
  check_dropout("attention's dropout", o.dropout);
  check(q->rank() >= 2 && k->rank() >= 2 && v->rank() >= 2 &&
            q->shape().back() == k->shape().back() && k->shape()[-2] == v->shape()[-2],
        "attention: q [.., T, K], k [.., S, K] and v [.., S, D] were required: got {}, {} and {}",
        q->shape(), k->shape(), v->shape());
  const Index queries = q->shape()[-2], keys = k->shape()[-2];
  const double dropout_now = training() ? o.dropout : 0;
  const auto leading = [](const In& x) {
    return x->shape().span().first(static_cast<std::size_t>(x->rank() - 2));
  };
  if (!o.mask.defined() && !o.bias.defined() && !o.weights && q->numel() > 0 && k->numel() > 0 &&
      std::ranges::equal(leading(q), leading(k)) && std::ranges::equal(leading(q), leading(v))) {
    const Index count = q->numel() / (queries * q->shape().back());
    const Var y = attention(rows_of(*q), rows_of(*k), rows_of(*v),
                            {.queries = RowGroups::equal(count, queries),
                             .keys = RowGroups::equal(count, keys),
                             .causal = o.causal,
                             .scale = o.scale,
                             .dropout = dropout_now});
    return {reshape(y, q->shape().with(-1, v->shape().back())), Var()};
  }
  const double scale =
      o.scale > 0 ? o.scale : 1 / std::sqrt(static_cast<double>(q->shape().back()));
  Var logits = matmul(*q * scale, transpose(k));  // [.., T, S]
  if (o.bias.defined()) logits = logits + o.bias;
  Tensor visible;
  if (o.mask.defined()) visible = o.mask.to(q->dtype());
  if (o.causal) {
    const Tensor causal = causal_mask(queries, keys, q->dtype());
    visible = visible.defined() ? mul(visible, causal) : causal;
  }
  if (visible.defined()) {
    const Tensor hidden = equal(visible, Tensor::scalar(0, visible.dtype()));
    logits = masked_fill(logits, hidden, -INFINITY);
  }
  // A row of only -inf has softmax 0.
  const Var weights = softmax(logits);
  const Var used = dropout_now > 0 ? dropout(weights, dropout_now) : weights;
  // [.., T, S] [.., S, D] -> [.., T, D]
  return {matmul(used, v), o.weights ? weights : Var()};
}

MultiHeadAttention::MultiHeadAttention(const Options& o)
    : query_key_value({.in = o.dim,
                       .out = product_of("MultiHeadAttention", 3, o.dim),
                       .bias = o.bias,
                       .dtype = o.dtype}),
      out({.in = o.dim, .out = o.dim, .bias = o.bias, .dtype = o.dtype}),
      heads_(o.heads),
      dropout_(o.dropout) {
  check(o.heads >= 1 && o.dim % o.heads == 0,
        "MultiHeadAttention: a dim that divides by heads was required: got {} and {}", o.dim,
        o.heads);
  check_dropout("MultiHeadAttention's dropout", o.dropout);
  query_key_value.weight.set_value(xavier_uniform({o.dim, 3 * o.dim}, 1, {.dtype = o.dtype}));
  if (o.bias) {
    query_key_value.bias.set_value(Tensor::zeros({3 * o.dim}, o.dtype));
    out.bias.set_value(Tensor::zeros({o.dim}, o.dtype));
  }
}

MultiHeadAttention::CallOptions MultiHeadAttention::defaults() { return {}; }

// [B, T, D] -> [B, heads, T, D / heads]
Var MultiHeadAttention::heads_of(const Var& x) const {
  return transpose(reshape(x, {x.shape()[0], x.shape()[1], heads_, x.shape()[2] / heads_}), 1, 2);
}
// [B, heads, T, D / heads] -> [B, T, D]
Var MultiHeadAttention::joined(const Var& x) const {
  return reshape(transpose(x, 1, 2), {x.shape()[0], x.shape()[2], heads_ * x.shape()[3]});
}

// [.., D] -> [.., parts D]
Var MultiHeadAttention::project(const In& x, Index part, Index parts) const {
  const Index dim = out.weight.shape()[0];
  const Param &w = query_key_value.weight, &b = query_key_value.bias;
  return linear(x, narrow(w, 1, part * dim, parts * dim),
                b.defined() ? narrow(b, 0, part * dim, parts * dim) : Var());
}

Attended MultiHeadAttention::operator()(const In& query, const In& key, const In& value,
                                        const CallOptions& o) const {
  const Caller caller(query.where());
  const Index dim = out.weight.shape()[0];
  for (const Var* x : {&*query, &*key, &*value})
    check(x->rank() == 3 && x->shape()[2] == dim && x->shape()[0] == query->shape()[0],
          "MultiHeadAttention: inputs [B, T, {}] of one B were required: got {}, {} and {}", dim,
          query->shape(), key->shape(), value->shape());
  // If all three are the same tensor, one product projects them.
  const bool same = &*query == &*key && &*key == &*value;
  const bool fused = !o.mask.defined() && !o.bias.defined() && !o.weights;
  const Index batch = query->shape()[0];
  const auto groups = [&](const In& x) { return RowGroups::equal(batch, x->shape()[1]); };
  if (same && fused) {
    const Var y = self_attention(rows_of(query_key_value(query)), {.queries = groups(query),
                                                                   .keys = groups(query),
                                                                   .heads = heads_,
                                                                   .causal = o.causal,
                                                                   .dropout = dropping()});
    return {out(reshape(y, query->shape())), Var()};
  }
  const std::vector<Var> parts =
      same ? split(query_key_value(query), {dim, dim, dim}, 2)
           : std::vector<Var>{project(query, 0), project(key, 1), project(value, 2)};
  if (fused) {
    const Var y = attention(rows_of(parts[0]), rows_of(parts[1]), rows_of(parts[2]),
                            {.queries = groups(query),
                             .keys = groups(key),
                             .heads = heads_,
                             .causal = o.causal,
                             .dropout = dropping()});
    return {out(reshape(y, query->shape())), Var()};
  }
  const Attended a =
      scaled_dot_product_attention(heads_of(parts[0]), heads_of(parts[1]), heads_of(parts[2]),
                                   {.causal = o.causal,
                                    .mask = o.mask,
                                    .bias = o.bias,
                                    .dropout = dropout_,
                                    .weights = o.weights});
  return {out(joined(a.out)), a.weights};
}

void MultiHeadAttention::check_rows(const Gathered& x) const {
  const Index dim = out.weight.shape()[0];
  check_defined("MultiHeadAttention", x.table());
  check(x.table().rank() == 2 && x.table().shape()[1] == dim,
        "MultiHeadAttention: rows [N, {}] were required: got {}", dim, x.table().shape());
}

namespace {
void check_ragged(const MultiHeadAttention::CallOptions& o) {
  check(
      !o.mask.defined() && !o.bias.defined() && !o.weights,
      "MultiHeadAttention: a Sequence is masked by its lengths: for a mask, a bias or the weights, "
      "pass padded tensors");
}
}  // namespace

Sequence MultiHeadAttention::operator()(const Gathered& x, const CallOptions& o,
                                        Where where) const {
  const Caller caller(where);
  check_ragged(o);
  check_rows(x);
  const RowGroups groups = RowGroups::of(x.layout());
  const Var projected = query_key_value(x).rows();  // [N, 3 D]
  // [N, 3 D] -> [N, D]
  return {out(self_attention(projected, {.queries = groups,
                                         .keys = groups,
                                         .heads = heads_,
                                         .causal = o.causal,
                                         .dropout = dropping()})),
          x.layout()};
}

MultiHeadAttention::Memory MultiHeadAttention::prepare(const Gathered& keys, Where where) const {
  const Caller caller(where);
  check_rows(keys);
  const Index dim = out.weight.shape()[0];
  const Var both =
      keys.map([&](const Var& rows) { return project(rows, 1, 2); }).rows();  // [N, 2 D]
  // [N, D] each
  return {narrow(both, 1, 0, dim), narrow(both, 1, dim, dim), keys.layout()};
}

Sequence MultiHeadAttention::operator()(const Gathered& queries, const Memory& memory,
                                        const CallOptions& o, Where where) const {
  const Caller caller(where);
  check_ragged(o);
  check_rows(queries);
  const Var q = queries.map([&](const Var& rows) { return project(rows, 0); }).rows();  // [N, D]
  return {out(attention(q, memory.keys, memory.values,
                        {.queries = RowGroups::of(queries.layout()),
                         .keys = RowGroups::of(memory.layout),
                         .heads = heads_,
                         .causal = o.causal,
                         .dropout = dropping()})),
          queries.layout()};
}

Var MultiHeadAttention::operator()(const In& query, const Memory& memory) const {
  const Caller caller(query.where());
  check_defined("MultiHeadAttention", *query);
  check(query->rank() == 2 && query->shape()[0] == memory.layout.sequences(),
        "MultiHeadAttention: one query for each of {} sequences was required: got {}",
        memory.layout.sequences(), query->shape());
  return (*this)(Sequence(*query, SequenceLayout::equal(query->shape()[0], 1)), memory).rows;
}

Var softmax_by_sequence(const In& logits, const SequenceLayout& layout) {
  const Caller caller(logits.where());
  check(logits->shape() == Shape({layout.rows()}),
        "softmax_by_sequence: {} logits were required: got {}", layout.rows(), logits->shape());
  const Sequence rows(reshape(logits, {layout.rows(), 1}), layout);  // [N, 1]
  const Var grid = reshape(rows.padded(-INFINITY), {layout.sequences(), layout.steps()});
  const Var weights = reshape(softmax(grid), {layout.sequences(), layout.steps(), 1});
  // [B, T, 1] -> [N]
  return reshape(Sequence::from_padded(weights, layout.lengths()).rows, {layout.rows()});
}

AdditiveAttention::AdditiveAttention(const Options& o)
    : wq({.in = o.query, .out = o.hidden, .bias = true, .dtype = o.dtype}),
      wk({.in = o.key, .out = o.hidden, .bias = false, .dtype = o.dtype}),
      v(xavier_uniform({o.hidden, 1}, 1, {.dtype = o.dtype})) {}

AdditiveAttention::Memory AdditiveAttention::prepare(const Gathered& keys, Where where) const {
  const Caller caller(where);
  return {keys, wk(keys).rows()};  // [N, hidden]
}

namespace {

// One query per sequence. The op returns the weights sequence by sequence; here they are in the
// order of the memory's rows.
Attended one_query_each(const char* name, const In& query, const AttentionMemory& memory,
                        const std::function<Attended(const RowGroups&)>& attend) {
  const Index batch = memory.values.layout.sequences();
  check_defined(name, *query);
  check(query->rank() == 2 && query->shape()[0] == batch,
        "{}: one query for each of {} sequences was required: got {}", name, batch, query->shape());
  Attended out = attend(RowGroups::equal(batch, 1));
  std::vector<Index> place(static_cast<std::size_t>(memory.groups.rows().numel()));
  for (std::size_t i = 0; i < place.size(); ++i)
    place[memory.groups.rows()[static_cast<Index>(i)]] = static_cast<Index>(i);
  out.weights = index_select(out.weights, 0, IndexTensor(std::move(place)));  // [N]
  return out;
}

}  // namespace

Attended AdditiveAttention::operator()(const In& query, const Memory& memory) const {
  const Caller caller(query.where());
  return one_query_each("AdditiveAttention", query, memory,
                        [&](const RowGroups& rows) { return (*this)(query, memory, rows); });
}

Attended AdditiveAttention::operator()(const In& queries, const Memory& memory,
                                       const RowGroups& rows) const {
  const Caller caller(queries.where());
  auto [out, weights] = memory_attention(wq(queries), memory.keys, memory.values.rows,
                                         reshape(v, {-1}), {rows, memory.groups});
  return {std::move(out), std::move(weights)};
}

DotAttention::DotAttention(const Options& o) : key_(o.key) {
  check(o.query >= 1 && o.key >= 1 && (o.general || o.query == o.key),
        "DotAttention: sizes of at least 1, and equal ones unless .general, were required: got "
        "query {} and key {}",
        o.query, o.key);
  if (o.general)
    wk.emplace(Linear::Options{.in = o.key, .out = o.query, .bias = false, .dtype = o.dtype});
}

DotAttention::Memory DotAttention::prepare(const Gathered& keys, Where where) const {
  const Caller caller(where);
  check_defined("DotAttention", keys.table());
  check(keys.table().rank() == 2 && keys.table().shape()[1] == key_,
        "DotAttention: rows [N, {}] were required: got {}", key_, keys.table().shape());
  const Sequence values = keys;
  return {values, wk ? (*wk)(keys).rows() : values.rows};  // [N, query]
}

Attended DotAttention::operator()(const In& query, const Memory& memory) const {
  const Caller caller(query.where());
  return one_query_each("DotAttention", query, memory,
                        [&](const RowGroups& rows) { return (*this)(query, memory, rows); });
}

Attended DotAttention::operator()(const In& queries, const Memory& memory,
                                  const RowGroups& rows) const {
  const Caller caller(queries.where());
  auto [out, weights] =
      memory_attention(queries, memory.keys, memory.values.rows, Var(), {rows, memory.groups});
  return {std::move(out), std::move(weights)};
}

}  // namespace unroll::nn
