#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

#include <cmath>

namespace {

const std::string kName = "stock_price";
const std::vector<std::string> kIndexes{"dax", "smi", "cac", "ftse"};

}  // namespace

TEST_CASE("the same seed gives the same numbers, whatever the number of threads") {
  const auto one = numbers_of(kName, {"--epochs", "2", "--seeds", "2", "--threads", "1"}),
             two = numbers_of(kName, {"--epochs", "2", "--seeds", "2", "--threads", "2"}),
             other = numbers_of(kName, {"--epochs", "2", "--seeds", "2", "--seed", "7"});
  CHECK(one.program == kName);
  CHECK(one.seed == 1);
  CHECK(one.threads == 1);
  CHECK(two.threads == 2);
  CHECK(one.same_metrics(two));
  CHECK(one["dax.nll.rnn"] != other["dax.nll.rnn"]);
  for (const std::string& index : kIndexes)
    for (const char* model : {"constant", "ewma", "garch", "rnn", "lstm", "gru"})
      for (const char* what : {"nll", "rmse"})
        CHECK(one.contains(fmt::format("{}.{}.{}", index, what, model)));
}
