// A description of this build and of what it chose on this machine.
#pragma once

#include <string>

namespace unroll {

// Version, compiler, CPU features, SIMD target, BLAS with its core and the reason for it, number of
// threads, and the environment variables that change these.
std::string build_info();

}  // namespace unroll
