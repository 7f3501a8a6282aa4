#include "examples/stock_price/picture.h"

#include "examples/common/picture_text.h"
#include "examples/common/plot.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stock {
namespace {

constexpr std::size_t kMaxColumns = 6;
constexpr Index kDays = 120;
constexpr int kRow = 200, kHighRow = 280, kWidth = 550;  // pixels

constexpr const char* kEwma = program::kGreen;
constexpr const char* kMiss = program::kOrange;

// The last days of a column, as they are drawn; NaN stands for what is not there.
struct Days {
  std::vector<double> x, percent, price;  // the return in %, and the price
  std::vector<double> low, high;          // the network's band of the price
  std::vector<double> percent_low, percent_high, ewma_low, ewma_high;
  std::vector<double> missed_price, missed_percent;  // outside the band
};

Days days_of_column(const Market& m, std::size_t j, const Forecast& network, const Forecast& ewma,
                    Index first) {
  Days out;
  for (Index t = first; t <= m.rows(); ++t) {
    const auto row = static_cast<std::size_t>(t);
    const bool there = t < m.rows() && !std::isnan(m.returns[j][row]);
    const Mixture forecast = network.at(t, j);
    const Interval band = interval(forecast);
    const double last = m.base[j][row], none = std::nan(""), r = there ? m.returns[j][row] : none,
                 price = there ? m.base[j][row + 1] : none, mean = 100 * forecast.mean(),
                 wide = 196 * std::sqrt(forecast.variance()),
                 ewma_wide = 196 * std::sqrt(ewma.at(t, j).variance());
    const bool miss = r < band.low || r > band.high;
    out.x.push_back(m.prices.dates.empty() ? static_cast<double>(t + 2)
                                           : static_cast<double>(m.time(t)));
    out.percent.push_back(100 * r), out.price.push_back(price);
    out.low.push_back(last * std::exp(band.low)), out.high.push_back(last * std::exp(band.high));
    out.percent_low.push_back(mean - wide), out.percent_high.push_back(mean + wide);
    out.ewma_low.push_back(-ewma_wide), out.ewma_high.push_back(ewma_wide);
    out.missed_price.push_back(miss ? price : none);
    out.missed_percent.push_back(miss ? 100 * r : none);
  }
  return out;
}

// Labels at the beginnings of years or months or at single days, at most five or so, and none so
// far to the right that it would be cut.
std::vector<std::pair<double, std::string>> date_tics(const std::vector<std::int64_t>& dates,
                                                      Index first, bool labelled) {
  constexpr std::int64_t kDay = 86400, kYear = 366, kLabels = 5;
  const std::int64_t begin = dates[static_cast<std::size_t>(first)] / kDay,
                     days = dates.back() / kDay - begin;
  const bool years = days > 3 * kYear, months = !years && days > 45;
  const std::int64_t units = years    ? days / kYear
                             : months ? days / 30
                                      : days,
                     step = (units - 1) / kLabels + 1;
  std::vector<std::pair<double, std::string>> tics;
  std::int64_t found = 0;
  for (std::int64_t day = begin; day < begin + days - days / 20; ++day) {
    const std::string text = unroll::data::date_text(kDay * day);
    const bool starts = years ? text.substr(5) == "01-01" : !months || text.substr(8) == "01";
    if (!starts || found++ % step != 0) continue;
    const std::string label = labelled ? text.substr(0, years ? 4 : months ? 7 : 10) : "";
    tics.emplace_back(static_cast<double>(kDay * day), label);
  }
  return tics;
}

program::Panel price_panel(const Market& m, std::size_t j, const std::string& network,
                           const Days& days) {
  program::Panel out;
  const double price = m.base[j].back();
  out.y.label =
      program::drawable(unroll::excerpt(m.prices.names[j]), fmt::format("column {}", j + 1));
  out.y.format =
      price < 0.01 ? "%g" : fmt::format("%.{}f", price >= 1000 ? 0 : decimals_of(price) - 1);
  out.band(days.x, days.low, days.high,
           {.title = fmt::format("where {} expected 95 % of the days to end", network),
            .colour = program::kLightBlue})
      .line(days.x, days.price, {.title = "what came"})
      .points(days.x, days.missed_price, {.title = "outside the band", .colour = kMiss});
  return out;
}

program::Panel return_panel(const Days& days) {
  program::Panel out;
  out.y.label = "return, %";
  out.band(days.x, days.percent_low, days.percent_high)
      .line(days.x, days.ewma_low, {.title = "±1.96 deviations of EWMA", .colour = kEwma})
      .line(days.x, days.ewma_high, {.colour = kEwma})
      .impulses(days.x, days.percent)
      .points(days.x, days.missed_percent, {.colour = kMiss});
  return out;
}

}  // namespace

void draw_forecasts(const Market& m, const std::string& name, const Forecast& network,
                    const Forecast& ewma, const std::string& path) {
  const std::size_t columns = std::min(m.returns.size(), kMaxColumns);
  const Index first = std::max<Index>(m.rows() - kDays, 0);
  program::Figure figure;
  figure.title = fmt::format("The last {} days, and what {} and EWMA forecast the day before",
                             std::min(kDays, m.rows()), name);
  figure.columns = 2, figure.panel_width = kWidth;
  figure.panel_height = columns < 3 ? kHighRow : kRow;
  for (std::size_t j = 0; j < columns; ++j) {
    const Days days = days_of_column(m, j, network, ewma, first);
    const bool last = j + 1 == columns;  // the others have no labels below
    for (program::Panel panel : {price_panel(m, j, name, days), return_panel(days)}) {
      panel.x.low = days.x.front(), panel.x.high = days.x.back();
      if (!m.prices.dates.empty())
        panel.x.tics = date_tics(m.prices.dates, first, last);
      else if (last)
        panel.x.label = "day";
      else
        panel.x.format = "";
      figure.add(panel);
    }
  }
  figure.draw(path);
}

}  // namespace stock
