// OpenBLAS's core: the CPU model that its kernels are made for.
#pragma once

#include <string>

namespace unroll::kernels {

// The BLAS that was found, the core chosen for it, and why.
struct BlasInfo {
  std::string version, core, reason;
};

// Chooses the core and stops OpenBLAS's threads at the first call, which must come before any call
// of BLAS.
const BlasInfo& blas_core();

}  // namespace unroll::kernels
