#include "examples/stock_price/report.h"

#include "examples/common/picture.h"

#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stock {
namespace {

using Numbers = std::vector<double> Scores::*;

// One table of a score: a column for each index, mean and spread over the seeds. The mean of each
// goes to the report as <index>.<what>.<name>.
void print_table(const Market& m, const std::vector<Entry>& entries, Numbers numbers,
                 const std::string& what, int digits, program::Report& report) {
  const std::vector<std::string> indexes = program::metric_names(m.names);
  std::vector<std::vector<program::Table::Cell>> cells(entries.size());
  for (std::size_t j = 0; j < indexes.size(); ++j) {
    std::vector<double> means;
    for (std::size_t e = 0; e < entries.size(); ++e) {
      std::vector<double> values;
      for (const Scores& s : entries[e].runs) values.push_back((s.*numbers)[j]);
      const program::MeanAndStd s = program::mean_and_std(values);
      const std::string metric = fmt::format("{}.{}.{}", indexes[j], what, entries[e].name);
      cells[e].push_back({fmt::format("{:.{}f}", s.mean, digits)});
      report.add(metric, s.mean);
      if (values.size() > 1) {
        cells[e].back().spread = fmt::format("±{:.{}f}", s.std, digits);
        report.add(metric + ".std", s.std);
      }
      means.push_back(s.mean);
    }
    const auto best = std::min_element(means.begin(), means.end());
    for (std::size_t e = 0; e < entries.size(); ++e)
      cells[e][j].best = means[e] == *best && std::count(means.begin(), means.end(), *best) == 1;
  }
  std::vector<std::string> headings{what};
  headings.insert(headings.end(), m.names.begin(), m.names.end());
  program::Table table(headings);
  for (std::size_t e = 0; e < entries.size(); ++e) table.add(entries[e].name, cells[e]);
  table.print();
}

}  // namespace

void print_scores(const Market& m, const std::vector<Entry>& entries, program::Report& report) {
  fmt::print("\nThe last {} days, on which nothing was fitted.\n\n", m.split.test.size());
  print_table(m, entries, &Scores::nll, "nll", 4, report);
  fmt::print(
      "\nNegative log-likelihood of the next day's return: lower is better, * is the\n"
      "best. What came was, day by day, 1 % likelier under a forecast 0.01 lower.\n\n");
  print_table(m, entries, &Scores::rmse, "rmse", 2, report);
  const std::vector<double> r2 = r2_of_copying(m);
  const std::vector<std::string> indexes = program::metric_names(m.names);
  for (std::size_t j = 0; j < r2.size(); ++j) report.add(indexes[j] + ".r2.constant", r2[j]);
  fmt::print(
      "\nRoot mean square error of the next day's price, in points. The rows hardly\n"
      "differ: to copy today's price, as constant and ewma do, has an R² of {:.3f}\n"
      "already (for {}), and says nothing.\n",
      r2[0], unroll::excerpt(m.names[0]));
}

void print_tomorrow(const Market& m, const std::string& name, const Forecast& f,
                    program::Report& report) {
  fmt::print("\nThe day after the last of the file, by {}:\n\n", name);
  program::Table table({"", "last price", "mean %", "volatility %", "95 % from", "to"});
  const std::vector<std::string> indexes = program::metric_names(m.names);
  for (Index j = 0; j < m.indexes(); ++j) {
    const double mean = f.mean.at({m.days(), j}),
                 deviation = std::exp(0.5 * f.log_variance.at({m.days(), j})),
                 price = m.prices[j].back(), low = price * std::exp(mean - 1.96 * deviation),
                 high = price * std::exp(mean + 1.96 * deviation);
    table.add(m.names[j], {{fmt::format("{:.2f}", price)},
                           {fmt::format("{:+.2f}", 100 * mean)},
                           {fmt::format("{:.2f}", 100 * deviation)},
                           {fmt::format("{:.2f}", low)},
                           {fmt::format("{:.2f}", high)}});
    const std::string metric = indexes[j] + ".tomorrow.";
    report.add(metric + "price", price);
    report.add(metric + "mean", mean);
    report.add(metric + "volatility", deviation);
    report.add(metric + "low", low);
    report.add(metric + "high", high);
  }
  table.print();
  fmt::print(
      "\nMean and standard deviation of the log return, and where 19 of 20 such days\n"
      "end.\n");
}

void draw_run(const Market& m, const Run& run, const std::string& path) {
  const Index j = 0;
  std::string band, curve;
  for (const Index t : m.split.test) {
    const double now = m.prices[j][t], mean = run.forecast.mean.at({t, j}),
                 deviation = std::exp(0.5 * run.forecast.log_variance.at({t, j}));
    band += fmt::format("{} {} {} {}\n", t + 2, m.prices[j][t + 1],
                        now * std::exp(mean - 1.96 * deviation),
                        now * std::exp(mean + 1.96 * deviation));
  }
  const std::vector<double>&train = run.curves.train, &validation = run.curves.validation;
  for (std::size_t e = 0; e < train.size(); ++e)
    curve += fmt::format("{} {} {}\n", e + 1, train[e], validation[e]);
  const bool trained = !train.empty();
  const std::string model = trained ? fmt::format("{}, seed {}", run.model, run.seed) : run.model;
  std::string script = fmt::format(
      "$band << E\n{}E\nset multiplot\nset lmargin 10\nset rmargin 3\n"
      "set key top left reverse Left\nset xrange [{}:{}]\n"
      "set origin 0,{}\nset size 1,{}\nset title {}\n"
      "set xlabel 'trading day'\nset ylabel 'price'\n"
      "plot $band using 1:3:4 with filledcurves lc rgb '#9ecae1' title '95 % of the forecast', "
      "$band using 1:2 with lines lc rgb '#08306b' lw 1.5 title 'price'\n",
      band, m.split.test.front() + 2, m.split.test.back() + 2, trained ? 0.4 : 0, trained ? 0.6 : 1,
      program::quoted(fmt::format("{}: each day's price, and the band forecast the day before ({})",
                                  m.names[j], model)));
  if (trained) {
    script += fmt::format(
        "$curve << E\n{}E\nset origin 0,0\nset size 1,0.4\nset key top right\n"
        "set title 'Training: the parameters that did best on the middle part are kept'\n"
        "set xlabel 'epoch'\nset ylabel 'nll, mean of the indexes'\nset xrange [{}:{}]\nset "
        "offsets "
        "0,0,0.01,0.01\nset format y '%.2f'\n"
        "plot $curve using 1:2 with lines lw 2 lc rgb '#e6550d' title 'training part', "
        "$curve using 1:3 with lines lw 2 lc rgb '#08306b' title 'middle part (validation)', "
        "'-' with points pt 7 ps 1.5 lc rgb '#08306b' title 'best'\n{} {}\ne\n",
        curve, train.size() > 1 && run.curves.kept_epoch > 0 ? 1 : 0,
        std::max<std::size_t>(train.size(), 2), run.curves.kept_epoch, run.curves.kept_loss);
  }
  program::draw(path, script + "unset multiplot\n");
}

}  // namespace stock
