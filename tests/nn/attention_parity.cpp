// Attention gives PyTorch's numbers: outputs, weights, and the gradients of inputs and parameters.
// B batch, T queries, S keys, D model size, H heads.
#include "tests/golden/golden.h"

#include <unroll/nn/attention.h>

using namespace unroll;

namespace {

using Named = std::vector<std::pair<std::string, Var>>;

void check_scaled_dot_product(const golden::Case& c, DType dtype) {
  Tape tape;
  Named inputs;
  for (const char* name : {"q", "k", "v"}) inputs.emplace_back(name, tape.watch(c(name, dtype)));
  const auto out =
      nn::scaled_dot_product_attention(inputs[0].second, inputs[1].second, inputs[2].second,
                                       {.causal = c.flag("causal"),
                                        .mask = c.has("visible") ? c("visible", dtype) : Tensor(),
                                        .weights = true});
  const Var loss = golden::checked_loss(c, {{"y", out.out}, {"weights", out.weights}});
  golden::check_gradients(c, tape.backward(loss), inputs);
}

void check_multihead(const golden::Case& c, DType dtype) {
  const Tensor in_weight = c("in_proj_weight", dtype);  // [3 D, D]
  const Index dim = in_weight.shape()[1];
  nn::MultiHeadAttention layer({.dim = dim,
                                .heads = static_cast<Index>(c.number("heads")),
                                .bias = c.flag("bias"),
                                .dtype = dtype});
  // PyTorch keeps weights as [out, in].
  const auto each_weight = [&](auto f) {
    f(layer.query_key_value.weight, "in_proj_weight");
    f(layer.out.weight, "out_proj.weight");
  };
  const auto each_bias = [&](auto f) {
    if (!c.flag("bias")) return;
    f(layer.query_key_value.bias, "in_proj_bias");
    f(layer.out.bias, "out_proj.bias");
  };
  each_weight([&](Param& p, const std::string& name) { p.set_value(c(name, dtype).transpose()); });
  each_bias([&](Param& p, const std::string& name) { p.set_value(c(name, dtype)); });

  Tape tape;
  Named inputs;
  for (const char* name : {"query", "key", "value"})
    if (c.has(name)) inputs.emplace_back(name, tape.watch(c(name, dtype)));
  const Var& query = inputs.front().second;
  const Var& key = inputs.size() > 1 ? inputs[1].second : query;
  const Var& value = inputs.size() > 1 ? inputs[2].second : query;
  const std::vector<Index> lengths = c.integers("lengths");
  Tensor visible;
  if (c.flag("padded")) {
    visible = Tensor::zeros({query.shape()[0], 1, 1, key.shape()[1]}, dtype);
    for (std::size_t b = 0; b < lengths.size(); ++b)
      visible.narrow(0, static_cast<Index>(b), 1).narrow(3, 0, lengths[b]).fill_(1);
  }
  const auto out =
      layer(query, key, value, {.causal = c.flag("causal"), .mask = visible, .weights = true});
  const Var weights = c.flag("averaged") ? mean(out.weights, {1}) : out.weights;
  const Gradients gradients =
      tape.backward(golden::checked_loss(c, {{"y", out.out}, {"weights", weights}}));
  golden::check_gradients(c, gradients, inputs);
  each_weight([&](Param& p, const std::string& name) {
    golden::check_close(c.name() + " " + name, gradients[p], c("grad." + name, f64).transpose());
  });
  each_bias([&](Param& p, const std::string& name) {
    golden::check_close(c.name() + " " + name, gradients[p], c("grad." + name, f64));
  });

  if (inputs.size() == 1 && c.flag("padded")) {  // as ragged rows, the same without any mask
    const auto ragged =
        layer(nn::Sequence::from_padded(query, lengths), {.causal = c.flag("causal")});
    const auto expected = nn::Sequence::from_padded(c("y", f64), lengths);
    golden::check_close(c.name() + " ragged", ragged.rows.value(), expected.rows.value());
  }
}

}  // namespace

TEST_CASE("attention gives PyTorch's results: values, weights and gradients") {
  const auto cases = golden::cases("attention");
  CHECK(cases.size() == 13);
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64})
      c.option("op") == "multihead" ? check_multihead(c, dtype)
                                    : check_scaled_dot_product(c, dtype);
}
