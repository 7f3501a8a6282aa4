// Processes that fork or exit while the library has threads.
#include "tests/support.h"

#include <unroll/tensor/matmul.h>
#include <unroll/tensor/memory.h>
#include <unroll/tensor/threads.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <utility>

using namespace unroll;

// LeakSanitizer asks: a forked child has not the stacks of the threads that it lost, so that all
// they held would count as leaked there.
static const pid_t g_parent = ::getpid();
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() { return ::getpid() != g_parent; }

namespace {

struct Threads {  // so many while it lives
  int before = threads();
  explicit Threads(int count) { set_threads(count); }
  ~Threads() { set_threads(before); }
};

// What a forked child ends with: its exit status, -signal, or -1000 where it hangs.
int status_of(const std::function<void()>& child) {
  std::cout.flush();  // or exit() in the child prints it again
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    child();
    ::_exit(99);
  }
  int status = 0;
  for (int i = 0; i < 3000; ++i) {
    if (::waitpid(pid, &status, WNOHANG) == pid)
      return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, &status, 0);
  return -1000;
}

// Many tasks, and a product large enough for all threads.
bool computes() {
  std::atomic<Index> total{0};
  parallel_for(1000, [&](Index i) { total += i; });
  const Tensor x = Tensor::ones({300, 300});
  return total == 499'500 && sum(matmul(x, x)).item() == 300.0 * 300 * 300;
}

}  // namespace

TEST_CASE("a forked child ends by exit, and may compute with threads of its own") {
  for (int count : {1, 2, 4}) {
    const Threads some(count);
    REQUIRE(computes());
    CHECK(status_of([] { std::exit(7); }) == 7);
    CHECK(status_of([] { std::exit(computes() ? 8 : 1); }) == 8);
    CHECK(status_of([] {
            set_threads(3);
            std::exit(computes() && threads() == 3 ? 9 : 1);
          }) == 9);
    CHECK(status_of([] {  // a child's child
            const bool first = computes();
            const int second = status_of([] { std::exit(computes() ? 5 : 1); });
            std::exit(first && second == 5 && computes() ? 6 : 1);
          }) == 6);
    CHECK(computes());
  }
}

TEST_CASE("fork is safe while other threads compute and allocate") {
  const Threads some(2);
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int i = 0; i < 2; ++i)
    busy.emplace_back([&] {
      while (!stop) (void)computes();
    });
  for (int round = 0; round < 10; ++round) {
    CHECK(status_of([] {
            // Its new threads may get the memory of those that were lost.
            std::vector<std::thread> own;
            for (int i = 0; i < 3; ++i) own.emplace_back([] { (void)Tensor::ones({10}); });
            for (std::thread& t : own) t.join();
            const bool right = computes() && memory::stats().in_use >= 0;
            memory::release_cached();
            std::exit(right && computes() ? 3 : 1);
          }) == 3);
  }
  stop = true;
  for (std::thread& t : busy) t.join();
}

TEST_CASE("exit within a task ends the process with its status") {
  for (int count : {1, 2, 4}) {
    for (Index at : {0, 3, 7}) {
      CHECK(status_of([&] {
              set_threads(count);
              (void)computes();
              parallel_for(8, [&](Index i) {
                if (i == at) std::exit(4);
                (void)matmul(Tensor::ones({64, 64}), Tensor::ones({64, 64}));
              });
            }) == 4);
    }
  }
  // And while another thread's call is under way.
  CHECK(status_of([] {
          set_threads(2);
          std::atomic<bool> begun{false};
          std::thread other([&] {
            parallel_for(2, [&](Index) {
              begun = true;
              std::this_thread::sleep_for(std::chrono::seconds(20));
            });
          });
          while (!begun) std::this_thread::yield();
          std::exit(2);
        }) == 2);
}

TEST_CASE(
    "a child forked within a task may leave it by exit; one that returns from it is told so") {
  const Threads some(2);
  std::atomic<int> left{0};
  parallel_for(4, [&](Index) { left += status_of([] { std::exit(6); }) == 6; });
  CHECK(left == 4);
  int status = 0;
  const pid_t parent = ::getpid();
  const std::thread::id caller = std::this_thread::get_id();
  pid_t child = 0;
  bool forked = false;
  const std::string text = message_of([&] {
    parallel_for(200, [&](Index) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (std::this_thread::get_id() == caller && !std::exchange(forked, true)) child = ::fork();
    });
  });
  if (::getpid() != parent)
    ::_exit(text.find("forks within a task was required to leave it") != std::string::npos ? 5 : 1);
  CHECK(text == "nothing was thrown");
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 5));
}
