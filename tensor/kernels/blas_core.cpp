#include <unroll/tensor/kernels/blas_core.h>

#include <cblas.h>
#include <dlfcn.h>
#include <strings.h>

#include <cstdlib>

namespace unroll::kernels {
namespace {

// OpenBLAS chooses its kernels by the CPU model. For a model it does not know it falls back to its
// oldest ones, which are four times slower. The CPU's feature flags are more reliable, so we set
// OPENBLAS_CORETYPE accordingly and make OpenBLAS choose again.
struct Core {
  const char* name;
  const char* why;
};

Core best_core() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return {"SkylakeX", "the CPU has AVX-512"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {"Haswell", "the CPU has AVX2 and FMA"};
#endif
  return {nullptr, nullptr};
}

// Cores from before AVX2, which OpenBLAS falls back to.
bool is_old(const char* core) {
  for (const char* old : {"Prescott", "Core2", "Katmai", "Coppermine", "Northwood", "Banias",
                          "Atom", "Nehalem", "Penryn", "Dunnington", "Unknown", "Generic"})
    if (strcasecmp(core, old) == 0) return true;
  return false;
}

// We use our own threads. The threads that OpenBLAS starts when loaded would only compete with
// them.
void stop_threads() {
  openblas_set_num_threads(1);
  if (const auto stop = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "blas_thread_shutdown_")))
    stop();
}

BlasInfo choose_core() {
  BlasInfo info;
  stop_threads();
  info.version = openblas_get_config();
  const std::string found = openblas_get_corename();
  info.core = found;
  if (std::getenv("OPENBLAS_CORETYPE")) {
    info.reason = "OPENBLAS_CORETYPE is set";
    return info;
  }
  const Core best = best_core();
  if (!best.name || !is_old(found.c_str())) {
    info.reason = "chosen by OpenBLAS";
    return info;
  }
  using Hook = void (*)();
  const auto quit = reinterpret_cast<Hook>(dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit"));
  const auto init = reinterpret_cast<Hook>(dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init"));
  if (!quit || !init) {
    info.reason = "chosen by OpenBLAS, which cannot be told better (no gotoblas_dynamic_init)";
    return info;
  }
  setenv("OPENBLAS_CORETYPE", best.name, 1);
  quit();
  init();
  unsetenv("OPENBLAS_CORETYPE");
  stop_threads();
  info.core = openblas_get_corename();
  info.reason = std::string("OpenBLAS had taken ") + found + ", but " + best.why;
  return info;
}

}  // namespace

const BlasInfo& blas_core() {
  static const BlasInfo info = choose_core();
  return info;
}

}  // namespace unroll::kernels
