#include "examples/lab/common/experiment.h"

#include "examples/common/command_line.h"
#include "examples/common/picture.h"
#include "examples/common/terminal.h"
#include "examples/lab/common/html.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

namespace lab {
namespace {

constexpr int kWidth = 460, kHeight = 300;  // pixels of a picture; a phone shows 375

bool has_spread(const Series& series) { return !series.low.empty(); }

// A value of a line, with its spread where there is any.
std::string value_of(const Series& s, std::size_t i) {
  const std::string value = number(s.values[i]);
  if (!has_spread(s) || s.low[i] == s.high[i]) return value;
  return fmt::format("{} ({} to {})", value, number(s.low[i]), number(s.high[i]));
}

// A position on an axis as it is labelled there.
std::string label_of(const program::Axis& axis, double at) {
  for (const auto& [tic, label] : axis.tics)
    if (tic == at) return label;
  return number(at);
}

Table numbers_of(const Chart& chart) {
  Table out{chart.title, {chart.x.label}, {}};
  for (const Series& s : chart.series) out.headings.push_back(s.name);
  for (std::size_t i = 0; i < chart.at.size(); ++i) {
    std::vector<std::string> row{label_of(chart.x, chart.at[i])};
    for (const Series& s : chart.series) row.push_back(value_of(s, i));
    out.rows.push_back(std::move(row));
  }
  return out;
}

Table numbers_of(const Heat& heat) {
  Table out{heat.title, {""}, {}};
  out.headings.insert(out.headings.end(), heat.column_labels.begin(), heat.column_labels.end());
  for (std::size_t r = 0; r < heat.rows.size(); ++r) {
    std::vector<std::string> row{heat.row_labels[r]};
    for (const double value : heat.rows[r]) row.push_back(fmt::format("{:.2f}", value));
    out.rows.push_back(std::move(row));
  }
  return out;
}

}  // namespace

std::string number(double value) {
  if (std::isnan(value)) return "-";
  const double size = std::abs(value);
  return size >= 1000 && size < 1e6 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string with_spread(const std::vector<double>& over_seeds) {
  const program::MeanAndStd of = program::mean_and_std(over_seeds);
  if (over_seeds.size() == 1) return number(of.mean);
  return fmt::format("{} ± {}", number(of.mean), number(of.std));
}

std::string Experiment::picture(const program::Panel& panel) {
  if (folder_.empty()) return {};
  const std::string id = fmt::format("{}-{}", about_.name, ++pictures_),
                    path = fmt::format("{}/{}.svg", folder_, id);
  program::Figure figure;
  figure.panel_width = kWidth, figure.panel_height = kHeight;
  figure.add(panel).draw(path);
  return std::filesystem::exists(path) ? html::inlined(unroll::read_file(path), id) : "";
}

// What is too wide for the terminal is printed in parts, each with the names of the rows.
void Experiment::print(const Table& table) {
  constexpr std::size_t kTerminal = 80, kSpace = 2;
  program::say("\n{}\n", table.title);
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < table.headings.size(); ++c) {
    widths.push_back(kSpace + program::columns_of(table.headings[c]));
    for (const auto& row : table.rows)
      widths[c] = std::max(widths[c], kSpace + program::columns_of(row[c]));
  }
  const auto padding = [&](const std::string& cell, std::size_t c) {
    return std::string(widths[c] - kSpace - program::columns_of(cell), ' ');
  };
  for (std::size_t begin = 1, end = begin; begin < widths.size(); begin = end) {
    for (std::size_t width = widths[0];
         end < widths.size() && (end == begin || width + widths[end] <= kTerminal); ++end)
      width += widths[end];
    const auto line = [&](const std::vector<std::string>& cells) {
      std::string out = "  " + cells[0] + padding(cells[0], 0);
      for (std::size_t c = begin; c < end; ++c) out += "  " + padding(cells[c], c) + cells[c];
      program::say("{}\n", out);
    };
    if (begin > 1) program::print("\n");
    line(table.headings);
    for (const auto& row : table.rows) line(row);
  }
}

void Experiment::text(const std::string& paragraph) {
  program::print("\n" + program::wrapped(paragraph));
  html_ += "<p>" + html::escaped(paragraph) + "</p>\n";
}

void Experiment::code(const std::string& lines) {
  program::say("\n{}\n", lines);
  html_ += html::code(lines);
}

void Experiment::chart(const Chart& chart) {
  program::Panel panel;
  panel.x = chart.x, panel.y = chart.y;
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    const Series& line = chart.series[s];
    unroll::check(line.values.size() == chart.at.size() && line.low.size() == line.high.size() &&
                      (line.low.empty() || line.low.size() == chart.at.size()),
                  "chart {}: {} values, one for each position, were required: {} has {}, low {}, "
                  "high {}",
                  chart.title, chart.at.size(), line.name, line.values.size(), line.low.size(),
                  line.high.size());
    const program::Style style{
        .title = line.name, .colour = html::colour(s), .width = 2, .size = 0.5};
    if (has_spread(line)) panel.range(chart.at, line.low, line.high, style);
    panel.line_points(chart.at, line.values, style);
  }
  const Table numbers = numbers_of(chart);
  print(numbers);
  html_ += html::figure(chart.title, picture(panel), numbers);
}

