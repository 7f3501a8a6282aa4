// Rotary positions (Su et al. 2021), for the queries and keys of attention: their product then
// depends on the distance of the two positions only.
#pragma once

#include <unroll/autograd/tape.h>

namespace unroll {

struct RotaryOptions {
  Index size = 0;   // columns per head, an even number; 0: all columns are one head
  Index heads = 0;  // only the first `heads` heads of a row are rotated; 0: all
  double base = 10000;
  // The two columns of pair i: 2 i and 2 i + 1, as in the paper; otherwise i and i + size / 2, as
  // in GPT-NeoX and LLaMA.
  bool interleaved = false;
};
// x [N, C], positions [N] -> [N, C]: within each head, pair i of row n is rotated by the angle
// positions[n] / base^(2 i / size). Throws std::invalid_argument if shapes do not fit.
Var rotary(const In& x, const IndexTensor& positions, const RotaryOptions& options = {});

}  // namespace unroll
