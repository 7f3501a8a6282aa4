// --load: a trained model is compared with the baselines on days that it was not fitted on, or
// predicts the days of a file (--predict).
#pragma once

#include "examples/stock_price/options.h"

namespace stock {

void apply_model(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace stock
