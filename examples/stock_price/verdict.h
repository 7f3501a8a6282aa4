// One sentence that summarises the results on the test part.
#pragma once

#include "examples/stock_price/report.h"

namespace stock {

// Does the best network beat EWMA and GARCH? A difference counts where it is more than twice its
// standard error.
std::string verdict(const Market& m, const std::vector<Entry>& entries);

// The entry of this name; nullptr where there is none.
const Entry* find_entry(const std::vector<Entry>& entries, const std::string& name);

}  // namespace stock
