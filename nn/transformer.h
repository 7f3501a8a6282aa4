// The Transformer (Vaswani et al. 2017): an encoder, which with .causal = true is a decoder-only
// model (GPT), and a decoder that attends to an encoded source.
//
//   nn::TransformerEncoder gpt({.dim = 256, .heads = 4, .causal = true,
//                               .rotary = nn::Rotary::split_half, .layers = 2});
//   nn::Sequence y = gpt(x);                // x is a Sequence of rows [N, 256]
//   nn::TransformerEncoder::State state;    // a stream
//   Var y_t = gpt.step(x_t, state);         // equal to the rows of gpt(x)
//
// Without positions, added (positions.h) or rotary, the layers do not see the order of steps.
// The parts have the names of PyTorch's modules; transformer_tensors() imports their weights.
//
// N rows, B sequences, D = dim, F = feed_forward.
#pragma once

#include <unroll/nn/attention.h>
#include <unroll/tensor/safetensors.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace unroll::nn {

// The feed-forward part: relu(x w1) w2, gelu(x w1) w2, or (silu(x wg) * (x wv)) w2 with wg and wv
// side by side in linear1 (Shazeer 2020).
enum class FeedForward { relu, gelu, swiglu };
// LayerNorm, or RMSNorm, which has no bias.
enum class NormKind { layer, rms };

// Options of layers and of stacks; `layers`, final_norm and capacity are for stacks only.
struct TransformerOptions {
  Index dim = 0, heads = 1;
  Index kv_heads = 0;      // as for window and rotary, see MultiHeadAttention::Options
  Index feed_forward = 0;  // F; 0: 4 dim
  FeedForward activation = FeedForward::gelu;
  NormKind norm = NormKind::layer;
  // x + f(norm(x)) (Xiong et al. 2020) instead of norm(x + f(x)), which needs a warm-up of the
  // learning rate. PyTorch's default is false.
  bool norm_first = true;
  double eps = 1e-5;    // of the norms
  double dropout = 0;   // of attention weights, of the hidden feed-forward values, and of each f(x)
  bool causal = false;  // a step sees earlier steps only; self-attention of a decoder always is
  Index window = 0;     // of self-attention
  Rotary rotary = Rotary::none;  // of self-attention
  double rotary_base = 10000;
  AttentionKind kind = AttentionKind::full;  // of self-attention; low_rank is for encoders only
  Index rank = 0, max_length = 0;            // of low_rank
  bool bias = true;                          // of the linear parts
  Index layers = 1;
  std::optional<bool> final_norm = {};  // a norm after the last layer; default: if norm_first
  // Maximal steps of a stream, unless initial() is given another number; with a window or
  // .kind = linear there is no limit.
  Index capacity = 1024;
  DType dtype = f32;
  UNROLL_OPTIONS(dim, heads, kv_heads, feed_forward, activation, norm, norm_first, eps, dropout,
                 causal, window, rotary, rotary_base, kind, rank, max_length, bias, layers,
                 final_norm, capacity, dtype)
};

// LayerNorm or RMSNorm, as an option says.
class TransformerNorm {
 public:
  explicit TransformerNorm(const TransformerOptions& options);
  Var operator()(const In& x) const;
  Gathered operator()(const Gathered& x) const;

  Param gain, bias;  // [D]; no bias with RMSNorm
  UNROLL_FIELDS(gain, bias)

 private:
  double eps_;
  bool rms_;
};

// Self-attention and a feed-forward part, each with a norm and a residual connection.
class TransformerEncoderLayer {
 public:
  using Options = TransformerOptions;
  // Throws std::invalid_argument if an option does not fit, here and in the other constructors.
  explicit TransformerEncoderLayer(const Options& options);
  Sequence operator()(const Gathered& x, Where where = Where::here()) const;  // rows [N, D]
  // A stream, for a causal layer: the next step of each sequence, [B, D]; and several steps.
  Var step(const In& x, KeyValueCache& cache) const;
  Sequence prefill(const Gathered& x, KeyValueCache& cache, Where where = Where::here()) const;

  MultiHeadAttention self_attn;
  Linear linear1, linear2;  // [D, F] (swiglu: [D, 2 F]), [F, D]
  TransformerNorm norm1, norm2;
  UNROLL_FIELDS(self_attn, linear1, linear2, norm1, norm2)

 private:
  Sequence apply(const Gathered& x, const std::function<Var(const Gathered&)>& attend) const;

  FeedForward activation_;
  bool norm_first_, causal_;
  double dropout_;
};

