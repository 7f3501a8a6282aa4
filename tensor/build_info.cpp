#include <unroll/tensor/build_info.h>
#include <unroll/tensor/kernels/blas_core.h>
#include <unroll/tensor/threads.h>

#include <fmt/format.h>
#include <hwy/targets.h>

#include <fstream>

namespace unroll {
namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "unknown";
}

std::string cpu_features() {
  std::string out;
#if defined(__x86_64__)
  __builtin_cpu_init();
#define UNROLL_FEATURE(name) \
  if (__builtin_cpu_supports(name)) out += (out.empty() ? "" : " ") + std::string(name);
  UNROLL_FEATURE("sse4.2")
  UNROLL_FEATURE("avx")
  UNROLL_FEATURE("avx2")
  UNROLL_FEATURE("fma")
  UNROLL_FEATURE("avx512f")
  UNROLL_FEATURE("avx512bw")
  UNROLL_FEATURE("avx512dq")
  UNROLL_FEATURE("avx512vl")
#undef UNROLL_FEATURE
#endif
  return out;
}

// The SIMD targets compiled in are listed in CMakeLists.txt; the best one that the CPU supports
// runs.
std::string simd_target() {
  const auto targets = hwy::SupportedTargets();
  if (targets & HWY_AVX3) return "AVX-512";
  if (targets & HWY_AVX2) return "AVX2";
  return fmt::format("baseline ({})", hwy::TargetName(HWY_STATIC_TARGET));
}

}  // namespace

std::string build_info() {
  const kernels::BlasInfo& blas = kernels::blas_core();
  return fmt::format(
      "unroll    {}\ncompiler  {}\ncpu       {}\nfeatures  {}\nsimd      {}\nblas      {}\ncore    "
      "  {} ({}; OPENBLAS_CORETYPE "
      "decides otherwise)\nthreads   {} (set_threads or UNROLL_THREADS decide otherwise)\n",
      UNROLL_VERSION, __VERSION__, cpu_name(), cpu_features(), simd_target(), blas.version,
      blas.core, blas.reason, threads());
}

}  // namespace unroll
