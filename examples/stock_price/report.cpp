#include "examples/stock_price/report.h"

#include "examples/stock_price/verdict.h"

#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace stock {
namespace {

using Cells = std::vector<program::Table::Cell>;
constexpr std::size_t kColumnsOfTable = 4;  // wider tables do not fit in 80 characters

// Tables of up to four columns each, a row for each entry; `cell` says what stands in one.
void print_tables(const Market& m, const std::vector<Entry>& entries, const std::string& what,
                  const std::function<program::Table::Cell(const Entry&, std::size_t)>& cell) {
  const std::vector<std::string>& names = m.prices.names;
  for (std::size_t first = 0; first < names.size(); first += kColumnsOfTable) {
    const std::size_t end = std::min(first + kColumnsOfTable, names.size());
    std::vector<std::string> headings{what};
    for (std::size_t j = first; j < end; ++j) headings.push_back(names[j]);
    program::Table table(headings);
    for (const Entry& entry : entries) {
      Cells cells;
      for (std::size_t j = first; j < end; ++j) cells.push_back(cell(entry, j));
      table.add(entry.name, cells);
    }
    if (first > 0) program::say("\n");
    table.print();
  }
}

// The only entry with the lowest value, or nullptr.
const Entry* lowest(const std::vector<Entry>& entries, std::size_t j, double Score::*value) {
  const auto of = [&](const Entry& e) { return e.scores[j].*value; };
  const auto best = std::min_element(entries.begin(), entries.end(),
                                     [&](auto& a, auto& b) { return of(a) < of(b); });
  const auto same =
      std::count_if(entries.begin(), entries.end(), [&](auto& e) { return of(e) == of(*best); });
  return same == 1 ? &*best : nullptr;
}

void print_nll(const Market& m, const std::vector<Entry>& entries, program::Report& report) {
  const std::vector<std::string> metrics = program::metric_names(m.prices.names);
  bool several = false;
  print_tables(m, entries, "nll", [&](const Entry& e, std::size_t j) {
    const double nll = e.scores[j].mean_nll;
    const std::string metric = fmt::format("{}.nll.{}", metrics[j], e.name);
    report.add(metric, nll);
    program::Table::Cell cell{fmt::format("{:.4f}", nll),
                              lowest(entries, j, &Score::mean_nll) == &e};
    if (e.of_seeds.size() > 1) {
      std::vector<double> values;
      for (const auto& of_seed : e.of_seeds) values.push_back(of_seed[j]);
      const double spread = program::mean_and_std(values).std;
      report.add(metric + ".std", spread);
      cell.spread = fmt::format("±{:.4f}", spread);
      several = true;
    }
    return cell;
  });
  program::say(
      "\nNegative log-likelihood of the next day's return: lower is better, * is the\n"
      "best. What came was, day by day, 1 % likelier under a forecast 0.01 lower.{}\n",
      several ? "\nThe seeds of a network forecast as one mixture; ± is the spread of the seeds."
              : "");
}

// How sure the differences are: of each entry to EWMA, and of the networks to GARCH.
void print_differences(const Market& m, const std::vector<Entry>& entries,
                       program::Report& report) {
  const std::vector<std::string> metrics = program::metric_names(m.prices.names);
  const auto print = [&](const std::string& baseline, const std::string& called,
                         const std::string& metric, bool networks) {
    const Entry& base = *find_entry(entries, baseline);
    std::vector<Entry> others;
    for (const Entry& e : entries)
      if (e.name != baseline && (e.network || !networks)) others.push_back(e);
    if (others.empty()) return;
    program::say("\n");
    print_tables(m, others, fmt::format("nll - {}", called), [&](const Entry& e, std::size_t j) {
      const Difference d = difference(e.scores[j], base.scores[j]);
      const std::string name = fmt::format("{}.{}.{}", metrics[j], metric, e.name);
      report.add(name, d.mean);
      report.add(name + ".standard_error", d.standard_error);
      program::Table::Cell cell{fmt::format("{:+.4f}", d.mean)};
      cell.spread = fmt::format("±{:.4f}", d.standard_error);
      return cell;
    });
  };
  print("ewma", "ewma's", "nll_difference", false);
  print("garch", "garch's", "nll_difference_to_garch", true);
  program::say("\nThe difference on the same days, and its standard error.\n");
}

void print_coverage(const Market& m, const std::vector<Entry>& entries, program::Report& report) {
  const std::vector<std::string> metrics = program::metric_names(m.prices.names);
  program::say("\n");
  print_tables(m, entries, "in the band", [&](const Entry& e, std::size_t j) {
    report.add(fmt::format("{}.coverage.{}", metrics[j], e.name), e.scores[j].coverage);
    return program::Table::Cell{fmt::format("{:.1f} %", 100 * e.scores[j].coverage)};
  });
  const std::ptrdiff_t network = best_network(entries);
  const Entry& best =
      network >= 0 ? entries[static_cast<std::size_t>(network)] : *find_entry(entries, "garch");
  for (std::size_t j = 0; j < metrics.size(); ++j)
    report.add(metrics[j] + ".coverage", best.scores[j].coverage);
  program::say("\nHow many returns came within the band that was to hold 95 % of them.\n\n");
}

void print_rmse(const Market& m, const std::vector<Entry>& entries, program::Report& report) {
  const std::vector<std::string> metrics = program::metric_names(m.prices.names);
  double spread = 0;  // the largest of the columns, relative
  for (std::size_t j = 0; j < metrics.size(); ++j) {
    double low = INFINITY, high = 0;
    for (const Entry& e : entries) {
      low = std::min(low, e.scores[j].rmse);
      high = std::max(high, e.scores[j].rmse);
    }
    spread = std::max(spread, low > 0 ? high / low - 1 : 0);
  }
  print_tables(m, entries, "rmse", [&](const Entry& e, std::size_t j) {
    const double rmse = e.scores[j].rmse;
    report.add(fmt::format("{}.rmse.{}", metrics[j], e.name), rmse);
    return program::Table::Cell{fmt::format("{:.{}f}", rmse, decimals_of(rmse)),
                                lowest(entries, j, &Score::rmse) == &e};
  });
  const std::vector<double> r2 = r2_of_copying(m, m.split.test);
  for (std::size_t j = 0; j < r2.size(); ++j) report.add(metrics[j] + ".r2.constant", r2[j]);
  program::say("\n{}",
               program::wrapped(fmt::format(
                   "Root mean square error of the next day's price. The rows differ by at "
                   "most {:.1f}\u00A0%. To copy today's price, as constant and ewma do, has an R² "
                   "of {:.3f} for {}{}.",
                   100 * spread, r2[0], unroll::excerpt(m.prices.names[0]),
                   r2[0] > 0.9 ? ": a good level is no achievement" : "")));
}

}  // namespace

