// Prints what the library detected and chose on this machine: CPU, SIMD, BLAS, threads.
#include "examples/common/program.h"

#include <unroll/tensor/build_info.h>
#include <unroll/tensor/error.h>

#include <fmt/core.h>

int main(int argc, char** argv) {
  return program::guarded("info", [&] {
    unroll::check(argc == 1, "no options were required: got {}", argc > 1 ? argv[1] : "");
    fmt::print("{}", unroll::build_info());
    return 0;
  });
}
