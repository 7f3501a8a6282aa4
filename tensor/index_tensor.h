// IndexTensor: an n-dimensional array of 64-bit integers for ids, labels and positions. Row-major;
// copies share the elements.
#pragma once

#include <unroll/tensor/nested.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace unroll {

class Tensor;

class IndexTensor {
 public:
  IndexTensor() = default;
  IndexTensor(std::vector<Index> values);  // [n]; implicit
  IndexTensor(std::vector<Index> values, const Shape& shape);
  // From nested braces: of({1, 2}) has shape [2], of({{1, 2}, {3, 4}}) has shape [2, 2].
  static IndexTensor of(std::initializer_list<detail::Nested<Index>> values);
  // The elements of x, in its shape. Throws unless each is an integer that an Index can hold.
  static IndexTensor from(const Tensor& x);
  static IndexTensor full(const Shape& shape, Index value);
  static IndexTensor arange(Index n);  // 0, 1, ..., n-1

  bool defined() const { return values_ != nullptr; }
  const Shape& shape() const { return shape_; }
  Index numel() const { return shape_.numel(); }
  int rank() const { return shape_.rank(); }
  const Index* data() const { return values_ ? values_->data() : nullptr; }
  // The element at a row-major position; bounds are checked.
  Index operator[](Index flat) const {
    const auto at = static_cast<std::size_t>(flat);  // negative: larger than any size
    if (!values_ || at >= values_->size()) [[unlikely]]
      refuse_place(flat);
    return (*values_)[at];
  }
  std::span<const Index> span() const { return {data(), static_cast<std::size_t>(numel())}; }
  auto begin() const { return span().begin(); }
  auto end() const { return span().end(); }

  IndexTensor reshape(const Shape& shape) const;
  IndexTensor reshape(std::initializer_list<AnyIndex> sizes) const;  // one size may be -1
  IndexTensor flatten() const { return reshape(Shape{numel()}); }
  // These copy. They throw like the functions of Tensor with the same names.
  IndexTensor narrow(int axis, Index start, Index length) const;
  IndexTensor select(int axis, Index index) const;      // removes the axis; negative: from the end
  IndexTensor transpose(int a = -2, int b = -1) const;  // [B, T] -> [T, B]
  // The ids as floating-point values. Throws if the dtype cannot represent one exactly (f32:
  // integers up to 2^24, f64: up to 2^53).
  Tensor to(DType dtype) const;

  // Throws, naming `op`, unless every id is in [0, limit) or equals `except` (such as a padding
  // id).
  void check_range(const char* op, Index limit, std::optional<Index> except = {}) const;
  std::string str() const;

  friend bool operator==(const IndexTensor& a, const IndexTensor& b) {
    return a.shape_ == b.shape_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  [[noreturn]] void refuse_place(Index flat) const;

  std::shared_ptr<const std::vector<Index>> values_;
  Shape shape_{0};
};

std::ostream& operator<<(std::ostream& out, const IndexTensor& t);

// concat joins along an existing axis, stack along a new one. The other sizes must be equal.
IndexTensor concat(std::span<const IndexTensor> parts, int axis = 0);
IndexTensor stack(std::span<const IndexTensor> parts, int axis = 0);
inline IndexTensor concat(std::initializer_list<IndexTensor> parts, int axis = 0) {
  return concat(std::span(parts.begin(), parts.size()), axis);
}
inline IndexTensor stack(std::initializer_list<IndexTensor> parts, int axis = 0) {
  return stack(std::span(parts.begin(), parts.size()), axis);
}

// n times `value`, and 0, 1, ..., n-1. Both throw, naming `op`, if n is negative or too large for
// memory.
std::vector<Index> repeated_index(const char* op, Index n, Index value = 0);
std::vector<Index> counted_indices(const char* op, Index n);

}  // namespace unroll

template <>
struct fmt::formatter<unroll::IndexTensor> : unroll::detail::StrFormatter<unroll::IndexTensor> {};
