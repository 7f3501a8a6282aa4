#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/memory.h>

#include <pthread.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>

namespace unroll::memory {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kLargest = std::size_t{1} << 62;
constexpr std::size_t kSmall = tuning::kThreadCachedBytes;
constexpr int kClasses = 4 * 57;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCaching = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kCaching = false;
#else
constexpr bool kCaching = true;
#endif
#else
constexpr bool kCaching = true;
#endif

// Four size classes per power of two, and multiples of 64 bytes. So at most a fifth of a block is
// unused above 256 bytes, and less than 64 bytes below.
struct SizeClass {
  int index;
  std::size_t bytes;
};

constexpr SizeClass any_size_class(std::size_t bytes) {
  if (bytes <= kAlignment) return {0, kAlignment};
  const int log = static_cast<int>(std::bit_width(bytes - 1));        // 2^(log-1) < bytes <= 2^log
  const int shift = std::max(log - 3, std::countr_zero(kAlignment));  // steps of 2^shift bytes
  const std::size_t steps = ((bytes - 1) >> shift) + 1, rounded = steps << shift;
  const int quarter = static_cast<int>(steps - ((std::size_t{1} << (log - 1)) >> shift));  // 1..4
  return {4 * (log - 7) + quarter, rounded};
}

// A table of the size classes of small blocks.
constexpr auto kSmallClasses = [] {
  std::array<SizeClass, 64> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = any_size_class((i + 1) * kAlignment);
  return out;
}();

inline SizeClass size_class(std::size_t bytes) {
  const std::size_t steps = (bytes - 1) / kAlignment;  // of no bytes a very large number
  if (steps < kSmallClasses.size()) return kSmallClasses[steps];
  if (bytes > kLargest) throw std::bad_alloc();
  return any_size_class(bytes);
}

// A freed block holds the link to the next one.
struct FreeList {
  void* head = nullptr;

  void push(void* block) {
    *static_cast<void**>(block) = head;
    head = block;
  }
  void* pop() {
    void* block = head;
    if (block) head = *static_cast<void**>(block);
    return block;
  }
};

std::atomic<Index> g_peak{0}, g_system_calls{0};
std::atomic<void (*)()> g_release{nullptr};

void note_peak();

// Each thread has its own counters, which are added up on request; a finished thread leaves its
// sums behind. The peak is updated each time a thread's small blocks have grown by kPeakStepBytes.
struct Counters {
  std::atomic<Index> in_use{0}, cached{0};
  Index low = 0;  // minimum of in_use since the peak was last updated
  Counters* next = nullptr;

  void taken(Index bytes) {
    bump(in_use, bytes);
    const Index now = in_use.load(std::memory_order_relaxed);
    if (now - low < tuning::kPeakStepBytes) return;
    low = now;
    note_peak();
  }
  void given_back(Index bytes) {
    bump(in_use, -bytes);
    low = std::min(low, in_use.load(std::memory_order_relaxed));
  }

  static void bump(std::atomic<Index>& counter, Index by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
};

struct Global {
  std::mutex mutex;
  std::array<FreeList, kClasses> large;
  Index large_cached = 0;
  Counters* threads = nullptr;
  Index retired_in_use = 0;

