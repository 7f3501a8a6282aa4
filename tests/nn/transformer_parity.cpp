// The Transformer gives PyTorch's numbers, with weights imported under PyTorch's names: outputs,
// and the gradients of inputs and parameters. Shared heads, windows and rotary positions, which
// PyTorch does not have, are compared with loops over queries and keys.
#include "tests/golden/golden.h"

#include <unroll/nn/save.h>
#include <unroll/nn/transformer.h>

using namespace unroll;

namespace {

using Named = std::vector<std::pair<std::string, Var>>;

nn::TransformerOptions options_of(const golden::Case& c, Index dim, DType dtype) {
  return {.dim = dim,
          .heads = static_cast<Index>(c.number("heads")),
          .feed_forward = static_cast<Index>(c.number("hidden")),
          .activation = c.flag("gelu") ? nn::FeedForward::gelu : nn::FeedForward::relu,
          .norm_first = c.flag("norm_first"),
          .causal = c.flag("causal"),
          .layers = static_cast<Index>(c.number("layers", 1)),
          .final_norm = c.flag("final_norm"),
          .dtype = dtype};
}

// Loads PyTorch's weights, and compares y and all gradients of forward(model, inputs).
template <class M, class Forward>
void check_model(const golden::Case& c, DType dtype, M model, Forward forward) {
  nn::assign(c.name(), nn::transformer_tensors(c.all_with("model.", dtype)), nn::state(model),
             {.layout = nn::WeightLayout::out_in});
  Tape tape;
  Named inputs;
  for (const char* name : {"x", "memory"})
    if (c.has(name)) inputs.emplace_back(name, tape.watch(c(name, dtype)));
  const auto x = nn::Sequence::from_padded(inputs[0].second, c.integers("lengths"));
  const nn::Sequence y = forward(model, x, inputs);
  const Gradients g = tape.backward(golden::checked_loss(c, {{"y", y.padded()}}));
  golden::check_gradients(c, g, inputs);
  const NamedTensors expected = nn::transformer_tensors(c.all_with("grad.", f64));
  for (const NamedParam& p : nn::parameters(model)) {
    REQUIRE_MESSAGE(expected.count(p.name) == 1, c.name(), ": no gradient of ", p.name);
    const Tensor& theirs = expected.at(p.name);
    golden::check_close(c.name() + " grad." + p.name, g.find(p.param->id())->to_dense(),
                        theirs.rank() == 2 ? theirs.transpose() : theirs);
  }
}

nn::Sequence memory_of(const golden::Case& c, const Named& inputs) {
  return nn::Sequence::from_padded(inputs[1].second, c.integers("memory_lengths"));
}

void check_case(const golden::Case& c, DType dtype) {
  const Index dim = c("x", dtype).size(2);
  const std::string kind = c.option("kind");
  if (kind == "attention") {
    const nn::MultiHeadAttention layer({.dim = dim,
                                        .heads = static_cast<Index>(c.number("heads")),
                                        .kv_heads = static_cast<Index>(c.number("kv_heads")),
                                        .window = static_cast<Index>(c.number("window")),
                                        .rotary = static_cast<nn::Rotary>(c.number("rotary")),
                                        .rotary_base = c.number("base"),
                                        .dtype = dtype});
    return check_model(c, dtype, layer, [&](const auto& model, const auto& x, const Named&) {
      return model(x, {.causal = c.flag("causal")});
    });
  }
  const nn::TransformerOptions o = options_of(c, dim, dtype);
  const auto encode = [](const auto& model, const auto& x, const Named&) { return model(x); };
  if (kind == "encoder_layer")
    check_model(c, dtype, nn::TransformerEncoderLayer(o), encode);
  else if (kind == "encoder")
    check_model(c, dtype, nn::TransformerEncoder(o), encode);
  else if (kind == "decoder_layer")
    check_model(c, dtype, nn::TransformerDecoderLayer(o),
                [&](const auto& model, const auto& x, const Named& inputs) {
                  return model(x, model.prepare(memory_of(c, inputs)));
                });
  else
    check_model(c, dtype, nn::TransformerDecoder(o),
                [&](const auto& model, const auto& x, const Named& inputs) {
                  return model(x, memory_of(c, inputs));
                });
}

}  // namespace

TEST_CASE("the Transformer gives PyTorch's results: values, and gradients of inputs and weights") {
  const auto cases = golden::cases("transformer");
  CHECK(cases.size() == 24);
  for (const golden::Case& c : cases)
    for (const DType dtype : {f32, f64}) check_case(c, dtype);
}

TEST_CASE(
    "padded calls of attention with shared heads, a window and rotary positions give the same") {
  for (const golden::Case& c : golden::cases("transformer")) {
    if (c.option("kind") != "attention") continue;
    const Tensor x = c("x", f64);
    nn::MultiHeadAttention layer({.dim = x.size(2),
                                  .heads = static_cast<Index>(c.number("heads")),
                                  .kv_heads = static_cast<Index>(c.number("kv_heads")),
                                  .window = static_cast<Index>(c.number("window")),
                                  .rotary = static_cast<nn::Rotary>(c.number("rotary")),
                                  .rotary_base = c.number("base"),
                                  .dtype = f64});
    nn::assign(c.name(), nn::transformer_tensors(c.all_with("model.", f64)), nn::state(layer),
               {.layout = nn::WeightLayout::out_in});
    // Sequence 1 fills all steps. Fused, with weights, and with three inputs.
    const Tensor one = x.narrow(0, 1, 1), expected = c("y", f64).narrow(0, 1, 1),
                 same = one.clone();
    for (const bool weights : {false, true})
      for (const Tensor& key : {one, same}) {
        const nn::Attended out =
            layer(one, key, key, {.causal = c.flag("causal"), .weights = weights});
        golden::check_close(c.name(), out.out.value(), expected);
        if (weights)
          golden::check_close(c.name(), sum(out.weights.value(), {3}),
                              Tensor::ones({1, 4, x.size(1)}, f64));
      }
  }
}
