// Generator: random numbers from a counter (Philox4x32-10: Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3", 2011).
//
// Number i after a seed is a pure function of (seed, i), so results depend on the order of the
// calls and on nothing else.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

namespace unroll {

class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}

  Tensor uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = f32);
  Tensor normal(const Shape& shape, double mean = 0, double std = 1, DType dtype = f32);
  // 1 with the given probability, else 0.
  Tensor bernoulli(const Shape& shape, double probability, DType dtype = f32);
  IndexTensor integers(const Shape& shape, Index low, Index high);  // in [low, high)
  // An id for each row of weights [.., V] -> [..], with probability weight / sum of the row (a
  // softmax, say). Throws unless the weights are finite, none below 0 and not all 0.
  IndexTensor categorical(const Tensor& weights);
  std::vector<Index> permutation(Index n);  // 0 .. n-1, shuffled
  double uniform();                         // one number in [0, 1)
  Index below(Index limit);                 // one integer in [0, limit)

  // Where it stands, for saving and restoring.
  std::uint64_t seed() const { return seed_; }
  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t seed, std::uint64_t position) { seed_ = seed, position_ = position; }
  // A generator of its own, independent of this one and of its other forks.
  Generator fork();

 private:
  std::uint64_t next64();

  std::uint64_t seed_;
  std::uint64_t position_ = 0;  // in blocks of 128 bits
};

// The generator of the calling thread, for initialisers and dropout when no other is given; starts
// from seed 0.
Generator& default_generator();
void manual_seed(std::uint64_t seed);

}  // namespace unroll
