// Attention of the steps of a decoder to a batch of sequences: additive and dot-product.
#include <unroll/nn/attention.h>
#include <unroll/nn/init.h>

#include <cmath>
#include <functional>

namespace unroll::nn {

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
