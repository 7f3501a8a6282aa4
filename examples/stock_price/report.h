// What stock_price prints and draws.
#pragma once

#include "examples/common/program.h"
#include "examples/common/training.h"
#include "examples/stock_price/forecast.h"

namespace stock {

// One trained network.
struct Run {
  std::string model;
  std::uint64_t seed = 0;
  Forecast forecast;
  program::Curves curves;  // without losses when it was loaded
};

// A line of the tables: a baseline, or the runs of one model with several seeds.
struct Entry {
  std::string name;
  std::vector<Scores> runs;
};

// The two tables of the test part.
void print_scores(const Market& m, const std::vector<Entry>& entries, program::Report& report);

// What is expected of the day after the file's last.
void print_tomorrow(const Market& m, const std::string& name, const Forecast& f,
                    program::Report& report);

// The first index's price and band over the test part; below, how training went.
void draw_run(const Market& m, const Run& run, const std::string& path);

}  // namespace stock
