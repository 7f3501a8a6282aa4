// Tomorrow's distribution of prices, from their past: RNN, LSTM and GRU beside three forecasts that
// need no network.
//
// prices.h reads what people have; market.h makes returns of it; baselines.h has constant, EWMA and
// GARCH; network.h, fit.h and model.h the network, its training and what is saved; forecast.h says
// what a forecast is and how it is judged; report.h, verdict.h, picture.h and predict.h what a
// person gets.
#include "examples/stock_price/apply.h"
#include "examples/stock_price/experiment.h"

using namespace stock;

int main(int argc, char** argv) {
  Choice choice;
  return program::run(
      argc, argv,
      {.name = "stock_price",
       .description = "Forecasts the distribution of tomorrow's prices, by RNN, LSTM and GRU\n"
                      "beside three baselines.",
       .pictures = {"stock_price.png"},
       .takes = {.predict = "With --load: write CSV with date, mean, volatility\n"
                            "and 95 % interval for each day of this file but\n"
                            "its first, and for the day after its last",
                 .resume = true}},
      [&](CLI::App& app) { declare(app, choice); },
      [&](const program::Options& options, program::Report& report) {
        check_options(choice, options);
        if (options.load.empty())
          train_and_compare(choice, options, report);
        else
          apply_model(choice, options, report);
      });
}
