// RNN, LSTM and GRU give PyTorch's numbers: outputs, last states, and the gradients of inputs,
// weights and initial states; layers x directions x bias x lengths, fused and in plain ops.
#include "tests/golden/golden.h"

#include <unroll/nn/recurrent.h>

using namespace unroll;

namespace {

struct Pair {
  Param* ours;
  Tensor theirs;
};

Tensor turned(const Tensor& weight) { return weight.transpose().contiguous(); }

// PyTorch keeps weights as [out, in], and two biases where we keep their sum. `theirs(name)` is a
// tensor of this cell, `both` what becomes of two biases that we have as one.
template <class Theirs, class Both>
std::vector<Pair> matched(nn::RNNCell& cell, const Theirs& theirs, const Both& both) {
  std::vector<Pair> out{{&cell.wx, turned(theirs("weight_ih"))},
                        {&cell.wh, turned(theirs("weight_hh"))}};
  if (cell.b.defined()) out.push_back({&cell.b, both(theirs("bias_ih"), theirs("bias_hh"))});
  return out;
}

template <class Theirs, class Both>
std::vector<Pair> matched(nn::LSTMCell& cell, const Theirs& theirs, const Both& both) {
  std::vector<Pair> out{{&cell.wx, turned(theirs("weight_ih"))},
                        {&cell.wh, turned(theirs("weight_hh"))}};
  if (cell.b.defined()) out.push_back({&cell.b, both(theirs("bias_ih"), theirs("bias_hh"))});
  if (cell.wp.defined()) out.push_back({&cell.wp, turned(theirs("weight_hr"))});
  return out;
}

template <class Theirs, class Both>
std::vector<Pair> matched(nn::GRUCell& cell, const Theirs& theirs, const Both& both) {
  std::vector<Pair> out{{&cell.wx, turned(theirs("weight_ih"))},
                        {&cell.wh, turned(theirs("weight_hh"))}};
  if (cell.b.defined()) {
    const Tensor ih = theirs("bias_ih"), hh = theirs("bias_hh");
    const Index h = cell.output_size();
    Tensor b = ih.clone();  // the third block has a second bias of its own, inside the reset gate
    b.narrow(0, 0, 2 * h).copy_(both(ih.narrow(0, 0, 2 * h), hh.narrow(0, 0, 2 * h)));
    out.push_back({&cell.b, b});
    out.push_back({&cell.bhn, hh.narrow(0, 2 * h, h)});
  }
  return out;
}

template <class Options>
Options options_of(const golden::Case& c, DType dtype) {
  Options o{.in = 3,
            .hidden = 5,
            .layers = static_cast<Index>(c.number("layers")),
            .bidirectional = c.flag("bidirectional"),
            .bias = c.flag("bias"),
            .dtype = dtype};
  if constexpr (std::is_same_v<Options, nn::RNNOptions>) o.relu = c.option("kind") == "rnn_relu";
  if constexpr (std::is_same_v<Options, nn::LSTMOptions>)
    o.projection = c.option("kind") == "lstm_projected" ? 3 : 0;
  return o;
}

// f(cell, "_l1_reverse") in the order of PyTorch's states.
template <class Layer, class F>
void for_each_cell(Layer& layer, F f) {
  for (std::size_t l = 0; l < layer.layers.size(); ++l) {
    f(layer.layers[l], fmt::format("_l{}", l));
    if (!layer.reverse.empty()) f(layer.reverse[l], fmt::format("_l{}_reverse", l));
  }
}

template <class Layer>
void check_case(const golden::Case& c, DType dtype, bool fused) {
  Layer layer(options_of<typename Layer::Options>(c, dtype));
  for_each_cell(layer, [&](auto& cell, const std::string& suffix) {
    const auto weight = [&](const std::string& name) {
      return c.shared(c.option("weights"), name + suffix, dtype);
    };
    const auto both = [](const Tensor& ih, const Tensor& hh) { return add(ih, hh); };
    for (const Pair& pair : matched(cell, weight, both)) pair.ours->set_value(pair.theirs);
  });

  Tape tape;
  std::vector<std::pair<std::string, Var>> inputs{{"x", tape.watch(c("x", dtype))}};
  for (const char* name : {"h0", "c0"})
    if (c.has(name)) inputs.emplace_back(name, tape.watch(c(name, dtype)));
  std::vector<typename Layer::State> initial;
  for_each_cell(layer, [&](auto&, const std::string&) {
    typename Layer::State state;
    std::size_t k = 1;
    nn::each_part(state, [&](Var& part) {
      part = select(inputs.at(k++).second, 0, static_cast<Index>(initial.size()));
    });
    initial.push_back(state);
  });
  const auto x = nn::Sequence::from_padded(inputs[0].second, c.integers("lengths"));
  auto out = layer(x, initial, {.fused = fused});

  std::vector<std::pair<std::string, Var>> outputs{{"y", out.sequence.padded()}};
  for (std::size_t k = 0; k + 1 < inputs.size(); ++k) {
    std::vector<Var> parts;
    for (const auto& state : out.state) parts.push_back(nn::parts_of(state)[k]);
    outputs.emplace_back(k == 0 ? "hn" : "cn", stack(parts));
  }
  const Gradients gradients = tape.backward(golden::checked_loss(c, outputs));
  golden::check_gradients(c, gradients, inputs);
  for_each_cell(layer, [&](auto& cell, const std::string& suffix) {
    const auto gradient = [&](const std::string& name) {
      return c("grad." + name + suffix, dtype);
    };
    // The gradient of a sum is that of each part.
    const auto both = [](const Tensor& ih, const Tensor&) { return ih; };
    for (const Pair& pair : matched(cell, gradient, both))
      golden::check_close(c.name() + " weights" + suffix, gradients[*pair.ours], pair.theirs);
  });
}

template <class Layer>
void check_family(const std::string& family, std::size_t count) {
  const auto cases = golden::cases(family);
  CHECK(cases.size() == count);
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64})
      for (bool fused : {true, false}) check_case<Layer>(c, dtype, fused);
}

}  // namespace

TEST_CASE("an RNN, tanh or relu, gives PyTorch's results") { check_family<nn::RNN>("rnn", 32); }

TEST_CASE("an LSTM, with or without projection, gives PyTorch's results") {
  check_family<nn::LSTM>("lstm", 32);
}

TEST_CASE("a GRU gives PyTorch's results") { check_family<nn::GRU>("gru", 16); }
