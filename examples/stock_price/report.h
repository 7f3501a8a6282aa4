// The tables that stock_price prints.
#pragma once

#include "examples/common/report.h"
#include "examples/common/training.h"
#include "examples/stock_price/forecast.h"

namespace stock {

// A line of the tables: a baseline, or the mixture of one network trained with several seeds.
struct Entry {
  std::string name;
  Forecast forecast;
  std::vector<double> middle;  // [K] mean nll on the validation part, fitted on the training part
  std::vector<Score> scores = {};  // [K] on the test part; empty where there is none
  std::vector<std::vector<double>> of_seeds = {};  // [seeds][K] mean nll of each run alone
  bool network = false;
};

// The entry with the highest likelihood on the validation part: of all entries for one column, or
// of the networks for the mean over columns; -1 if there is none.
std::size_t best_of_column(const std::vector<Entry>& entries, std::size_t column);
std::ptrdiff_t best_network(const std::vector<Entry>& entries);

// The tables of the test part, and the verdict: does the network beat the baselines?
void print_scores(const Market& m, const std::vector<Entry>& entries, program::Report& report);

// The forecast for the day after the file's last one, by the best entry for each column.
void print_tomorrow(const Market& m, const std::vector<Entry>& entries, program::Report& report);

}  // namespace stock
