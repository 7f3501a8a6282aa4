// For tests on every SIMD target that was compiled in and that this CPU has.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>

#include <hwy/targets.h>

#include <cstdint>

namespace unroll {

// The targets of the kernels, from the widest to the baseline, that this CPU has.
template <class F>
void for_each_simd_target(F&& f) {
#if defined(__x86_64__)
  for (std::int64_t target :
       {std::int64_t{HWY_AVX3}, std::int64_t{HWY_AVX2}, std::int64_t{HWY_STATIC_TARGET}}) {
    hwy::SetSupportedTargetsForTest(0);
    if (!(hwy::SupportedTargets() & target)) continue;
    hwy::SetSupportedTargetsForTest(target);
    kernels::choose_again();
    f(hwy::TargetName(target));
  }
  hwy::SetSupportedTargetsForTest(0);
  kernels::choose_again();
#else
  f("the only one");
#endif
}

}  // namespace unroll
