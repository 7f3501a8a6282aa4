// What the library found on this machine, and what it decided: CPU, SIMD, BLAS, threads.
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
