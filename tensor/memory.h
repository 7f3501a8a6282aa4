// The caching allocator behind every tensor and tape.
//
// Freed blocks are kept by size class and handed out again, so that a training loop in its steady
// state asks the system for nothing. Small blocks are cached for each thread, large ones for the
// process.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::memory {

struct Stats {
  Index in_use = 0;        // bytes handed out and not yet freed
  Index peak = 0;          // the most that in_use has been since reset_peak(), to within 64 KiB of
                           // small blocks for each thread
  Index cached = 0;        // bytes kept for reuse
  Index system_calls = 0;  // how often the system was asked for a block
};

Stats stats();
void reset_peak();
// False under AddressSanitizer, where a freed block goes back to the system at once, so that a use
// after free is seen.
bool caching();
// Gives every cached block of this thread and of the process back to the system, and what this
// thread keeps of tapes that have ended.
void release_cached();
// Has release_cached call `release` first, for the tapes. True, so that the initialiser of a static
// can call it.
bool on_release(void (*release)());

// A block of at least `bytes`, aligned to 64; throws std::bad_alloc. `deallocate` takes the same
// size.
void* allocate(std::size_t bytes);
void deallocate(void* block, std::size_t bytes) noexcept;

}  // namespace unroll::memory
