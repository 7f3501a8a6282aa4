// The experiment `order` in its smallest form.
#include "tests/examples/run_program.h"

TEST_CASE("order: without order no model beats chance, with it short and long sentences are read") {
  const std::vector<std::string> quick{"--quick", "--seed", "1", "--threads", "1"};
  const Numbers n = numbers_of("lab/order", quick);
  const double noise = 0.05;  // of 1,000 sentences: over 3 standard deviations
  for (const std::string model : {"bag", "logistic"}) {
    CAPTURE(model);
    CHECK(n["order." + model + ".accuracy"] < n["order.without_order.accuracy"] + noise);
    CHECK(n["order." + model + ".accuracy_long"] < n["order.without_order.accuracy_long"] + noise);
    CHECK(n["order." + model + ".verses"] == doctest::Approx(0.5).epsilon(0.02));
  }
  for (const std::string model : {"gru", "lstm", "mamba", "transformer"}) {
    CAPTURE(model);
    CHECK(n["order." + model + ".accuracy"] > 0.95);
    CHECK(n["order." + model + ".accuracy_long"] > 0.7);
    CHECK(n["order." + model + ".verses"] > 0.55);
  }
  CHECK(n["order.rnn.accuracy"] > n["order.bag.accuracy"] + 0.2);
  CHECK(n["order.logistic.testament"] > 0.7);
  CHECK(n.same_metrics(numbers_of("lab/order", quick)));
}
