// Initialisers: fresh tensors for Params. fan_in and fan_out are the sizes of a weight [in, out].
//
// What the layers start from, as PyTorch's do, with the thread's default_generator() (manual_seed):
//   Linear                uniform in +-1 / sqrt(in), weight and bias
//   Embedding             normal, mean 0 and deviation 1; the padding id's row is 0
//   RNN, LSTM, GRU        uniform in +-1 / sqrt(hidden), weights and biases (forget_bias is added);
//                         learned states 0
//   LayerNorm, RMSNorm    gain 1, bias 0; so an LSTM's layer norms
//   MultiHeadAttention    xavier_uniform for queries, keys and values; out as a Linear; biases 0
//   AdditiveAttention     wq and wk as Linears, v by xavier_uniform
// Another start is set by set_value: layer.weight.set_value(nn::xavier_uniform({in, out})).
#pragma once

#include <unroll/tensor/random.h>

namespace unroll::nn {

struct InitOptions {
  DType dtype = f32;
  Generator* generator = nullptr;  // the thread's default_generator() where not given
};

Tensor uniform(const Shape& shape, double low, double high, const InitOptions& options = {});
Tensor normal(const Shape& shape, double mean, double std, const InitOptions& options = {});
// Glorot and Bengio 2010: bounds +-gain sqrt(6 / (fan_in + fan_out)), or that variance.
Tensor xavier_uniform(const Shape& shape, double gain = 1, const InitOptions& options = {});
Tensor xavier_normal(const Shape& shape, double gain = 1, const InitOptions& options = {});
// He et al. 2015: bounds +-gain sqrt(3 / fan_in), or that variance; gain sqrt(2) is for relu.
Tensor kaiming_uniform(const Shape& shape, double gain = 1.4142135623730951,
                       const InitOptions& options = {});
Tensor kaiming_normal(const Shape& shape, double gain = 1.4142135623730951,
                      const InitOptions& options = {});
// Saxe et al. 2014: orthonormal rows or columns, whichever are fewer. Shape [n, m].
Tensor orthogonal(const Shape& shape, double gain = 1, const InitOptions& options = {});

}  // namespace unroll::nn
