// Labelled series of the UCR archive, in every form in which the archive has been distributed.
#include "tests/support.h"

#include <unroll/data/signal/ucr.h>

using namespace unroll;
using namespace unroll::data;

TEST_CASE("series are read whatever separates their fields, their line ends and their lengths") {
  Generator g(1);
  for (int round = 0; round < 200; ++round) {
    const std::string separator = std::vector<std::string>{"\t", ",", "  ", " "}[round % 4];
    const std::string end = std::vector<std::string>{"\n", "\r\n", "\r"}[round % 3];
    std::string text = g.below(2) ? "\xEF\xBB\xBF" : "";
    std::vector<LabelledSeries> expected;
    for (Index i = 1 + g.below(5); i > 0; --i) {
      LabelledSeries series{std::to_string(g.below(5) - 2), {}};
      // The label as integer or as the archive's older files have it.
      text += (separator == "  " ? "  " : "") +
              (g.below(2) ? series.label : fmt::format("{:.7e}", std::stod(series.label)));
      for (Index n = 1 + g.below(9); n > 0; --n) {
        series.values.push_back(static_cast<double>(g.below(2000) - 1000) / 128);
        text += separator +
                fmt::format(fmt::runtime(g.below(2) ? "{:.12g}" : "{:.12e}"), series.values.back());
      }
      if (separator == "\t" || separator == ",")
        for (Index n = g.below(3); n > 0; --n) text += separator + (g.below(2) ? "NaN" : "");
      else
        for (Index n = g.below(3); n > 0; --n) text += separator + "nan";
      text += end;
      if (g.below(4) == 0) text += end;
      expected.push_back(series);
    }
    const auto found = parse_ucr(text);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].label == expected[i].label);
      CHECK(found[i].values == expected[i].values);
    }
  }
}

TEST_CASE("labels may be words, and equal numbers are one label") {
  const auto found = parse_ucr("1.0,2\n1,3\n 1.0000e+00 ,4\nwalk,5\n-0,6\n");
  CHECK(found[0].label == "1");
  CHECK(found[1].label == "1");
  CHECK(found[2].label == "1");
  CHECK(found[3].label == "walk");
  CHECK(found[4].label == "0");
}

TEST_CASE("comments of newer files are skipped") {
  CHECK(parse_ucr("# a set\n@problemName X\n% more\n1,2,3\n").size() == 1);
}

TEST_CASE("lines that are not labelled series are refused with their number") {
  const auto said = [](const std::string& text) {
    return message_of([&] { (void)parse_ucr(text, "set.tsv"); });
  };
  CHECK(said("") == "set.tsv: at least one series was required: got none");
  CHECK(said("\n\n") == "set.tsv: at least one series was required: got none");
  check_says(said("1\t2\n2\n"), "set.tsv:2: a label and values");
  check_says(said("1\tNaN\tNaN\n"), "set.tsv:1: a label and values");
  check_says(said("1,2\n2,x,3\n"), "set.tsv:2: a finite number was required in field 2: got \"x\"");
  check_says(said("1,2,NaN,3\n"),
             "set.tsv:1: a value was required (only the end of a line may be padded) in field 3");
  check_says(said("1,inf\n"), "a finite number was required in field 2: got \"inf\"");
  check_says(said("\t1\t2\n"), "set.tsv:1: a label in the first field was required");
  check_says(said(",1,2\n"), "set.tsv:1: a label in the first field was required");
  check_says(said("NaN,1,2\n"), "set.tsv:1: a label in the first field was required");
  check_says(message_of([] { (void)read_ucr("/none/x.tsv"); }), "/none/x.tsv");
}
