#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rotary.h>
#include <unroll/tensor/kernels/scratch.h>

#include <algorithm>
#include <cmath>

namespace unroll::kernels {
namespace {

// Sine and cosine of each pair's angle at one position. Rows of one time step follow each other, so
// they are computed once per step.
template <class T>
class Angles {
 public:
  Angles(const Rotary& o, const double* frequencies)
      : o_(o), frequencies_(frequencies), values_(o.size) {}
  const T* cosines() { return values_.get(); }
  const T* sines() { return values_.get() + o_.size / 2; }
  void move_to(Index position) {
    if (known_ && position == position_) return;
    known_ = true;
    position_ = position;
    for (Index i = 0; i < o_.size / 2; ++i) {
      const double angle = static_cast<double>(position) * frequencies_[i];
      values_.get()[i] = static_cast<T>(std::cos(angle));
      values_.get()[o_.size / 2 + i] =
          static_cast<T>(o_.inverse ? -std::sin(angle) : std::sin(angle));
    }
  }

 private:
  const Rotary& o_;
  const double* frequencies_;
  Scratch<T> values_;
  Index position_ = 0;
  bool known_ = false;
};

// kStride 1: the pairs are (x[i], x[half + i]), otherwise (x[2 i], x[2 i + 1]).
template <Index kStride, class T>
void rotate(const T* __restrict x, const T* __restrict cosines, const T* __restrict sines,
            Index half, T* __restrict y) {
  const Index second = kStride == 1 ? half : 1;
  for (Index i = 0; i < half; ++i) {
    const T a = x[kStride * i], b = x[kStride * i + second];
    y[kStride * i] = a * cosines[i] - b * sines[i];
    y[kStride * i + second] = a * sines[i] + b * cosines[i];
  }
}

}  // namespace

template <class T>
void rotary(const Rotary& o, Matrix<const T> x, Matrix<T> y) {
  const Index half = o.size / 2, rotated = o.heads * o.size;
  Scratch<double> frequencies(half);
  for (Index i = 0; i < half; ++i)
    frequencies.get()[i] =
        std::pow(o.base, -2.0 * static_cast<double>(i) / static_cast<double>(o.size));
  parallel_rows(x.rows, x.columns, [&](Index first, Index count) {
    Angles<T> angles(o, frequencies.get());
    for (Index r = first; r < first + count; ++r) {
      angles.move_to(o.positions[r]);
      const T* from = x.at(r, 0);
      T* to = y.at(r, 0);
      for (Index h = 0; h < rotated; h += o.size) {
        if (o.interleaved)
          rotate<2>(from + h, angles.cosines(), angles.sines(), half, to + h);
        else
          rotate<1>(from + h, angles.cosines(), angles.sines(), half, to + h);
      }
      std::copy(from + rotated, from + x.columns, to + rotated);
    }
  });
}
template void rotary(const Rotary&, Matrix<const float>, Matrix<float>);
template void rotary(const Rotary&, Matrix<const double>, Matrix<double>);

}  // namespace unroll::kernels
