#include <unroll/tensor/index_tensor.h>

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
  return {std::vector<Index>(static_cast<std::size_t>(shape.numel()), value), shape};
}

IndexTensor IndexTensor::arange(Index n) {
  check(n >= 0, "arange: a length of at least 0 was required: got {}", n);
  std::vector<Index> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), Index{0});
  return values;
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
  for (Index i = 0; i < numel(); ++i) {
    const Index id = data()[i];
    check((id >= 0 && id < limit) || id == except, "{}: ids in [0, {}) were required: got {} at {}",
          op, limit, id, i);
  }
}

}  // namespace unroll
