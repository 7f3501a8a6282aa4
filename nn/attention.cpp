#include <unroll/autograd/sequence/attention.h>
#include <unroll/nn/attention.h>
#include <unroll/nn/init.h>
#include <unroll/tensor/math.h>

#include <algorithm>
#include <cmath>

namespace unroll::nn {
namespace {

// [.., T, D] -> [.. T, D]
Var rows_of(const Var& x) { return reshape(x, {-1, x.shape().back()}); }

}  // namespace

Attended scaled_dot_product_attention(const In& q, const In& k, const In& v,
                                      const AttentionOptions& o) {
  check(o.scale >= 0 && std::isfinite(o.scale),
        "attention: a scale above 0, or 0 for the usual one, was required: got {}", o.scale);
  check_dropout("attention's dropout", o.dropout);
  check(q->rank() >= 2 && k->rank() >= 2 && v->rank() >= 2 &&
            q->shape().back() == k->shape().back() && k->shape()[-2] == v->shape()[-2],
        "attention: q [.., T, K], k [.., S, K] and v [.., S, D] were required: got {}, {} and {}",
        q->shape(), k->shape(), v->shape());
  const Index queries = q->shape()[-2], keys = k->shape()[-2];
  const double dropped = training() ? o.dropout : 0;
  const auto leading = [](const In& x) {
    return x->shape().span().first(static_cast<std::size_t>(x->rank() - 2));
  };
  if (!o.mask.defined() && !o.weights && dropped == 0 && q->numel() > 0 && k->numel() > 0 &&
      std::ranges::equal(leading(q), leading(k)) && std::ranges::equal(leading(q), leading(v))) {
    const Index count = q->numel() / (queries * q->shape().back());
    const Var y = attention(rows_of(*q), rows_of(*k), rows_of(*v),
                            {.queries = RowGroups::equal(count, queries),
                             .keys = RowGroups::equal(count, keys),
                             .causal = o.causal,
                             .scale = o.scale});
    return {reshape(y, q->shape().with(-1, v->shape().back())), Var()};
  }
  const double scale =
      o.scale > 0 ? o.scale : 1 / std::sqrt(static_cast<double>(q->shape().back()));
  Var scores = matmul(*q * scale, transpose(k));  // [.., T, S]
  Tensor visible;
  if (o.mask.defined()) visible = o.mask.to(q->dtype());
  if (o.causal) {
    const Tensor causal = causal_mask(queries, keys, q->dtype());
    visible = visible.defined() ? mul(visible, causal) : causal;
  }
  if (visible.defined()) {
    const Tensor hidden = equal(visible, Tensor::scalar(0, visible.dtype()));
    scores = masked_fill(scores, hidden, -INFINITY);
  }
  // A row of nothing but -inf has softmax 0.
  const Var weights = softmax(scores);
  const Var used = dropped > 0 ? dropout(weights, dropped) : weights;
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

Var MultiHeadAttention::heads_of(const Var& x) const {
  return transpose(reshape(x, {x.shape()[0], x.shape()[1], heads_, x.shape()[2] / heads_}), 1, 2);
}
Var MultiHeadAttention::joined(const Var& x) const {
  return reshape(transpose(x, 1, 2), {x.shape()[0], x.shape()[2], heads_ * x.shape()[3]});
}

Attended MultiHeadAttention::operator()(const In& query, const In& key, const In& value,
                                        const CallOptions& o) const {
  const Index dim = out.weight.shape()[0];
  for (const Var* x : {&*query, &*key, &*value})
    check(x->rank() == 3 && x->shape()[2] == dim && x->shape()[0] == query->shape()[0],
          "MultiHeadAttention: inputs [B, T, {}] of one B were required: got {}, {} and {}", dim,
          query->shape(), key->shape(), value->shape());
  // One product for all three where they are the same.
  const bool same = &*query == &*key && &*key == &*value;
  const bool fused = !o.mask.defined() && !o.weights && !dropping();
  const Index batch = query->shape()[0];
  const auto groups = [&](const In& x) { return RowGroups::equal(batch, x->shape()[1]); };
  if (same && fused) {
    const Var y = self_attention(rows_of(query_key_value(query)),
                                 {groups(query), groups(query), heads_, o.causal});
    return {out(reshape(y, query->shape())), Var()};
  }
  std::vector<Var> parts;
  if (same) {
    parts = split(query_key_value(query), {dim, dim, dim}, 2);
  } else {
    const Var* inputs[] = {&*query, &*key, &*value};
    for (Index i = 0; i < 3; ++i) {
      const Var w = narrow(query_key_value.weight, 1, i * dim, dim);
      parts.push_back(linear(
          *inputs[i], w,
          query_key_value.bias.defined() ? narrow(query_key_value.bias, 0, i * dim, dim) : Var()));
    }
  }
  if (fused) {
    const Var y = attention(rows_of(parts[0]), rows_of(parts[1]), rows_of(parts[2]),
                            {groups(query), groups(key), heads_, o.causal});
    return {out(reshape(y, query->shape())), Var()};
  }
  const Attended a = scaled_dot_product_attention(
      heads_of(parts[0]), heads_of(parts[1]), heads_of(parts[2]),
      {.causal = o.causal, .mask = o.mask, .dropout = dropout_, .weights = o.weights});
  return {out(joined(a.out)), a.weights};
}

Sequence MultiHeadAttention::operator()(const Gathered& x, const CallOptions& o) const {
  const SequenceLayout& layout = x.layout();
  const Index dim = out.weight.shape()[0], batch = x.size(), steps = layout.steps();
  check(!o.mask.defined() && !o.weights,
        "MultiHeadAttention: a Sequence is masked by its lengths: for a mask or the weights, pass "
        "padded tensors");
  check(x.table().rank() == 2 && x.table().shape()[1] == dim,
        "MultiHeadAttention: rows [N, {}] were required: got {}", dim, x.table().shape());
  const Var projected = query_key_value(x).rows();
  if (!dropping()) {
    const RowGroups groups = RowGroups::of(layout);
    return {out(self_attention(projected, {groups, groups, heads_, o.causal})), layout};
  }
  const std::vector<Var> parts = split(projected, {dim, dim, dim}, 1);
  Tensor visible;
  if (!layout.is_equal()) {
    visible = Tensor::zeros({batch, 1, 1, steps}, projected.dtype());
    for (Index b = 0; b < batch; ++b)
      visible.narrow(0, b, 1).narrow(3, 0, layout.lengths()[b]).fill_(1);
  }
  const auto grid = [&](const Var& rows) { return heads_of(Sequence(rows, layout).padded()); };
  const Attended a =
      scaled_dot_product_attention(grid(parts[0]), grid(parts[1]), grid(parts[2]),
                                   {.causal = o.causal, .mask = visible, .dropout = dropout_});
  return {out(Sequence::from_padded(joined(a.out), layout.lengths()).rows), layout};
}

Var softmax_by_sequence(const In& scores, const SequenceLayout& layout) {
  check(scores->shape() == Shape({layout.rows()}),
        "softmax_by_sequence: {} scores were required: got {}", layout.rows(), scores->shape());
  const Sequence rows(reshape(scores, {layout.rows(), 1}), layout);
  const Var grid = reshape(rows.padded(-INFINITY), {layout.sequences(), layout.steps()});
  const Var weights = reshape(softmax(grid), {layout.sequences(), layout.steps(), 1});
  return reshape(Sequence::from_padded(weights, layout.lengths()).rows, {layout.rows()});
}

AdditiveAttention::AdditiveAttention(const Options& o)
    : wq({.in = o.query, .out = o.hidden, .bias = true, .dtype = o.dtype}),
      wk({.in = o.key, .out = o.hidden, .bias = false, .dtype = o.dtype}),
      v(xavier_uniform({o.hidden, 1}, 1, {.dtype = o.dtype})) {}

Attended AdditiveAttention::operator()(const In& query, const Sequence& keys) const {
  check(query->rank() == 2 && query->shape()[0] == keys.size(),
        "AdditiveAttention: one query for each of {} sequences was required: got {}", keys.size(),
        query->shape());
  const Index n = keys.layout.rows();
  const Var q = index_select(wq(query), 0, keys.layout.sequence_of_rows());  // [N, hidden]
  const Var scores = reshape(matmul(tanh(q + wk(keys.rows)), v), {n});
  const Var weights = softmax_by_sequence(scores, keys.layout);
  return {Sequence(keys.rows * reshape(weights, {n, 1}), keys.layout).sum(), weights};
}

}  // namespace unroll::nn
