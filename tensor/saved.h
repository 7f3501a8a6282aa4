// Detects in-place writes to tensors that a tape has saved for backward; otherwise a wrong gradient
// would be computed silently.
//
// A process-wide clock orders events: each in-place write advances it, and a tensor remembers the
// time of its last write. A tape entry remembers when it was recorded. While its derivative runs,
// reading a tensor that existed at that time and has been written to since throws. Writes to
// tensors with a single owner are not counted.
#pragma once

#include <unroll/tensor/tensor.h>

namespace unroll::detail {

struct Recorded {
  std::uint64_t time;
  const char* op;
  const char* file;  // source line of the call that recorded it
  int line;
};

inline std::uint64_t write_time() { return write_clock.load(std::memory_order_relaxed); }
// Everything created from now on counts as newer than everything recorded.
inline std::uint64_t next_write_time() {
  return write_clock.fetch_add(1, std::memory_order_relaxed) + 1;
}

// The entry whose derivative is running on this thread; reads are checked against it. nullptr: no
// checks.
extern constinit thread_local const Recorded* reads_as_recorded;

// Sets it for the lifetime of the object.
class ReadsSaved {
 public:
  explicit ReadsSaved(const Recorded* recorded)
      : outer_(std::exchange(reads_as_recorded, recorded)) {}
  ~ReadsSaved() { reads_as_recorded = outer_; }
  ReadsSaved(const ReadsSaved&) = delete;

 private:
  const Recorded* outer_;
};

// Throws if a derivative is running on this thread and the tensor was modified in place after its
// op was recorded. Every access to the elements does this check.
inline void require_saved(const Tensor& tensor) { tensor.require_saved(); }
// Whether the tensor has been written to in place at all.
inline bool written(const Tensor& tensor) { return tensor.written(); }
// Whether a tensor created no later than `made` has been written to in place after `written`.
inline bool rewritten(const Tensor& tensor, std::uint64_t made, std::uint64_t written) {
  const TensorData& data = tensor.storage();
  return data.written.load(std::memory_order_relaxed) > written && data.made <= made;
}

}  // namespace unroll::detail
