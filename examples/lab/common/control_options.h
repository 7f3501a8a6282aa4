// The options of the models that only the lab has, as controls: lru.h, signed_scan.h,
// time_invariant.h.
#pragma once

#include <unroll/tensor/types.h>

namespace lab {

struct ControlOptions {
  unroll::Index ids = 0, outputs = 0;
  unroll::Index dim = 0;  // columns of a layer, and as many states where it has states of its own
  unroll::Index embedding = 16, layers = 2;
};

}  // namespace lab
