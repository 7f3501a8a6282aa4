// parallel_for: every task once, errors, nesting; and the floating-point mode of the caller.
#include "tests/support.h"

#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/threads.h>

#include <pthread.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>

using namespace unroll;

namespace {

struct Threads {  // so many while it lives
  int before = threads();
  explicit Threads(int count) { set_threads(count); }
  ~Threads() { set_threads(before); }
};

// Multiplies two numbers under the mode of the moment, not that of the compiler.
double product(double a, double b) {
  volatile double left = a, right = b;
  return left * right;
}
constexpr double kTiny = 1e-200;

}  // namespace

TEST_CASE("each task runs once for any number of threads and tasks") {
  for (int count : {1, 2, 5}) {
    const Threads some(count);
    for (Index tasks : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks));
      parallel_for(tasks, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& r : runs) CHECK(r == 1);
    }
  }
  parallel_for(-3, [](Index) { FAIL("there was nothing to run"); });
}

TEST_CASE(
    "a nested parallel_for runs on the calling thread, and calls from many threads are "
    "independent") {
  const Threads some(3);
  std::atomic<int> runs{0};
  parallel_for(10, [&](Index) { parallel_for(10, [&](Index) { ++runs; }); });
  CHECK(runs == 100);
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) parallel_for(5, [&](Index) { ++runs; });
    });
  for (std::thread& t : callers) t.join();
  CHECK(runs == 100 + 4 * 200 * 5);
}

TEST_CASE("an exception of a task reaches the caller, and the next call works") {
  for (int count : {1, 3}) {
    const Threads some(count);
    for (int round = 0; round < 20; ++round) {
      const std::string text = message_of([] {
        parallel_for(50, [](Index i) {
          if (i % 10 == 7) throw std::runtime_error("task failed");
        });
      });
      CHECK(text == "task failed");
      std::atomic<int> runs{0};
      parallel_for(20, [&](Index) { ++runs; });
      CHECK(runs == 20);
    }
  }
}

TEST_CASE("invalid numbers of threads are refused, and so is set_threads inside a task") {
  check_says(message_of([] { set_threads(0); }),
             "set_threads: a number in [1, 256] was required: got 0");
  check_says(message_of([] { set_threads(257); }), "got 257");
  const Threads some(2);
  CHECK(threads() == 2);
  const std::string text = message_of([] { parallel_for(4, [](Index) { set_threads(3); }); });
  check_says(text, "set_threads: a call from outside of parallel_for was required");
  CHECK(threads() == 2);
}

TEST_CASE("an empty function is refused") {
  check_refused([] { parallel_for(3, nullptr); },
                "parallel_for: a function was required: got none");
}

TEST_CASE("if the system refuses to start threads, the existing ones do the work") {
  // A stack that fits no memory keeps every thread from starting.
  pthread_attr_t before, huge;
  REQUIRE(pthread_getattr_default_np(&before) == 0);
  REQUIRE(pthread_attr_init(&huge) == 0);
  REQUIRE(pthread_attr_setstacksize(&huge, std::size_t{1} << 50) == 0);
  REQUIRE(pthread_setattr_default_np(&huge) == 0);
  std::atomic<int> runs{0};
  {
    const Threads some(4);
    parallel_for(20, [&](Index) { ++runs; });
  }
  CHECK(pthread_setattr_default_np(&before) == 0);
  CHECK(runs == 20);
}

TEST_CASE("denormals count as zero in rows of any number") {
#if defined(__x86_64__)
  for (int count : {1, 2}) {
    const Threads some(count);
    for (Index rows : {1, 100, 100'000}) {
      std::atomic<int> kept{0};
      kernels::parallel_rows(rows, 4, [&](Index, Index) { kept += product(kTiny, 1e-115) != 0; });
      CHECK(kept == 0);
    }
  }
  CHECK(product(kTiny, 1e-115) > 0);
#endif
}

TEST_CASE("FlushDenormals is in effect while alive, nests, and restores the caller's mode") {
  CHECK(product(kTiny, 1e-115) > 0);
#if defined(__x86_64__)
  {
    const kernels::FlushDenormals flush;
    CHECK(product(kTiny, 1e-115) == 0);
    { const kernels::FlushDenormals again; }
    CHECK(product(kTiny, 1e-115) == 0);
  }
  CHECK(product(kTiny, 1e-115) > 0);
  const unsigned before = _mm_getcsr();
  _mm_setcsr((before & ~0x6000U) | 0x2000U);  // round downwards
  {
    const kernels::FlushDenormals flush;
    CHECK((_mm_getcsr() & 0x6000U) == 0x2000U);
  }
  CHECK((_mm_getcsr() & 0x6000U) == 0x2000U);
  _mm_setcsr(before);
#endif
}

TEST_CASE("no call of the library changes the caller's floating-point mode") {
  for (int count : {1, 2}) {
    const Threads some(count);
    const Tensor x = Tensor::full({200'000}, 1e-30);
    (void)softmax(mul(exp(x), sum(x)));
    CHECK(product(kTiny, 1e-115) > 0);
    const std::string text = message_of([] {
      parallel_for(4, [](Index) {
        const kernels::FlushDenormals flush;
        throw std::runtime_error("task failed");
      });
    });
    CHECK(text == "task failed");
    CHECK(product(kTiny, 1e-115) > 0);
  }
}
