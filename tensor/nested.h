// Values in nested braces: {{1, 2}, {3, 4}} is an array of shape [2, 2].
#pragma once

#include <unroll/tensor/shape.h>

#include <type_traits>

namespace unroll::detail {

// A number, or a list of Nested. T is double (accepts any number) or Index (integers only).
template <class T>
class Nested {
 public:
  template <class N>
  requires(std::is_arithmetic_v<N>&& std::is_same_v<T, double>) Nested(N value)
      : value_(static_cast<T>(value)), is_number_(true) {}
  template <std::integral N>
  requires(!std::same_as<N, bool> && std::is_same_v<T, Index>) Nested(N value)
      : value_(AnyIndex(value)), is_number_(true) {}
  Nested(std::initializer_list<Nested> parts) : parts_(parts.begin(), parts.end()) {}

  struct Flat {
    Shape shape;
    std::vector<T> values;  // row-major
  };
  // Throws, naming `op`, if lists of one level differ in length or elements in depth.
  static Flat flat(const char* op, std::initializer_list<Nested> parts);

 private:
  void append_to(const char* op, Flat& out, int depth) const;

  T value_ = 0;
  bool is_number_ = false;
  std::vector<Nested> parts_;
};

extern template class Nested<double>;
extern template class Nested<Index>;

}  // namespace unroll::detail
