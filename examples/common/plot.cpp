#include "examples/common/plot.h"

#include "examples/common/picture_text.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace program {
namespace {

constexpr double kLetter = 7.2;  // pixels: the width of a letter at size 10, about
constexpr double kTitle = 34, kLegend = 26, kPanelTitle = 26, kAxisLabel = 22, kTics = 24,
                 kEdge = 12;
constexpr double kMark = 26;  // pixels: the width of a mark in the legend

// gnuplot misreads a quote at the beginning of a text, so an apostrophe is drawn as such.
std::string text_of(const std::string& text) {
  std::string out;
  for (const char c : drawable(text, text)) out += c == '\'' ? "\u2019" : std::string(1, c);
  return quoted(out);
}

double width_in_pixels(const std::string& text) {
  return kLetter * static_cast<double>(columns_of(text));
}

std::string number(double value) { return std::isnan(value) ? "?" : fmt::format("{}", value); }

double longest(const std::vector<std::pair<double, std::string>>& tics) {
  double most = 0;
  for (const auto& tic : tics) most = std::max(most, width_in_pixels(tic.second));
  return most;
}

// The labels of a heat map stand below its columns; where they have no room, upright.
bool upright(const Axis& x, double pixels) {
  return !x.tics.empty() && longest(x.tics) > 0.9 * pixels / static_cast<double>(x.tics.size());
}

std::string axis_script(const std::string& name, const Axis& axis) {
  std::string out =
      fmt::format("set {0}label {1}\nset {0}range [{2}:{3}]\nset format {0} {4}\n", name,
                  text_of(axis.label), std::isnan(axis.low) ? "*" : number(axis.low),
                  std::isnan(axis.high) ? "*" : number(axis.high), quoted(axis.format));
  std::string tics;
  for (const auto& [at, label] : axis.tics)
    tics += fmt::format("{}{} {}", tics.empty() ? "" : ", ", text_of(label), number(at));
  out += fmt::format("{} logscale {}\n", axis.logarithmic ? "set" : "unset", name);
  return out + (tics.empty() ? fmt::format("set {}tics autofreq\n", name)
                             : fmt::format("set {}tics ({})\n", name, tics));
}

}  // namespace

Panel& Panel::add(const std::string& with, std::vector<Numbers> columns, const Style& style) {
  for (const Numbers& column : columns)
    unroll::check(column.size() == columns[0].size(),
                  "plot: columns of equal lengths were required: got {} and {}", columns[0].size(),
                  column.size());
  layers_.push_back({with, std::move(columns), style});
  return *this;
}

Panel& Panel::line(const Numbers& xs, const Numbers& ys, const Style& style) {
  return add("lines", {xs, ys}, style);
}
Panel& Panel::points(const Numbers& xs, const Numbers& ys, const Style& style) {
  return add("points", {xs, ys}, style);
}
Panel& Panel::line_points(const Numbers& xs, const Numbers& ys, const Style& style) {
  return add("linespoints", {xs, ys}, style);
}
Panel& Panel::impulses(const Numbers& xs, const Numbers& ys, const Style& style) {
  return add("impulses", {xs, ys}, style);
}
Panel& Panel::boxes(const Numbers& xs, const Numbers& ys, double width, const Style& style) {
  box_width_ = width;
  return add("boxes", {xs, ys}, style);
}
Panel& Panel::band(const Numbers& xs, const Numbers& lows, const Numbers& highs,
                   const Style& style) {
  return add("filledcurves", {xs, lows, highs}, style);
}

Panel& Panel::range(const Numbers& xs, const Numbers& lows, const Numbers& highs,
                    const Style& style) {
  Numbers zeros, lengths;
  for (std::size_t i = 0; i < std::min(lows.size(), highs.size()); ++i)
    zeros.push_back(0), lengths.push_back(highs[i] - lows[i]);
  return add("vectors", {xs, lows, zeros, lengths}, style);
}

Panel& Panel::text(double at_x, double at_y, const std::string& text, const TextStyle& style) {
  texts_.push_back(fmt::format("set label {} at {},{} center front font 'Sans{},{}' tc rgb '{}'\n",
                               text_of(text), at_x, at_y, style.bold ? " Bold" : "", style.size,
                               style.colour));
  return *this;
}

Panel& Panel::vertical(double at_x) {
  texts_.push_back(fmt::format(
      "set arrow from {0}, graph 0 to {0}, graph 1 nohead dt 3 lc rgb '#555555'\n", at_x));
  return *this;
}

