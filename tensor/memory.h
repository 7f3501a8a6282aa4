// The caching allocator of all tensors and tapes.
//
// Freed blocks are cached by size class and reused, so that a training loop soon needs no more
// memory from the system. Small blocks are cached per thread, large ones per process.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::memory {

struct Stats {
  Index in_use = 0;        // bytes allocated and not yet freed
  Index peak = 0;          // maximum of in_use since reset_peak(), within 64 KiB per thread
  Index cached = 0;        // bytes kept for reuse
  Index system_calls = 0;  // number of allocations from the system
};

// The current counters; and a new start of the peak at in_use.
Stats stats();
void reset_peak();
// False under AddressSanitizer: freed blocks are then returned to the system at once, so that use
// after free is detected.
bool caching();
// Returns all cached blocks of this thread and of the process to the system, and the memory that
// this thread keeps from finished tapes.
void release_cached();
// Makes release_cached() call `release` first; used by tapes. Returns true, so that the initialiser
// of a static variable can call it.
bool on_release(void (*release)());

// A block of at least `bytes` bytes, aligned to 64 bytes. Throws std::bad_alloc. `deallocate` needs
// the same size.
void* allocate(std::size_t bytes);
void deallocate(void* block, std::size_t bytes) noexcept;

}  // namespace unroll::memory
