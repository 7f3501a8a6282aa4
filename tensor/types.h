// Element types and basic integer types.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unroll {

using Index = std::int64_t;  // sizes, positions and ids

enum class DType : std::uint8_t { f32, f64 };

inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;

// Bytes per element, and the name in messages.
constexpr std::size_t size_of(DType dtype) { return dtype == DType::f32 ? 4 : 8; }
constexpr const char* name_of(DType dtype) { return dtype == DType::f32 ? "f32" : "f64"; }

// The dtype of float or double.
template <class T>
inline constexpr DType dtype_of = sizeof(T) == 4 ? DType::f32 : DType::f64;

// Calls f.template operator()<float>() or <double>(): dispatch(x.dtype(), [&]<class T>() { ... }).
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  return dtype == DType::f32 ? f.template operator()<float>() : f.template operator()<double>();
}

}  // namespace unroll
