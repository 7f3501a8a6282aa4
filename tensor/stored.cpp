#include <unroll/tensor/stored.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

namespace unroll {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are read as this CPU has them");

float from_half(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000U) << 16, exponent = (h >> 10) & 0x1F, fraction = h & 0x3FF;
  if (exponent == 0) {  // zero or denormal
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return sign ? -value : value;
  }
  const std::uint32_t bits =
      sign | (exponent == 31 ? 0x7F800000U : (exponent + 112) << 23) | (fraction << 13);
  return std::bit_cast<float>(bits);
}

// Calls f with each element of type S, converted to this CPU's byte order.
template <class S, class F>
void each_element(const Stored& type, const char* bytes, Index n, F f) {
  for (Index i = 0; i < n; ++i, bytes += sizeof(S)) {
    std::array<char, sizeof(S)> one;
    std::memcpy(one.data(), bytes, sizeof(S));
    if (type.big_endian) std::reverse(one.begin(), one.end());
    f(i, std::bit_cast<S>(one));
  }
}

// Calls f with each integer, in its stored type.
template <class F>
void each_integer(const Stored& type, const char* bytes, Index n, F f) {
  const auto sized = [&]<class S8, class S16, class S32, class S64>(S8, S16, S32, S64) {
    if (type.bytes == 1) each_element<S8>(type, bytes, n, f);
    if (type.bytes == 2) each_element<S16>(type, bytes, n, f);
    if (type.bytes == 4) each_element<S32>(type, bytes, n, f);
    if (type.bytes == 8) each_element<S64>(type, bytes, n, f);
  };
  if (type.kind == Kind::integer) {
    sized(std::int8_t{}, std::int16_t{}, std::int32_t{}, std::int64_t{});
  } else if (type.kind == Kind::boolean) {
    each_element<std::uint8_t>(type, bytes, n,
                               [&](Index i, std::uint8_t v) { f(i, v != 0 ? 1 : 0); });
  } else {
    sized(std::uint8_t{}, std::uint16_t{}, std::uint32_t{}, std::uint64_t{});
  }
}

// Whether a double represents it exactly: it has at most 53 significant bits.
template <class S>
bool fits_f64(S v) {
  const auto wide = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  return wide == 0 || 64 - std::countl_zero(wide) - std::countr_zero(wide) <= 53;
}

}  // namespace

DType Stored::dtype() const {
  const bool wide = kind == Kind::floating ? bytes == 8 : kind != Kind::bfloat;
  return wide ? f64 : f32;
}

Tensor read_stored(const Stored& type, const Shape& shape, const char* bytes,
                   const std::function<void(const std::string&)>& refuse) {
  Tensor out = Tensor::empty(shape, type.dtype());
  const Index n = out.numel();
  if (type.kind == Kind::floating && type.bytes == size_of(out.dtype()) && !type.big_endian) {
    dispatch(out.dtype(), [&]<class T>() {
      if (n > 0) std::memcpy(out.data<T>(), bytes, static_cast<std::size_t>(n) * sizeof(T));
    });
  } else if (type.kind == Kind::floating && type.bytes == 8) {
    double* to = out.data<double>();
    each_element<double>(type, bytes, n, [&](Index i, double v) { to[i] = v; });
  } else if (type.kind == Kind::floating && type.bytes == 4) {
    float* to = out.data<float>();
    each_element<float>(type, bytes, n, [&](Index i, float v) { to[i] = v; });
  } else if (type.kind == Kind::floating) {
    float* to = out.data<float>();
    each_element<std::uint16_t>(type, bytes, n,
                                [&](Index i, std::uint16_t v) { to[i] = from_half(v); });
  } else if (type.kind == Kind::bfloat) {
    float* to = out.data<float>();
    each_element<std::uint16_t>(type, bytes, n, [&](Index i, std::uint16_t v) {
      to[i] = std::bit_cast<float>(std::uint32_t{v} << 16);
    });
  } else {
    double* to = out.data<double>();
    each_integer(type, bytes, n, [&](Index i, auto v) {
      if (!fits_f64(v)) refuse(std::to_string(v));
      to[i] = static_cast<double>(v);
    });
  }
  return out;
}

IndexTensor read_stored_ids(const Stored& type, const Shape& shape, const char* bytes,
                            const std::function<void(const std::string&)>& refuse) {
  std::vector<Index> out(static_cast<std::size_t>(shape.numel()));
  each_integer(type, bytes, shape.numel(), [&](Index i, auto v) {
    if (std::cmp_greater(v, std::numeric_limits<Index>::max())) refuse(std::to_string(v));
    out[static_cast<std::size_t>(i)] = static_cast<Index>(v);
  });
  return {std::move(out), shape};
}

}  // namespace unroll
