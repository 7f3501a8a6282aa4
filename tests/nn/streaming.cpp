// A stream, one step at a time without a tape: what it costs in memory.
#include "random_sequences.h"

#include <unroll/nn/mamba.h>
#include <unroll/nn/scan.h>
#include <unroll/tensor/memory.h>

#include <atomic>
#include <cstdlib>
#include <new>

using namespace unroll;

// Every `new` of the test program is counted, unless AddressSanitizer has its own.
#if defined(__SANITIZE_ADDRESS__)
#define UNROLL_OWN_NEW 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNROLL_OWN_NEW 0
#endif
#endif
#ifndef UNROLL_OWN_NEW
#define UNROLL_OWN_NEW 1
#endif

namespace {
std::atomic<Index> g_news{0};
}  // namespace

#if UNROLL_OWN_NEW
namespace {

void* counted(std::size_t bytes) {
  g_news.fetch_add(1, std::memory_order_relaxed);
  if (void* block = std::malloc(bytes ? bytes : 1)) return block;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
#endif

namespace {

// A Mamba with a projection to its dim, as the other layers have one.
struct Mambas {
  using State = nn::Mamba::State;
  struct Options {
    Index in, hidden, layers;
    DType dtype;
  };
  explicit Mambas(const Options& o)
      : in({.in = o.in, .out = o.hidden, .dtype = o.dtype}),
        mamba({.dim = o.hidden, .layers = o.layers, .dtype = o.dtype}) {}
  Var step(const In& x, std::vector<State>& state) const { return mamba.step(in(x), state); }
  nn::Linear in;
  nn::Mamba mamba;
};

}  // namespace

TEST_CASE_TEMPLATE("a streamed step allocates nothing: no block of the system, no new", Layer,
                   nn::RNN, nn::LSTM, nn::GRU, nn::MinGRU, nn::MinLSTM, nn::RGLRU, Mambas) {
  Generator g(1);
  for (DType dtype : {f32, f64})
    for (Index hidden : {5, 64})
      for (Index batch : {1, 3})
        for (Index layers : {1, 2}) {
          const Layer layer({.in = 2, .hidden = hidden, .layers = layers, .dtype = dtype});
          const Tensor x = g.normal({batch, 2}, 0, 1, dtype);
          std::vector<typename Layer::State> state;
          Var last = layer.step(x, state);
          last = layer.step(x, state);  // the first one's state was not yet given back
          const memory::Stats before = memory::stats();
          const Index news = g_news.load();
          for (int i = 0; i < 100; ++i) last = layer.step(x, state);
          CHECK(g_news.load() == news);
          const memory::Stats after = memory::stats();
          CHECK(after.in_use == before.in_use);
          if (memory::caching()) CHECK(after.system_calls == before.system_calls);
          CHECK(last.shape() == Shape({batch, hidden}));
        }
  const Index news = g_news.load();
  const std::vector<int> one(1000);
  CHECK(g_news.load() == news + UNROLL_OWN_NEW);  // the counter counts
}