std::size_t best_of_column(const std::vector<Entry>& entries, std::size_t column) {
  const auto best = std::min_element(entries.begin(), entries.end(), [&](auto& a, auto& b) {
    return a.middle[column] < b.middle[column];
  });
  return static_cast<std::size_t>(best - entries.begin());
}

std::ptrdiff_t best_network(const std::vector<Entry>& entries) {
  std::ptrdiff_t best = -1;
  const auto sum = [&](std::ptrdiff_t i) {
    const auto& middle = entries[static_cast<std::size_t>(i)].middle;
    return std::accumulate(middle.begin(), middle.end(), 0.0);
  };
  for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(entries.size()); ++i)
    if (entries[static_cast<std::size_t>(i)].network && (best < 0 || sum(i) < sum(best))) best = i;
  return best;
}

void print_scores(const Market& m, const std::vector<Entry>& entries, program::Report& report) {
  print_nll(m, entries, report);
  print_differences(m, entries, report);
  print_coverage(m, entries, report);
  print_rmse(m, entries, report);
  program::say("\n{}", program::wrapped(verdict(m, entries)));
}

void print_tomorrow(const Market& m, const std::vector<Entry>& entries, program::Report& report) {
  program::say("\nThe day after the file's last ({}):\n\n", m.prices.day(m.rows()));
  program::Table table({"", "last price", "mean %", "volatility %", "95 % from", "to"});
  const std::vector<std::string> metrics = program::metric_names(m.prices.names);
  for (std::size_t j = 0; j < metrics.size(); ++j) {
    const Entry& best = entries[best_of_column(entries, j)];
    const Mixture forecast = best.forecast.at(m.rows(), j);
    const Interval band = interval(forecast);
    const double price = m.base[j].back(), volatility = std::sqrt(forecast.variance()),
                 low = price * std::exp(band.low), high = price * std::exp(band.high);
    const auto shown = [&](double p) { return fmt::format("{:.{}f}", p, decimals_of(price)); };
    table.add(m.prices.names[j],
              {{shown(price)},
               {fmt::format("{:+.2f}", 100 * forecast.mean())},
               {fmt::format("{:.2f}", 100 * volatility)},
               {shown(low)},
               {shown(high)}},
              best.name);
    const std::string metric = metrics[j] + ".tomorrow.";
    report.add(metric + "price", price);
    report.add(metric + "mean", forecast.mean());
    report.add(metric + "volatility", volatility);
    report.add(metric + "low", low);
    report.add(metric + "high", high);
  }
  table.print();
  program::say(
      "\nMean and standard deviation of the log return, where 19 of 20 such days end, and\n"
      "whose forecast it is: the best of all on the middle part.\n");
}

}  // namespace stock
