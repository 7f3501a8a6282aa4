#include "examples/stock_price/options.h"

#include "examples/common/command_line.h"

#include <unroll/tensor/error.h>

namespace stock {
namespace {

const std::string kSample = program::sample("eustockmarkets.csv");
constexpr Index kMinToTrain = 200, kMinToForecast = 2;  // days

}  // namespace

void declare(CLI::App& app, Choice& choice) {
  app.add_option("--csv,--data", choice.csv,
                 "Daily prices in a table: CSV or the like, .gz too\n"
                 "(default: DAX, SMI, CAC and FTSE, 1991-1998)")
      ->type_name("FILE");
  app.add_option("--columns", choice.columns,
                 "The columns with prices, by name: A,B,...\n"
                 "(default: the closing price)")
      ->type_name("NAMES")
      ->delimiter(',');
  app.add_option("--ticker", choice.ticker, "The rows of one ticker, of several in the file")
      ->type_name("NAME");
  app.add_option("--date-order", choice.date_order,
                 "Of day and month in dates such as 03/04/2024: dmy,\n"
                 "mdy or ymd (default: as the data show)")
      ->type_name("ORDER")
      ->check(CLI::IsMember({"dmy", "mdy", "ymd"}).description(""));
  app.add_option("--decimal", choice.decimal,
                 "The decimal mark of the numbers, . or ,\n"
                 "(default: as the data show)")
      ->type_name("MARK")
      ->check(CLI::IsMember({".", ","}).description(""));
  app.add_option("--encoding", choice.encoding,
                 "The encoding of the file, as iconv calls it\n"
                 "(default: as the bytes show)")
      ->type_name("NAME");
  program::declare_kind(app, choice.model,
                        {.help = "One model only (default: rnn, lstm and gru; with --load the "
                                 "file says), or none (baselines)",
                         .more = {"none"}});
  program::declare_size(app, choice.size, "--model gru");
  program::add_number(app, "--seeds", choice.seeds, 1, 100,
                      "Train each model so many times; their forecasts\n"
                      "are mixed (default: 3)");
}

void check_options(const Choice& choice, const program::Options& o) {
  // It is trained on windows, and then reads all days at once.
  unroll::check(choice.model != "linear-attention",
                "--model: a model that forgets, or has a window, was required: got {}",
                choice.model);
  if (choice.model == "none")
    o.refuse({"--save", "--load", "--resume", "--epochs", "--seed", "--seeds", "--pictures",
              "--parameters", "--equal-parameters"},
             "a model to train or to load", "--model none");
  if (!o.load.empty())
    o.refuse({"--seed", "--seeds", "--parameters", "--equal-parameters"}, "a model to train",
             "--load");
  program::check_size(choice.size, o);
  if (!o.predict.empty()) o.refuse({"--csv"}, "a run without --predict", "--predict");
  unroll::check(o.save.empty() || !choice.model.empty(),
                "--save: one model was required: add --model rnn, lstm or gru");
  const std::string& read = o.predict.empty() ? choice.csv : o.predict;
  o.prepare({read.empty() ? kSample : read});
}

Source source_of(const Choice& choice, const program::Options& o) {
  Source source;
  source.path = !o.predict.empty() ? o.predict : choice.csv;
  source.columns = choice.columns;
  if (source.path.empty()) {
    source.path = kSample;
    if (source.columns.empty()) source.columns = {"DAX", "SMI", "CAC", "FTSE"};
  }
  source.ticker = choice.ticker;
  source.encoding = choice.encoding;
  using unroll::data::DateOrder;
  source.date_order = choice.date_order == "dmy"   ? DateOrder::dmy
                      : choice.date_order == "mdy" ? DateOrder::mdy
                      : choice.date_order == "ymd" ? DateOrder::ymd
                                                   : DateOrder::unknown;
  source.decimal = choice.decimal.empty() ? '\0' : choice.decimal[0];
  source.min_days = o.load.empty() ? kMinToTrain : kMinToForecast;
  return source;
}

}  // namespace stock
