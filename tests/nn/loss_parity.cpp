// Every loss gives PyTorch's numbers, values and gradients, under each reduction.
#include "tests/golden/golden.h"

#include <unroll/nn/loss.h>

using namespace unroll;

namespace {

// The case's loss of watched inputs: those that have a gradient in the file.
Var loss_of(const golden::Case& c, DType dtype, const std::map<std::string, Var>& in) {
  const std::string op = c.option("op"), name = c.option("reduction");
  const auto reduction = name == "mean"  ? nn::Reduction::mean
                         : name == "sum" ? nn::Reduction::sum
                                         : nn::Reduction::none;
  const auto given = [&](const char* tensor) {
    return c.has(tensor) ? c(tensor, dtype) : Tensor();
  };
  const Var& x = in.at("x");
  if (op == "cross_entropy")
    return nn::cross_entropy(x, c.ids("target"),
                             {.class_weights = given("class_weights"),
                              .label_smoothing = c.number("smoothing"),
                              .reduction = reduction});
  if (op == "nll")
    return nn::nll_loss(x, c.ids("target"),
                        {.class_weights = given("class_weights"), .reduction = reduction});
  if (op == "bce_with_logits")
    return nn::bce_with_logits(x, c("target", dtype),
                               {.weight = given("weight"),
                                .positive_weight = given("positive_weight"),
                                .reduction = reduction});
  const Var& target = in.at("target");
  if (op == "mse") return nn::mse_loss(x, target, reduction);
  if (op == "l1") return nn::l1_loss(x, target, reduction);
  if (op == "huber")
    return nn::huber_loss(x, target, {.delta = c.number("delta"), .reduction = reduction});
  REQUIRE(op == "gaussian_nll");
  return nn::gaussian_nll(x, target, in.at("variance"),
                          {.full = c.flag("full"), .eps = c.number("eps"), .reduction = reduction});
}

}  // namespace

TEST_CASE("every loss gives PyTorch's results, values and gradients") {
  const auto cases = golden::cases("losses");
  CHECK(cases.size() == 70);
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64}) {
      Tape tape;
      std::map<std::string, Var> inputs;
      for (const char* name : {"x", "target", "variance"})
        if (c.has(std::string("grad.") + name)) inputs[name] = tape.watch(c(name, dtype));
      const Var loss = golden::checked_loss(c, {{"loss", loss_of(c, dtype, inputs)}});
      golden::check_gradients(c, tape.backward(loss), {inputs.begin(), inputs.end()});
    }
}
