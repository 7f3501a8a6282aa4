// One way to go over tensors of any strides, for elementwise work and for copies.
//
// The axes are put in the order of the result's memory and merged where all operands allow it.
// Along the last one the result is written in runs; an operand whose elements stand apart there is
// first brought together, a tile at a time, so that whole cache lines of it are read.
#pragma once

#include <unroll/tensor/tensor.h>

#include <algorithm>
#include <vector>

namespace unroll::detail {

// Whether the elements are one block of memory without gaps or repetitions, in any order of the
// axes.
bool is_dense(const Tensor& x);

// The axes of x, those with the largest strides first.
std::vector<int> memory_order(const Tensor& x);

// Uninitialised, for the result of an elementwise op: it has the memory order that all operands of
// this shape share, if they do; otherwise it is row-major.
Tensor empty_for(const Shape& shape, std::initializer_list<const Tensor*> operands);
// Whether x has the elements of y, which is dense, at the same places of memory: one flat pass
// does.
bool same_order(const Tensor& x, const Tensor& y);

inline constexpr int kMaxOperands = 3;  // of an elementwise op

// to[i] = f(from[0][i * steps[0]], ..) for n elements; steps are 0 or 1.
template <class T>
using Run = void (*)(const void* f, const T* const* from, const Index* steps, T* to, Index n);

// Calls `run` until all of y is written. The operands broadcast to y's shape; y may not overlap
// with them, unless it is one of them.
template <class T>
void for_each_run(Tensor& y, std::initializer_list<const Tensor*> operands, Run<T> run,
                  const void* f);

// The same for a callable f(from, steps, to, n).
template <class T, class F>
void elementwise(Tensor& y, std::initializer_list<const Tensor*> operands, const F& f) {
  for_each_run<T>(
      y, operands,
      [](const void* of, const T* const* from, const Index* steps, T* to, Index n) {
        (*static_cast<const F*>(of))(from, steps, to, n);
      },
      &f);
}

// n copies of a value: the first few by a loop, the rest as blocks of memory.
template <class T>
void fill_run(T* to, Index n, T value) {
  const Index head = std::min<Index>(n, 1024);
  std::fill_n(to, head, value);
  for (Index i = head; i < n; i += head) std::copy_n(to, std::min(head, n - i), to + i);
}

}  // namespace unroll::detail
