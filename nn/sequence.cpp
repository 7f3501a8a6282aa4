#include <unroll/nn/sequence.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>

namespace unroll::nn {
namespace {

// The rows of a padded [B, T] block that are not padding, in the order of the layout.
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

namespace {

// Row indices that reorder concatenated sequences [N, ..] into the order of the layout.
IndexTensor in_order(const SequenceLayout& layout) {
  std::vector<Index> start, pick;
  Index total = 0;
  for (Index length : layout.lengths()) start.push_back(total), total += length;
  pick.reserve(static_cast<std::size_t>(total));
  for (Index t = 0; t < layout.steps(); ++t)
    for (Index i = 0; i < layout.batch(t); ++i) pick.push_back(start[layout.order()[i]] + t);
  return pick;
}

}  // namespace

Sequence Sequence::from(std::span<const Tensor> sequences) {
  return from(std::vector<Var>(sequences.begin(), sequences.end()));
}

Sequence Sequence::from(std::span<const Var> sequences) {
  std::vector<Index> lengths;
  for (const Var& s : sequences) {
    check_defined("Sequence", s);
    check(s.rank() >= 1, "Sequence: values [L, ..] were required: got a scalar");
    lengths.push_back(s.shape()[0]);
  }
  const SequenceLayout layout(lengths);
  return {index_select(concat(sequences, 0), 0, in_order(layout)), layout};
}

Sequence Sequence::from(const In& x) {
  check_defined("Sequence", *x);
  check(x->rank() >= 3,
        "Sequence: [B, T, ..], a batch of sequences of vectors, was required: got {} (one sequence "
        "alone is from({{x}}), one feature per step, [B, T], needs another axis: unsqueeze(x, -1))",
        x->shape());
  const Shape& shape = x->shape();
  check(shape[0] >= 1 && shape[1] >= 1,
        "Sequence: at least one sequence of at least one step was required: got {}", shape);
  return {reshape(In(transpose(x, 0, 1), x.where()), with_rows(shape, shape[0] * shape[1])),
          SequenceLayout::equal(shape[0], shape[1])};
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

namespace {

void check_one_layout(const char* op, const Sequence& a, const Sequence& b) {
  check_defined(op, a.rows), check_defined(op, b.rows);
  if (a.layout == b.layout) return;
  const auto text = [](const SequenceLayout& layout) {
    return fmt::format("{} sequences with {} rows", layout.sequences(), layout.rows());
  };
  check(a.layout.sequences() != b.layout.sequences() || a.layout.rows() != b.layout.rows(),
        "{}: sequences of one layout were required: got two of {}, whose lengths differ", op,
        text(a.layout));
  fail("{}: sequences of one layout were required: got {} and {}", op, text(a.layout),
       text(b.layout));
}

}  // namespace

#define UNROLL_OPERATOR(sign, name)                              \
  Sequence operator sign(const Sequence& a, const Sequence& b) { \
    check_one_layout(#name, a, b);                               \
    return {unroll::name(a.rows, b.rows), a.layout};             \
  }                                                              \
  Sequence operator sign(const Sequence& a, const In& b) {       \
    return {unroll::name(In(a.rows, b.where()), b), a.layout};   \
  }                                                              \
  Sequence operator sign(const In& a, const Sequence& b) {       \
    return {unroll::name(a, In(b.rows, a.where())), b.layout};   \
  }                                                              \
  Sequence operator sign(const Sequence& a, double b) {          \
    return {unroll::name(a.rows, b), a.layout};                  \
  }                                                              \
  Sequence operator sign(double a, const Sequence& b) {          \
    return {unroll::name(a, b.rows), b.layout};                  \
  }
UNROLL_OPERATOR(+, add)
UNROLL_OPERATOR(-, sub)
UNROLL_OPERATOR(*, mul)
UNROLL_OPERATOR(/, div)
#undef UNROLL_OPERATOR

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
  check(ids.shape() == Shape({layout.rows()}),
        "Tokens: {} ids in the order of the layout were required: got {} (ids [B, T] are put into "
        "it by Tokens::from)",
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

Tokens Tokens::from(const IndexTensor& ids) {
  check(ids.rank() == 2 && ids.numel() > 0,
        "Tokens: ids [B, T] of at least one text of at least one id were required: got {}",
        ids.shape());
  return {ids.transpose().flatten(), SequenceLayout::equal(ids.shape()[0], ids.shape()[1])};
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
