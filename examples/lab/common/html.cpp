#include "examples/lab/common/html.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace lab::html {
namespace {

// Readable on a phone and on a desktop, in light and in dark.
constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --text: #1b1f24; --soft: #5a6470; --line: #d8dde3;
  --ground: #ffffff; --raised: #f5f7f9; --mark: #0b66c3; --failed: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e8ec; --soft: #9aa5b1; --line: #38414b; --ground: #14181d;
    --raised: #1d232a; --mark: #6cb2ff; --failed: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; background: var(--ground);
  color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.3rem; margin: 0 0 .3rem; }
section { border-top: 1px solid var(--line); padding: 1.5rem 0; }
nav ol { padding-left: 1.5rem; columns: 14rem; }
a { color: var(--mark); }
.claim { color: var(--soft); font-style: italic; margin-top: 0; }
.conclusion { background: var(--raised); border-left: 4px solid var(--mark); margin: .6rem 0;
  padding: .5rem .8rem; }
.failed { border-left-color: var(--failed); }
.run, .soft { color: var(--soft); font-size: .85rem; }
code, pre { font-size: .85rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.code { background: var(--raised); padding: .5rem .8rem; overflow-x: auto; white-space: pre; }
.code code { white-space: pre; overflow-wrap: normal; }
figure { margin: 1.3rem 0; }
figcaption { font-weight: 600; }
figure svg { display: block; width: 100%; height: auto; }
summary { color: var(--soft); cursor: pointer; font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible {
  outline: 2px solid var(--mark); outline-offset: 2px; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; text-align: right;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tbody th { font-weight: normal; }
@media print {
  :root { color-scheme: light; --text: #000000; --soft: #444444; --line: #bbbbbb;
    --ground: #ffffff; --raised: #ffffff; --mark: #000000; --failed: #000000; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav { display: none; }
  h2, .claim, figcaption { break-after: avoid; }
  figure, .conclusion, tr { break-inside: avoid; }
  figure svg { max-width: 12cm; }
  .wide, .code { overflow: visible; }
  .code, .code code { white-space: pre-wrap; }
  .conclusion { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// Removes what is from `begin` to `end`, both included.
void remove_part(std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t at = text.find(begin), to = text.find(end, at == std::string::npos ? 0 : at);
  if (at != std::string::npos && to != std::string::npos) text.erase(at, to + end.size() - at);
}

// A part that may be wider than the page: it can be scrolled by the keyboard too.
std::string scrolled(const std::string& inner, const std::string& title) {
  return fmt::format(
      "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</div>\n",
      escaped(title), inner);
}

// The text between `begin` and `end`.
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t at = text.find(begin);
  const std::size_t to = at == std::string::npos ? at : text.find(end, at + begin.size());
  unroll::check_io(to != std::string::npos, "page: a section with {} was required: got none ({})",
                   begin, unroll::excerpt(text));
  return text.substr(at + begin.size(), to - at - begin.size());
}

int number_of(const std::string& section) {
  return std::stoi(between(section, "data-number=\"", "\""));
}

}  // namespace

const std::string& colour(std::size_t line) {
  static const std::array<std::string, 10> all{"#2f7ed8", "#e8702a", "#2ca25f", "#d6336c",
                                               "#8b6fd0", "#b8860b", "#17a2a8", "#8c6d5a",
                                               "#7f8c9a", "#c055c0"};
  return all[line % all.size()];
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '&'   ? "&amp;"
           : c == '<' ? "&lt;"
           : c == '>' ? "&gt;"
           : c == '"' ? "&quot;"
                      : std::string(1, c);
  return out;
}

std::string table(const Table& table) {
  std::string out = "<table><thead><tr>";
  for (const std::string& heading : table.headings)
    out += "<th scope=\"col\">" + escaped(heading) + "</th>";
  out += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    unroll::check(row.size() == table.headings.size(),
                  "table {}: {} cells in each row were required: got {}", table.title,
                  table.headings.size(), row.size());
    out += "<tr><th scope=\"row\">" + escaped(row[0]) + "</th>";
    for (std::size_t c = 1; c < row.size(); ++c) out += "<td>" + escaped(row[c]) + "</td>";
    out += "</tr>";
  }
  return scrolled(out + "</tbody></table>", table.title);
}

std::string code(const std::string& lines) {
  return "<pre class=\"code\" tabindex=\"0\"><code>" + escaped(lines) + "</code></pre>\n";
}

std::string inlined(const std::string& svg, const std::string& id) {
  const std::size_t begin = svg.find("<svg");
  unroll::check_io(begin != std::string::npos, "page: an SVG picture was required: got {}",
                   unroll::excerpt(svg));
  std::string out = svg.substr(begin);
  // The size is that of the column of the page: of width and height only the viewBox stays.
  const std::size_t size = out.find("width="), box = out.find("viewBox=");
  if (size != std::string::npos && box != std::string::npos && size < box)
    out.erase(size, box - size);
  replace_all(out, "gnuplot_", id + "_");
  replace_all(out, "id='gp", "id='" + id + "_gp");
  replace_all(out, "#gp", "#" + id + "_gp");
  for (const std::string filter : {"textbox", "greybox"})
    replace_all(out, "id='" + filter, "id='" + id + "_" + filter),
        replace_all(out, "#" + filter, "#" + id + "_" + filter);
  replace_all(out, "xlink:href", "href");
  remove_part(out, "<title>", "</title>");  // "Gnuplot"; figure() gives the picture its title
  remove_part(out, "<desc>", "</desc>");
  const std::size_t ground = out.find("fill=\"#ffffff\"");  // that of the whole picture
  if (ground != std::string::npos) out.replace(ground, 14, "fill=\"none\"");
  const auto coloured = [&](std::initializer_list<const char*> from, const std::string& to) {
    for (const char* colour : from) replace_all(out, colour, to);
  };
  coloured({"rgb(221, 221, 221)", "rgb(221,221,221)"}, "var(--line)");
  coloured({"rgb( 85,  85,  85)", "rgb(85,85,85)"}, "var(--soft)");
  coloured({"\"black\"", "'black'"}, "'var(--text)'");
  return out;
}

std::string figure(const std::string& title, const std::string& picture, const Table& numbers) {
  std::string shown = "<p class=\"soft\">No picture: gnuplot is not installed.</p>\n";
  if (!picture.empty()) {
    shown = picture;
    const std::string begin = "<svg";
    if (shown.rfind(begin, 0) == 0)
      shown.insert(begin.size(), fmt::format(" role=\"img\" aria-label=\"{}\"", escaped(title)));
  }
  return fmt::format(
      "<figure><figcaption>{}</figcaption>\n{}<details{}><summary>The numbers</summary>\n{}"
      "</details></figure>\n",
      escaped(title), shown, picture.empty() ? " open" : "", table(numbers));
}

std::string page(const std::vector<std::string>& sections, const std::vector<Failure>& failures) {
  std::vector<std::string> sorted = sections;
  std::stable_sort(sorted.begin(), sorted.end(), [](const std::string& a, const std::string& b) {
    return number_of(a) < number_of(b);
  });
  std::string links, body;
  for (const std::string& section : sorted) {
    links += fmt::format("<li value=\"{}\"><a href=\"#{}\">{}</a></li>\n", number_of(section),
                         between(section, "<section id=\"", "\""),
                         between(between(section, "<h2>", "</h2>") + "\n", ". ", "\n"));
    body += section;
  }
  for (const Failure& failure : failures) {
    links += fmt::format("<li><a href=\"#{0}\">{0} (failed)</a></li>\n", escaped(failure.name));
    body += fmt::format(
        "<section id=\"{0}\">\n<h2>{0}</h2>\n<p class=\"conclusion failed\">This experiment "
        "failed.</p>\n<pre>{1}</pre>\n</section>\n",
        escaped(failure.name), escaped(failure.log));
  }
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>unroll: the lab</title>\n<style>{}</style>\n</head>\n<body>\n"
      "<h1>The lab: claims about sequence models, measured</h1>\n"
      "<p>Each section begins with a claim, in italics; what was measured follows. Sentences "
      "with a bar on their left are computed from the numbers of this run. <code>./dev "
      "lab</code> makes this page; <code>./dev lab --only NAME</code> repeats one "
      "experiment.</p>\n<nav aria-label=\"Experiments\"><ol>\n{}</ol></nav>\n<main>\n{}</main>\n"
      "</body>\n</html>\n",
      kStyle, links, body);
}

}  // namespace lab::html
