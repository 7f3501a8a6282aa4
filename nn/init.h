// Initialisers: new tensors for Params. fan_in and fan_out are the sizes of a weight [in, out].
//
// Default initial values of the layers, as in PyTorch, from the thread's default_generator()
// (manual_seed):
//   Linear                uniform in +-1 / sqrt(in), weight and bias
//   Embedding             normal with mean 0 and deviation 1; the row of the padding id is 0
//   RNN, LSTM, GRU        uniform in +-1 / sqrt(hidden), weights and biases (forget_bias is added);
//                         learned states 0
//   MinGRU, MinLSTM       like a Linear; learned states 0
//   RGLRU                 gates normal with deviation 1 / sqrt(hidden / blocks), biases 0; lambda
//   as
//                         in scan.h
//   Mamba                 see mamba.h
//   LayerNorm, RMSNorm    gain 1, bias 0; also in an LSTM's layer norms
//   MultiHeadAttention    xavier_uniform for queries, keys and values; out like a Linear; biases 0
//   Transformer           its parts as above
//   LearnedPositions      normal with deviation 0.02
//   AdditiveAttention     wq and wk like a Linear, v xavier_uniform
//   DotAttention          wk like a Linear
// To change them, use set_value: layer.weight.set_value(nn::xavier_uniform({in, out})).
#pragma once

#include <unroll/tensor/random.h>

namespace unroll::nn {

struct InitOptions {
  DType dtype = f32;
  Generator* generator = nullptr;  // default: the thread's default_generator()
};

// All throw std::invalid_argument if parameters are not finite or a deviation is negative; those
// that use fan_in or fan_out also unless the shape is [in, out].

// Uniform in [low, high), and normal.
Tensor uniform(const Shape& shape, double low, double high, const InitOptions& options = {});
Tensor normal(const Shape& shape, double mean, double std, const InitOptions& options = {});
// Glorot and Bengio 2010: uniform in +-gain sqrt(6 / (fan_in + fan_out)), or normal with the same
// variance.
Tensor xavier_uniform(const Shape& shape, double gain = 1, const InitOptions& options = {});
Tensor xavier_normal(const Shape& shape, double gain = 1, const InitOptions& options = {});
// He et al. 2015: uniform in +-gain sqrt(3 / fan_in), or normal with the same variance. The default
// gain, sqrt(2), is for relu.
Tensor kaiming_uniform(const Shape& shape, double gain = 1.4142135623730951,
                       const InitOptions& options = {});
Tensor kaiming_normal(const Shape& shape, double gain = 1.4142135623730951,
                      const InitOptions& options = {});
// Saxe et al. 2014: orthonormal rows or columns, whichever are fewer, times gain. Shape [n, m].
Tensor orthogonal(const Shape& shape, double gain = 1, const InitOptions& options = {});

}  // namespace unroll::nn
