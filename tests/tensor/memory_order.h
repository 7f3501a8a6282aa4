// The memory order of a tensor, read from its strides. Axes of one element do not matter.
#pragma once

#include <unroll/tensor/tensor.h>

#include <map>

inline bool same_order(const unroll::Tensor& x, const unroll::Tensor& y) {
  if (x.shape() != y.shape()) return false;
  for (int i = 0; i < x.rank(); ++i)
    if (x.size(i) != 1 && x.strides()[i] != y.strides()[i]) return false;
  return true;
}

// Whether the elements fill one block of memory without gaps or repetitions.
inline bool is_dense(const unroll::Tensor& x) {
  if (x.numel() == 0) return true;
  std::map<unroll::Index, unroll::Index> sizes;  // by stride, the innermost axis first
  for (int i = 0; i < x.rank(); ++i)
    if (x.size(i) != 1 && !sizes.emplace(x.strides()[i], x.size(i)).second) return false;
  unroll::Index stride = 1;
  for (const auto& [of_axis, size] : sizes) {
    if (of_axis != stride) return false;
    stride *= size;
  }
  return true;
}
