// Generator: counter-based random numbers (Philox4x32-10: Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3", 2011).
//
// Value i after a seed is a pure function of (seed, i), so results depend only on the seed and the
// order of the calls, not on the machine or the number of threads.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}

  // Uniform in [low, high), and normal. All functions throw std::invalid_argument on parameters
  // outside their range: here, bounds that are not finite or a negative std.
  Tensor uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = f32);
  Tensor normal(const Shape& shape, double mean = 0, double std = 1, DType dtype = f32);
  // 1 with the given probability, in [0, 1], otherwise 0.
  Tensor bernoulli(const Shape& shape, double probability, DType dtype = f32);
  IndexTensor integers(const Shape& shape, Index low, Index high);  // in [low, high)
  // Draws an id for each row of weights [.., V] -> [..], with probability weight / sum of the row.
  // The weights need not be normalised. Throws unless they are finite, at least 0 and not all 0.
  IndexTensor categorical(const Tensor& weights);
  std::vector<Index> permutation(Index n);  // 0 .. n-1, shuffled
  double uniform();                         // one value in [0, 1)
  Index below(Index limit);                 // one integer in [0, limit)

  // The state, for saving and restoring.
  std::uint64_t seed() const { return seed_; }
  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t seed, std::uint64_t position) { seed_ = seed, position_ = position; }
  // A new generator, independent of this one and of its other forks.
  Generator fork();

 private:
  std::uint64_t next64();

  std::uint64_t seed_;
  std::uint64_t position_ = 0;  // in blocks of 128 bits
};

// The generator of the calling thread, used by initialisers and dropout by default. It starts with
// seed 0.
Generator& default_generator();
// Resets the default_generator() of the calling thread to a seed.
void manual_seed(std::uint64_t seed);

}  // namespace unroll