Panel& Panel::heat(const std::vector<Numbers>& rows, const std::vector<std::string>& row_labels,
                   const std::vector<std::string>& column_labels) {
  unroll::check(layers_.empty() && !rows.empty() && rows.size() == row_labels.size(),
                "plot: a heat map alone, with a label for each of {} rows, was required: got {}",
                rows.size(), row_labels.size());
  for (const Numbers& row : rows)
    unroll::check(row.size() == column_labels.size() && !row.empty(),
                  "plot: {} values in each row, one for each label, were required: got {}",
                  column_labels.size(), row.size());
  const auto tics = [](const std::vector<std::string>& labels) {
    std::vector<std::pair<double, std::string>> out;
    for (const std::string& label : labels)
      out.emplace_back(static_cast<double>(out.size()), label);
    return out;
  };
  x.tics = tics(column_labels), y.tics = tics(row_labels);
  x.low = -0.5, x.high = static_cast<double>(column_labels.size()) - 0.5;
  y.low = static_cast<double>(rows.size()) - 0.5, y.high = -0.5;  // downwards
  layers_.push_back({"image", rows, {}});
  return *this;
}

bool Panel::has_second_axis() const {
  return std::any_of(layers_.begin(), layers_.end(),
                     [](const Layer& layer) { return layer.style.second_axis; });
}

bool Panel::has_data() const {
  for (const Layer& layer : layers_)
    for (std::size_t i = 0; i < layer.columns[0].size(); ++i)
      if (std::all_of(layer.columns.begin(), layer.columns.end(),
                      [&](const Numbers& column) { return std::isfinite(column[i]); }))
        return true;
  return false;
}

Figure& Figure::add(const Panel& panel) {
  panels_.push_back(panel);
  return *this;
}

int Figure::width() const {
  return panel_width * std::min(columns, std::max(1, static_cast<int>(panels_.size())));
}
int Figure::height() const {
  const int rows = (static_cast<int>(panels_.size()) + columns - 1) / columns;
  return static_cast<int>(above()) + rows * panel_height;
}

double Figure::above() const { return (title.empty() ? 0 : kTitle) + legend().rows * kLegend; }

// Each title once, from the left, in as many rows as it takes.
Figure::Legend Figure::legend() const {
  constexpr double kLeft = 20, kBetween = 24;  // pixels
  Legend legend;
  std::string& out = legend.script;
  std::set<std::string> there;
  const double w = width();
  double x = kLeft;
  for (const Panel& panel : panels_)
    for (const Panel::Layer& layer : panel.layers_) {
      const Style& s = layer.style;
      if (s.title.empty() || !there.insert(s.title).second) continue;
      const double taken = kMark + 6 + width_in_pixels(s.title);
      if (legend.rows == 0 || (x > kLeft && x + taken > w)) legend.rows += 1, x = kLeft;
      const double left = x / w, right = (x + kMark) / w;
      const auto y = [&](double offset) {
        return fmt::format("legend_y + {} * pixel", offset - (legend.rows - 1) * kLegend);
      };
      if (layer.with == "filledcurves" || layer.with == "boxes")
        out += fmt::format(
            "set object rectangle from screen {},{} to screen {},{} fc rgb '{}' fs "
            "solid noborder\n",
            left, y(-6), right, y(6), s.colour);
      else if (layer.with != "points")
        out += fmt::format("set arrow from screen {},{} to screen {},{} nohead lw 2 lc rgb '{}'\n",
                           left, y(0), right, y(0), s.colour);
      if (layer.with == "points" || layer.with == "linespoints")
        out += fmt::format("set label '' at screen {},{} point pt 7 ps 0.9 lc rgb '{}'\n",
                           (left + right) / 2, y(0), s.colour);
      out += fmt::format("set label {} at screen {},{} left font ',10'\n", text_of(s.title),
                         right + 6 / w, y(0));
      x += taken + kBetween;
    }
  return legend;
}

Figure::Box Figure::box_of(std::size_t number) const {
  const auto row = static_cast<double>(static_cast<int>(number) / columns),
             column = static_cast<double>(static_cast<int>(number) % columns);
  const double w = width(), h = height();
  const Panel& p = panels_[number];
  const double left = (p.y.label.empty() ? 0 : kAxisLabel) + kEdge +
                      (p.y.tics.empty() ? (p.y.format.empty() ? 0 : 50) : longest(p.y.tics) + 12),
               right = (p.has_second_axis() ? 70
                        : p.is_heat()       ? 75
                                            : 25),
               inner = panel_width - left - right,
               below = (p.x.label.empty() ? 0 : kAxisLabel) + kEdge / 2 +
                       (upright(p.x, inner) ? longest(p.x.tics) + 20 : kTics),
               over = p.title.empty() ? kEdge : kPanelTitle;
  const double top = h - above() - row * panel_height;
  return {(column * panel_width + left) / w, ((column + 1) * panel_width - right) / w,
          (top - panel_height + below) / h, (top - over) / h};
}

