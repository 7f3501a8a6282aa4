// Random batches and comparisons for the tests of layers over sequences.
#pragma once

#include "tests/support.h"

#include <unroll/nn/recurrent.h>
#include <unroll/tensor/threads.h>

namespace unroll {

inline std::vector<Index> random_lengths(Generator& g, Index batch, Index longest) {
  std::vector<Index> out;
  for (Index b = 0; b < batch; ++b) out.push_back(1 + g.below(longest));
  return out;
}

inline nn::Sequence random_sequence(Generator& g, const std::vector<Index>& lengths, Index dim,
                                    DType dtype = f64) {
  const SequenceLayout layout(lengths);
  return {g.normal({layout.rows(), dim}, 0, 1, dtype), layout};
}

// Every gradient of a loss, by name, for comparing two ways of computing it.
inline std::vector<Tensor> gradients_of(const std::function<Var()>& loss,
                                        const NamedParams& params) {
  Tape tape;
  const Gradients g = tape.backward(loss());
  std::vector<Tensor> out;
  for (const NamedParam& p : params) {
    const Gradient* found = g.find(p.param->id());
    out.push_back(found ? found->to_dense()
                        : Tensor::zeros(p.param->value().shape(), p.param->value().dtype()));
  }
  return out;
}

}  // namespace unroll
