#include <unroll/autograd/sequence/attention.h>
#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/autograd/sequence/rotary.h>
#include <unroll/nn/attention.h>
#include <unroll/nn/init.h>
#include <unroll/tensor/math.h>

#include <algorithm>
#include <cmath>

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
  check(o.window >= 0, "attention: a window of at least 1, or 0 for none, was required: got {}",
        o.window);
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
                             .dropout = dropout_now,
                             .window = o.window});
    return {reshape(y, q->shape().with(-1, v->shape().back())), Var()};
  }
  const double scale =
      o.scale > 0 ? o.scale : 1 / std::sqrt(static_cast<double>(q->shape().back()));
  Var logits = matmul(*q * scale, transpose(k));  // [.., T, S]
  if (o.bias.defined()) logits = logits + o.bias;
  Tensor visible;
  if (o.mask.defined()) visible = o.mask.to(q->dtype());
  if (o.causal || o.window > 0) {
    const Tensor near = attention_mask(
        queries, keys, {.causal = o.causal, .window = o.window, .dtype = q->dtype()});
    visible = visible.defined() ? mul(visible, near) : near;
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

namespace {

Index kv_heads_of(const MultiHeadAttention::Options& o) {
  return o.kv_heads == 0 ? o.heads : o.kv_heads;
}

// Columns of queries, keys and values together, after all options have been checked.
Index projected_columns(const MultiHeadAttention::Options& o) {
  check(o.heads >= 1 && o.dim % o.heads == 0,
        "MultiHeadAttention: a dim that divides by heads was required: got {} and {}", o.dim,
        o.heads);
  check(kv_heads_of(o) >= 1 && o.heads % kv_heads_of(o) == 0,
        "MultiHeadAttention: kv_heads that divide the {} heads were required: got {}", o.heads,
        o.kv_heads);
  check(o.window >= 0,
        "MultiHeadAttention: a window of at least 1, or 0 for none, was required: got {}",
        o.window);
  check(o.rotary == Rotary::none || o.dim / o.heads % 2 == 0,
        "MultiHeadAttention: heads of an even size were required for rotary positions: got {}",
        o.dim / o.heads);
  check_dropout("MultiHeadAttention's dropout", o.dropout);
  check(o.kind == AttentionKind::full || (o.window == 0 && o.rotary == Rotary::none),
        "MultiHeadAttention: .kind = full was required for a window or rotary positions: got "
        "another one");
  check(o.kind != AttentionKind::linear || (kv_heads_of(o) == o.heads && o.dropout == 0),
        "MultiHeadAttention: kv_heads = heads and no dropout were required for .kind = linear: got "
        "{} of {} heads, and {}",
        kv_heads_of(o), o.heads, o.dropout);
  check(o.kind == AttentionKind::low_rank ? o.rank >= 1 && o.max_length >= 1
                                          : o.rank == 0 && o.max_length == 0,
        "MultiHeadAttention: a rank and a max_length of at least 1 for .kind = low_rank, otherwise "
        "0, were required: got {} and {}",
        o.rank, o.max_length);
  return product_of("MultiHeadAttention", o.heads + 2 * kv_heads_of(o), o.dim / o.heads);
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(const Options& o)
    : query_key_value({.in = o.dim, .out = projected_columns(o), .bias = o.bias, .dtype = o.dtype}),
      out({.in = o.dim, .out = o.dim, .bias = o.bias, .dtype = o.dtype}),
      heads_(o.heads),
      kv_heads_(kv_heads_of(o)),
      window_(o.window),
      kind_(o.kind),
      rotary_(o.rotary),
      rotary_base_(o.rotary_base),
      dropout_(o.dropout) {
  const Index all = projected_columns(o);
  query_key_value.weight.set_value(xavier_uniform({o.dim, all}, 1, {.dtype = o.dtype}));
  if (o.bias) {
    query_key_value.bias.set_value(Tensor::zeros({all}, o.dtype));
    out.bias.set_value(Tensor::zeros({o.dim}, o.dtype));
  }
  if (o.kind == AttentionKind::low_rank) {
    const double deviation = 1 / std::sqrt(static_cast<double>(o.rank));
    key_sums = Param(normal({o.max_length, o.rank}, 0, deviation, {.dtype = o.dtype}));
    value_sums = Param(normal({o.max_length, o.rank}, 0, deviation, {.dtype = o.dtype}));
  }
}

MultiHeadAttention::CallOptions MultiHeadAttention::defaults() { return {}; }

Var MultiHeadAttention::heads_of(const Var& x, Index heads) const {
  const Index batch = x.shape()[0], steps = x.shape()[1], size = x.shape()[2] / heads;
  const Var own = reshape(x, {batch, steps, heads, 1, size});
  const Var all = heads == heads_ ? own : expand(own, {batch, steps, heads, heads_ / heads, size});
  return transpose(reshape(all, {batch, steps, heads_, size}), 1, 2);
}

Var MultiHeadAttention::joined(const Var& x) const {
  return reshape(transpose(x, 1, 2), {x.shape()[0], x.shape()[2], heads_ * x.shape()[3]});
}

Var MultiHeadAttention::project(const In& x, Index column, Index columns) const {
  const Param &w = query_key_value.weight, &b = query_key_value.bias;
  return linear(x, narrow(w, 1, column, columns),
                b.defined() ? narrow(b, 0, column, columns) : Var());
}

Var MultiHeadAttention::summed(const Var& rows, const RowGroups& groups,
                               const Param& weights) const {
  const Index longest = weights.shape()[0];
  std::vector<Var> parts;  // [rank, G K] each
  for (Index b = 0; b < groups.count(); ++b) {
    const IndexTensor own = groups.rows_of(b);  // [T]
    check(own.numel() <= longest,
          "MultiHeadAttention: sequences of at most {} steps, the max_length, were required: got "
          "one of {}",
          longest, own.numel());
    // [rank, T] [T, G K] -> [rank, G K]
    parts.push_back(
        matmul(transpose(narrow(weights, 0, 0, own.numel())), index_select(rows, 0, own)));
  }
  return concat(parts, 0);
}

Var MultiHeadAttention::attend(std::span<const Var> projected, const RowGroups& queries,
                               const RowGroups& keys, bool causal) const {
  AttentionRows rows{.queries = queries,
                     .keys = keys,
                     .heads = heads_,
                     .causal = causal,
                     .dropout = dropping(),
                     .kv_heads = kv_heads_,
                     .window = window_};
  if (kind_ == AttentionKind::full && projected.size() == 1)
    return self_attention(projected[0], rows);
  std::vector<Var> parts(projected.begin(), projected.end());
  if (parts.size() == 1) parts = split(projected[0], {dim(), columns(), columns()}, 1);
  if (kind_ == AttentionKind::linear)
    return linear_attention(parts[0], parts[1], parts[2],
                            {.queries = queries, .keys = keys, .heads = heads_, .causal = causal})
        .rows;
  if (kind_ == AttentionKind::low_rank) {
    check(!causal,
          "MultiHeadAttention: .causal = false was required of .kind = low_rank, whose sums over "
          "time see all steps: got true");
    parts[1] = summed(parts[1], keys, key_sums);
    parts[2] = summed(parts[2], keys, value_sums);
    rows.keys = RowGroups::equal(keys.count(), key_sums.shape()[1]);
  }
  return attention(parts[0], parts[1], parts[2], rows);
}

Var MultiHeadAttention::rotated(const Var& rows, const IndexTensor& positions, Index heads) const {
  if (rotary_ == Rotary::none) return rows;
  return rotary(rows, positions,
                {.size = dim() / heads_,
                 .heads = heads,
                 .base = rotary_base_,
                 .interleaved = rotary_ == Rotary::interleaved});
}

namespace {
// 0 .. steps - 1 for each of `batch` sequences.
IndexTensor padded_positions(Index batch, Index steps) {
  std::vector<Index> out(static_cast<std::size_t>(batch * steps));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Index>(i) % steps;
  return out;
}
}  // namespace

Attended MultiHeadAttention::operator()(const In& query, const In& key, const In& value,
                                        const CallOptions& o) const {
  const Caller caller(query.where());
  for (const Var* x : {&*query, &*key, &*value})
    check(x->rank() == 3 && x->shape()[2] == dim() && x->shape()[0] == query->shape()[0],
          "MultiHeadAttention: inputs [B, T, {}] of one B were required: got {}, {} and {}", dim(),
          query->shape(), key->shape(), value->shape());
  // If all three are the same tensor, one product projects them.
  const bool same = &*query == &*key && &*key == &*value;
  const bool fused = !o.mask.defined() && !o.bias.defined() && !o.weights;
  check(fused || kind_ == AttentionKind::full,
        "MultiHeadAttention: .kind = full was required for a mask, a bias or the weights: got "
        "another one");
  const Index batch = query->shape()[0], steps = query->shape()[1], keys = key->shape()[1];
  const RowGroups query_groups = RowGroups::equal(batch, steps);
  std::vector<Var> parts;  // rows: all three side by side, or each
  if (same) {
    parts = {rotated(rows_of(query_key_value(query)), padded_positions(batch, steps),
                     heads_ + kv_heads_)};
    if (!fused) parts = split(parts[0], {dim(), columns(), columns()}, 1);
  } else {
    parts = {
        rotated(rows_of(project_query(query)), padded_positions(batch, steps), heads_),
        rotated(rows_of(project(key, dim(), columns())), padded_positions(batch, keys), kv_heads_),
        rows_of(project(value, dim() + columns(), columns()))};
  }
  if (fused) {
    const Var y = attend(parts, query_groups, RowGroups::equal(batch, keys), o.causal);
    return {out(reshape(y, query->shape())), Var()};
  }
  const auto heads = [&](int part, Index length, Index count) {
    return heads_of(reshape(parts[static_cast<std::size_t>(part)], {batch, length, -1}), count);
  };
  const Attended a = scaled_dot_product_attention(
      heads(0, steps, heads_), heads(1, keys, kv_heads_), heads(2, keys, kv_heads_),
      {.causal = o.causal,
       .window = window_,
       .mask = o.mask,
       .bias = o.bias,
       .dropout = dropout_,
       .weights = o.weights});
  return {out(joined(a.out)), a.weights};
}

void MultiHeadAttention::check_rows(const Gathered& x) const {
  check_defined("MultiHeadAttention", x.table());
  check(x.table().rank() == 2 && x.table().shape()[1] == dim(),
        "MultiHeadAttention: rows [N, {}] were required: got {}", dim(), x.table().shape());
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
  Var projected = query_key_value(x).rows();  // [N, D + 2 G K]
  if (rotary_ != Rotary::none)
    projected = rotated(projected, x.layout().time_of_rows(), heads_ + kv_heads_);
  return {out(attend({&projected, 1}, groups, groups, o.causal)), x.layout()};  // [N, D]
}

MultiHeadAttention::Memory MultiHeadAttention::prepare(const Gathered& keys, Where where) const {
  const Caller caller(where);
  check_rows(keys);
  check(kind_ == AttentionKind::full,
        "MultiHeadAttention: .kind = full was required for a memory: got another one");
  check(
      rotary_ == Rotary::none && window_ == 0,
      "MultiHeadAttention: a layer without .rotary and .window was required for a memory: got one "
      "with {}",
      window_ > 0 ? "a window" : "rotary positions");
  const Var both = keys.map([&](const Var& rows) { return project(rows, dim(), 2 * columns()); })
                       .rows();  // [N, 2 G K]
  // [N, G K] each
  return {narrow(both, 1, 0, columns()), narrow(both, 1, columns(), columns()), keys.layout()};
}

Sequence MultiHeadAttention::operator()(const Gathered& queries, const Memory& memory,
                                        const CallOptions& o, Where where) const {
  const Caller caller(where);
  check_ragged(o);
  check_rows(queries);
  const Var parts[] = {queries.map([&](const Var& rows) { return project_query(rows); }).rows(),
                       memory.keys, memory.values};
  return {out(attend(parts, RowGroups::of(queries.layout()), memory.groups, o.causal)),
          queries.layout()};
}

Var MultiHeadAttention::operator()(const In& query, const Memory& memory) const {
  check_defined("MultiHeadAttention", *query);
  check(query->rank() == 2 && query->shape()[0] == memory.layout.sequences(),
        "MultiHeadAttention: one query for each of {} sequences was required: got {}",
        memory.layout.sequences(), query->shape());
  return (*this)(query, memory, IndexTensor::arange(query->shape()[0]));
}

Var MultiHeadAttention::operator()(const In& query, const Memory& memory,
                                   const IndexTensor& source_of) const {
  const Caller caller(query.where());
  const Index sources = memory.layout.sequences();
  check_defined("MultiHeadAttention", *query);
  check(query->rank() == 2 && query->shape()[1] == dim() && source_of.defined() &&
            source_of.shape() == Shape({query->shape()[0]}),
        "MultiHeadAttention: queries [R, {}] and the source of each were required: got {} and {}",
        dim(), query->shape(), source_of.shape());
  source_of.check_range("MultiHeadAttention", sources);
  const Var q = project_query(query);  // [R, D]
  if (recording() || dropping() > 0) {
    std::vector<Index> rows, offsets{0};  // of the queries of each source
    for (Index s = 0; s < sources; ++s) {
      for (Index r = 0; r < source_of.numel(); ++r)
        if (source_of[r] == s) rows.push_back(r);
      offsets.push_back(static_cast<Index>(rows.size()));
    }
    const Var parts[] = {q, memory.keys, memory.values};
    return out(attend(parts, RowGroups(std::move(rows), std::move(offsets)), memory.groups, false));
  }
  std::vector<KeyRows> rows;
  const std::vector<Index>& offsets = memory.groups.offsets();
  for (const Index s : source_of)
    rows.push_back(
        {.rows = memory.groups.rows().data() + offsets[s], .count = offsets[s + 1] - offsets[s]});
  return out(Var(attention_step(q.value(), memory.keys.value(), memory.values.value(), rows,
                                {.heads = heads_, .kv_heads = kv_heads_})));
}

MultiHeadAttention::Cache MultiHeadAttention::cache(Index batch, Index capacity) const {
  check(kind_ != AttentionKind::low_rank,
        "MultiHeadAttention: .kind = full or linear was required for a stream: got low_rank");
  return Cache({.batch = batch,
                .capacity = capacity,
                .columns = columns(),
                .window = window_,
                .sums = kind_ == AttentionKind::linear ? heads_ : 0,
                .dtype = out.weight.dtype()});
}

void MultiHeadAttention::check_cache(const Cache& cache, Index batch) const {
  check(!recording(),
        "MultiHeadAttention: a step that is not recorded was required, since gradients do not pass "
        "through a cache: got one with a tape (NoGrad stops recording)");
  const bool linear = kind_ == AttentionKind::linear;
  const Tensor& kept = linear ? cache.sums_ : cache.keys_;
  check(kept.defined() && cache.size() == batch && kept.dtype() == out.weight.dtype() &&
            (linear ? kept.shape()[1] * kept.shape()[2] : kept.shape()[2]) == columns() &&
            (!linear || kept.shape()[1] == heads_) &&
            (window_ == 0 ? !cache.ring_ : !cache.ring_ || cache.capacity() == window_),
        "MultiHeadAttention: a cache of this layer for {} sequences was required: got one for {}",
        batch, cache.size());
}

Var MultiHeadAttention::step(const In& x, Cache& cache) const {
  const Caller caller(x.where());
  check_defined("MultiHeadAttention", *x);
  check(x->rank() == 2, "MultiHeadAttention: a step's input [B, {}] was required: got {}", dim(),
        x->shape());
  return prefill(Sequence(*x, SequenceLayout::equal(x->shape()[0], 1)), cache).rows;
}

Sequence MultiHeadAttention::prefill(const Gathered& x, Cache& cache, Where where) const {
  const Caller caller(where);
  check_rows(x);
  const SequenceLayout& layout = x.layout();
  check_cache(cache, layout.sequences());
  if (kind_ == AttentionKind::linear) {
    const std::vector<Var> parts = split(query_key_value(x).rows(), dim(), 1);  // [N, D] each
    const RowGroups rows = RowGroups::of(layout);
    const ScanOutput y = linear_attention(
        parts[0], parts[1], parts[2],
        {.queries = rows, .keys = rows, .heads = heads_, .causal = true}, cache.sums_);
    cache.sums_ = y.last.value();
    for (Index b = 0; b < layout.sequences(); ++b) cache.lengths_[b] += layout.lengths()[b];
    return {out(y.rows), layout};
  }
  const std::vector<Index> before = cache.lengths_;
  for (Index b = 0; b < layout.sequences(); ++b) cache.check_room(b, layout.lengths()[b]);
  const IndexTensor sequence = layout.sequence_of_rows();
  std::vector<Index> positions;  // [N]
  for (Index t = 0; t < layout.steps(); ++t)
    for (Index n = layout.offset(t); n < layout.offset(t + 1); ++n)
      positions.push_back(before[sequence[n]] + t);
  // [N, D + 2 G K]
  const Var all =
      rotated(query_key_value(x).rows(), positions, heads_ + kv_heads_).value().contiguous();
  const auto store = [&] {
    for (Index n = 0; n < layout.rows(); ++n)
      cache.store(all.value(), dim(), n, sequence[n], positions[n]);
    for (Index b = 0; b < layout.sequences(); ++b) cache.lengths_[b] += layout.lengths()[b];
  };
  if (layout.steps() == 1) {  // row b is sequence b
    store();
    std::vector<KeyRows> rows;
    for (Index b = 0; b < layout.sequences(); ++b)
      rows.push_back({.first = b * cache.capacity(), .count = cache.stored(b)});
    return {out(Var(attention_step(all.value().narrow(1, 0, dim()), cache.rows(cache.keys_),
                                   cache.rows(cache.values_), rows,
                                   {.heads = heads_, .kv_heads = kv_heads_}))),
            layout};
  }
  // The keys of a sequence: its steps in the cache, oldest first, then the new ones.
  const RowGroups groups = RowGroups::of(layout);
  std::vector<Index> old, rows, offsets{0};
  for (Index b = 0; b < layout.sequences(); ++b)
    for (Index t = before[b] - cache.stored(b); t < before[b]; ++t) old.push_back(cache.slot(b, t));
  for (Index b = 0, at = 0; b < layout.sequences(); ++b) {
    for (Index i = 0; i < cache.stored(b); ++i) rows.push_back(at++);
    for (const Index n : groups.rows_of(b)) rows.push_back(static_cast<Index>(old.size()) + n);
    offsets.push_back(static_cast<Index>(rows.size()));
  }
  const IndexTensor slots(std::move(old));
  const auto keys_of = [&](const Tensor& cached, Index column) {
    const Tensor added = all.value().narrow(1, column, columns());
    return Var(slots.numel() == 0 ? added
                                  : concat({index_select(cache.rows(cached), 0, slots), added}));
  };
  const Var parts[] = {narrow(all, 1, 0, dim()), keys_of(cache.keys_, dim()),
                       keys_of(cache.values_, dim() + columns())};
  const Var y = attend(parts, groups, RowGroups(std::move(rows), std::move(offsets)), true);
  store();
  return {out(y), layout};
}

}  // namespace unroll::nn
