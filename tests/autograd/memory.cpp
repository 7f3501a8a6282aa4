// What a tape leaves behind when it ends.
#include "tests/support.h"

#include <unroll/autograd/ops.h>
#include <unroll/tensor/memory.h>

#include <unistd.h>

#include <fstream>

using namespace unroll;

namespace {

constexpr Index kMega = 1 << 20;

// Bytes of the process that are in memory.
Index resident() {
  Index pages = 0, in_memory = 0;
  std::ifstream("/proc/self/statm") >> pages >> in_memory;
  return in_memory * ::sysconf(_SC_PAGESIZE);
}

void steps(Index count) {
  Tape tape;
  const Var x = tape.watch(Tensor::ones({16}));
  Var y = x;
  for (Index t = 0; t < count; ++t) y = tanh(y * 0.9 + x);
  (void)tape.backward(sum(y));
}

}  // namespace

TEST_CASE(
    "after a tape of 100,000 steps nothing of it is in use, and release_cached returns it all") {
  steps(10);
  memory::release_cached();
  const memory::Stats before = memory::stats();  // `cached`: by threads of other tests
  const Index resident_before = resident();
  steps(100'000);
  const memory::Stats after = memory::stats();
  CHECK(after.peak - before.in_use > 50 * kMega);  // there was much to keep
  CHECK(after.in_use == before.in_use);
  memory::release_cached();
  CHECK(memory::stats().in_use == before.in_use);
  CHECK(memory::stats().cached == before.cached);
#if defined(__GLIBC__)
  if (memory::caching()) CHECK(resident() - resident_before < 8 * kMega);
#endif
  // A tape that is under way keeps what it has.
  Tape tape;
  const Var x = tape.watch(Tensor::ones({3})), y = square(x);
  memory::release_cached();
  CHECK(tape.backward(sum(y))[x].at({0}) == 2);
}

TEST_CASE("small tapes one after another allocate nothing from the system") {
  if (!memory::caching()) return;
  for (Index count : {1, 10, 500}) {
    steps(count);
    const Index calls = memory::stats().system_calls;
    for (int i = 0; i < 20; ++i) steps(count);
    CHECK(memory::stats().system_calls == calls);
  }
}
