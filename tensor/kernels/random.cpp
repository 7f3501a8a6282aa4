#include <unroll/tensor/kernels/random.h>

#include <algorithm>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/random.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;

#if HWY_TARGET != HWY_SCALAR
// One Philox block per 64-bit lane. Each 32-bit word is in the lower half of its lane; the upper
// half is ignored.
void philox_run(std::uint64_t key, std::uint64_t position, std::uint64_t* words, Index blocks) {
  const hn::ScalableTag<std::uint64_t> d;
  const hn::Repartition<std::uint32_t, decltype(d)> half;
  const auto product = [&](auto x, std::uint32_t by) HWY_ATTR {
    return hn::MulEven(hn::BitCast(half, x), hn::Set(half, by));
  };
  const auto mask = hn::Set(d, 0xFFFFFFFF);
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index b = 0; b < blocks; b += lanes) {
    const auto counter =
        hn::Add(hn::Set(d, position + static_cast<std::uint64_t>(b)), hn::Iota(d, 0));
    auto c0 = counter, c1 = hn::ShiftRight<32>(counter), c2 = hn::Zero(d), c3 = hn::Zero(d);
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const auto p0 = product(c0, kMultiplier0), p1 = product(c2, kMultiplier1);
      c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c1), hn::Set(d, std::uint64_t{k0}));
      c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c3), hn::Set(d, std::uint64_t{k1}));
      c1 = p1, c3 = p0;
      k0 += kWeyl0, k1 += kWeyl1;
    }
    const auto low = hn::Or(hn::And(c0, mask), hn::ShiftLeft<32>(c1));
    const auto high = hn::Or(hn::And(c2, mask), hn::ShiftLeft<32>(c3));
    if (b + lanes <= blocks) {
      hn::StoreInterleaved2(low, high, d, words + 2 * b);
    } else {
      HWY_ALIGN std::uint64_t rest[2 * HWY_MAX_BYTES / 8];
      hn::StoreInterleaved2(low, high, d, rest);
      std::copy_n(rest, 2 * (blocks - b), words + 2 * b);
    }
  }
}
#else
void philox_run(std::uint64_t key, std::uint64_t position, std::uint64_t* words, Index blocks) {
  for (Index b = 0; b < blocks; ++b) {
    const std::uint64_t counter = position + static_cast<std::uint64_t>(b);
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    auto c0 = static_cast<std::uint32_t>(counter), c1 = static_cast<std::uint32_t>(counter >> 32);
    std::uint32_t c2 = 0, c3 = 0;
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = std::uint64_t{kMultiplier0} * c0,
                          p1 = std::uint64_t{kMultiplier1} * c2;
      c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0, c1 = static_cast<std::uint32_t>(p1);
      c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1, c3 = static_cast<std::uint32_t>(p0);
      k0 += kWeyl0, k1 += kWeyl1;
    }
    words[2 * b] = c0 | (std::uint64_t{c1} << 32);
    words[2 * b + 1] = c2 | (std::uint64_t{c3} << 32);
  }
}
#endif

template <class T>
void normal_pairs_run(T* values, Index pairs, T mean, T std) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  HWY_ALIGN T rest[2 * HWY_MAX_BYTES / sizeof(T)] = {};
  for (Index i = 0; i < pairs; i += lanes) {
    const bool whole = i + lanes <= pairs;
    T* at = values + 2 * i;
    if (!whole) std::copy_n(at, 2 * (pairs - i), rest);
    hn::Vec<decltype(d)> u, v;
    hn::LoadInterleaved2(d, whole ? at : rest, u, v);
    // 1 - u is at least 2^-53, so the radius is at most sqrt(2 * 53 log 2) = 8.6.
    const auto logarithm = hn::Log(d, hn::Sub(hn::Set(d, T{1}), u));
    const auto radius = hn::Mul(hn::Set(d, std), hn::Sqrt(hn::Mul(hn::Set(d, T{-2}), logarithm)));
    const auto angle = hn::Mul(hn::Set(d, 2 * std::numbers::pi_v<T>), v);
    const auto shift = hn::Set(d, mean);
    const auto a = hn::MulAdd(radius, hn::Cos(d, angle), shift);
    const auto b = hn::MulAdd(radius, hn::Sin(d, angle), shift);
    hn::StoreInterleaved2(a, b, d, whole ? at : rest);
    if (!whole) std::copy_n(rest, 2 * (pairs - i), at);
  }
}

}  // namespace

UNROLL_KERNELS(RandomKernels, normal_pairs_run<T>, philox_run)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(RandomKernels)

void philox(std::uint64_t key, std::uint64_t position, std::uint64_t* words, Index blocks) {
  table<RandomKernels, float>().philox(key, position, words, blocks);
}

}  // namespace unroll::kernels
#endif
