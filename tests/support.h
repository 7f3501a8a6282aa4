// What the tests of all folders share: messages of exceptions, random tensors, distances.
#pragma once

#include <unroll/tensor/math.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/reduce.h>

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace unroll {

inline std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

inline void check_says(const std::string& text, const std::string& part) {
  CHECK_MESSAGE(text.find(part) != std::string::npos, "expected '", part, "' in: ", text);
}

// A wrong argument is refused with these words.
inline void check_refused(const std::function<void()>& f, const std::string& part) {
  CHECK_THROWS_AS(f(), std::invalid_argument);
  check_says(message_of(f), part);
}

// The largest difference of two elements.
inline double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  if (a.numel() == 0) return 0;
  return max(abs(sub(a.to(f64), b.to(f64)))).item();
}

inline Tensor random(const Shape& shape, std::uint64_t seed, DType dtype = f64) {
  return Generator(seed).normal(shape, 0, 1, dtype);
}

}  // namespace unroll
