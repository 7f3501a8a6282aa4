// What stock_price draws.
#pragma once

#include "examples/stock_price/forecast.h"

namespace stock {

// A row of two panels for each column, up to six: the price of the last 120 days with the band that
// was forecast the day before, where misses are marked; and the returns with the bands of the
// network and of EWMA.
void draw_forecasts(const Market& m, const std::string& name, const Forecast& network,
                    const Forecast& ewma, const std::string& path);

}  // namespace stock
