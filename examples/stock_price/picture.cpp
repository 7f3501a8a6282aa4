#include "examples/stock_price/picture.h"

#include "examples/common/picture.h"
#include "examples/common/picture_text.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stock {
namespace {

constexpr std::size_t kMostColumns = 6;
constexpr Index kDays = 120;
constexpr double kRow = 190, kHighRow = 260, kAbove = 80, kBelow = 50;  // pixels

constexpr const char* kBand = "#9ecae1";
constexpr const char* kPrice = "#08306b";
constexpr const char* kMiss = "#e6550d";
constexpr const char* kEwma = "#31a354";

std::string x_of(const Market& m, Index t) {
  return m.prices.dates.empty() ? fmt::format("{}", t + 2) : m.day(t).substr(0, 10);
}

// gnuplot's data, a line for each day: x, return in %, the network's and EWMA's deviations around
// their means in %, price, its band, and price and return again where they missed it. "?" stands
// for what is not there.
std::string data_of(const Market& m, std::size_t j, const Forecast& network, const Forecast& ewma,
                    Index first) {
  std::string out;
  for (Index t = first; t <= m.rows(); ++t) {
    const auto row = static_cast<std::size_t>(t);
    const bool there = t < m.rows() && !std::isnan(m.returns[j][row]);
    const Mixture forecast = network.at(t, j);
    const Interval band = interval(forecast);
    const double last = m.base[j][row], r = there ? m.returns[j][row] : 0,
                 mean = 100 * forecast.mean(), wide = 196 * std::sqrt(forecast.variance()),
                 ewma_wide = 196 * std::sqrt(ewma.at(t, j).variance());
    const std::string price = there ? fmt::format("{}", m.base[j][row + 1]) : "?",
                      percent = there ? fmt::format("{}", 100 * r) : "?";
    const bool miss = there && (r < band.low || r > band.high);
    out += fmt::format("{} {} {} {} {} {} {} {} {} {}\n", x_of(m, t), percent, mean - wide,
                       mean + wide, ewma_wide, price, last * std::exp(band.low),
                       last * std::exp(band.high), miss ? price : "?", miss ? percent : "?");
  }
  return out;
}

// A legend above the panels: what is drawn in which way.
std::string legend(const std::string& network, double y) {
  std::string out;
  double x = 0.075;
  const auto add = [&](const std::string& mark, const std::string& text, double width) {
    out += mark + fmt::format("set label {} at screen {},{} left font ',10'\n",
                              program::quoted(text), x + 0.032, y);
    x += width;
  };
  const auto line = [&](const char* colour) {
    return fmt::format("set arrow from screen {},{} to screen {},{} nohead lw 2 lc rgb '{}'\n", x,
                       y, x + 0.025, y, colour);
  };
  add(fmt::format("set object rectangle from screen {},{} to screen {},{} fc rgb '{}' fs solid "
                  "noborder\n",
                  x, y - 0.008, x + 0.025, y + 0.008, kBand),
      fmt::format("where {} expected 95 % of the days to end", network), 0.34);
  add(line(kPrice), "what came", 0.12);
  add(fmt::format("set label '' at screen {},{} point pt 7 ps 0.9 lc rgb '{}'\n", x + 0.02, y,
                  kMiss),
      "outside the band", 0.16);
  add(line(kEwma), "±1.96 deviations of EWMA", 0.2);
  return out;
}

// Labels at the beginnings of years or months or at single days, at most five or so, and none so
// far to the right that it would be cut.
std::string date_tics(const std::vector<std::int64_t>& dates, Index first, bool labelled) {
  constexpr std::int64_t kDay = 86400, kYear = 366, kLabels = 5;
  const std::int64_t begin = dates[static_cast<std::size_t>(first)] / kDay,
                     days = dates.back() / kDay - begin;
  const bool years = days > 3 * kYear, months = !years && days > 45;
  const std::int64_t units = years    ? days / kYear
                             : months ? days / 30
                                      : days,
                     step = (units - 1) / kLabels + 1;
  std::string tics;
  std::int64_t found = 0;
  for (std::int64_t day = begin; day < begin + days - days / 20; ++day) {
    const std::string text = unroll::data::date_text(kDay * day);
    const bool starts = years ? text.substr(5) == "01-01" : !months || text.substr(8) == "01";
    if (!starts || found++ % step != 0) continue;
    const std::string label = labelled ? text.substr(0, years ? 4 : months ? 7 : 10) : "";
    tics += fmt::format("{}'{}' '{}'", tics.empty() ? "" : ", ", label, text);
  }
  return tics;
}

std::string panels(const Market& m, std::size_t j) {
  const std::string name =
      program::drawable(unroll::excerpt(m.prices.names[j]), fmt::format("column {}", j + 1));
  const double price = m.base[j].back();
  const std::string y_format =
      price < 0.01 ? "%g" : fmt::format("%.{}f", price >= 1000 ? 0 : decimals_of(price) - 1);
  return fmt::format(
      "set ylabel {}\nset format y '{}'\n"
      "plot $d{} using 1:7:8 with filledcurves lc rgb '{}', "
      "'' using 1:6 with lines lc rgb '{}' lw 1.5, "
      "'' using 1:9 with points pt 7 ps 0.8 lc rgb '{}'\n"
      "unset label\nunset arrow\nunset object\n"  // the legend stands there once
      "set ylabel 'return, %'\nset format y '%g'\n"
      "plot $d{} using 1:3:4 with filledcurves lc rgb '{}', "
      "'' using 1:(-$5) with lines lc rgb '{}', '' using 1:5 with lines lc rgb '{}', "
      "'' using 1:2 with impulses lc rgb '{}', "
      "'' using 1:10 with points pt 7 ps 0.8 lc rgb '{}'\n",
      program::quoted(name), y_format, j, kBand, kPrice, kMiss, j, kBand, kEwma, kEwma, kPrice,
      kMiss);
}

}  // namespace

