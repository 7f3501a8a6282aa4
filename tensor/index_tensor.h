// IndexTensor: an n-d array of 64-bit integers: ids, labels, positions. Row-major; copies share the
// numbers.
#pragma once

#include <unroll/tensor/shape.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace unroll {

class IndexTensor {
 public:
  IndexTensor() = default;
  IndexTensor(std::vector<Index> values);  // [n]; implicit: a list of ids is one
  IndexTensor(std::vector<Index> values, const Shape& shape);
  static IndexTensor of(std::initializer_list<Index> values) { return std::vector<Index>(values); }
  static IndexTensor full(const Shape& shape, Index value);
  static IndexTensor arange(Index n);  // 0, 1, ..., n-1

  bool defined() const { return values_ != nullptr; }
  const Shape& shape() const { return shape_; }
  Index numel() const { return shape_.numel(); }
  int rank() const { return shape_.rank(); }
  const Index* data() const { return values_ ? values_->data() : nullptr; }
  // In row-major order; bounds are checked.
  Index operator[](Index flat) const {
    const auto at = static_cast<std::size_t>(flat);  // below 0: beyond every size
    if (!values_ || at >= values_->size()) [[unlikely]]
      refuse_place(flat);
    return (*values_)[at];
  }
  std::span<const Index> span() const { return {data(), static_cast<std::size_t>(numel())}; }
  auto begin() const { return span().begin(); }
  auto end() const { return span().end(); }

  IndexTensor reshape(const Shape& shape) const;
  // Throws, with `op` first, unless every id is in [0, limit) or equals `except` (an id that means
  // "none", where there is one).
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

// n times `value`, and 0, 1, ..., n-1; throw, with `op` first, when n is negative or beyond memory.
std::vector<Index> repeated_index(const char* op, Index n, Index value = 0);
std::vector<Index> counted_indices(const char* op, Index n);

}  // namespace unroll

template <>
struct fmt::formatter<unroll::IndexTensor> : unroll::detail::StrFormatter<unroll::IndexTensor> {};
