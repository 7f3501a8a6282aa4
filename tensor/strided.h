// Iteration over tensors of any strides, for elementwise ops and copies.
//
// The axes are sorted by the memory order of the result and merged where all operands allow it. The
// result is written in contiguous runs along the last axis. An operand that is not contiguous there
// is first gathered, one tile at a time, so that whole cache lines of it are read.
#pragma once

#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/tensor.h>

#include <algorithm>
#include <array>
#include <vector>

namespace unroll::detail {

// Whether the elements fill one block of memory without gaps or repetitions, with the axes in any
// order.
bool is_dense(const Tensor& x);

// The axes of x, largest stride first.
std::vector<int> memory_order(const Tensor& x);
// The strides of a dense tensor with x's shape and memory order.
std::array<Index, Shape::kMaxRank> dense_strides(const Tensor& x);

// Whether elements of x are repeated by stride 0, as after expand(); and x with each of them once,
// where repeated axes have size 1.
bool repeats(const Tensor& x);
Tensor unrepeated(const Tensor& x);

// An uninitialised result for an elementwise op. It has the memory order that all operands of this
// shape share, apart from operands with repeated elements; otherwise it is row-major.
Tensor empty_for(const Shape& shape, std::initializer_list<const Tensor*> operands);
// Whether x and the dense tensor y have the same shape and memory order, so that one flat loop
// suffices.
bool same_order(const Tensor& x, const Tensor& y);

inline constexpr int kMaxOperands = 3;  // of an elementwise op

// to[i] = f(from[0][i * strides[0]], ..) for n elements; strides are 0 or 1.
template <class T>
using Run = void (*)(const void* f, const T* const* from, const Index* strides, T* to, Index n);

// Calls `run` until all of y is written. Operands must broadcast to y's shape. y must not overlap
// with an operand unless it is that operand.
template <class T>
void for_each_run(Tensor& y, std::initializer_list<const Tensor*> operands, Run<T> run,
                  const void* f);

// The same for a callable f(from, strides, to, n).
template <class T, class F>
void elementwise(Tensor& y, std::initializer_list<const Tensor*> operands, const F& f) {
  for_each_run<T>(
      y, operands,
      [](const void* of, const T* const* from, const Index* strides, T* to, Index n) {
        (*static_cast<const F*>(of))(from, strides, to, n);
      },
      &f);
}

// The same for several passes over each run: at most tuning::kNearElements elements at once, so
// that they stay in the L1 cache.
template <class T, class F>
void elementwise_near(Tensor& y, std::initializer_list<const Tensor*> operands, const F& f) {
  const std::size_t count = operands.size();
  elementwise<T>(y, operands, [&](const T* const* from, const Index* strides, T* to, Index n) {
    std::array<const T*, kMaxOperands> at{};
    for (Index i = 0; i < n; i += tuning::kNearElements) {
      for (std::size_t k = 0; k < count; ++k) at[k] = from[k] + i * strides[k];
      f(at.data(), strides, to + i, std::min(tuning::kNearElements, n - i));
    }
  });
}

// Writes n copies of a value: the first few by a loop, the rest by block copies.
template <class T>
void fill_run(T* to, Index n, T value) {
  const Index head = std::min(n, tuning::kFilledElements);
  std::fill_n(to, head, value);
  for (Index i = head; i < n; i += head) std::copy_n(to, std::min(head, n - i), to + i);
}

}  // namespace unroll::detail
