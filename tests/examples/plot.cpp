#include "examples/common/plot.h"
#include "tests/examples/run_program.h"

namespace {

program::Figure figure() {
  const double none = std::nan("");
  program::Panel curves;
  curves.title = "it's 손실";
  curves.x.label = "epoch", curves.y.label = "loss";
  curves.band({1, 2, 3}, {0, 1, 1}, {2, 2, 3}, {.title = "band"})
      .line({1, 2, 3}, {1, none, 2}, {.title = "training"})
      .points({1, 2}, {1, 1})
      .line_points({1, 2}, {100, 300}, {.title = "right", .second_axis = true})
      .impulses({1}, {1})
      .boxes({3}, {1}, 0.5)
      .text(2, 1.5, "'label'")
      .vertical(2);
  program::Panel heat;
  heat.x.label = "input";
  heat.heat({{0, 1, none}, {0.5, 0.25, 1}}, {"ㄱ", "b"}, {"a long label", "another one", "월"});
  program::Figure out;
  out.title = "a figure";
  out.columns = 2, out.panel_width = 400;
  program::Panel empty;
  empty.line({none, 1}, {1, none}, {.second_axis = true});
  return out.add(curves).add(heat).add(program::Panel()).add(empty);
}

}  // namespace

TEST_CASE("every kind of layer is drawn by gnuplot, as PNG and as SVG with its texts") {
  const Folder folder;
  if (!program::can_draw("a picture")) return;
  figure().draw(folder / "f.png");
  figure().draw(folder / "f.svg");
  CHECK(folder.files() == std::vector<std::string>{"f.png", "f.svg"});
  CHECK(unroll::read_file(folder / "f.png").substr(1, 3) == "PNG");
  const std::string svg = unroll::read_file(folder / "f.svg");
  for (const char* text : {"a figure", "training", "another one", "epoch", "right"})
    CHECK_MESSAGE(svg.find(text) != std::string::npos, text);
}

TEST_CASE("the legend has each title once, and a gap stands for a missing value") {
  const std::string script =
      figure().add(program::Panel().line({1}, {1}, {.title = "training"})).script();
  const std::size_t first = script.find("'training'");
  CHECK(first != std::string::npos);
  CHECK(script.find("'training'", first + 1) == std::string::npos);
  CHECK(script.find("2 ? \n") != std::string::npos);
}

TEST_CASE("data that do not fit together are refused") {
  program::Panel panel;
  CHECK_THROWS_AS(panel.line({1, 2}, {1}), std::invalid_argument);
  CHECK_THROWS_AS(panel.heat({{1, 2}}, {"a"}, {"b"}), std::invalid_argument);
  CHECK_THROWS_AS(panel.heat({{1, 2}}, {}, {"b", "c"}), std::invalid_argument);
  CHECK_THROWS_AS(program::Figure().script(), std::invalid_argument);
}
