// The sizes of an n-d array, outermost first, without an allocation.
#pragma once

#include <unroll/tensor/error.h>
#include <unroll/tensor/types.h>

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace unroll {

using Axes = std::vector<int>;

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;  // a scalar: rank 0, one element
  Shape(std::initializer_list<Index> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const Index> sizes);  // throws on rank > 8 or a negative size

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  Index numel() const {
    Index n = 1;
    for (int i = 0; i < rank_; ++i) n *= sizes_[i];
    return n;
  }
  // Size along an axis; negative axes count from the end. Bounds are checked, here and below.
  Index operator[](int axis) const { return sizes_[this->axis(axis, "shape")]; }
  Index back() const { return (*this)[-1]; }
  // The axis made non-negative; throws with `op` in the sentence when out of range.
  int axis(int axis, const char* op) const {
    const int at = axis < 0 ? axis + rank_ : axis;
    if (at < 0 || at >= rank_) [[unlikely]]
      refuse_axis(axis, op);
    return at;
  }
  void set(int axis, Index size) { sizes_[this->axis(axis, "shape")] = size; }

  Shape with(int axis, Index size) const;      // one size replaced
  Shape without(int axis) const;               // one axis removed
  Shape inserted(int axis, Index size) const;  // an axis put in before `axis`

  const Index* begin() const { return sizes_.data(); }
  const Index* end() const { return sizes_.data() + rank_; }
  std::span<const Index> span() const { return {begin(), end()}; }

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a.sizes_[i] != b.sizes_[i]) return false;
    return true;
  }

  std::string str() const;  // "[2, 3]"

 private:
  friend Shape broadcast(const char* op, const Shape& a, const Shape& b);
  [[noreturn]] void refuse_axis(int axis, const char* op) const;
  void check_sizes() const;  // throws on a negative size or more elements than an Index counts

  int rank_ = 0;
  std::array<Index, kMaxRank> sizes_{};
};

// a * b, for sizes made of others; throws when it overflows.
Index product_of(const char* op, Index a, Index b);

// The shape that `sizes` means for numel elements, where one size may be -1: what is left.
Shape infer_shape(const char* op, std::initializer_list<Index> sizes, const Shape& from);

// The shape that NumPy's broadcasting gives, or a sentence with both shapes.
Shape broadcast(const char* op, const Shape& a, const Shape& b);

}  // namespace unroll

template <>
struct fmt::formatter<unroll::Shape> : unroll::detail::StrFormatter<unroll::Shape> {};