std::string Figure::panel_script(const Panel& p, std::size_t number, const Box& box) const {
  std::string out = fmt::format(
      "set lmargin at screen {}\nset rmargin at screen {}\nset bmargin at screen {}\nset tmargin "
      "at screen {}\nset title {} offset 0,-0.5\nset boxwidth {}\n",
      box.left, box.right, box.bottom, box.top, text_of(p.title), p.box_width_);
  const bool second = p.has_second_axis();
  // gnuplot takes no range from data that are all missing.
  Axis x = p.x, y = p.y, y2 = p.y2;
  if (!p.has_data())
    for (Axis* axis : {&x, &y, &y2})
      if (std::isnan(axis->low) || std::isnan(axis->high)) axis->low = 0, axis->high = 1;
  out += axis_script("x", x) + axis_script("y", y);
  out += second ? axis_script("y2", y2) : "unset y2tics\nset y2label ''\n";
  if (upright(p.x, (box.right - box.left) * width()))
    out += "set xtics rotate by 90 right\n";
  else
    out += "set xtics norotate\n";
  for (const std::string& text : p.texts_) out += text;
  if (p.is_heat()) {
    out += "unset grid\nset palette defined (0 '#ffffff', 1 '#08306b')\nset cbtics\n";
    out +=
        fmt::format("set colorbox user origin screen {},{} size screen {},{}\n",
                    box.right + kEdge / width(), box.bottom, kEdge / width(), box.top - box.bottom);
    return out +
           fmt::format("plot $p{}_0 matrix with image pixels\nset grid lc rgb '#dddddd'\n", number);
  }
  std::string plots;
  for (std::size_t i = 0; i < p.layers_.size(); ++i) {
    const Panel::Layer& layer = p.layers_[i];
    const Style& s = layer.style;
    const bool line =
                   layer.with == "lines" || layer.with == "linespoints" || layer.with == "vectors",
               point = layer.with == "points" || layer.with == "linespoints";
    plots += fmt::format("{}$p{}_{} using {} axes x1y{} with {} lc rgb '{}'{}{}",
                         plots.empty() ? "" : ", ", number, i,
                         layer.columns.size() == 4   ? "1:2:3:4"
                         : layer.columns.size() == 3 ? "1:2:3"
                                                     : "1:2",
                         s.second_axis ? 2 : 1, layer.with, s.colour,
                         line ? fmt::format(" lw {}", s.width) : "",
                         point                     ? fmt::format(" pt 7 ps {}", s.size)
                         : layer.with == "vectors" ? " nohead"
                                                   : "");
  }
  return out + (plots.empty() ? "plot NaN\n" : "plot " + plots + "\n");
}

std::string Figure::script() const {
  unroll::check(!panels_.empty() && columns > 0, "plot: at least one panel was required: got none");
  const double h = height();
  std::string out =
      "set datafile missing '?'\nset key off\nset style fill solid 1 noborder\nset bars 0\n";
  for (std::size_t n = 0; n < panels_.size(); ++n)
    for (std::size_t i = 0; i < panels_[n].layers_.size(); ++i) {
      const Panel::Layer& layer = panels_[n].layers_[i];
      out += fmt::format("$p{}_{} << E\n", n, i);
      const bool matrix = layer.with == "image";  // its columns are the rows that are written
      const std::size_t lines = matrix ? layer.columns.size() : layer.columns[0].size(),
                        values = matrix ? layer.columns[0].size() : layer.columns.size();
      for (std::size_t line = 0; line < lines; ++line) {
        for (std::size_t v = 0; v < values; ++v)
          out += number(matrix ? layer.columns[line][v] : layer.columns[v][line]) + " ";
        out += "\n";
      }
      if (lines == 0) out += "? ? ? ?\n";
      out += "E\n";
    }
  out += "set multiplot\n";
  out += fmt::format("pixel = {}\nlegend_y = {}\n", 1 / h,
                     1 - (above() - (legend().rows - 0.5) * kLegend) / h);
  if (!title.empty())
    out += fmt::format("set label {} at screen 0.5,{} center font ',13'\n", text_of(title),
                       1 - kTitle / 2 / h);
  out += legend().script;
  for (std::size_t n = 0; n < panels_.size(); ++n)
    out += panel_script(panels_[n], n, box_of(n)) + "unset label\nunset arrow\nunset object\n";
  return out + "unset multiplot\n";
}

void Figure::draw(const std::string& path) const {
  if (can_draw(path)) program::draw(path, script(), {.width = width(), .height = height()});
}

}  // namespace program
