// What this build is and what it decided on this machine.
#pragma once

#include <string>

namespace unroll {

// Version, compiler, CPU features, SIMD target, BLAS with its core and why, threads, and the
// environment variables that decide.
std::string build_info();

}  // namespace unroll
