// The optimizers that the tests of this folder go through, and a comparison bit by bit.
#pragma once

#include "tests/support.h"

#include <unroll/optim/optimizer.h>

#include <cstring>
#include <memory>
#include <vector>

namespace unroll {

using Make = std::function<std::unique_ptr<optim::Optimizer>(NamedParams)>;

struct Kind {
  const char* name;
  Make make;
  int memories;
};

template <class O, class Options>
Make maker(const Options& options) {
  return [options](NamedParams p) { return std::make_unique<O>(std::move(p), options); };
}

inline const std::vector<Kind>& kinds() {
  using namespace optim;
  static const std::vector<Kind> all = {
      {"SGD", maker<SGD>(SGDOptions{.lr = 0.1}), 0},
      {"SGD momentum",
       maker<SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true}),
       1},
      {"RMSprop", maker<RMSprop>(RMSpropOptions{}), 1},
      {"RMSprop all", maker<RMSprop>(RMSpropOptions{.momentum = 0.5, .centered = true}), 3},
      {"Adagrad", maker<Adagrad>(AdagradOptions{.lr = 0.1}), 1},
      {"Adam", maker<Adam>(AdamOptions{.lr = 0.01, .weight_decay = 0.01}), 2},
      {"AdamW", maker<AdamW>(AdamWOptions{.lr = 0.01, .weight_decay = 0.1}), 2}};
  return all;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return dispatch(a.dtype(), [&]<class T>() {
    const Tensor ac = a.contiguous(), bc = b.contiguous();
    return std::memcmp(std::as_const(ac).data<T>(), std::as_const(bc).data<T>(),
                       sizeof(T) * static_cast<std::size_t>(a.numel())) == 0;
  });
}

}  // namespace unroll