  Global();
};

Global& global() {
  static auto* instance = new Global;  // never destroyed: tensors may outlive every static
  return *instance;
}

std::atomic<Index> g_large_in_use{0};

void raise_peak(Index now) {
  Index seen = g_peak.load(std::memory_order_relaxed);
  while (now > seen && !g_peak.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

struct ThreadCache {
  std::array<FreeList, 48> lists;
  Counters counters;

  ThreadCache() {
    std::lock_guard lock(global().mutex);
    counters.next = global().threads;
    global().threads = &counters;
  }
  ~ThreadCache();
  void release() {
    for (FreeList& list : lists)
      while (void* block = list.pop()) std::free(block);
    counters.cached.store(0, std::memory_order_relaxed);
  }
};

thread_local bool t_ended = false;  // trivially destructible: readable during thread exit
thread_local ThreadCache* t_cache = nullptr;

ThreadCache::~ThreadCache() {
  release();
  t_ended = true;
  t_cache = nullptr;
  Global& g = global();
  std::lock_guard lock(g.mutex);
  g.retired_in_use += counters.in_use.load(std::memory_order_relaxed);
  for (Counters** link = &g.threads; *link; link = &(*link)->next) {
    if (*link == &counters) {
      *link = counters.next;
      break;
    }
  }
}

// A fork copies only the calling thread. No other thread may hold the mutex during the fork. In the
// child, the counters of the lost threads are retired, since new threads may reuse their memory;
// blocks cached by lost threads are leaked there.
void before_fork() { global().mutex.lock(); }
void after_fork() { global().mutex.unlock(); }
void after_fork_in_child() {
  Global& g = global();
  Counters* own = t_cache ? &t_cache->counters : nullptr;
  for (Counters* c = g.threads; c; c = c->next)
    if (c != own) g.retired_in_use += c->in_use.load(std::memory_order_relaxed);
  g.threads = own;
  if (own) own->next = nullptr;
  g.mutex.unlock();
}

Global::Global() { pthread_atfork(before_fork, after_fork, after_fork_in_child); }

ThreadCache* make_cache() {
  if (t_ended) return nullptr;
  thread_local ThreadCache cache;
  return t_cache = &cache;
}

inline ThreadCache* thread_cache() { return t_cache ? t_cache : make_cache(); }

void* from_system(std::size_t bytes) {
  void* block = std::aligned_alloc(kAlignment, bytes);
  if (!block) {
    release_cached();
    block = std::aligned_alloc(kAlignment, bytes);
    if (!block) throw std::bad_alloc();
  }
  g_system_calls.fetch_add(1, std::memory_order_relaxed);
  return block;
}

// The lock must be held.
Index in_use_now() {
  const Global& g = global();
  Index sum = g.retired_in_use + g_large_in_use.load(std::memory_order_relaxed);
  for (Counters* c = g.threads; c; c = c->next) sum += c->in_use.load(std::memory_order_relaxed);
  return sum;
}

void note_peak() {
  std::lock_guard lock(global().mutex);
  raise_peak(in_use_now());
}

}  // namespace

void* allocate(std::size_t bytes) {
  const SizeClass size = size_class(bytes);
  if (size.bytes <= kSmall) {
    ThreadCache* cache = thread_cache();
    if (!cache) {  // the thread is exiting
      void* block = from_system(size.bytes);
      std::lock_guard lock(global().mutex);
      global().retired_in_use += static_cast<Index>(size.bytes);
      return block;
    }
    void* block = cache->lists[size.index].pop();
    if (block) {
      Counters::bump(cache->counters.cached, -static_cast<Index>(size.bytes));
    } else {
      block = from_system(size.bytes);  // may throw, so it is counted only afterwards
    }
    cache->counters.taken(static_cast<Index>(size.bytes));
    return block;
  }
  Global& g = global();
  std::unique_lock lock(g.mutex);
  void* block = g.large[size.index].pop();
  if (block) {
    g.large_cached -= static_cast<Index>(size.bytes);
  } else {
    lock.unlock();
    block = from_system(size.bytes);
    lock.lock();
  }
  g_large_in_use.fetch_add(static_cast<Index>(size.bytes), std::memory_order_relaxed);
  raise_peak(in_use_now());
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  if (!block) return;
  const SizeClass size = size_class(bytes);
  if (size.bytes <= kSmall) {
    ThreadCache* cache = thread_cache();
    if (!cache) {
      std::free(block);
      std::lock_guard lock(global().mutex);
      global().retired_in_use -= static_cast<Index>(size.bytes);
      return;
    }
    cache->counters.given_back(static_cast<Index>(size.bytes));
    if (!kCaching) return std::free(block);
    cache->lists[size.index].push(block);
    Counters::bump(cache->counters.cached, static_cast<Index>(size.bytes));
    return;
  }
  Global& g = global();
  g_large_in_use.fetch_sub(static_cast<Index>(size.bytes), std::memory_order_relaxed);
  if (!kCaching) return std::free(block);
  std::lock_guard lock(g.mutex);
  g.large[size.index].push(block);
  g.large_cached += static_cast<Index>(size.bytes);
}

bool caching() { return kCaching; }

Stats stats() {
  Global& g = global();
  std::lock_guard lock(g.mutex);
  Stats out;
  out.in_use = in_use_now();
  out.cached = g.large_cached;
  for (Counters* c = g.threads; c; c = c->next)
    out.cached += c->cached.load(std::memory_order_relaxed);
  raise_peak(out.in_use);
  out.peak = g_peak.load();
  out.system_calls = g_system_calls.load();
  return out;
}

void reset_peak() {
  Global& g = global();
  std::lock_guard lock(g.mutex);
  g_peak.store(in_use_now());
}

bool on_release(void (*release)()) {
  g_release.store(release);
  return true;
}

void release_cached() {
  if (const auto release = g_release.load()) release();
  if (ThreadCache* cache = thread_cache()) cache->release();
  Global& g = global();
  {
    std::lock_guard lock(g.mutex);
    for (FreeList& list : g.large)
      while (void* block = list.pop()) std::free(block);
    g.large_cached = 0;
  }
#if defined(__GLIBC__)
  malloc_trim(0);  // also return what malloc itself caches
#endif
}

}  // namespace unroll::memory
