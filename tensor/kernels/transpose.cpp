// 128-bit vectors are enough here, without dispatch: the time is spent reading cache lines. Each
// line of `from` is used completely before the next ones are read.
#include <unroll/tensor/kernels/transpose.h>

#include <cstring>

namespace unroll::kernels {
namespace {

constexpr std::size_t kBytes = 16;
template <class T>
using Vec [[gnu::vector_size(kBytes)]] = T;

template <class T>
Vec<T> load(const T* from) {
  Vec<T> v;
  std::memcpy(&v, from, kBytes);
  return v;
}
template <class T>
void store(Vec<T> v, T* to) {
  std::memcpy(to, &v, kBytes);
}

// A square block with as many rows and columns as a vector has lanes.
void block(const float* from, Index from_stride, float* to, Index to_stride) {
  const Vec<float> a = load(from), b = load(from + from_stride);
  const Vec<float> c = load(from + 2 * from_stride), d = load(from + 3 * from_stride);
  const Vec<float> ac = __builtin_shufflevector(a, c, 0, 4, 1, 5);
  const Vec<float> bd = __builtin_shufflevector(b, d, 0, 4, 1, 5);
  const Vec<float> ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Vec<float> bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  store<float>(__builtin_shufflevector(ac, bd, 0, 4, 1, 5), to);
  store<float>(__builtin_shufflevector(ac, bd, 2, 6, 3, 7), to + to_stride);
  store<float>(__builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5), to + 2 * to_stride);
  store<float>(__builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7), to + 3 * to_stride);
}
void block(const double* from, Index from_stride, double* to, Index to_stride) {
  const Vec<double> a = load(from), b = load(from + from_stride);
  store<double>(__builtin_shufflevector(a, b, 0, 2), to);
  store<double>(__builtin_shufflevector(a, b, 1, 3), to + to_stride);
}

Vec<float> reversed(Vec<float> v) { return __builtin_shufflevector(v, v, 3, 2, 1, 0); }
Vec<double> reversed(Vec<double> v) { return __builtin_shufflevector(v, v, 1, 0); }

}  // namespace

template <class T>
void transpose(const T* from, Index from_stride, T* to, Index to_stride, Index rows,
               Index columns) {
  constexpr Index kLanes = kBytes / sizeof(T);
  const Index whole_rows = rows / kLanes * kLanes, whole_columns = columns / kLanes * kLanes;
  for (Index c = 0; c < whole_columns; c += kLanes)
    for (Index r = 0; r < whole_rows; r += kLanes)
      block(from + c * from_stride + r, from_stride, to + r * to_stride + c, to_stride);
  for (Index r = 0; r < rows; ++r)
    for (Index c = r < whole_rows ? whole_columns : 0; c < columns; ++c)
      to[r * to_stride + c] = from[c * from_stride + r];
}
template void transpose<float>(const float*, Index, float*, Index, Index, Index);
template void transpose<double>(const double*, Index, double*, Index, Index, Index);

template <class T>
void reverse(const T* from, T* to, Index n) {
  constexpr Index kLanes = kBytes / sizeof(T);
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) store<T>(reversed(load(from - i - (kLanes - 1))), to + i);
  for (; i < n; ++i) to[i] = from[-i];
}
template void reverse<float>(const float*, float*, Index);
template void reverse<double>(const double*, double*, Index);

}  // namespace unroll::kernels
