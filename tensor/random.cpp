#include <unroll/tensor/kernels/random.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/random.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace unroll {
namespace {

// Uniform in [0, 1), with 24 or 53 random bits.
float unit(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24F; }
double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// Maps 64 random bits to [0, limit): the high half of a 64 x 64 bit product. The bias is below
// 2^-40 for every limit that fits in memory.
std::uint64_t scaled(std::uint64_t bits, std::uint64_t limit) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * static_cast<Wide>(limit)) >> 64);
}

constexpr Index kBlocks = tuning::kRandomBlocks;

// Calls f(words, first, blocks) for the words of consecutive blocks (two words each), in chunks.
template <class F>
void for_each_block(std::uint64_t seed, std::uint64_t& position, Index blocks, F&& f) {
  std::uint64_t words[2 * kBlocks];
  for (Index first = 0; first < blocks; first += kBlocks) {
    const Index now = std::min(kBlocks, blocks - first);
    kernels::philox(seed, position, words, now);
    position += static_cast<std::uint64_t>(now);
    f(words, first, now);
  }
}

// A tensor of uniform values in [0, 1), transformed by f(values, count). A block gives four f32 or
// two f64 values; the last block may be used in part.
template <class F>
Tensor filled(std::uint64_t seed, std::uint64_t& position, const Shape& shape, DType dtype, F f) {
  Tensor out = Tensor::empty(shape, dtype);
  dispatch(dtype, [&]<class T>() {
    constexpr Index kEach = 16 / sizeof(T);  // values per block
    T* to = out.data<T>();
    const Index n = out.numel();
    for_each_block(seed, position, (n + kEach - 1) / kEach,
                   [&](const std::uint64_t* words, Index first, Index blocks) {
                     T values[kBlocks * kEach];
                     for (Index i = 0; i < blocks * kEach; ++i) {
                       if constexpr (sizeof(T) == 4) {
                         values[i] = unit(static_cast<std::uint32_t>(words[i / 2] >> (i % 2 * 32)));
                       } else {
                         values[i] = unit(words[i]);
                       }
                     }
                     f(values, blocks * kEach);
                     std::copy_n(values, std::min(blocks * kEach, n - first * kEach),
                                 to + first * kEach);
                   });
  });
  return out;
}

// True if the dtype can represent a value of this size.
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
  return filled(seed_, position_, shape, dtype, [=]<class T>(T* values, Index n) {
    for (Index i = 0; i < n; ++i)
      values[i] = static_cast<T>(low) + static_cast<T>(high - low) * values[i];
  });
}

Tensor Generator::normal(const Shape& shape, double mean, double std, DType dtype) {
  check(std >= 0 && std::isfinite(std) && std::isfinite(mean),
        "normal: a finite mean and standard deviation of at least 0 were required: got {} and {}",
        mean, std);
  constexpr double kFurthest = 9;  // in standard deviations; see kernels::normal_pairs
  check(fits(std::abs(mean) + kFurthest * std, dtype),
        "normal: values that are finite in {} were required: got a mean of {} and a standard "
        "deviation of {}",
        name_of(dtype), mean, std);
  return filled(seed_, position_, shape, dtype, [=]<class T>(T* values, Index n) {
    kernels::normal_pairs(values, n / 2, static_cast<T>(mean), static_cast<T>(std));
  });
}

Tensor Generator::bernoulli(const Shape& shape, double probability, DType dtype) {
  check(probability >= 0 && probability <= 1,
        "bernoulli: a probability in [0, 1] was required: got {}", probability);
  return filled(seed_, position_, shape, dtype, [=]<class T>(T* values, Index n) {
    for (Index i = 0; i < n; ++i) values[i] = values[i] < static_cast<T>(probability) ? T{1} : T{0};
  });
}

std::uint64_t Generator::next64() {
  std::uint64_t words[2];
  kernels::philox(seed_, position_++, words, 1);
  return words[0];
}

double Generator::uniform() { return unit(next64()); }

Index Generator::below(Index limit) {
  check(limit > 0, "below: a limit above 0 was required: got {}", limit);
  return static_cast<Index>(scaled(next64(), static_cast<std::uint64_t>(limit)));
}

IndexTensor Generator::integers(const Shape& shape, Index low, Index high) {
  check(low < high, "integers: low < high was required: got {} and {}", low, high);
  std::vector<Index> values = repeated_index("integers", shape.numel());
  // In unsigned arithmetic, so that the widest range does not overflow.
  const auto first = static_cast<std::uint64_t>(low);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - first;
  for_each_block(seed_, position_, static_cast<Index>(values.size()),
                 [&](const std::uint64_t* words, Index from, Index blocks) {
                   for (Index i = 0; i < blocks; ++i)
                     values[from + i] = static_cast<Index>(first + scaled(words[2 * i], range));
                 });
  return {std::move(values), shape};
}

IndexTensor Generator::categorical(const Tensor& weights) {
  check(weights.rank() >= 1 && weights.shape().back() > 0,
        "categorical: weights [.., V] of at least one class were required: got {}",
        weights.shape());
  const Index v = weights.shape().back();
  const std::vector<double> w = weights.to_vector<double>();
  std::vector<Index> out;
  for (std::size_t row = 0; row < w.size(); row += static_cast<std::size_t>(v)) {
    double largest = 0;
    for (Index i = 0; i < v; ++i) {
      const double weight = w[row + static_cast<std::size_t>(i)];
      check(weight >= 0 && std::isfinite(weight),
            "categorical: finite weights of at least 0 were required: got {} in row {}", weight,
            row / static_cast<std::size_t>(v));
      largest = std::max(largest, weight);
    }
    check(largest > 0, "categorical: a weight above 0 was required in each row: got none in row {}",
          row / static_cast<std::size_t>(v));
    double total = 0;  // weights are divided by the largest, to avoid overflow
    for (Index i = 0; i < v; ++i) total += w[row + static_cast<std::size_t>(i)] / largest;
    double left = uniform() * total;
    Index picked = -1;
    for (Index i = 0; i < v; ++i) {
      const double weight = w[row + static_cast<std::size_t>(i)] / largest;
      if (weight == 0) continue;
      picked = i;  // if rounding leaves a remainder: the last possible id
      if (left < weight) break;
      left -= weight;
    }
    out.push_back(picked);
  }
  return {std::move(out), weights.shape().without(weights.rank() - 1)};
}

std::vector<Index> Generator::permutation(Index n) {
  std::vector<Index> order = counted_indices("permutation", n);
  // Fisher-Yates shuffle, from the end.
  for_each_block(seed_, position_, std::max<Index>(n - 1, 0),
                 [&](const std::uint64_t* words, Index from, Index blocks) {
                   for (Index k = 0; k < blocks; ++k) {
                     const Index i = n - 1 - from - k;
                     const auto other = scaled(words[2 * k], static_cast<std::uint64_t>(i + 1));
                     std::swap(order[i], order[other]);
                   }
                 });
  return order;
}

Generator Generator::fork() { return Generator(next64()); }

Generator& default_generator() {
  thread_local Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator() = Generator(seed); }

}  // namespace unroll
