// What the library found on this machine, and what it decided: CPU, SIMD, BLAS, threads.
#include <unroll/tensor/build_info.h>

#include <fmt/core.h>

int main() { fmt::print("{}", unroll::build_info()); }
