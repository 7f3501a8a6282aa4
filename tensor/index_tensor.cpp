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
  // Without a branch for each: the sign of id, or of what is left up to the last, is set where one
  // does not fit.
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
