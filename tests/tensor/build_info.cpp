// build_info names what was found and decided on this machine.
#include "tests/support.h"

#include <unroll/tensor/build_info.h>
#include <unroll/tensor/threads.h>

using namespace unroll;

TEST_CASE(
    "build_info has a line each for version, compiler, CPU, SIMD, BLAS, its core and threads") {
  const int before = threads();
  set_threads(3);
  const std::string text = build_info();
  set_threads(before);
  for (const char* part :
       {"unroll    0.", "compiler  ", "cpu       ", "features  ", "simd      ",
        "blas      OpenBLAS", "core      ", "OPENBLAS_CORETYPE", "threads   3 (", "UNROLL_THREADS"})
    check_says(text, part);
  // Only Highway knows what its baseline is.
  CHECK(text.find("128 bits") == std::string::npos);
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    CHECK_MESSAGE(end - at > 10, "an empty line in: ", text);  // each name has its value
  CHECK(at == text.size());
}
