#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <cmath>
#include <exception>
#include <numeric>

namespace unroll {
namespace {

// Product of the sizes before an axis, its size, and product of the sizes behind it.
struct Around {
  Index outer = 1, size, inner = 1;
  Around(const Shape& shape, int axis) : size(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

// Whether an Index can hold the value.
bool fits(double v) { return v >= -0x1p63 && v < 0x1p63; }

void check_has_ids(const char* op, const IndexTensor& x) {
  check(x.defined(), "{}: ids were required: got an undefined index tensor", op);
}

}  // namespace

IndexTensor::IndexTensor(std::vector<Index> values)
    : values_(std::make_shared<const std::vector<Index>>(std::move(values))),
      shape_{static_cast<Index>(values_->size())} {}

IndexTensor::IndexTensor(std::vector<Index> values, const Shape& shape)
    : values_(std::make_shared<const std::vector<Index>>(std::move(values))), shape_(shape) {
  check(static_cast<Index>(values_->size()) == shape.numel(),
        "index tensor: {} values were required for the shape {}: got {}", shape.numel(), shape,
        values_->size());
}

IndexTensor IndexTensor::of(std::initializer_list<detail::Nested<Index>> values) {
  auto flat = detail::Nested<Index>::flat("of", values);
  return {std::move(flat.values), flat.shape};
}

IndexTensor IndexTensor::from(const Tensor& x) {
  const std::vector<double> numbers = x.to_vector<double>();
  std::vector<Index> values;
  values.reserve(numbers.size());
  for (double v : numbers) {
    check(v == std::trunc(v) && fits(v),
          "index tensor: whole numbers below 2^63 were required: got {}", v);
    values.push_back(static_cast<Index>(v));
  }
  return {std::move(values), x.shape()};
}

Tensor IndexTensor::to(DType dtype) const {
  check_has_ids("to", *this);
  Tensor out = Tensor::empty(shape_, dtype);
  dispatch(dtype, [&]<class T>() {
    T* to = out.data<T>();
    for (Index i = 0; i < numel(); ++i) {
      const Index id = data()[i];
      to[i] = static_cast<T>(id);
      check(fits(static_cast<double>(to[i])) && static_cast<Index>(to[i]) == id,
            "to: whole numbers that {} holds exactly were required: got {} at {}", name_of(dtype),
            id, i);
    }
  });
  return out;
}

IndexTensor IndexTensor::full(const Shape& shape, Index value) {
  return {repeated_index("index tensor", shape.numel(), value), shape};
}

IndexTensor IndexTensor::arange(Index n) { return counted_indices("arange", n); }

void IndexTensor::refuse_place(Index flat) const {
  fail("index tensor: a position in [0, {}) was required: got {}", numel(), flat);
}

IndexTensor IndexTensor::reshape(const Shape& shape) const {
  check(shape.numel() == numel(),
        "reshape: a shape with {} elements was required for {}: got {} with {}", numel(), shape_,
        shape, shape.numel());
  IndexTensor out = *this;
  out.shape_ = shape;
  return out;
}

IndexTensor IndexTensor::reshape(std::initializer_list<AnyIndex> sizes) const {
  return reshape(infer_shape("reshape", sizes, shape_));
}

IndexTensor IndexTensor::narrow(int axis, Index start, Index length) const {
  check_has_ids("narrow", *this);
  axis = shape_.axis(axis, "narrow");
  const Around a(shape_, axis);
  check(start >= 0 && length >= 0 && length <= a.size && start <= a.size - length,
        "narrow: a range within [0, {}) was required on axis {} of {}: got start {} and length {}",
        a.size, axis, shape_, start, length);
  std::vector<Index> out;
  out.reserve(static_cast<std::size_t>(a.outer * length * a.inner));
  for (Index o = 0; o < a.outer; ++o) {
    const Index* from = data() + (o * a.size + start) * a.inner;
    out.insert(out.end(), from, from + length * a.inner);
  }
  return {std::move(out), shape_.with(axis, length)};
}

IndexTensor IndexTensor::select(int axis, Index index) const {
  check_has_ids("select", *this);
  axis = shape_.axis(axis, "select");
  const Index size = shape_[axis];
  check(index >= -size && index < size,
        "select: an index in [{}, {}) was required on axis {} of {}: got {}", -size, size, axis,
        shape_, index);
  return narrow(axis, index < 0 ? index + size : index, 1).reshape(shape_.without(axis));
}

IndexTensor IndexTensor::transpose(int a, int b) const {
  check_has_ids("transpose", *this);
  a = shape_.axis(a, "transpose"), b = shape_.axis(b, "transpose");
  if (a > b) std::swap(a, b);
  // [before, A, between, B, behind] -> [before, B, between, A, behind]
  const Around first(shape_, a), last(shape_, b);
  if (a == b || numel() == 0) return reshape(shape_.with(a, shape_[b]).with(b, shape_[a]));
  const Index between = first.inner / last.size / last.inner;
  std::vector<Index> out;
  out.reserve(static_cast<std::size_t>(numel()));
  for (Index o = 0; o < first.outer; ++o)
    for (Index j = 0; j < last.size; ++j)
      for (Index m = 0; m < between; ++m)
        for (Index i = 0; i < first.size; ++i) {
          const Index* from =
              data() + (((o * first.size + i) * between + m) * last.size + j) * last.inner;
          out.insert(out.end(), from, from + last.inner);
        }
  return {std::move(out), shape_.with(a, shape_[b]).with(b, shape_[a])};
}

IndexTensor concat(std::span<const IndexTensor> parts, int axis) {
  check(!parts.empty(), "concat: at least one index tensor was required: got none");
  for (const IndexTensor& part : parts) check_has_ids("concat", part);
  const Shape& first = parts.front().shape();
  axis = first.axis(axis, "concat");
  Index total = 0;
  for (const IndexTensor& part : parts) {
    check(part.rank() == first.rank() && part.shape().with(axis, 0) == first.with(axis, 0),
          "concat: shapes that differ on axis {} alone were required: got {} and {}", axis, first,
          part.shape());
    total += part.shape()[axis];
  }
  const Shape shape = first.with(axis, total);
  std::vector<Index> out;
  out.reserve(static_cast<std::size_t>(shape.numel()));
  for (Index o = 0; o < Around(first, axis).outer; ++o)
    for (const IndexTensor& part : parts) {
      const Around a(part.shape(), axis);
      const Index* from = part.data() + o * a.size * a.inner;
      out.insert(out.end(), from, from + a.size * a.inner);
    }
  return {std::move(out), shape};
}

IndexTensor stack(std::span<const IndexTensor> parts, int axis) {
  check(!parts.empty(), "stack: at least one index tensor was required: got none");
  const int rank = parts.front().rank();
  check(axis >= -rank - 1 && axis <= rank, "stack: an axis in [{}, {}] was required: got {}",
        -rank - 1, rank, axis);
  std::vector<IndexTensor> rows;
  for (const IndexTensor& part : parts) {
    check_has_ids("stack", part);
    check(part.shape() == parts.front().shape(), "stack: equal shapes were required: got {} and {}",
          parts.front().shape(), part.shape());
    rows.push_back(part.reshape(part.shape().inserted(axis < 0 ? axis + rank + 1 : axis, 1)));
  }
  return concat(rows, axis < 0 ? axis + rank + 1 : axis);
}

void IndexTensor::check_range(const char* op, Index limit, std::optional<Index> except) const {
  // Branch-free: the sign bit of id, or of (limit - 1) - id, is set if id is out of range.
  const auto last = static_cast<std::uint64_t>(limit) - 1;
  std::uint64_t signs = 0;
  if (limit > 0)
    for (Index id : span())
      signs |= static_cast<std::uint64_t>(id) | (last - static_cast<std::uint64_t>(id));
  if (limit > 0 && signs >> 63 == 0) return;
  Index place = 0;
  for (Index id : span()) {
    check((id >= 0 && id < limit) || id == except, "{}: ids in [0, {}) were required: got {} at {}",
          op, limit, id, place);
    ++place;
  }
}

std::vector<Index> repeated_index(const char* op, Index n, Index value) {
  check(n >= 0, "{}: a count of at least 0 was required: got {}", op, n);
  try {
    return std::vector<Index>(static_cast<std::size_t>(n), value);
  } catch (const std::exception&) {  // bad_alloc or length_error
    fail("{}: a count that fits memory was required: got {}", op, n);
  }
}

std::vector<Index> counted_indices(const char* op, Index n) {
  std::vector<Index> values = repeated_index(op, n);
  std::iota(values.begin(), values.end(), Index{0});
  return values;
}

}  // namespace unroll
