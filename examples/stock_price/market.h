// Prices from a file, and what is computed of them without learning anything.
//
// T days with a return, K indexes.
#pragma once

#include <unroll/data/split.h>

#include <string>
#include <vector>

namespace stock {

using unroll::Index;
using unroll::Tensor;

struct Market {
  std::vector<std::string> names;           // [K]
  std::vector<std::vector<double>> prices;  // [K][T + 1]
  Tensor returns;                           // [T, K] log returns; row t is from day t to t + 1
  Tensor log_ewma;   // [T + 1, K] log variance of row t as EWMA expects it, from rows before
                     // t; the last row is of the day after the file's last
  Index early = 0;   // rows left out: before every column had begun,
  Index closed = 0;  // and those without any price
  Index filled = 0;  // prices missing in one column, for which the day before's stand
  unroll::data::Split split;  // of the rows: the past trains, the middle stops, the future tests
  Index days() const { return returns.shape()[0]; }
  Index indexes() const { return returns.shape()[1]; }
};

// Columns of daily prices, the oldest day first. Rows before all columns have begun are left out,
// as are those without any price; where one column alone has none, its price did not change, unless
// it has ended. Throws std::runtime_error with one sentence where that leaves nothing to learn
// from or to test on.
Market read_market(const std::string& path, const std::vector<std::string>& columns);

}  // namespace stock
