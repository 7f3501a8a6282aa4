// The activations give PyTorch's numbers, values and gradients, near 0 and far away.
#include "tests/golden/golden.h"

using namespace unroll;

namespace {

// x [N] -> [N, 4]: rows whose softmax goes from even to all on one.
Var fan(const Var& x) { return reshape(x, {-1, 1}) * Tensor::of({1, -0.5, 0.25, 0}, x.dtype()); }

}  // namespace

TEST_CASE("activations give PyTorch's results, values and gradients, up to 10,000") {
  const std::map<std::string, Var (*)(const Var&)> functions{
      {"tanh", [](const Var& x) { return tanh(x); }},
      {"sigmoid", [](const Var& x) { return sigmoid(x); }},
      {"relu", [](const Var& x) { return relu(x); }},
      {"gelu", [](const Var& x) { return gelu(x); }},
      {"gelu_tanh", [](const Var& x) { return gelu_tanh(x); }},
      {"silu", [](const Var& x) { return silu(x); }},
      {"softplus", [](const Var& x) { return softplus(x); }},
      {"elu", [](const Var& x) { return elu(x); }},
      {"elu_alpha", [](const Var& x) { return elu(x, 1.5); }},
      {"leaky_relu", [](const Var& x) { return leaky_relu(x); }},
      {"leaky_relu_slope", [](const Var& x) { return leaky_relu(x, 0.25); }},
      {"softmax", [](const Var& x) { return softmax(fan(x)); }},
      {"log_softmax", [](const Var& x) { return log_softmax(fan(x)); }},
  };
  const auto cases = golden::cases("activations");
  CHECK(cases.size() == functions.size());
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64}) {
      Tape tape;
      const Var x = tape.watch(c("x", dtype));
      const Var loss = golden::checked_loss(c, {{"y", functions.at(c.option("op"))(x)}});
      golden::check_gradients(c, tape.backward(loss), {{"x", x}});
    }
}
