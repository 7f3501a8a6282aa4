// RNN, LSTM and GRU: layers of recurrent cells over a batch of sequences.
//
//   nn::LSTM lstm({.in = 16, .hidden = 64, .layers = 2, .bidirectional = true});
//   auto out = lstm(x);            // x is a Sequence; so is out.sequence: rows [N, 2 * 64]
//   Var h = out.last();            // [B, 2 * 64]: many-to-one
//   auto more = lstm(y, out.carry());   // next chunk, without gradients to x (truncated BPTT)
#pragma once

#include <unroll/nn/cells.h>
#include <unroll/nn/layers.h>

namespace unroll::nn {

// The options of recurrent layers of any cell: nn::Recurrent<MyCell> layer({.cell = {.in = 3,
// .hidden = 8}, .layers = 2}).
template <class C>
struct LayerOptions {
  typename C::Options cell;  // of the first layer; the input size of the others is set
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0;              // between layers; no effect with one layer
  double variational_dropout = 0;  // the same, with one mask for all time steps
  UNROLL_OPTIONS(cell, layers, bidirectional, dropout, variational_dropout)
};

namespace detail {

// The options of a layer, from those of its cell and a struct `o` that has the others.
template <class C, class Options>
LayerOptions<C> layer_options(const Options& o, const typename C::Options& cell) {
  return {.cell = cell,
          .layers = o.layers,
          .bidirectional = o.bidirectional,
          .dropout = o.dropout,
          .variational_dropout = o.variational_dropout};
}

}  // namespace detail

// For RNN, LSTM and GRU, the options of cell and layer are in one struct, so that all of them can
// be given in one list: {.in = 3, .hidden = 8, .layers = 2}. The fields are repeated in each struct
// because C++ allows such lists only for structs without a base.
struct RNNOptions {
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0, variational_dropout = 0;  // see LayerOptions; for the rest RNNCellOptions
  bool bias = true;
  bool relu = false;
  bool learned_state = false;
  DType dtype = f32;
  UNROLL_OPTIONS(in, hidden, layers, bidirectional, dropout, variational_dropout, bias, relu,
                 learned_state, dtype)
  operator LayerOptions<RNNCell>() const;
};
struct LSTMOptions {
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0, variational_dropout = 0;  // see LayerOptions; for the rest LSTMCellOptions
  bool bias = true;
  double forget_bias = 0;
  bool peephole = false;
  bool layer_norm = false;
  Index projection = 0;
  bool learned_state = false;
  DType dtype = f32;
  UNROLL_OPTIONS(in, hidden, layers, bidirectional, dropout, variational_dropout, bias, forget_bias,
                 peephole, layer_norm, projection, learned_state, dtype)
  operator LayerOptions<LSTMCell>() const;
};
struct GRUOptions {
  Index in = 0, hidden = 0;
  Index layers = 1;
  bool bidirectional = false;
  double dropout = 0, variational_dropout = 0;  // see LayerOptions; for the rest GRUCellOptions
  bool bias = true;
  bool reset_after = true;
  bool learned_state = false;
  DType dtype = f32;
  UNROLL_OPTIONS(in, hidden, layers, bidirectional, dropout, variational_dropout, bias, reset_after,
                 learned_state, dtype)
  operator LayerOptions<GRUCell>() const;
};

// The type of the options of Recurrent<C>.
template <class C>
struct LayerOptionsOf {
  using Type = LayerOptions<C>;
};
template <>
struct LayerOptionsOf<RNNCell> {
  using Type = RNNOptions;
};
template <>
struct LayerOptionsOf<LSTMCell> {
  using Type = LSTMOptions;
};
template <>
struct LayerOptionsOf<GRUCell> {
  using Type = GRUOptions;
};

// What nn::Recurrent requires of a cell, in addition to what nn::run requires (unroll.h).
template <class C>
concept LayerCell = Cell<C> && std::constructible_from<C, const typename C::Options&> &&
    requires(const C& cell, typename C::Options options, Index batch) {
  { options.in } -> std::convertible_to<Index>;
  { cell.initial(batch) } -> std::same_as<typename C::State>;
  { cell.output_size() } -> std::convertible_to<Index>;
};

template <class State>
struct RecurrentResult {
  Sequence sequence;  // output of the top layer, rows [N, H] or [N, 2H]
  std::vector<State>
      state;  // last states: [layer 0 forward, layer 0 backward, layer 1 forward, ...]
  Var top;    // see last()

  // The last output of the top layer, [B, H], or [B, 2H] if bidirectional. The backward direction
  // ends at time 0, so this differs from the last row of `sequence`.
  const Var& last() const {
    check(top.defined(), "recurrent: the result of a layer was required: got one with {} states",
          state.size());
    return top;
  }
  // The last state without gradients, as the initial state of the next chunk of the same sequences.
  std::vector<State> carry() const {
    std::vector<State> out;
    for (const State& s : state) out.push_back(nn::detach(s));
    return out;
  }
};

template <class C>
class Recurrent {
 public:
  using Options = typename LayerOptionsOf<C>::Type;
  using State = typename C::State;
  using Result = RecurrentResult<State>;

