// The sizes of an n-dimensional array, outermost first. Never allocates memory.
#pragma once

#include <unroll/tensor/error.h>
#include <unroll/tensor/types.h>

#include <array>
#include <concepts>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace unroll {

// An integer of any type in braces: {v.size(), 3}. Throws if it does not fit an Index, such as
// v.size() - 1 for an empty v.
class AnyIndex {
 public:
  template <std::integral T>
  requires(!std::same_as<T, bool>) AnyIndex(T value) : value_(static_cast<Index>(value)) {
    if constexpr (std::unsigned_integral<T> && sizeof(T) >= sizeof(Index))
      if (value_ < 0) [[unlikely]]
        refuse(value);
  }
  operator Index() const { return value_; }

 private:
  [[noreturn]] static void refuse(std::uint64_t value);

  Index value_;
};

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;  // a scalar: rank 0, one element
  // Throws std::invalid_argument on more than 8 sizes, a negative size, or too many elements for an
  // Index.
  Shape(std::initializer_list<AnyIndex> sizes);
  explicit Shape(std::span<const Index> sizes);

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  // The number of elements: the product of the sizes.
  Index numel() const {
    Index n = 1;
    for (int i = 0; i < rank_; ++i) n *= sizes_[i];
    return n;
  }
  // Size along an axis; negative axes count from the end. Bounds are checked, here and below.
  Index operator[](int axis) const { return sizes_[this->axis(axis, "shape")]; }
  Index back() const { return (*this)[-1]; }
  // Converts a negative axis to a non-negative one. Throws, naming `op`, if it is out of range.
  int axis(int axis, const char* op) const {
    const int at = axis < 0 ? axis + rank_ : axis;
    if (at < 0 || at >= rank_) [[unlikely]]
      refuse_axis(axis, op);
    return at;
  }
  // Changes one size. Throws, without changing anything, on a negative size or too many elements;
  // so do `with` and `inserted`.
  void set(int axis, Index size);

  Shape with(int axis, Index size) const;      // one size replaced
  Shape without(int axis) const;               // one axis removed
  Shape inserted(int axis, Index size) const;  // a new axis before `axis`, which is in [0, rank]
  Shape swapped(int a, int b) const;           // two axes exchanged

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

// The axes of a reduction: one (1), several ({0, 2}), or all ({}). Negative axes count from the
// end.
class Axes {
 public:
  Axes() = default;  // all
  template <std::integral T>
  Axes(T axis) {
    push_back(static_cast<int>(axis));
  }
  Axes(bool) = delete;  // sum(x, true) would be over axis 1; to keep axes: {.keepdim = true}
  Axes(std::initializer_list<int> axes) : Axes(std::span(axes.begin(), axes.size())) {}
  Axes(const std::vector<int>& axes) : Axes(std::span(axes)) {}
  explicit Axes(std::span<const int> axes) {
    for (int axis : axes) push_back(axis);
  }

  bool empty() const { return count_ == 0; }
  int size() const { return count_; }
  const int* begin() const { return axes_.data(); }
  const int* end() const { return axes_.data() + count_; }
  void push_back(int axis) {
    if (count_ == Shape::kMaxRank) [[unlikely]]
      refuse();
    axes_[static_cast<std::size_t>(count_++)] = axis;
  }

 private:
  [[noreturn]] static void refuse();

  int count_ = 0;
  std::array<int, Shape::kMaxRank> axes_{};
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);  // [2, 3]
std::ostream& operator<<(std::ostream& out, DType dtype);         // f32

// a * b, for sizes computed from others. Throws, naming `op`, on overflow.
Index product_of(const char* op, Index a, Index b);

// The shape given by `sizes`, one of which may be -1 and is computed from the number of elements of
// `from`.
Shape infer_shape(const char* op, std::initializer_list<AnyIndex> sizes, const Shape& from);

// The broadcast shape, as in NumPy. Throws, naming `op` and both shapes, if there is none.
Shape broadcast(const char* op, const Shape& a, const Shape& b);

}  // namespace unroll

template <>
struct fmt::formatter<unroll::Shape> : unroll::detail::StrFormatter<unroll::Shape> {};
