// --predict: forecasts of a trained model for each day of a file and the day after.
#pragma once

#include "examples/stock_price/forecast.h"

#include <string>

namespace stock {

// CSV: date (or the day's number), column, price (empty for the day after), the mean and standard
// deviation of the log return, and the 95 % interval of the price.
std::string predictions(const Market& m, const Forecast& forecast);

}  // namespace stock
