// The sequence models of the library behind one type. The model is chosen by name at run time, so
// that a program compares all of them on its task by one option.
//
//   program::SequenceModel reader({.kind = "mamba", .in = 32, .hidden = 64});
//   auto out = reader(embed(tokens));         // out.sequence: rows [N, reader.output_size()]
//   Var h = out.last();                       // [B, output_size()]
//   auto more = reader(y, out.carry());       // the next chunk, without gradients to the last one
//   Var y = reader.step(x_t, state);          // a stream
//
// kind             | type of the layers                       | how many by default
// -----------------|------------------------------------------|-----------
// rnn, lstm, gru   | nn::RNN, nn::LSTM, nn::GRU               | 1
// mingru, minlstm  | nn::MinGRU, nn::MinLSTM                  | 2
// rglru            | nn::Griffin blocks, and a norm           | 2
// mamba            | nn::Mamba blocks                         | 2
// transformer      | nn::TransformerEncoder, norm first       | 2
// linear-attention | the same, nn::AttentionKind::linear      | 2
//
// The last four begin with a Linear if `in` is not `hidden`.
//
// N rows, B sequences, D = in, H = hidden.
#pragma once

#include "examples/common/program.h"

#include <unroll/nn/griffin.h>
#include <unroll/nn/mamba.h>
#include <unroll/nn/options.h>
#include <unroll/nn/positions.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/scan.h>
#include <unroll/nn/transformer.h>
#include <unroll/optim/optimizer.h>

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace program {

using unroll::Index;
using unroll::Var;
namespace nn = unroll::nn;

struct SequenceOptions {
  std::string kind = "lstm";
  Index in = 0;      // D
  Index hidden = 0;  // H: units of a recurrent layer, or width of a block
  Index layers = 0;  // 0: as in the table above
  // Reads in both directions. The output then has 2 H columns, H for each direction. Attention
  // models are then not causal, and their output still has H columns.
  bool bidirectional = false;
  // Between layers; in a transformer also within them, in linear-attention only before the first.
  double dropout = 0;
  double variational_dropout = 0;  // with one mask for all time steps; recurrent kinds only
  // Of transformer and linear-attention:
  Index heads = 0;         // 0: up to 8, of at least 32 columns
  Index feed_forward = 0;  // 0: 4 H
  // "rotary" (the transformer's default; not for linear-attention), "sinusoidal" (the default of
  // linear-attention) or "none".
  std::string positions = {};
  Index window = 0;  // transformer: sees this many last steps, in streams of any length; 0: all
  UNROLL_OPTIONS(kind, in, hidden, layers, bidirectional, dropout, variational_dropout, heads,
                 feed_forward, positions, window)
};

inline constexpr Index kMaxHidden = 1 << 16;  // of choose_size

// The names of all kinds.
const std::vector<std::string>& sequence_kinds();
// The name of a kind in a sentence: "LSTM". Throws std::invalid_argument if there is no such kind.
std::string title_of(const std::string& kind);
// Whether a kind is an attention model: in training it starts each chunk without context.
bool attends(const std::string& kind);
// The number of layers: that of the options, or the default of the kind. Throws
// std::invalid_argument, with a list of all kinds, if there is no such kind.
Index layers_of(const SequenceOptions& options);
Index output_size(const SequenceOptions& options);  // columns of the output

// RG-LRU in the residual blocks of its paper, and a norm after the last block.
struct GriffinStack {
  nn::Griffin blocks;
  nn::RMSNorm norm;
  UNROLL_FIELDS(blocks, norm)

  using State = nn::GriffinCell::State;
  using Result = nn::Griffin::Result;
  GriffinStack(Index dim, Index layers, double dropout)
      : blocks({.cell = {.in = dim}, .layers = layers, .dropout = dropout}), norm({.dim = dim}) {}
  Result operator()(const nn::Gathered& x, const std::vector<State>& initial,
                    const nn::UnrollOptions& options = {}) const {
    Result out = blocks(x, initial, options);
    out.sequence = norm(out.sequence);
    out.top = norm(out.top);
    return out;
  }
  Var step(const Var& x, std::vector<State>& state) const { return norm(blocks.step(x, state)); }
};

// A stack of residual blocks for an input of any size, in one direction or both.
template <class Stack>
struct BlockLayers {
  std::optional<nn::Linear> input;  // D -> H, if they differ
  Stack forward;
  std::optional<Stack> backward;
  UNROLL_FIELDS(input, forward, backward)

  using State = typename Stack::State;
  using Result = typename Stack::Result;
  explicit BlockLayers(const SequenceOptions& options);
  Result operator()(const nn::Gathered& x, const std::vector<State>& initial) const;
  Var step(const Var& x, std::vector<State>& state) const;
};
using MambaLayers = BlockLayers<nn::Mamba>;
using GriffinLayers = BlockLayers<GriffinStack>;

// A transformer, or one with linear attention, for an input of any size.
struct TransformerLayers {
  std::optional<nn::Linear> input;  // D -> H, if they differ
  std::optional<nn::SinusoidalPositions> positions;
  std::optional<nn::Dropout> dropout;
  nn::TransformerEncoder encoder;
  UNROLL_FIELDS(input, encoder)

  using State = nn::TransformerState;
  explicit TransformerLayers(const SequenceOptions& options);
  nn::Sequence operator()(const nn::Gathered& x) const;
  // The same for the next steps of a stream.
  nn::Sequence prefill(const nn::Gathered& x, State& state) const;
  Var step(const Var& x, State& state) const;
};

class SequenceModel {
 private:
  using Layer = std::variant<nn::RNN, nn::LSTM, nn::GRU, nn::MinGRU, nn::MinLSTM, GriffinLayers,
                             MambaLayers, TransformerLayers>;

 public:
  using Options = SequenceOptions;

  // The state after a chunk, one row per sequence. An empty one stands for the beginning.
  class State {
   public:
    bool empty() const { return std::holds_alternative<std::monostate>(of_); }
    State select_rows(const unroll::IndexTensor& rows) const;  // for nn/decode
    State detach() const;                                      // without gradients
    // The values of the state in order (of a recurrent kind or Mamba, for autograd's checkpoint),
    // and a copy of the state with others.
    std::vector<Var> parts() const;
    State with_parts(const std::vector<Var>& parts) const;

   private:
    friend class SequenceModel;
    template <class L>
    using Of = std::conditional_t<std::is_same_v<L, TransformerLayers>, nn::TransformerState,
                                  std::vector<typename L::State>>;
    std::variant<std::monostate, Of<nn::RNN>, Of<nn::LSTM>, Of<nn::GRU>, Of<nn::MinGRU>,
                 Of<GriffinLayers>, Of<MambaLayers>, Of<TransformerLayers>>
        of_;
  };
  struct Result {
    nn::Sequence sequence;  // rows [N, output_size()]
    State state;            // after the last step of each sequence
    Var top;                // see last(); undefined for attention models
    bool mean = false;
    // One row for each sequence [B, output_size()]: the output of the last step; of a bidirectional
    // model the last one of each direction, or, if it is an attention model, the mean over time.
    Var last() const { return top.defined() ? top : mean ? sequence.mean() : sequence.last(); }
    State carry() const { return state.detach(); }  // for the next chunk of the same sequences
  };

  // Throws std::invalid_argument if there is no such kind, or it refuses an option.
  explicit SequenceModel(const Options& options);

  // Whole sequences, x rows [N, D]. The result of an attention model has no state.
  Result operator()(const nn::Gathered& x) const;
  // Chunks of sequences; `initial` is empty for the first one. While a tape records, an attention
  // model starts each chunk without context: its result has an empty state. Throws
  // std::invalid_argument for a bidirectional model, or if the state is that of another kind.
  Result operator()(const nn::Gathered& x, const State& initial) const;
  // One time step of a stream: x [B, D] -> [B, H]. Replaces the state. Throws std::invalid_argument
  // for a bidirectional model, and for a transformer without a window after 1024 steps.
  Var step(const Var& x, State& state) const;

  Index output_size() const { return program::output_size(options_); }
  const Options& options() const { return options_; }

  // The parts are those of the chosen layer: "layers.0.wx" for an LSTM.
  template <class Visitor>
  void visit_fields(Visitor&& visitor) {
    std::visit([&](auto& layer) { layer.visit_fields(visitor); }, layer_);
  }
  template <class Visitor>
  void visit_fields(Visitor&& visitor) const {
    std::visit([&](const auto& layer) { layer.visit_fields(visitor); }, layer_);
  }
  UNROLL_FIELDS_TAGS(false, layer_)

 private:
  static Layer layer_of(const Options& options);
  void check_one_direction(const char* what) const;
  template <class L>
  Result run(const L& layer, const nn::Gathered& x, const State* initial) const;

  Options options_;
  Layer layer_;
};

// Optimizer groups for the parameters that are trained without weight decay, if a model of this
// kind has any.
std::vector<unroll::optim::Group> without_decay(const SequenceOptions& options);

// --- The options of a program ---

// How many parameters the model has, if the program chooses its size: --parameters and
// --equal-parameters.
struct SizeChoice {
  Index parameters = 0;  // 0: not given
  bool equal = false;    // as many as the program's default model
};

struct KindOption {
  std::string name = "--model", help = "What reads the sequence";
  std::vector<std::string> first = {}, more = {};  // further values, before and after the kinds
};
// Declares --model; its default is the kind that `kind` has.
void declare_kind(CLI::App& app, std::string& kind, const KindOption& option = {});
// Declares --heads and --positions.
void declare_attention(CLI::App& app, SequenceOptions& options);
// Declares --layers, which is 0 unless it is given.
void declare_layers(CLI::App& app, Index& layers,
                    const std::string& by_default = "1 for rnn, lstm and gru,\n2 for the others");
// Declares --parameters, and --equal-parameters, which refers to `reference`.
void declare_size(CLI::App& app, SizeChoice& size, const std::string& reference);

// Throws std::invalid_argument if --hidden is given beside --parameters, or both of these.
void check_size(const SizeChoice& size, const Options& o);
// Chooses the hidden size, and feed_forward of an attention model, so that count(options) is as
// near to `parameters` as possible, and returns the number found. Throws std::invalid_argument
// unless it is within 10 %; `option` is named in the message.
Index fit_size(SequenceOptions& model, Index parameters, const std::string& option,
               const std::function<Index(const SequenceOptions&)>& count);
// If the user asked for it: chooses the hidden size, and feed_forward of an attention model, by the
// number of parameters of the whole model, and prints them. `count` gives this number for
// some options; `reference` is the default model. Throws std::invalid_argument if the number cannot
// be reached within 10 %.
void choose_size(SequenceOptions& model, const SizeChoice& size, const SequenceOptions& reference,
                 const std::function<Index(const SequenceOptions&)>& count);

// The number of parameters of build(). The call leaves default_generator() as it was, so it does
// not change the random numbers that follow.
template <class Build>
Index count_parameters(Build&& build) {
  const unroll::Generator before = unroll::default_generator();
  const Index out = nn::parameter_count(nn::parameters(build()));
  unroll::default_generator() = before;
  return out;
}

}  // namespace program
