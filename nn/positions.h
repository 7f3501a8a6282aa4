// Positions that are added to the rows of a sequence, so that attention can tell steps apart. The
// position of a row is its step within its sequence. (Rotary positions are an option of
// MultiHeadAttention instead.)
//
//   nn::SinusoidalPositions positions({.dim = 64});
//   Sequence x = positions(embed(tokens));
//
// N rows, D = dim.
#pragma once

#include <unroll/nn/layers.h>

namespace unroll::nn {

// Columns 2 i and 2 i + 1 of position t are sin and cos of t / base^(2 i / D). Vaswani et al. 2017.
class SinusoidalPositions {
 public:
  struct Options {
    Index dim = 0;
    double base = 10000;
    UNROLL_OPTIONS(dim, base)
  };
  // Throws std::invalid_argument unless dim is at least 1 and base is above 0.
  explicit SinusoidalPositions(const Options& options);
  Sequence operator()(const Gathered& x, Where where = Where::here()) const;  // x + positions
  // x [N, D] plus the given positions [N], as for a step of a stream.
  Var operator()(const In& x, const IndexTensor& positions) const;
  Tensor table(const IndexTensor& positions, DType dtype = f32) const;  // [N] -> [N, D]
  UNROLL_FIELDS()

 private:
  Index dim_;
  double base_;
};

// A trained row for each position. Gehring et al. 2017.
class LearnedPositions {
 public:
  struct Options {
    Index max_length = 0, dim = 0;
    double stddev = 0.02;  // of the initial values, which are normal
    DType dtype = f32;
    UNROLL_OPTIONS(max_length, dim, stddev, dtype)
  };
  explicit LearnedPositions(const Options& options);
  // x + positions. Throws std::invalid_argument if a sequence is longer than max_length.
  Sequence operator()(const Gathered& x, Where where = Where::here()) const;
  Var operator()(const In& x, const IndexTensor& positions) const;  // as for SinusoidalPositions

  Param weight;  // [max_length, D]
  UNROLL_FIELDS(weight)
};

}  // namespace unroll::nn
