// The sequence models of the library behind one type: which one is chosen by name at run time, so
// that a program compares all of them on its task by one option.
//
//   program::SequenceModel reader({.kind = "mamba", .in = 32, .hidden = 64});
//   auto out = reader(embed(tokens));         // out.sequence: rows [N, reader.output_size()]
//   Var h = out.last();                       // [B, output_size()]
//   auto more = reader(y, out.carry());       // the next chunk, without gradients to x
//   Var y = reader.step(x_t, state);          // a stream
//
// kind         | layer                      | layers by default
// -------------|----------------------------|------------------
// rnn          | nn::RNN                    | 1
// lstm         | nn::LSTM                   | 1
// gru          | nn::GRU                    | 1
// mingru       | nn::MinGRU                 | 2, since gates of one layer see one input only
// minlstm      | nn::MinLSTM                | 2
// rglru        | nn::RGLRU                  | 2
// mamba        | nn::Mamba                  | 2 blocks, after a Linear if `in` is not `hidden`
//
// N rows, B sequences, D = in, H = hidden.
#pragma once

#include "examples/common/program.h"

#include <unroll/nn/mamba.h>
#include <unroll/nn/options.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/scan.h>
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
  // The output then has 2 H columns: H of each direction.
  bool bidirectional = false;
  double dropout = 0;  // between layers
  double variational_dropout =
      0;  // the same with one mask for all time steps; recurrent kinds only
  UNROLL_OPTIONS(kind, in, hidden, layers, bidirectional, dropout, variational_dropout)
};

// The names of all kinds.
const std::vector<std::string>& sequence_kinds();
// The number of layers: that of the options, or the default of the kind. Throws
// std::invalid_argument, with a list of all kinds, if there is no such kind.
Index layers_of(const SequenceOptions& options);

// Mamba for an input of any size, in one direction or both.
struct MambaLayers {
  std::optional<nn::Linear> input;  // D -> H, if they differ
  nn::Mamba forward;
  std::optional<nn::Mamba> backward;
  UNROLL_FIELDS(input, forward, backward)

  using State = nn::Mamba::State;
  explicit MambaLayers(const SequenceOptions& options);
  nn::Mamba::Result operator()(const nn::Gathered& x, const std::vector<State>& initial) const;
  Var step(const Var& x, std::vector<State>& state) const;
};

class SequenceModel {
 private:
  using Layer =
      std::variant<nn::RNN, nn::LSTM, nn::GRU, nn::MinGRU, nn::MinLSTM, nn::RGLRU, MambaLayers>;

 public:
  using Options = SequenceOptions;

  // The state after a chunk, one row per sequence. An empty one stands for the beginning.
  class State {
   public:
    bool empty() const { return std::holds_alternative<std::monostate>(of_); }
    State select_rows(const unroll::IndexTensor& rows) const;  // for nn/decode
    State detach() const;                                      // without gradients

   private:
    friend class SequenceModel;
    template <class Layer>
    using Of = std::vector<typename Layer::State>;
    std::variant<std::monostate, Of<nn::RNN>, Of<nn::LSTM>, Of<nn::GRU>, Of<nn::MinGRU>,
                 Of<nn::MinLSTM>, Of<nn::RGLRU>, Of<MambaLayers>>
        of_;
  };
  struct Result {
    nn::Sequence sequence;  // rows [N, output_size()]
    State state;            // after the last step of each sequence
    Var top;                // see last()
    // The output at the end of each sequence [B, output_size()]; of a bidirectional model that of
    // each direction where it ends.
    const Var& last() const { return top; }
    State carry() const { return state.detach(); }  // for the next chunk of the same sequences
  };

  // Throws std::invalid_argument if there is no such kind, or it refuses an option.
  explicit SequenceModel(const Options& options);

  // x rows [N, D]. Throws std::invalid_argument if a state is given to a bidirectional model, or is
  // that of another kind.
  Result operator()(const nn::Gathered& x, const State& initial = {}) const;
  // One time step of a stream: x [B, D] -> [B, H]. Replaces the state. Throws std::invalid_argument
  // for a bidirectional model.
  Var step(const Var& x, State& state) const;

  Index output_size() const { return options_.hidden * (options_.bidirectional ? 2 : 1); }
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

  Options options_;
  Layer layer_;
};

// Groups of an optimizer for the parameters that are trained without weight decay, if a model of
// this kind has any.
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
  std::vector<std::string> more = {};  // further values
};
// Declares --model; its default is the kind that `kind` has.
void declare_kind(CLI::App& app, std::string& kind, const KindOption& option = {});
// Declares --layers, which is 0 unless it is given.
void declare_layers(CLI::App& app, Index& layers);
// Declares --parameters, and --equal-parameters, which refers to `reference`.
void declare_size(CLI::App& app, SizeChoice& size, const std::string& reference);

// Chooses the hidden size by the number of parameters of the whole model, if the user asked for
// that, and says what it found. `count` gives this number for some options; `reference` is the
// default model. Throws std::invalid_argument if the number cannot be reached within a tenth.
void choose_size(SequenceOptions& model, const SizeChoice& size, const SequenceOptions& reference,
                 const std::function<Index(const SequenceOptions&)>& count);

// The number of parameters of build(), which is called without effect on the random numbers that
// follow.
template <class Build>
Index count_parameters(Build&& build) {
  const unroll::Generator before = unroll::default_generator();
  const Index out = nn::parameter_count(nn::parameters(build()));
  unroll::default_generator() = before;
  return out;
}

}  // namespace program
