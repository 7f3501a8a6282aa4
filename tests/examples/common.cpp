#include "examples/common/picture.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/common/training.h"

#include <doctest/doctest.h>

TEST_CASE("a table has its numbers below each other, and a star beside the best") {
  program::Table table({"nll", "DAX", "S&P 500"});
  table.add("ewma", {{"-2.8332", false}, {"1.5", false}}, "as today");
  table.add("größer", {{"-2.8", true}, {"10.5", false}});
  CHECK(table.str(false) ==
        "  nll         DAX  S&P 500\n"
        "  ewma    -2.8332      1.5  as today\n"
        "  größer     -2.8*    10.5\n");
  CHECK(table.str(true).find("\033[1m   -2.8*\033[0m") != std::string::npos);
}

TEST_CASE("metrics have names that a program can read, whatever a user's columns are called") {
  using Names = std::vector<std::string>;
  CHECK(program::metric_names({"DAX", "S&P 500", "s.p 500", "+", "é"}) ==
        Names{"dax", "s_p_500", "s_p_500_2", "+", "__"});
}

TEST_CASE("mean and standard deviation of some seeds") {
  const program::MeanAndStd three = program::mean_and_std({1, 2, 3}),
                            one = program::mean_and_std({5});
  CHECK(three.mean == doctest::Approx(2));
  CHECK(three.std == doctest::Approx(1));
  CHECK(one.mean == 5);
  CHECK(one.std == 0);
}

TEST_CASE("a text for gnuplot ends where it should") {
  CHECK(program::quoted("it's\na \"class\"") == "'it''s a \"class\"'");
}

TEST_CASE("training that stops early goes back to the parameters that did best") {
  // The model is a number that grows; its validation loss is least at 3.
  int model = 0;
  const auto epoch = [&] { return static_cast<double>(++model); };
  const auto validate = [&] { return static_cast<double>((model - 3) * (model - 3)); };
  const program::Curves curves = program::train(model, {"early", 100, 4}, epoch, validate);
  CHECK(model == 3);
  CHECK(curves.train == std::vector<double>{1, 2, 3, 4, 5, 6, 7});
  CHECK(curves.validation == std::vector<double>{4, 1, 0, 1, 4, 9, 16});
}

TEST_CASE("training without patience keeps the last parameters") {
  int model = 0;
  const auto epoch = [&] { return static_cast<double>(++model); };
  const auto validate = [&] { return static_cast<double>(model); };
  CHECK(program::train(model, {"all", 5}, epoch, validate).train.size() == 5);
  CHECK(model == 5);
}

TEST_CASE("a model that training only makes worse stays as it was") {
  int model = 0;
  const auto epoch = [&] { return static_cast<double>(++model); };
  const auto validate = [&] { return static_cast<double>(model); };
  program::train(model, {"worse", 50, 2}, epoch, validate);
  CHECK(model == 0);
}
