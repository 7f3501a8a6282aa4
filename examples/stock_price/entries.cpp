#include "examples/stock_price/entries.h"

#include "examples/common/terminal.h"
#include "examples/stock_price/picture.h"

#include <fmt/format.h>

namespace stock {

void say_notices(const Prices& prices, std::FILE* where) {
  for (const std::string& notice : prices.notices) {
    if (where == stdout)
      program::print(notice + "\n");
    else
      std::fputs((notice + "\n").c_str(), where);
  }
}

void report_days(const Market& m, program::Report& report) {
  report.add("days.early", static_cast<double>(m.prices.early));
  report.add("days.closed", static_cast<double>(m.prices.closed));
  report.add("prices.missing", static_cast<double>(m.prices.missing));
  report.add("days.train", static_cast<double>(m.split.train.size()));
  report.add("days.validation", static_cast<double>(m.split.validation.size()));
  report.add("days.test", static_cast<double>(m.split.test.size()));
}

unroll::Metadata identity(const std::string& model, const std::vector<std::string>& columns) {
  return {{"program", "stock_price"},
          {"model", model},
          {"columns", fmt::format("{}", fmt::join(columns, ", "))}};
}

std::vector<Entry> baseline_entries(const Market& m, const Fitted& fitted) {
  return {{"constant", constant_forecast(m, fitted.late), fitted.middle[0]},
          {"ewma", ewma_forecast(m, fitted.late), fitted.middle[1]},
          {"garch", garch_forecast(m, fitted.late), fitted.middle[2]}};
}

Fitted fit_all_baselines(const Market& m) {
  Fitted fitted;
  fitted.early = fit_baselines(m, m.split.validation.front());
  fitted.late = fit_baselines(m, m.split.test.front());
  fitted.prior = m.prior;
  fitted.shares.assign(m.prior.size(), 0);
  const std::vector<Index>& middle = m.split.validation;
  fitted.garch_shares =
      shares(m, garch_forecast(m, fitted.early), ewma_forecast(m, fitted.early), middle);
  fitted.middle = {mean_nll(score(m, constant_forecast(m, fitted.early), middle)),
                   mean_nll(score(m, ewma_forecast(m, fitted.early), middle)),
                   mean_nll(score(m, garch_forecast(m, fitted.early), middle)),
                   std::vector<double>(m.prior.size(), 0)};
  return fitted;
}

void judge(const Market& m, std::vector<Entry>& entries, program::Report& report) {
  for (Entry& entry : entries) entry.scores = score(m, entry.forecast, m.split.test);
  print_scores(m, entries, report);
}

void draw(const Market& m, const std::vector<Entry>& entries, const program::Options& o) {
  const std::ptrdiff_t best = best_network(entries);
  if (o.picture.empty() || best < 0) return;
  const Entry& network = entries[static_cast<std::size_t>(best)];
  draw_forecasts(m, network.name, network.forecast, entries[1].forecast, o.picture);
}

}  // namespace stock