// Causal self-attention, attention to a memory, and a feed-forward part.
class TransformerDecoderLayer {
 public:
  using Options = TransformerOptions;
  using Memory = MultiHeadAttention::Memory;
  explicit TransformerDecoderLayer(const Options& options);
  // Projects an encoded source, rows [M, D]: once for any number of calls.
  Memory prepare(const Gathered& memory, Where where = Where::here()) const;
  // Sequence b of x attends to sequence b of the memory. Rows [N, D].
  Sequence operator()(const Gathered& x, const Memory& memory, Where where = Where::here()) const;
  // The next step of each target; row r attends to sequence source_of[r] of the memory.
  Var step(const In& x, KeyValueCache& cache, const Memory& memory,
           const IndexTensor& source_of) const;

  MultiHeadAttention self_attn, multihead_attn;  // the second one attends to the memory
  Linear linear1, linear2;
  TransformerNorm norm1, norm2, norm3;
  UNROLL_FIELDS(self_attn, multihead_attn, linear1, linear2, norm1, norm2, norm3)

 private:
  Sequence apply(const Gathered& x, const std::function<Var(const Gathered&)>& attend,
                 const std::function<Var(const Gathered&)>& attend_memory) const;

  FeedForward activation_;
  bool norm_first_;
  double dropout_;
};

// The state of a stream, for step and nn/decode.h: one row per sequence. A default constructed one
// is filled by the first step.
struct TransformerState {
  std::vector<KeyValueCache> layers;
  // The position of the next step of each of `batch` sequences, for learned and sinusoidal
  // positions.
  IndexTensor positions(Index batch) const;
};

class TransformerEncoder {
 public:
  using Options = TransformerOptions;
  using State = TransformerState;
  explicit TransformerEncoder(const Options& options);
  Sequence operator()(const Gathered& x, Where where = Where::here()) const;  // rows [N, D]

  // Streams, for causal stacks: the results equal those for whole sequences. A state for `batch`
  // sequences of up to `capacity` steps; 0: Options::capacity, or with a window the window, which
  // is enough for any length.
  State initial(Index batch, Index capacity = 0) const;
  // The next step of each sequence: x [B, D] -> [B, D]. Not recorded. Throws std::invalid_argument
  // if the capacity is used up, or if a tape records.
  Var step(const In& x, State& state) const;
  // The next steps of each sequence at once, such as prompts of different lengths.
  Sequence prefill(const Gathered& x, State& state, Where where = Where::here()) const;

  std::vector<TransformerEncoderLayer> layers;
  std::optional<TransformerNorm> norm;  // after the last layer
  UNROLL_FIELDS(layers, norm)

 private:
  Index capacity_;
};

class TransformerDecoder {
 public:
  using Options = TransformerOptions;
  using Memory = std::vector<MultiHeadAttention::Memory>;  // one per layer
  // The state of the targets that are being written, one row each.
  struct State {
    std::vector<KeyValueCache> layers;
    IndexTensor source_of;                 // [R] the sequence of the memory each row attends to
    std::shared_ptr<const Memory> memory;  // of all sources
    IndexTensor positions() const;         // [R] of the next steps
  };
  explicit TransformerDecoder(const Options& options);
  // Projects an encoded source for all layers, once.
  Memory prepare(const Gathered& memory, Where where = Where::here()) const;
  // All steps of the targets, rows [N, D]: sequence b attends to sequence b of the memory.
  Sequence operator()(const Gathered& x, const Memory& memory, Where where = Where::here()) const;
  Sequence operator()(const Gathered& x, const Gathered& memory,
                      Where where = Where::here()) const {
    return (*this)(x, prepare(memory, where), where);
  }
  // Step by step: a state with one row per source, for up to `capacity` steps (0:
  // Options::capacity, or the window).
  State initial(const Gathered& memory, Index capacity = 0, Where where = Where::here()) const;
  Var step(const In& x, State& state) const;  // x [R, D] -> [R, D], as for TransformerEncoder

  std::vector<TransformerDecoderLayer> layers;
  std::optional<TransformerNorm> norm;
  UNROLL_FIELDS(layers, norm)

 private:
  Index capacity_;
};

// Renames the tensors of PyTorch's nn.TransformerEncoder, nn.TransformerDecoder, their layers and
// nn.MultiheadAttention to the names of this library. Other names are kept, so other parts of the
// model must have the names of that file:
//
//   nn::assign(path, nn::transformer_tensors(load_safetensors(path)), nn::state(model),
//              {.layout = nn::WeightLayout::out_in});
//
// "layers.0.self_attn.in_proj_weight" becomes "layers.0.self_attn.query_key_value.weight", and so
// on. The tensors are not transposed: assign() does that, as .layout says.
NamedTensors transformer_tensors(const NamedTensors& published);

}  // namespace unroll::nn
