// The picture of stock_price.
#pragma once

#include "examples/stock_price/forecast.h"

namespace stock {

// Two panels for each of up to six columns: the price of the last 120 days with the interval that
// was forecast the day before, with misses marked; and the returns with the intervals of network
// and EWMA.
void draw_forecasts(const Market& m, const std::string& name, const Forecast& network,
                    const Forecast& ewma, const std::string& path);

}  // namespace stock
