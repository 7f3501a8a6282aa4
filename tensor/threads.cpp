#include <unroll/tensor/error.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/threads.h>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace unroll {
namespace {

thread_local bool t_inside = false;
thread_local std::size_t t_share = 0;  // its share in the current call

// After exit() has begun no further task starts: what tasks use is about to be destroyed.
std::atomic<bool> g_exiting{false};

class Pool {
 public:
  explicit Pool(int helpers) : shares_(static_cast<std::size_t>(helpers) + 1) {
    threads_.reserve(static_cast<std::size_t>(helpers));
    try {
      for (int i = 1; i <= helpers; ++i) threads_.emplace_back([this, i] { work(i); });
    } catch (const std::exception&) {
      // The system has no more threads: continue with those already started.
    }
  }
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
      generation_.fetch_add(1);
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  // For the child of a fork, in which the helper threads do not exist: they are neither waited for
  // nor joined.
  void abandon() {
    abandoned_ = true;
    inside_.store(0);
    new (&mutex_) std::mutex;  // a helper may have held it
  }

  // Waits until no thread but the calling one is running a task, for at most three seconds.
  void wait_for_tasks() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    for (std::size_t i = 0; i < shares_.size(); ++i)
      while (shares_[i].busy.load() && !(t_inside && i == t_share) &&
             std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  void run(Index count, const std::function<void(Index)>& task) {
    std::fegetenv(&mode_);
    task_ = &task;
    const Index all = static_cast<Index>(shares_.size());
    for (Index i = 0; i < all; ++i) {
      shares_[i].next.store(count * i / all, std::memory_order_relaxed);
      shares_[i].end = count * (i + 1) / all;
    }
    {
      std::lock_guard lock(mutex_);
      open_.store(generation_.fetch_add(1) + 1);
    }
    wake_.notify_all();
    take_tasks(0);
    // Helpers that are still waking up need not be waited for: they find the call closed. Helpers
    // that entered before are counted in inside_.
    open_.store(0);
    while (inside_.load() > 0) pause();
    check_io(!abandoned_,
             "parallel_for: a process that forks within a task was required to leave it by exec or "
             "exit: the child has none of the threads that had the other tasks");
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  static void pause() {
#if defined(__x86_64__)
    _mm_pause();
#endif
  }

  // Each thread first takes its own share of the tasks, the same one in each call, so that data it
  // wrote before is still in its cache. Then it helps with the shares of others.
  void take_tasks(int self) {
    t_inside = true;
    t_share = static_cast<std::size_t>(self);
    std::atomic<bool>& busy = shares_[t_share].busy;
    const std::size_t all = shares_.size();
    for (std::size_t k = 0; k < all; ++k) {
      Share& share = shares_[(static_cast<std::size_t>(self) + k) % all];
      for (Index i; (i = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
        busy.store(true);
        while (g_exiting.load()) {
          busy.store(false);
          std::this_thread::sleep_for(std::chrono::seconds(1));
        }
        try {
          (*task_)(i);
        } catch (...) {
          std::lock_guard lock(mutex_);
          if (!error_) error_ = std::current_exception();
        }
        busy.store(false, std::memory_order_release);
      }
    }
    t_inside = false;
  }

  void work(int self) {
    std::uint64_t seen = 0;
    while (true) {
      for (int i = 0; i < tuning::kSpins && generation_.load(std::memory_order_acquire) == seen;
           ++i)
        pause();
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
        seen = generation_.load(std::memory_order_acquire);
        if (stop_) return;
      }
      inside_.fetch_add(1);
      if (open_.load() == seen) {
        std::fesetenv(&mode_);  // rounding must not depend on the thread
        take_tasks(self);
      }
      if (abandoned_) return;
      inside_.fetch_sub(1);
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> generation_{0};  // number of the latest call
  std::atomic<std::uint64_t> open_{0};  // the same number while its tasks may be taken, otherwise 0
  std::atomic<int> inside_{0};          // helpers that may be running its tasks
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
    std::atomic<bool> busy{false};  // its thread is running a task
  };
  std::vector<Share> shares_;  // one for the caller, then one per helper
  const std::function<void(Index)>* task_ = nullptr;
  std::fenv_t mode_{};  // the caller's
  std::exception_ptr error_;
  bool stop_ = false, abandoned_ = false;
};

int default_threads() {
  if (const char* text = std::getenv("UNROLL_THREADS")) {
    char* end = nullptr;
    const long count = std::strtol(text, &end, 10);
    check(count >= 1 && count <= 256 && *end == '\0',
          "UNROLL_THREADS: a number in [1, 256] was required: got \"{}\"", text);
    return static_cast<int>(count);
  }
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 256);
}

struct Shared {
  std::mutex mutex;  // held during a call
  std::atomic<int> count{0};
  std::unique_ptr<Pool> pool;
  Shared* lost = nullptr;  // that of the parent process, after a fork
};

// Never destroyed: exit() may be called inside a task, or while another thread's call is running.
std::atomic<Shared*> g_shared{nullptr};

// The child of a fork has only the calling thread, so it starts afresh; its first call starts
// threads.
void after_fork_in_child() {
  Shared* lost = g_shared.load();
  auto* fresh = new Shared;
  fresh->lost = lost;
  fresh->count.store(lost->count.load());
  if (lost->pool) lost->pool->abandon();
  g_shared.store(fresh);
}

// Joins the threads at program exit. If some are at work, waits for the tasks they are running,
// before what these tasks use is destroyed.
void at_exit() {
  Shared& s = *g_shared.load();
  g_exiting.store(true);
  std::unique_lock lock(s.mutex, std::defer_lock);
  if (!t_inside && lock.try_lock()) return s.pool.reset();
  if (s.pool) s.pool->wait_for_tasks();
}

Shared& shared() {
  static const bool made = [] {
    g_shared.store(new Shared);
    pthread_atfork(nullptr, nullptr, after_fork_in_child);
    std::atexit(at_exit);
    return true;
  }();
  (void)made;
  return *g_shared.load(std::memory_order_relaxed);
}

}  // namespace

int threads() {
  Shared& s = shared();
  int count = s.count.load(std::memory_order_relaxed);
  if (count == 0) {
    const int fresh = default_threads();
    count = s.count.compare_exchange_strong(count, fresh) ? fresh : count;
  }
  return count;
}

void set_threads(int count) {
  check(count >= 1 && count <= 256, "set_threads: a number in [1, 256] was required: got {}",
        count);
  check(!t_inside, "set_threads: a call from outside of parallel_for was required");
  Shared& s = shared();
  std::lock_guard lock(s.mutex);
  s.count.store(count);
  s.pool.reset();
}

void parallel_for(Index count, const std::function<void(Index)>& task) {
  check(task != nullptr, "parallel_for: a function was required: got none");
  const auto serially = [&] {
    for (Index i = 0; i < count; ++i) task(i);
  };
  if (count <= 1 || t_inside || threads() == 1) return serially();
  Shared& s = shared();
  std::unique_lock lock(s.mutex, std::try_to_lock);
  if (!lock) return serially();
  if (!s.pool) s.pool = std::make_unique<Pool>(threads() - 1);
  s.pool->run(count, task);
}

void kernels::spread_runs(Index rows, Index each, void (*call)(const void*, Index, Index),
                          const void* f) {
  parallel_for((rows + each - 1) / each,
               [&](Index i) { call(f, i * each, std::min(each, rows - i * each)); });
}

}  // namespace unroll
