// UNROLL_FIELDS_WITH(Base, ...) was required
#include <unroll/nn/layers.h>

struct Model : unroll::nn::Linear {
  unroll::Param scale;
  UNROLL_FIELDS(scale)
};
auto list(const Model& model) { return unroll::nn::parameters(model); }
