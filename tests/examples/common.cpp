#include "examples/common/command_line.h"
#include "examples/common/picture.h"
#include "examples/common/picture_text.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/common/training.h"
#include "tests/examples/run_program.h"

TEST_CASE("a table aligns its numbers and marks the best with a star") {
  program::Table table({"nll", "DAX", "S&P 500"});
  table.add("ewma", {{"-2.8332", false}, {"1.5", false}}, "as today");
  table.add("größer", {{"-2.8", true}, {"10.5", false}});
  CHECK(table.str(false) ==
        "  nll         DAX  S&P 500\n"
        "  ewma    -2.8332      1.5  as today\n"
        "  größer     -2.8*    10.5\n");
  CHECK(table.str(true).find("\033[1m   -2.8*\033[0m") != std::string::npos);
}

TEST_CASE("letters of East Asian scripts take two places") {
  program::Table table({"nll", "종가", "e\u0301"});
  table.add("价格", {{"-2.83"}, {"1"}});
  CHECK(table.str(false) ==
        "  nll    종가  e\u0301\n"
        "  价格  -2.83  1\n");
}

TEST_CASE("a paragraph is wrapped between words, by display width") {
  CHECK(program::wrapped("one two  three", 7) == "one two\nthree\n");
  CHECK(program::wrapped("종가 종가", 8) == "종가\n종가\n");
  CHECK(program::wrapped("unbreakable", 3) == "unbreakable\n");
}

TEST_CASE("a table aligns its spreads and keeps the star next to the number") {
  program::Table table({"nll", "DAX"});
  table.add("ewma", {{"-2.83", true}});
  table.add("gru", {{"-2.85", false, "±0.01"}});
  CHECK(table.str(false) ==
        "  nll     DAX\n"
        "  ewma  -2.83*\n"
        "  gru   -2.85 ±0.01\n");
}

TEST_CASE("control characters in column and class names do not reach the terminal") {
  program::Table table({"\033[31mred", std::string(100, 'a')});
  table.add("x\ty", {{"1"}});
  CHECK(table.str(false).find("  \\x1B[31mred") == 0);
  CHECK(table.str(false).find("x\\x09y") != std::string::npos);
  CHECK(table.str(false).find(std::string(61, 'a')) == std::string::npos);
  CHECK(program::shown({"DAX", "a\nb"}) == "DAX, a\\x0Ab");
}

TEST_CASE("whole_number accepts only decimal digits within its range") {
  const CLI::Validator validator = program::whole_number(1, 300);
  for (const std::string text : {"1", "300", "010"}) CHECK(validator(std::string(text)).empty());
  std::string octal = "010";
  validator(octal);
  CHECK(octal == "10");
  for (const std::string text :
       {"0", "301", "-1", "+1", "1.5", "1e2", "x", "", " 1", "0x10", "99999999999999999999999"})
    CHECK(validator(std::string(text)) == "a whole number from 1 to 300 was required: got " + text);
}

TEST_CASE("two paths are one file by whatever names, whether or not it is there") {
  const Folder folder;
  const std::string file = folder.write("a", "x"), link = folder / "link", other = folder / "hard";
  std::filesystem::create_symlink(file, link);
  std::filesystem::create_hard_link(file, other);
  CHECK(program::same_file(file, file));
  CHECK(program::same_file(file, folder / "./a"));
  CHECK(program::same_file(file, link));
  CHECK(program::same_file(file, other));
  CHECK(program::same_file(folder / "absent", folder / "x/../absent"));
  CHECK(program::same_file(folder / "absent/", folder / "absent"));
  CHECK_FALSE(program::same_file(file, folder.write("b", "x")));
  CHECK_FALSE(program::same_file(file, folder / "absent"));
  CHECK_FALSE(program::same_file("/dev/null", "/dev/null"));
}

