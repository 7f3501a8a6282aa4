#include <unroll/nn/sequence.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>

namespace unroll::nn {
namespace {

// The rows of a padded [B, T] block that count, in the layout's order.
IndexTensor padded_rows(const SequenceLayout& layout, Index steps) {
  std::vector<Index> out;
  for (Index t = 0; t < layout.steps(); ++t)
    for (Index i = 0; i < layout.batch(t); ++i) out.push_back(layout.order()[i] * steps + t);
  return out;
}

void check_padded(const Shape& shape, const std::vector<Index>& lengths) {
  check(shape.rank() >= 2 && shape[0] == static_cast<Index>(lengths.size()),
        "from_padded: [B, T, ..] and B lengths were required: got {} and {} lengths", shape,
        lengths.size());
  for (Index length : lengths)
    check(length >= 1 && length <= shape[1],
          "from_padded: lengths in [1, {}] were required: got {}", shape[1], length);
}

Shape with_rows(const Shape& padded, Index rows) { return padded.without(1).with(0, rows); }

}  // namespace

Sequence::Sequence(Var given, SequenceLayout given_layout)
    : rows(std::move(given)), layout(std::move(given_layout)) {
  check_defined("Sequence", rows);
  check(rows.rank() >= 1 && rows.shape()[0] == layout.rows(),
        "Sequence: one row for each of {} steps in all was required: got {}", layout.rows(),
        rows.shape());
}

Sequence Sequence::from(std::span<const Tensor> sequences) {
  std::vector<Index> lengths;
  for (const Tensor& s : sequences) {
    check_defined("Sequence", s);
    check(s.rank() >= 1, "Sequence: tensors [L, ..] were required: got a scalar");
    lengths.push_back(s.shape()[0]);
  }
  const SequenceLayout layout(lengths);
  // Joined one after another, then picked in the layout's order.
  std::vector<Index> start, pick;
  Index total = 0;
  for (Index length : lengths) start.push_back(total), total += length;
  for (Index t = 0; t < layout.steps(); ++t)
    for (Index i = 0; i < layout.batch(t); ++i) pick.push_back(start[layout.order()[i]] + t);
  return {Var(unroll::index_select(unroll::concat(sequences, 0), 0, pick)), layout};
}

Sequence Sequence::from_padded(const In& x, const std::vector<Index>& lengths) {
  const Caller caller(x.where());
  check_defined("from_padded", *x);
  check_padded(x->shape(), lengths);
  const SequenceLayout layout(lengths);
  const Index steps = x->shape()[1];
  return {index_select(reshape(x, with_rows(x->shape(), x->shape()[0] * steps)), 0,
                       padded_rows(layout, steps)),
          layout};
}

Var Sequence::sum(Where where) const {
  const Caller caller(where);
  return index_add(rows, 0, layout.sequence_of_rows(), layout.sequences());
}

Var Sequence::mean(Where where) const {
  const Caller caller(where);
  Tensor scale = Tensor::empty({size()}, rows.dtype());
  for (Index b = 0; b < size(); ++b) scale.set({b}, 1.0 / static_cast<double>(layout.lengths()[b]));
  Shape shape{size()};
  for (int i = 1; i < rows.rank(); ++i) shape = shape.inserted(i, 1);
  return sum() * scale.reshape(shape);
}

Var Sequence::padded(double value, Where where) const {
  const Caller caller(where);
  const Index steps = layout.steps();
  const IndexTensor places = padded_rows(layout, steps);
  const Shape flat = rows.shape().with(0, size() * steps);
  const Var spread = index_add(rows, 0, places, flat[0]);
  const Shape shape = rows.shape().with(0, size()).inserted(1, steps);
  if (value == 0) return reshape(spread, shape);
  Tensor background = Tensor::full(flat, value, rows.dtype());
  for (Index place : places) background.narrow(0, place, 1).fill_(0);
  return reshape(spread + background, shape);
}

Tokens::Tokens(IndexTensor given, SequenceLayout given_layout)
    : ids(std::move(given)), layout(std::move(given_layout)) {
  check(ids.shape() == Shape({layout.rows()}), "Tokens: {} ids were required: got {}",
        layout.rows(), ids.shape());
}

Tokens Tokens::from(std::span<const std::vector<Index>> sequences) {
  std::vector<Index> lengths, ids;
  for (const auto& s : sequences) lengths.push_back(static_cast<Index>(s.size()));
  const SequenceLayout layout(lengths);
  for (Index t = 0; t < layout.steps(); ++t)
    for (Index i = 0; i < layout.batch(t); ++i) ids.push_back(sequences[layout.order()[i]][t]);
  return {IndexTensor(std::move(ids)), layout};
}

Tokens Tokens::from_padded(const IndexTensor& ids, const std::vector<Index>& lengths) {
  check_padded(ids.shape(), lengths);
  check(ids.rank() == 2, "from_padded: ids [B, T] were required: got {}", ids.shape());
  const SequenceLayout layout(lengths);
  std::vector<Index> out;
  for (Index place : padded_rows(layout, ids.shape()[1])) out.push_back(ids[place]);
  return {IndexTensor(std::move(out)), layout};
}

}  // namespace unroll::nn
