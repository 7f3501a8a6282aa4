// What training and applying a model have in common: the forecasts that are compared, and what is
// shown of them.
#pragma once

#include "examples/stock_price/model.h"
#include "examples/stock_price/options.h"
#include "examples/stock_price/report.h"
#include "examples/stock_price/seeds.h"

#include <cstdio>

namespace stock {

// What was found while reading and done about it, a line each.
void say_notices(const Prices& prices, std::FILE* where);
void report_days(const Market& m, program::Report& report);

// What a model file must agree in.
unroll::Metadata identity(const std::string& model, const std::vector<std::string>& columns);

// The baselines with what is judged on the middle part from the training part alone.
std::vector<Entry> baseline_entries(const Market& m, const Fitted& fitted);
Fitted fit_all_baselines(const Market& m);

// Scores the forecasts on the test part, and shows that.
void judge(const Market& m, std::vector<Entry>& entries, program::Report& report);
// Draws the best network beside EWMA (--pictures).
void draw(const Market& m, const std::vector<Entry>& entries, const program::Options& o);

}  // namespace stock
