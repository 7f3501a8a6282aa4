// "running" is no part of a model
#include <unroll/nn/module.h>

struct Model {
  unroll::Param weight;
  unroll::Tensor running;
  UNROLL_FIELDS(weight, running)
};
