// The default job on the record that ships, and checkpointing in training.
#include "tests/examples/run_program.h"

TEST_CASE("ecg: on the record that ships, the LSTM beats both baselines by far") {
  const Folder folder;
  const std::string json = folder / "o.json";
  const Outcome run = run_program(
      "ecg", {"--epochs", "10", "--threads", "1", "--json", json, "--pictures", folder / "p"});
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  const Numbers numbers(json);
  CHECK(numbers["nll.ar"] < numbers["nll.persistence"] - 0.2);
  CHECK(numbers["nll.lstm"] < numbers["nll.ar"] - 0.2);
  CHECK(numbers["nll_ahead.lstm"] > 10 * numbers["nll_ahead_standard_error.lstm"]);
  CHECK(numbers["megabytes.recomputed"] < 0.3 * numbers["megabytes.saved"]);
  CHECK(numbers["beats"] > 450);
  CHECK(run.out.find("The LSTM beats") != std::string::npos);
}

TEST_CASE("ecg: the number of threads does not change a figure") {
  const auto figures = [](const std::string& threads) {
    const Numbers n = numbers_of("ecg", {"--epochs", "2", "--threads", threads});
    return std::vector<double>{n["nll.lstm"], n["rmse.lstm"], n["score.highest"]};
  };
  CHECK(figures("1") == figures("2"));
}
