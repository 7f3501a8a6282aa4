// What a tape saves must still be there when it is differentiated: writing into a tensor in place
// after it was recorded would silently give a wrong gradient.
//
// One clock for the process orders what happens: each write in place takes the next time of it, and
// a tensor remembers its last one. An entry of a tape remembers when it was recorded; while its
// derivative runs, reading numbers that were there then and have been written to since is refused.
// Nothing is counted where nobody else holds the numbers.
#pragma once

#include <unroll/tensor/tensor.h>

namespace unroll::detail {

struct Recorded {
  std::uint64_t time;
  const char* op;
  const char* file;  // and line, of the call that recorded it
  int line;
};

inline std::uint64_t write_time() { return write_clock.load(std::memory_order_relaxed); }
// What is made from now on is newer than all that was recorded.
inline std::uint64_t next_write_time() {
  return write_clock.fetch_add(1, std::memory_order_relaxed) + 1;
}

// What is asked of the numbers that this thread reads; nullptr: nothing.
extern constinit thread_local const Recorded* reads_as_recorded;

// Sets it for the length of a scope.
class ReadsSaved {
 public:
  explicit ReadsSaved(const Recorded* recorded)
      : outer_(std::exchange(reads_as_recorded, recorded)) {}
  ~ReadsSaved() { reads_as_recorded = outer_; }
  ReadsSaved(const ReadsSaved&) = delete;

 private:
  const Recorded* outer_;
};

// Throws where a derivative runs on this thread and these are no longer the numbers that its op was
// recorded with, as every reading of them does.
inline void require_saved(const Tensor& tensor) { tensor.require_saved(); }
// Whether a tensor made up to `made` has been written to in place after `written`.
inline bool rewritten(const Tensor& tensor, std::uint64_t made, std::uint64_t written) {
  const TensorData& numbers = tensor.storage();
  return numbers.written.load(std::memory_order_relaxed) > written && numbers.made <= made;
}

}  // namespace unroll::detail
