// The allocator: blocks come back, the counts are right, nothing grows.
#include "tests/support.h"

#include <unroll/tensor/memory.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <thread>

using namespace unroll;

namespace {
constexpr Index kMega = 1 << 20;
}

TEST_CASE("blocks of every size are aligned, large enough and do not overlap") {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  Generator g(1);
  for (int i = 0; i < 400; ++i) {
    const std::size_t bytes =
        i < 300 ? static_cast<std::size_t>(i) : static_cast<std::size_t>(g.below(300'000));
    auto* block = static_cast<unsigned char*>(memory::allocate(bytes));
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, i & 0xFF, bytes);
    blocks.push_back({block, bytes});
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    bool whole = true;
    for (std::size_t j = 0; j < blocks[i].second; ++j)
      whole = whole && blocks[i].first[j] == (i & 0xFF);
    CHECK(whole);
  }
  for (const auto& [block, bytes] : blocks) memory::deallocate(block, bytes);
  memory::deallocate(nullptr, 5);
}

TEST_CASE("in_use exceeds the bytes allocated by at most a quarter or 63 bytes") {
  for (Index bytes : {Index{1}, Index{64}, Index{65}, Index{129}, Index{193}, Index{257},
                      Index{1000}, Index{1025}, Index{65536}, Index{65537}, kMega, 5 * kMega + 1}) {
    const Index before = memory::stats().in_use;
    void* block = memory::allocate(static_cast<std::size_t>(bytes));
    const Index held = memory::stats().in_use - before;
    CHECK(held >= bytes);
    CHECK(held <= bytes + std::max<Index>(63, bytes / 4));
    memory::deallocate(block, static_cast<std::size_t>(bytes));
    CHECK(memory::stats().in_use == before);
  }
}

TEST_CASE("a freed block is reused without a call to the system") {
  if (!memory::caching()) return;
  const auto round = [] {
    std::vector<Tensor> held;
    for (Index n : {1, 10, 100, 1000, 10'000, 100'000, 1'000'000})
      held.push_back(Tensor::empty({n}));
  };
  round();
  const auto before = memory::stats();
  for (int i = 0; i < 100; ++i) round();
  const auto after = memory::stats();
  CHECK(after.system_calls == before.system_calls);
  CHECK(after.in_use == before.in_use);
  CHECK(after.cached == before.cached);
}

TEST_CASE("release_cached returns everything to the system") {
  if (!memory::caching()) return;
  { const Tensor small = Tensor::empty({10}), large = Tensor::empty({kMega}); }
  CHECK(memory::stats().cached >= 4 * kMega);
  memory::release_cached();
  CHECK(memory::stats().cached == 0);
  const Index calls = memory::stats().system_calls;
  { const Tensor small = Tensor::empty({10}), large = Tensor::empty({kMega}); }
  CHECK(memory::stats().system_calls == calls + 2);
}

TEST_CASE("peak is the maximum of in_use since it was reset, of large blocks and of small ones") {
  const Index before = memory::stats().in_use;
  memory::reset_peak();
  CHECK(memory::stats().peak == before);
  {
    const Tensor a = Tensor::empty({kMega});
    { const Tensor b = Tensor::empty({2 * kMega}); }
    const Tensor c = Tensor::empty({kMega});
  }
  Index peak = memory::stats().peak - before;
  CHECK(peak >= 12 * kMega);
  CHECK(peak <= 16 * kMega);
  memory::reset_peak();
  CHECK(memory::stats().peak == before);
  for (int round = 0; round < 3; ++round) {  // blocks that are cached count like fresh ones
    memory::reset_peak();
    {
      std::vector<Tensor> small;
      for (int i = 0; i < 4096; ++i) small.push_back(Tensor::empty({64}));
    }
    peak = memory::stats().peak - before;
    CHECK(peak >= kMega);
    CHECK(peak <= 3 * kMega);
  }
  CHECK(memory::stats().in_use == before);
}

TEST_CASE("a failed allocation does not change the statistics") {
  const auto before = memory::stats();
  const auto huge = std::size_t{1} << 61;
  // AddressSanitizer ends the program where malloc would return null.
  if (memory::caching()) CHECK_THROWS_AS((void)memory::allocate(huge), std::bad_alloc);
  CHECK_THROWS_AS((void)memory::allocate(std::numeric_limits<std::size_t>::max()), std::bad_alloc);
  CHECK_THROWS_AS((void)memory::allocate((std::size_t{1} << 62) + 1), std::bad_alloc);
  CHECK(memory::stats().in_use == before.in_use);
  CHECK(memory::stats().peak == before.peak);
}

TEST_CASE("blocks that cross threads or outlive them are counted once, and memory stays flat") {
  const Index before = memory::stats().in_use;
  const auto round = [] {
    Tensor kept;
    std::thread maker([&] {
      std::vector<Tensor> held;
      for (Index i = 0; i < 200; ++i) held.push_back(Tensor::ones({1 + i * 7}));
      kept = held[100];
    });
    maker.join();
    const Tensor large = Tensor::ones({kMega});
    std::thread user([held = std::move(kept), &large] {
      CHECK(sum(held).item() == 701);
      CHECK(sum(large).item() == kMega);
    });
    user.join();
  };
  round();
  CHECK(memory::stats().in_use == before);
  const Index cached = memory::stats().cached;
  for (int i = 0; i < 30; ++i) round();
  CHECK(memory::stats().in_use == before);
  CHECK(memory::stats().cached <= cached + 4 * kMega);
}
