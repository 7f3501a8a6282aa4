#include <unroll/tensor/joined.h>
#include <unroll/tensor/shape.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace unroll {

void AnyIndex::refuse(std::uint64_t value) {
  fail(
      "shape: sizes and indices below 2^63 were required: got {} (an unsigned difference below 0?)",
      value);
}

void Axes::refuse() { fail("axes: at most {} axes were required: got more", Shape::kMaxRank); }

Shape::Shape(std::initializer_list<AnyIndex> sizes) : rank_(static_cast<int>(sizes.size())) {
  check(sizes.size() <= kMaxRank, "shape: at most {} axes are supported: got {}", kMaxRank,
        sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  check_sizes();
}

Shape::Shape(std::span<const Index> sizes) : rank_(static_cast<int>(sizes.size())) {
  check(sizes.size() <= kMaxRank, "shape: at most {} axes are supported: got {}", kMaxRank,
        sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  check_sizes();
}

// A size of 0 counts as 1 here, because strides are products of the other sizes.
void Shape::check_sizes() const {
  Index product = 1;
  for (Index size : span()) {
    if (size < 0) fail("shape: sizes must not be negative: got {}", str());
    if (__builtin_mul_overflow(product, std::max<Index>(size, 1), &product))
      fail("shape: the number of elements must fit 63 bits: got {}", str());
  }
}

void Shape::refuse_axis(int axis, const char* op) const {
  check(rank_ > 0, "{}: an axis was required: got a scalar", op);
  fail("{}: an axis in [{}, {}] was required for the shape {}: got {}", op, -rank_, rank_ - 1,
       str(), axis);
}

void Shape::set(int axis, Index size) { *this = with(axis, size); }

Shape Shape::with(int axis, Index size) const {
  Shape out = *this;
  Index& at = out.sizes_[this->axis(axis, "shape")];
  const bool grows = size < 0 || size > at;
  at = size;
  if (grows) out.check_sizes();
  return out;
}

Shape Shape::without(int axis) const {
  const int gone = this->axis(axis, "shape");
  Shape out;
  for (int i = 0; i < rank_; ++i)
    if (i != gone) out.sizes_[out.rank_++] = sizes_[i];
  return out;
}

Shape Shape::inserted(int axis, Index size) const {
  check(rank_ < kMaxRank, "shape: at most {} axes are supported: one more than {} was asked for",
        kMaxRank, str());
  check(axis >= 0 && axis <= rank_,
        "shape: a place in [0, {}] was required for a new axis of {}: got {}", rank_, str(), axis);
  Shape out;
  for (int i = 0; i <= rank_; ++i) {
    if (i == axis) out.sizes_[out.rank_++] = size;
    if (i < rank_) out.sizes_[out.rank_++] = sizes_[i];
  }
  out.check_sizes();
  return out;
}

Shape Shape::swapped(int a, int b) const {
  Shape out = *this;
  std::swap(out.sizes_[axis(a, "shape")], out.sizes_[axis(b, "shape")]);
  return out;
}

std::string Shape::str() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) text += (i ? ", " : "") + std::to_string(sizes_[i]);
  return text + "]";
}

Index product_of(const char* op, Index a, Index b) {
  Index product = 0;
  check(!__builtin_mul_overflow(a, b, &product),
        "{}: sizes whose product fits 63 bits were required: got {} x {}", op, a, b);
  return product;
}

Shape infer_shape(const char* op, std::initializer_list<AnyIndex> sizes, const Shape& from) {
  Index known = 1;
  int unknown = -1, axis = 0;
  std::array<Index, Shape::kMaxRank> out{};
  check(sizes.size() <= out.size(), "{}: at most {} axes are supported: got {}", op, out.size(),
        sizes.size());
  const auto listed = [&] {
    return detail::joined(std::vector<Index>(sizes.begin(), sizes.end()));
  };
  for (Index size : sizes) {
    if (size == -1) {
      if (unknown >= 0) fail("{}: at most one size of -1 was required: got [{}]", op, listed());
      unknown = axis;
    } else if (__builtin_mul_overflow(known, size, &known)) {
      known = 0;  // more than any tensor has
    }
    out[axis++] = size;
  }
  if (unknown >= 0) {
    if (known <= 0 || from.numel() % known != 0)
      fail("{}: a shape with {} elements was required for {}: got [{}]", op, from.numel(), from,
           listed());
    out[unknown] = from.numel() / known;
  }
  return Shape(std::span<const Index>(out.data(), sizes.size()));
}

Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape out = longer;
  for (int i = 1; i <= shorter.rank(); ++i) {
    const Index x = longer[-i], y = shorter[-i];
    check(x == y || x == 1 || y == 1,
          "{}: shapes that broadcast together were required (equal sizes or 1, from the last axis "
          "on): got {} and {}",
          op, a, b);
    out.sizes_[out.rank_ - i] = x == 1 ? y : x;
  }
  out.check_sizes();
  return out;
}

}  // namespace unroll
