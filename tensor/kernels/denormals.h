// While alive, this thread flushes denormals to zero: arithmetic on them can be a hundred times
// slower, and decaying states produce them. The destructor restores the caller's floating-point
// mode.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace unroll::kernels {

class FlushDenormals {
#if defined(__x86_64__)
 public:
  FlushDenormals() : outermost_(!t_flushes) {
    if (!outermost_) return;  // reading the mode serialises the pipeline
    t_flushes = true;
    before_ = _mm_getcsr();
    if ((before_ & kFlags) != kFlags) _mm_setcsr(before_ | kFlags);
  }
  ~FlushDenormals() {
    if (!outermost_) return;
    t_flushes = false;
    if ((before_ & kFlags) != kFlags) _mm_setcsr(before_);
  }

 private:
  static constexpr unsigned kFlags = 0x8040;  // flush to zero, denormals are zero
  inline static thread_local bool t_flushes = false;
  bool outermost_;
  unsigned before_ = 0;
#else
 public:
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif

 public:
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;
};

}  // namespace unroll::kernels
