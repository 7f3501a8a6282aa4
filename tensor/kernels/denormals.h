// While it lives, this thread treats denormal numbers as zero: kernels would slow down a
// hundredfold on the tails of decaying states. The caller's floating-point mode comes back with the
// destructor.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace unroll::kernels {

class FlushDenormals {
#if defined(__x86_64__)
 public:
  FlushDenormals() : outermost_(!t_flushes) {
    if (!outermost_) return;  // reading the mode would wait for all that is being computed
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
