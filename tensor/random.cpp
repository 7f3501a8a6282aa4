#include <unroll/tensor/random.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace unroll {
namespace {

struct Block {
  std::uint32_t word[4];
  std::uint64_t low() const { return word[0] | (std::uint64_t{word[1]} << 32); }
  std::uint64_t high() const { return word[2] | (std::uint64_t{word[3]} << 32); }
};

Block philox(std::uint64_t key, std::uint64_t counter) {
  auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  std::uint32_t c0 = static_cast<std::uint32_t>(counter);
  std::uint32_t c1 = static_cast<std::uint32_t>(counter >> 32), c2 = 0, c3 = 0;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0, p1 = std::uint64_t{0xCD9E8D57} * c2;
    const auto high0 = static_cast<std::uint32_t>(p0 >> 32);
    const auto high1 = static_cast<std::uint32_t>(p1 >> 32);
    c0 = high1 ^ c1 ^ k0, c1 = static_cast<std::uint32_t>(p1);
    c2 = high0 ^ c3 ^ k1, c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9, k1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

// [0, 1) with 24 or 53 bits.
float unit(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24F; }
double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// 64 random bits to [0, limit): the high half of a 64 x 64 bit product. The bias is below 2^-40 for
// every limit that fits memory.
std::uint64_t scaled(std::uint64_t bits, std::uint64_t limit) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * static_cast<Wide>(limit)) >> 64);
}

// Fills out[0..n) from consecutive blocks: f32 takes four numbers from a block, f64 two. Returns
// the number of blocks used.
template <class T, class F>
std::uint64_t fill_blocks(std::uint64_t seed, std::uint64_t position, T* out, Index n, F&& pair) {
  constexpr Index per_block = sizeof(T) == 4 ? 4 : 2;
  const Index blocks = (n + per_block - 1) / per_block;
  for (Index b = 0; b < blocks; ++b) {
    const Block block = philox(seed, position + static_cast<std::uint64_t>(b));
    T value[per_block];
    if constexpr (sizeof(T) == 4) {
      pair(unit(block.word[0]), unit(block.word[1]), value[0], value[1]);
      pair(unit(block.word[2]), unit(block.word[3]), value[2], value[3]);
    } else {
      pair(unit(block.low()), unit(block.high()), value[0], value[1]);
    }
    std::copy_n(value, std::min(per_block, n - b * per_block), out + b * per_block);
  }
  return static_cast<std::uint64_t>(blocks);
}

template <class F>
Tensor filled(std::uint64_t seed, std::uint64_t& position, const Shape& shape, DType dtype,
              F pair) {
  Tensor out = Tensor::empty(shape, dtype);
  dispatch(dtype, [&]<class T>() {
    position += fill_blocks(seed, position, out.data<T>(), out.numel(), pair);
  });
  return out;
}

// True when numbers of this type can be so large.
bool fits(double value, DType dtype) {
  return dispatch(dtype, [&]<class T>() {
    return std::abs(value) <= static_cast<double>(std::numeric_limits<T>::max());
  });
}

}  // namespace

Tensor Generator::uniform(const Shape& shape, double low, double high, DType dtype) {
  check(low <= high && std::isfinite(high - low),
        "uniform: finite low <= high was required: got {} and {}", low, high);
  check(fits(low, dtype) && fits(high, dtype) && fits(high - low, dtype),
        "uniform: bounds and a difference that are finite in {} were required: got {} and {}",
        name_of(dtype), low, high);
  return filled(seed_, position_, shape, dtype, [=]<class T>(T u, T v, T& a, T& b) {
    a = static_cast<T>(low) + static_cast<T>(high - low) * u;
    b = static_cast<T>(low) + static_cast<T>(high - low) * v;
  });
}

Tensor Generator::normal(const Shape& shape, double mean, double std, DType dtype) {
  check(std >= 0 && std::isfinite(std) && std::isfinite(mean),
        "normal: a finite mean and standard deviation of at least 0 were required: got {} and {}",
        mean, std);
  constexpr double kFurthest = 9;  // standard deviations: no number lies further out, see below
  check(fits(std::abs(mean) + kFurthest * std, dtype),
        "normal: numbers that are finite in {} were required: got a mean of {} and a standard "
        "deviation of {}",
        name_of(dtype), mean, std);
  // Box and Muller: two uniform numbers make two normal ones. 1 - u is at least 2^-53, so that the
  // radius is at most sqrt(2 * 53 log 2) = 8.6.
  return filled(seed_, position_, shape, dtype, [=]<class T>(T u, T v, T& a, T& b) {
    const T radius = static_cast<T>(std) * std::sqrt(T{-2} * std::log(T{1} - u));
    const T angle = 2 * std::numbers::pi_v<T> * v;
    a = static_cast<T>(mean) + radius * std::cos(angle);
    b = static_cast<T>(mean) + radius * std::sin(angle);
  });
}

Tensor Generator::bernoulli(const Shape& shape, double probability, DType dtype) {
  check(probability >= 0 && probability <= 1,
        "bernoulli: a probability in [0, 1] was required: got {}", probability);
  return filled(seed_, position_, shape, dtype, [=]<class T>(T u, T v, T& a, T& b) {
    a = u < static_cast<T>(probability) ? T{1} : T{0};
    b = v < static_cast<T>(probability) ? T{1} : T{0};
  });
}

std::uint64_t Generator::next64() { return philox(seed_, position_++).low(); }

double Generator::uniform() { return unit(next64()); }

Index Generator::below(Index limit) {
  check(limit > 0, "below: a limit above 0 was required: got {}", limit);
  return static_cast<Index>(scaled(next64(), static_cast<std::uint64_t>(limit)));
}

IndexTensor Generator::integers(const Shape& shape, Index low, Index high) {
  check(low < high, "integers: low < high was required: got {} and {}", low, high);
  std::vector<Index> values = repeated_index("integers", shape.numel());
  // Without signs, so that the widest range does not overflow.
  const auto first = static_cast<std::uint64_t>(low);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - first;
  for (Index& v : values) v = static_cast<Index>(first + scaled(next64(), range));
  return {std::move(values), shape};
}

std::vector<Index> Generator::permutation(Index n) {
  std::vector<Index> order = counted_indices("permutation", n);
  for (Index i = n - 1; i > 0; --i) std::swap(order[i], order[below(i + 1)]);
  return order;
}

Generator Generator::fork() { return Generator(next64()); }

Generator& default_generator() {
  thread_local Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator() = Generator(seed); }

}  // namespace unroll
