// LayerNorm, Embedding and Linear give PyTorch's numbers, values and gradients.
#include "tests/golden/golden.h"

#include <unroll/nn/layers.h>

using namespace unroll;

namespace {

void check_layer_norm(const golden::Case& c, DType dtype) {
  Tape tape;
  const Var x = tape.watch(c("x", dtype));
  if (!c.has("weight")) {
    const Var y = layer_norm(x, Var(), Var(), c.number("eps"));
    golden::check_gradients(c, tape.backward(golden::checked_loss(c, {{"y", y}})), {{"x", x}});
    return;
  }
  nn::LayerNorm layer({.dim = x.shape().back(), .eps = c.number("eps"), .dtype = dtype});
  layer.gain.set_value(c("weight", dtype));
  layer.bias.set_value(c("bias", dtype));
  golden::check_gradients(c, tape.backward(golden::checked_loss(c, {{"y", layer(x)}})),
                          {{"x", x}, {"weight", layer.gain}, {"bias", layer.bias}});
}

void check_embedding(const golden::Case& c, DType dtype) {
  const Tensor table = c("weight", dtype);
  nn::Embedding layer({.vocab = table.shape()[0],
                       .dim = table.shape()[1],
                       .padding_id = static_cast<Index>(c.number("padding_id")),
                       .dtype = dtype});
  layer.weight.set_value(table);
  Tape tape;
  const Gradients gradients = tape.backward(golden::checked_loss(c, {{"y", layer(c.ids("ids"))}}));
  golden::check_gradients(c, gradients, {{"weight", layer.weight}});
}

void check_linear(const golden::Case& c, DType dtype) {
  const Tensor weight = c("weight", dtype);  // [out, in]
  nn::Linear layer({.in = weight.shape()[1], .out = weight.shape()[0], .dtype = dtype});
  layer.weight.set_value(weight.transpose());
  layer.bias.set_value(c("bias", dtype));
  Tape tape;
  const Var x = tape.watch(c("x", dtype));
  const Gradients gradients = tape.backward(golden::checked_loss(c, {{"y", layer(x)}}));
  golden::check_gradients(c, gradients, {{"x", x}, {"bias", layer.bias}});
  golden::check_close("linear weight", gradients[layer.weight], c("grad.weight", f64).transpose());
}

}  // namespace

TEST_CASE("LayerNorm, Embedding and Linear give PyTorch's results") {
  const std::map<std::string, void (*)(const golden::Case&, DType)> checks{
      {"layer_norm", check_layer_norm}, {"embedding", check_embedding}, {"linear", check_linear}};
  const auto cases = golden::cases("layers");
  CHECK(cases.size() == 5);
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64}) checks.at(c.option("op"))(c, dtype);
}
