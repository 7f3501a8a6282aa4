// Trains models and compares them, or applies a trained one.
#pragma once

#include "examples/common/report.h"
#include "examples/stock_price/options.h"

namespace stock {

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);
void apply_model(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace stock