TEST_CASE("example_info prints build_info and refuses options it would ignore") {
  const Outcome result = run_program("info", {});
  CHECK(result.code == 0);
  CHECK(result.out.find("threads") != std::string::npos);
  check_refused("info", {"--bogus"}, "got --bogus");
}

TEST_CASE("an invalid number of threads is refused, also by programs that use one thread") {
  const std::string before = std::getenv("UNROLL_THREADS") ? std::getenv("UNROLL_THREADS") : "";
  for (const char* threads : {"0", "abc"}) {
    setenv("UNROLL_THREADS", threads, 1);
    check_refused("info", {}, "UNROLL_THREADS");
    check_refused("stock_price", {"--model", "none"}, "UNROLL_THREADS");
  }
  before.empty() ? unsetenv("UNROLL_THREADS") : setenv("UNROLL_THREADS", before.c_str(), 1);
}

TEST_CASE("a failed write to standard output is an error") {
  if (!std::filesystem::exists("/dev/full")) return;
  const auto check = [](const std::string& name, const std::vector<std::string>& arguments) {
    check_sentence(name, run_program(name, arguments, 0, SIGINT, "/dev/full"), "output");
  };
  check("info", {});
  check("stock_price", {"--model", "none"});
  check("dna_sequence", {"--help"});
}

TEST_CASE("metric names in JSON are valid for any column names") {
  using Names = std::vector<std::string>;
  CHECK(program::metric_names({"DAX", "S&P 500", "s.p 500", "+", "é"}) ==
        Names{"dax", "s_p_500", "s_p_500_2", "+", "é"});
  CHECK(program::metric_names({"종가 (원)", "\xE9"}) == Names{"종가__원_", "_"});
}

TEST_CASE("a name that no font has is written in Latin letters, or replaced") {
  CHECK(program::romanised("종가 a") == "jongga a");
  CHECK(program::romanised("삼성전자") == "samseongjeonja");
  CHECK(program::romanised("값") == "gap");
  CHECK(program::drawable("DAX é", "x") == "DAX é");
  const std::string korean = program::drawable("종가", "x");
  CHECK((korean == "종가" || korean == "jongga"));
  const std::string private_use = "\uE123";  // no font's, nor a script's
  CHECK(program::drawable(private_use, "column 1").size() > 0);
}

TEST_CASE("mean and standard deviation of some seeds") {
  const program::MeanAndStd three = program::mean_and_std({1, 2, 3}),
                            one = program::mean_and_std({5});
  CHECK(three.mean == doctest::Approx(2));
  CHECK(three.std == doctest::Approx(1));
  CHECK(one.mean == 5);
  CHECK(one.std == 0);
}

TEST_CASE("text for gnuplot is quoted") {
  CHECK(program::quoted("it's\na \"class\"") == "'it''s a \"class\"'");
}

TEST_CASE("a progress line that is too long loses whole fields, never part of a number") {
  const program::ProgressLine line{"attention 10/10",
                                   123,
                                   100000,
                                   1234.5,
                                   98765,
                                   "loss 0.1234, "
                                   "validation 0.5678, best 0.4321"};
  const std::string whole = line.str(1000);
  for (const char* part : {"attention 10/10", "░", "123/100000", "1234.5s", "98765s left",
                           "loss 0.1234", "validation 0.5678", "best 0.4321"})
    CHECK(whole.find(part) != std::string::npos);
  const auto columns = [](const std::string& text) {
    std::size_t n = 0;
    for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return n;
  };
  for (std::size_t width = 0; width <= 120; ++width) {
    const std::string text = line.str(width);
    CHECK(columns(text) <= width);
    // Each number is there as a whole or not at all.
    std::string digits;
    for (const char c : text + " ") {
      if ((c >= '0' && c <= '9') || c == '.' || c == '/') {
        digits += c;
        continue;
      }
      if (!digits.empty())
        CHECK_MESSAGE((" " + whole + " ").find(" " + digits) != std::string::npos, digits);
      digits.clear();
    }
  }
  const std::string at_80 = program::ProgressLine{"attention",
                                                  17,
                                                  30,
                                                  59.1,
                                                  45,
                                                  "loss 0.1234, "
                                                  "validation 0.5678"}
                                .str(79);
  CHECK(at_80 == "attention        17/30  59.1s  45s left, loss 0.1234, validation 0.5678");
}

