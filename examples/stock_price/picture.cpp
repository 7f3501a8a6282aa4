#include "examples/stock_price/picture.h"

#include "examples/common/picture.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stock {
namespace {

constexpr std::size_t kMostColumns = 6;
constexpr Index kDays = 120;

// One row of gnuplot's data for each day: x, return in %, its bands, price, its band, a miss or
// not, all by "?" where there is none.
std::string rows_of(const Market& m, std::size_t j, const Forecast& network, const Forecast& ewma,
                    Index first) {
  std::string out;
  for (Index t = first; t <= m.rows(); ++t) {
    const auto row = static_cast<std::size_t>(t);
    const bool there = t < m.rows() && !std::isnan(m.returns[j][row]);
    const Mixture forecast = network.at(t, j), simple = ewma.at(t, j);
    const Interval band = interval(forecast);
    const double last = m.base[j][row], r = there ? m.returns[j][row] : 0,
                 centre = 100 * forecast.mean(), wide = 196 * std::sqrt(forecast.variance()),
                 simple_wide = 196 * std::sqrt(simple.variance());
    const std::string x = m.prices.dates.empty() ? fmt::format("{}", t + 2)
                                                 : m.day(t).substr(0, 10),
                      price = there ? fmt::format("{}", m.base[j][row + 1]) : "?";
    const bool miss = there && (r < band.low || r > band.high);
    out += fmt::format("{} {} {} {} {} {} {} {} {} {}\n", x,
                       there ? fmt::format("{}", 100 * r) : "?", centre - wide, centre + wide,
                       simple_wide, price, last * std::exp(band.low), last * std::exp(band.high),
                       miss ? price : "?", miss ? fmt::format("{}", 100 * r) : "?");
  }
  return out;
}

}  // namespace

void draw_forecasts(const Market& m, const std::string& name, const Forecast& network,
                    const Forecast& ewma, const std::string& path) {
  const std::size_t columns = std::min(m.returns.size(), kMostColumns);
  const Index first = std::max<Index>(m.rows() - kDays, 0);
  const bool dated = !m.prices.dates.empty();
  std::string script;
  for (std::size_t j = 0; j < columns; ++j)
    script += fmt::format("$d{} << E\n{}E\n", j, rows_of(m, j, network, ewma, first));
  script += fmt::format(
      "set datafile missing '?'\nset multiplot layout {},2 title {} font ',13' margins "
      "0.075,0.985,{},{} spacing 0.09,{}\n",
      columns,
      program::quoted(
          fmt::format("The last {} days, each with the 95 % band forecast the day before",
                      std::min(kDays, m.rows()))),
      0.16 / static_cast<double>(columns) + 0.03, 1 - 0.12 / static_cast<double>(columns) - 0.02,
      0.12 / static_cast<double>(columns) + 0.035);
  if (dated)
    script +=
        "set xdata time\nset timefmt '%Y-%m-%d'\nset format x \"%b %d\\n%Y\"\nset xtics nomirror\n";
  script += "set style fill solid 1 noborder\n";
  for (std::size_t j = 0; j < columns; ++j) {
    const double price = m.base[j].back();
    script += fmt::format(
        "set key off\nset title {}\nset ylabel 'price'\nset format y '%.{}f'\n"
        "plot $d{} using 1:7:8 with filledcurves lc rgb '#9ecae1' title '95 % band of {}', "
        "'' using 1:6 with lines lc rgb '#08306b' lw 1.5 title 'price', "
        "'' using 1:9 with points pt 7 ps 0.9 lc rgb '#e6550d' title 'outside the band'\n",
        program::quoted(unroll::excerpt(m.prices.names[j])),
        price >= 1000 ? 0 : decimals_of(price) - (price >= 10 ? 1 : 0), j, name);
    script += fmt::format(
        "set title {}\nset ylabel 'return, %'\nset format y '%g'\n"
        "plot $d{} using 1:3:4 with filledcurves lc rgb '#9ecae1' title 'x', "
        "'' using 1:(-$5) with lines lc rgb '#31a354' title 'y', "
        "'' using 1:5 with lines lc rgb '#31a354' notitle, "
        "'' using 1:2 with impulses lc rgb '#08306b' notitle, "
        "'' using 1:10 with points pt 7 ps 0.9 lc rgb '#e6550d' notitle\n",
        program::quoted("returns"), j);
  }
  program::draw(path, script + "unset multiplot\n");
}

}  // namespace stock
