// What stock_price does: train models and compare them, or apply one that was trained.
#pragma once

#include "examples/common/report.h"
#include "examples/stock_price/options.h"

namespace stock {

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);
void apply_model(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace stock
