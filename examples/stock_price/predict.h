// --predict: forecasts of a trained model for each day of a file and the day after.
#pragma once

#include "examples/common/program.h"
#include "examples/stock_price/forecast.h"

#include <string>

namespace stock {

// Writes CSV: date (or the day's number), column, price (empty for the day after), the mean and
// standard deviation of the log return, and the interval that holds the price with 95 %.
void write_predictions(const program::Options& o, const std::string& model, const Market& m,
                       const Forecast& forecast);

}  // namespace stock
