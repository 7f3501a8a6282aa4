#include "tests/examples/run_program.h"
#include "tests/examples/stock_price/wandering.h"

#include <unroll/tensor/safetensors.h>

#include <cmath>

namespace {

const std::string kName = "stock_price";

}  // namespace

TEST_CASE(
    "every kind of file gets its picture: undated, of any script, of few days, of tiny prices") {
  const Folder folder;
  const auto drawn = [&](const std::string& header, double factor, bool dated) {
    const std::string csv =
        folder.write("p.csv", wandering_prices(260, header, [&](int day, double a, double b) {
                       const std::string date = fmt::format("{}-{:02}-{:02},", 2001 + day / 84,
                                                            day / 7 % 12 + 1, day % 7 + 1);
                       return fmt::format("{}{},{}", dated ? date : "", a * factor, b * factor);
                     }));
    const std::string columns = header.substr(dated ? 5 : 0);
    const Outcome result =
        run_program(kName, {"--csv", csv, "--columns", columns, "--model", "gru", "--epochs", "1",
                            "--seeds", "1", "--pictures", folder / "pictures"});
    CHECK_MESSAGE(result.code == 0, result.err);
    if (result.out.find("No picture") == std::string::npos)
      CHECK(unroll::read_file(folder / "pictures/stock_price.png").substr(1, 3) == "PNG");
  };
  drawn("A,B", 1, false);
  drawn("Date,종가,价格", 1e6, true);
  drawn("Date,it's,\\n{x}", 1e-7, true);
}

TEST_CASE("what goes into a pipe is plain text of moderate width; pictures are whole") {
  const Folder folder;
  const Outcome result =
      run_program(kName, {"--epochs", "1", "--seeds", "2", "--pictures", folder / "with 'quotes'"});
  REQUIRE(result.code == 0);
  CHECK(result.err.empty());
  check_plain(result.out);
  if (result.out.find("No picture") == std::string::npos) {
    CHECK(std::filesystem::directory_iterator(folder / "with 'quotes'")->path().filename() ==
          "stock_price.png");
    CHECK(unroll::read_file(folder / "with 'quotes'/stock_price.png").substr(1, 3) == "PNG");
  }
  const Outcome help = run_program(kName, {"--help"});
  CHECK(help.code == 0);
  for (const char* option : {"--seed", "--threads", "--epochs", "--save", "--load", "--json",
                             "--pictures", "--csv", "--columns", "--model", "--seeds", "--predict",
                             "--out", "--ticker", "--date-order", "--decimal", "--encoding"})
    CHECK(help.out.find(option) != std::string::npos);
}
