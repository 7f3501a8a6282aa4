// Trains the networks and compares them with the baselines.
#pragma once

#include "examples/stock_price/options.h"

namespace stock {

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace stock
