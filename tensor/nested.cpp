#include <unroll/tensor/nested.h>

namespace unroll::detail {

template <class T>
auto Nested<T>::flat(const char* op, std::initializer_list<Nested> parts) -> Flat {
  // The first list of each level determines the shape.
  std::vector<Index> sizes;
  const Nested all(parts);
  for (const Nested* at = &all; !at->is_number_; at = &at->parts_.front()) {
    sizes.push_back(static_cast<Index>(at->parts_.size()));
    if (at->parts_.empty()) break;
  }
  Flat out{Shape(std::span<const Index>(sizes)), {}};
  out.values.reserve(static_cast<std::size_t>(out.shape.numel()));
  all.append_to(op, out, 0);
  return out;
}

template <class T>
void Nested<T>::append_to(const char* op, Flat& out, int depth) const {
  check(is_number_ == (depth == out.shape.rank()),
        "{}: values in braces of one depth were required: got {} at depth {} of {}", op,
        is_number_ ? "a number" : "a list", depth, out.shape);
  if (is_number_) return out.values.push_back(value_);
  check(static_cast<Index>(parts_.size()) == out.shape[depth],
        "{}: rows of one length were required: got rows of {} and {} values", op, out.shape[depth],
        parts_.size());
  for (const Nested& part : parts_) part.append_to(op, out, depth + 1);
}

template class Nested<double>;
template class Nested<Index>;

}  // namespace unroll::detail