void Experiment::heat(const Heat& heat) {
  program::Panel panel;
  panel.heat(heat.rows, heat.row_labels, heat.column_labels);
  const Table numbers = numbers_of(heat);
  print(numbers);
  html_ += html::figure(heat.title, picture(panel), numbers);
}

void Experiment::table(const Table& table) {
  print(table);
  html_ += "<figure><figcaption>" + html::escaped(table.title) + "</figcaption>" +
           html::table(table) + "</figure>\n";
}

void Experiment::figure(const std::string& name, double value) {
  report_.add(about_.name + "." + name, value);
}

void Experiment::conclude(const std::string& sentence) {
  program::print("\n" + program::wrapped(sentence));
  conclusions_ += "<p class=\"conclusion\">" + html::escaped(sentence) + "</p>\n";
}

void Experiment::write(double seconds) const {
  unroll::write_file(
      fmt::format("{}/{}.html", folder_, about_.name),
      fmt::format("<section id=\"{0}\" data-number=\"{1}\">\n<h2>{1}. {2}</h2>\n"
                  "<p class=\"claim\">{3}</p>\n{4}{5}"
                  "<p class=\"run\"><code>build/release/examples/lab/{0}{6} --seed {7}</code>, "
                  "{8:.0f} s</p>\n</section>\n",
                  about_.name, about_.number, html::escaped(about_.title),
                  html::escaped(about_.claim), conclusions_, html_,
                  form_ == Form::full    ? " --full"
                  : form_ == Form::quick ? " --quick"
                                         : "",
                  options_.seed, seconds));
}

int run(int argc, char** argv, const About& about, const std::function<void(Experiment&)>& body,
        const std::function<void(CLI::App&)>& declare) {
  bool quick = false, full = false;
  std::string folder;
  std::string claim = program::wrapped(about.claim);
  claim.pop_back();  // the line end
  const program::About frame{.name = about.name, .description = claim, .takes = about.takes};
  return program::run(
      argc, argv, frame,
      [&](CLI::App& app) {
        if (declare) declare(app);
        app.add_flag("--full", full, "Longer sequences, more seeds: takes much longer")
            ->disable_flag_override();
        app.add_flag("--quick", quick, "The smallest form, as in the tests")
            ->disable_flag_override();
        app.add_option("--page", folder,
                       "Leave a section of the page, and its pictures,\nin this folder (needs "
                       "gnuplot)")
            ->type_name("FOLDER");
      },
      [&](const program::Options& o, program::Report& report) {
        using Form = Experiment::Form;
        if (full) o.refuse({"--quick"}, "one size", "--full");
        o.prepare();
        if (!folder.empty()) {
          std::error_code error;
          std::filesystem::create_directories(folder, error);
          program::check_output("--page", folder + "/" + about.name + ".html", {});
        }
        const auto start = std::chrono::steady_clock::now();
        program::print(program::wrapped(about.claim));
        Experiment experiment(about, o, report,
                              full    ? Form::full
                              : quick ? Form::quick
                                      : Form::normal,
                              folder);
        body(experiment);
        program::stop_if_interrupted();
        report.check_finite();
        const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
        if (!folder.empty()) experiment.write(spent.count());
      });
}

}  // namespace lab