void draw_forecasts(const Market& m, const std::string& name, const Forecast& network,
                    const Forecast& ewma, const std::string& path) {
  const std::size_t columns = std::min(m.returns.size(), kMostColumns);
  const Index first = std::max<Index>(m.rows() - kDays, 0);
  const double row = columns < 3 ? kHighRow : kRow,
               height = kAbove + kBelow + row * static_cast<double>(columns);
  std::string script = "set datafile missing '?'\nset key off\nset style fill solid 1 noborder\n";
  for (std::size_t j = 0; j < columns; ++j)
    script += fmt::format("$d{} << E\n{}E\n", j, data_of(m, j, network, ewma, first));
  const bool dated = !m.prices.dates.empty();
  script += dated ? fmt::format("set xdata time\nset timefmt '%Y-%m-%d'\nset xrange ['{}':'{}']\n",
                                x_of(m, first), x_of(m, m.rows()))
                  : fmt::format("set xrange [{}:{}]\n", first + 1, m.rows() + 3);
  script += legend(name, 1 - 54 / height);
  script += fmt::format(
      "set multiplot layout {},2 title {} font ',12' margins screen 0.075,screen 0.98,screen "
      "{},screen {} spacing screen 0.085,screen {}\n",
      columns,
      program::quoted(fmt::format("The last {} days, and what {} and EWMA forecast the day before",
                                  std::min(kDays, m.rows()), name)),
      kBelow / height, 1 - kAbove / height, 18 / height);
  for (std::size_t j = 0; j < columns; ++j) {
    const bool last = j + 1 == columns;  // the others have no labels
    if (dated)
      script += fmt::format("set xtics ({})\n", date_tics(m.prices.dates, first, last));
    else
      script += last ? "set format x '%g'\nset xlabel 'day' offset 0,0.5\n" : "set format x ''\n";
    script += panels(m, j);
  }
  program::draw(path, script + "unset multiplot\n", {.height = static_cast<int>(height)});
}

}  // namespace stock
