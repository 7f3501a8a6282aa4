// Three steps of every optimiser, and the rates of every schedule, are PyTorch's.
#include "tests/golden/golden.h"

#include <unroll/optim/optimizer.h>
#include <unroll/optim/schedule.h>

using namespace unroll;

namespace {

std::unique_ptr<optim::Optimizer> make(const golden::Case& c, const NamedParams& params) {
  const std::string op = c.option("op");
  const double lr = c.number("lr"), decay = c.number("weight_decay", 0),
               momentum = c.number("momentum", 0);
  if (op == "sgd")
    return std::make_unique<optim::SGD>(
        params,
        optim::SGDOptions{
            .lr = lr, .momentum = momentum, .weight_decay = decay, .nesterov = c.flag("nesterov")});
  if (op == "rmsprop")
    return std::make_unique<optim::RMSprop>(params,
                                            optim::RMSpropOptions{.lr = lr,
                                                                  .alpha = c.number("alpha", 0.99),
                                                                  .momentum = momentum,
                                                                  .weight_decay = decay,
                                                                  .centered = c.flag("centered")});
  if (op == "adagrad")
    return std::make_unique<optim::Adagrad>(params,
                                            optim::AdagradOptions{.lr = lr, .weight_decay = decay});
  const optim::AdamOptions adam{.lr = lr,
                                .beta1 = c.number("beta1", 0.9),
                                .beta2 = c.number("beta2", 0.999),
                                .weight_decay = decay};
  if (op == "adam") return std::make_unique<optim::Adam>(params, adam);
  REQUIRE(op == "adamw");
  return std::make_unique<optim::AdamW>(
      params, optim::AdamWOptions{
                  .lr = lr, .beta1 = adam.beta1, .beta2 = adam.beta2, .weight_decay = decay});
}

// The rate that a schedule gives for each of n steps.
std::vector<double> rates_of(const golden::Case& c, std::size_t n) {
  const std::string op = c.option("op");
  const double lr = c.number("lr");
  std::vector<double> out;
  const auto each_step = [&](const auto& schedule) {
    for (std::size_t i = 0; i < n; ++i) out.push_back(schedule(static_cast<Index>(i)));
  };
  if (op == "step") {
    each_step(optim::StepDecay{lr, static_cast<Index>(c.number("every")), c.number("factor")});
  } else if (op == "cosine") {
    each_step(optim::Cosine{
        .lr = lr, .steps = static_cast<Index>(c.number("steps")), .min = c.number("least")});
  } else if (op == "warm_up") {
    each_step(optim::WarmUp{lr, static_cast<Index>(c.number("steps")), c.number("start")});
  } else {
    REQUIRE(op == "plateau");
    optim::ReduceOnPlateau schedule({.lr = lr,
                                     .factor = c.number("factor"),
                                     .patience = static_cast<Index>(c.number("patience")),
                                     .threshold = c.number("threshold"),
                                     .cooldown = static_cast<Index>(c.number("cooldown")),
                                     .min = c.number("least")});
    for (double loss : c("losses", f64).to_vector<double>()) out.push_back(schedule(loss));
  }
  return out;
}

}  // namespace

TEST_CASE("three steps of every optimizer give PyTorch's parameters") {
  const auto cases = golden::cases("optimizers");
  CHECK(cases.size() == 17);
  for (const golden::Case& c : cases)
    for (DType dtype : {f32, f64}) {
      const Param params[] = {Param(c("start0", dtype)), Param(c("start1", dtype))};
      const auto optimizer = make(c, {{"a", params[0].handle()}, {"b", params[1].handle()}});
      for (int step = 0; step < 3; ++step) {
        Tape tape;
        Var loss = Tensor::scalar(0, dtype);
        for (int i : {0, 1})
          loss = loss + sum(params[i] * c(fmt::format("grad{}.{}", i, step), dtype));
        optimizer->step(tape.backward(loss));
        for (int i : {0, 1})
          golden::check_close(fmt::format("{} parameter {} after step {}", c.name(), i, step),
                              params[i].value(), c(fmt::format("after{}.{}", i, step), f64));
      }
    }
}

TEST_CASE("schedules give PyTorch's learning rates") {
  const auto cases = golden::cases("schedules");
  CHECK(cases.size() == 5);
  for (const golden::Case& c : cases) {
    const Tensor theirs = c("rates", f64);
    const auto ours = rates_of(c, static_cast<std::size_t>(theirs.numel()));
    golden::check_close(c.name(), Tensor::from(std::span<const double>(ours), theirs.shape()),
                        theirs);
  }
}
