#include <unroll/tensor/index_tensor.h>

#include <exception>
#include <numeric>

namespace unroll {

IndexTensor::IndexTensor(std::vector<Index> values)
    : values_(std::make_shared<const std::vector<Index>>(std::move(values))),
      shape_{static_cast<Index>(values_->size())} {}

IndexTensor::IndexTensor(std::vector<Index> values, const Shape& shape)
    : values_(std::make_shared<const std::vector<Index>>(std::move(values))), shape_(shape) {
  check(static_cast<Index>(values_->size()) == shape.numel(),
        "index tensor: {} values were required for the shape {}: got {}", shape.numel(), shape,
        values_->size());
}

IndexTensor IndexTensor::full(const Shape& shape, Index value) {
  return {repeated_index("index tensor", shape.numel(), value), shape};
}

IndexTensor IndexTensor::arange(Index n) { return counted_indices("arange", n); }

void IndexTensor::refuse_place(Index flat) const {
  fail("index tensor: a place in [0, {}) was required: got {}", numel(), flat);
}

IndexTensor IndexTensor::reshape(const Shape& shape) const {
  check(shape.numel() == numel(),
        "reshape: a shape with {} elements was required for {}: got {} with {}", numel(), shape_,
        shape, shape.numel());
  IndexTensor out = *this;
  out.shape_ = shape;
  return out;
}

void IndexTensor::check_range(const char* op, Index limit, std::optional<Index> except) const {
  // One comparison for each: below 0 is far above without a sign.
  const auto end = static_cast<std::uint64_t>(std::max<Index>(limit, 0));
  const Index other = except.value_or(0);
  const bool any_other = except.has_value();
  bool fits = true;
  for (Index id : span())
    fits &= static_cast<std::uint64_t>(id) < end || (any_other && id == other);
  if (fits) return;
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