  // Throws std::invalid_argument if the cell refuses its options or layers is below 1.
  explicit Recurrent(const Options& options)
      : between_({.p = options.dropout}), between_variational_({.p = options.variational_dropout}) {
    static_assert(LayerCell<C>,
                  "nn::Recurrent needs a cell with State, project, step, an Options with `in`, a "
                  "constructor from it, initial(batch) and output_size(): see nn/unroll.h");
    const LayerOptions<C>& o = options;
    check(o.layers >= 1, "recurrent: at least one layer was required: got {}", o.layers);
    typename C::Options each = o.cell;
    for (Index l = 0; l < o.layers; ++l) {
      layers.emplace_back(each);
      if (o.bidirectional) reverse.emplace_back(each);
      each.in = product_of("recurrent", layers.back().output_size(), o.bidirectional ? 2 : 1);
    }
  }

  // x rows [N, in]; `initial` is like Result::state, or empty for the default (zeros, or learned).
  // Throws std::invalid_argument if shapes or the number of states do not fit.
  Result operator()(const Gathered& x, const std::vector<State>& initial = {},
                    const UnrollOptions& options = {}, Where where = Where::here()) const {
    const Caller caller(where);
    check_layers();
    const std::size_t directions = reverse.empty() ? 1 : 2;
    check(initial.empty() || initial.size() == layers.size() * directions,
          "recurrent: {} states (layers x directions) or none were required: got {}",
          layers.size() * directions, initial.size());
    Result out;
    std::vector<Var> tops;  // of the layer, one per direction
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const Gathered at =
          l == 0 ? x : Gathered(between_variational_.variational(between_(out.sequence)));
      std::vector<Var> rows;
      tops.clear();
      for (std::size_t d = 0; d < directions; ++d) {
        const C& cell = d == 0 ? layers[l] : reverse[l];
        UnrollOptions one = options;
        one.reverse = options.reverse != (d == 1);
        auto result = run(
            cell, at, initial.empty() ? cell.initial(x.size()) : initial[l * directions + d], one);
        rows.push_back(result.sequence.rows);
        tops.push_back(detail::output_of(cell, result.last));
        out.state.push_back(std::move(result.last));
      }
      out.sequence = {rows.size() == 1 ? rows.front() : concat(rows, -1), x.layout()};
    }
    out.top = tops.size() == 1 ? tops.front() : concat(tops, -1);
    return out;
  }

  // One time step, for streaming: x [B, in] -> [B, H]. `state` is empty at first, and replaced by
  // the new state. Only for a single direction.
  Var step(const In& x, std::vector<State>& state) const {
    check_layers();
    check_defined("recurrent: step", *x);
    check(x->rank() == 2, "recurrent: a step's input [B, in] was required: got {}", x->shape());
    check(reverse.empty(),
          "recurrent: one direction was required to step through a stream: got a bidirectional "
          "layer");
    check(state.empty() || state.size() == layers.size(),
          "recurrent: {} states were required: got {}", layers.size(), state.size());
    // New states are appended and the old ones removed at the end, so that the caller's state is
    // unchanged if a layer throws. A separate vector would be allocated in every step.
    const auto given = static_cast<std::ptrdiff_t>(state.size());
    state.reserve(2 * layers.size());
    const Var* at = &*x;
    Var out;
    try {
      for (std::size_t l = 0; l < layers.size(); ++l) {
        const C& cell = layers[l];
        state.push_back(given > 0 ? advance(cell, *at, state[l])
                                  : advance(cell, *at, cell.initial(at->shape()[0])));
        out = detail::output_of(cell, state.back());
        at = &out;
      }
    } catch (...) {
      state.erase(state.begin() + given, state.end());
      throw;
    }
    state.erase(state.begin(), state.begin() + given);
    return out;
  }

  std::vector<C> layers, reverse;
  UNROLL_FIELDS(layers, reverse)

 private:
  void check_layers() const {
    check(!layers.empty(), "recurrent: at least one layer was required: got one moved from");
  }
  // cell(x, s) if the cell has that, since it may be faster; otherwise project and step.
  static State advance(const C& cell, const Var& x, const State& s) {
    if constexpr (requires { cell(x, s); }) {
      return cell(x, s);
    } else {
      return cell.step(cell.project(x), s);
    }
  }

  Dropout between_, between_variational_;
};

using RNN = Recurrent<RNNCell>;
using LSTM = Recurrent<LSTMCell>;
using GRU = Recurrent<GRUCell>;

}  // namespace unroll::nn
