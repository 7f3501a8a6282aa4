// Parts of the lab's page for readers who do not see it, or have no mouse; and numbers in words.
#include "examples/lab/common/html.h"
#include "examples/lab/common/experiment.h"

#include <doctest/doctest.h>

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t out = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++out;
  return out;
}

const lab::Table kTable{
    "Loss & <size>", {"model", "loss", "size"}, {{"gru", "1", "2"}, {"a<b", "3", "4"}}};

}  // namespace

TEST_CASE("the headings of a table say what they are for, and it can be scrolled by the keyboard") {
  const std::string table = lab::html::table(kTable);
  CHECK(count(table, "<th scope=\"col\">") == 3);
  CHECK(count(table, "<th scope=\"row\">") == 2);
  CHECK(table.find("<th scope=\"row\">a&lt;b</th><td>3</td><td>4</td>") != std::string::npos);
  CHECK(table.find("tabindex=\"0\" role=\"region\" aria-label=\"Loss &amp; &lt;size&gt;\"") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(lab::html::table({"t", {"a", "b"}, {{"1"}}}),
                       "table t: 2 cells in each row were required: got 1", std::invalid_argument);
}

TEST_CASE("a picture is one image with its title, not that of the program which drew it") {
  const std::string svg = lab::html::inlined(
      "<?xml version=\"1.0\"?><svg width=\"4\" viewBox=\"0 0 4 3\"><title>Gnuplot</title>\n"
      "<desc>Produced by GNUPLOT</desc><g id=\"gnuplot_canvas\"/></svg>",
      "a-1");
  CHECK(count(svg, "title") + count(svg, "desc") + count(svg, "GNUPLOT") == 0);
  const std::string figure = lab::html::figure("Time < \"T\"", svg, kTable);
  CHECK(count(figure, "<svg role=\"img\" aria-label=\"Time &lt; &quot;T&quot;\" viewBox") == 1);
  CHECK(count(lab::html::figure("t", "", kTable), "role=\"img\"") == 0);
}

TEST_CASE("code is shown as it is") {
  CHECK(lab::html::code("a<b>\n  c & d") ==
        "<pre class=\"code\" tabindex=\"0\"><code>a&lt;b&gt;\n  c &amp; d</code></pre>\n");
}

TEST_CASE("the page has landmarks, a visible focus and a style for paper") {
  const std::string page = lab::html::page({}, {{"bad", "log"}});
  for (const char* part : {"<nav aria-label=\"Experiments\">", "<main>", "</main>",
                           "<html lang=\"en\">", "focus-visible", "@media print"})
    CHECK_MESSAGE(page.find(part) != std::string::npos, part);
  CHECK(page.find("<main>") < page.find("<section id=\"bad\">"));
}

TEST_CASE("a single seed has no spread") {
  CHECK(lab::with_spread({0.5}) == "0.5");
  CHECK(lab::with_spread({1, 3}) == "2 ± 1.41");
}
