// The options of stock_price.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/stock_price/prices.h"

namespace stock {

struct Choice {
  std::string csv;
  std::vector<std::string> columns;
  std::string model, ticker, encoding, date_order, decimal;
  program::SizeChoice size;
  Index seeds = 0;  // 0: three
};

void declare(CLI::App& app, Choice& choice);

// Throws std::invalid_argument if options contradict each other; prepares the outputs.
void check_options(const Choice& choice, const program::Options& o);

// The file to read, as the options say.
Source source_of(const Choice& choice, const program::Options& o);

}  // namespace stock