TEST_CASE("a cell of CSV has quotes where it needs them") {
  CHECK(program::csv_cell("plain") == "plain");
  CHECK(program::csv_cell("a,\"b\"") == "\"a,\"\"b\"\"\"");
}

namespace {

// A model that is a number.
struct Number {
  unroll::Param value{unroll::Tensor::zeros({1}, unroll::f64)};
  UNROLL_FIELDS(value)
  double get() const { return value.value().item(); }
  double grow() {
    value.set_value(value.value() + 1);
    return get();
  }
};

}  // namespace

TEST_CASE("early stopping restores the best parameters") {
  // The model is a number that grows; its validation loss is least at 3.
  Number model;
  const auto epoch = [&] { return model.grow(); };
  const auto validate = [&] { return (model.get() - 3) * (model.get() - 3); };
  const program::Curves curves = program::train(model, {"early", 100, 4}, epoch, validate);
  CHECK(model.get() == 3);
  CHECK(curves.train == std::vector<double>{1, 2, 3, 4, 5, 6, 7});
  CHECK(curves.validation == std::vector<double>{4, 1, 0, 1, 4, 9, 16});
  CHECK(curves.kept_epoch == 3);
  CHECK(curves.kept_loss == 0);
}

TEST_CASE("training without patience keeps the last parameters") {
  Number model;
  const auto epoch = [&] { return model.grow(); };
  const auto validate = [&] { return model.get(); };
  const program::Curves curves = program::train(model, {"all", 5}, epoch, validate);
  CHECK(curves.train.size() == 5);
  CHECK(model.get() == 5);
  CHECK(curves.kept_epoch == 5);
  CHECK(curves.kept_loss == 5);
}

TEST_CASE("an epoch whose validation is interrupted does not count") {
  for (const unroll::Index patience : {0, 4}) {
    Number model;
    const auto epoch = [&] { return model.grow(); };
    const auto validate = [&] {
      if (model.get() == 3) throw program::Interrupted();
      return 10 - model.get();
    };
    const program::Curves curves = program::train(model, {"stopped", 9, patience}, epoch, validate);
    CHECK(model.get() == 2);
    CHECK(curves.train == std::vector<double>{1, 2});
    CHECK(curves.validation == std::vector<double>{9, 8});
    CHECK(curves.kept_epoch == 2);
  }
}

TEST_CASE("a text on the command line is UTF-8 and not too long") {
  CHECK_NOTHROW(program::check_text("--text", "\xED\x95\x9C"));
  CHECK_THROWS_WITH_AS(program::check_text("--text", "ab\xED\xA0\x80"),
                       doctest::Contains("--text: a text in UTF-8 was required: byte 3"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(program::check_text("--text", "abcd", 3),
                       doctest::Contains("at most 3 bytes was required: got 4"),
                       std::invalid_argument);
}

TEST_CASE("if training only makes a model worse, its initial parameters are kept") {
  Number model;
  const auto epoch = [&] { return model.grow(); };
  const auto validate = [&] { return model.get(); };
  const program::Curves curves = program::train(model, {"worse", 50, 2}, epoch, validate);
  CHECK(model.get() == 0);
  CHECK(curves.kept_epoch == 0);
  CHECK(curves.kept_loss == 0);
}

TEST_CASE("training with a NaN loss ends with an error") {
  Number model;
  const auto epoch = [&] { return std::nan(""); };
  const auto validate = [&] { return 0.0; };
  CHECK_THROWS_WITH_AS(program::train(model, {"odd", 5}, epoch, validate),
                       "odd: a finite loss was required: got nan in epoch 1", std::runtime_error);
}
