#include "benchmarks/read.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/read.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace bench::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

float sum_f32(const float* x, unroll::Index n) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<unroll::Index>(hn::Lanes(d));
  auto a = hn::Zero(d), b = a, c = a, e = a, f = a, g = a, h = a, i = a;
  const auto at = [&](unroll::Index j, int vector) { return hn::LoadU(d, x + j + vector * lanes); };
  unroll::Index j = 0;
  for (; j + 8 * lanes <= n; j += 8 * lanes) {
    a = hn::Add(a, at(j, 0)), b = hn::Add(b, at(j, 1));
    c = hn::Add(c, at(j, 2)), e = hn::Add(e, at(j, 3));
    f = hn::Add(f, at(j, 4)), g = hn::Add(g, at(j, 5));
    h = hn::Add(h, at(j, 6)), i = hn::Add(i, at(j, 7));
  }
  a = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(hn::Add(f, g), hn::Add(h, i)));
  float sum = hn::GetLane(hn::SumOfLanes(d, a));
  for (; j < n; ++j) sum += x[j];
  return sum;
}

}  // namespace
}  // namespace bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace bench {

HWY_EXPORT(sum_f32);
float sum_of(const float* x, unroll::Index n) { return HWY_DYNAMIC_DISPATCH(sum_f32)(x, n); }

}  // namespace bench
#endif
