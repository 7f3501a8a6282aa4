// What stock_price prints.
#pragma once

#include "examples/common/report.h"
#include "examples/common/training.h"
#include "examples/stock_price/forecast.h"

namespace stock {

// A line of the tables: a baseline, or the runs of one network with several seeds as one mixture.
struct Entry {
  std::string name;
  Forecast forecast;
  std::vector<double> middle;      // [K] mean nll on the middle part, fitted on the training part
  std::vector<Score> scores = {};  // [K] on the test part; empty where there is none
  std::vector<std::vector<double>> of_seeds = {};  // [seeds][K] mean nll of each run alone
  bool network = false;
};

// The entry that is likeliest on the middle part: of all for one column, or of the networks for the
// mean of the columns; -1 where there is none.
std::size_t best_of_column(const std::vector<Entry>& entries, std::size_t column);
std::ptrdiff_t best_network(const std::vector<Entry>& entries);

// The tables of the test part, and the verdict: does the network beat the baselines?
void print_scores(const Market& m, const std::vector<Entry>& entries, program::Report& report);

// What is expected of the day after the file's last, by the best of all for each column.
void print_tomorrow(const Market& m, const std::vector<Entry>& entries, program::Report& report);

}  // namespace stock
