#include "examples/stock_price/apply.h"

#include "examples/common/terminal.h"
#include "examples/stock_price/entries.h"
#include "examples/stock_price/predict.h"

#include <fmt/format.h>

#include <algorithm>

namespace stock {
namespace {

class Application {
 public:
  Application(const Choice& choice, const program::Options& o, program::Report& report)
      : choice_(choice), o_(o), report_(report) {}

  void run() {
    unroll::load_safetensors(o_.load, &metadata_);
    const std::string name = metadata_["model"];
    const std::vector<std::string>& kinds = program::sequence_kinds();
    unroll::check_io(
        metadata_["program"] == "stock_price" && std::count(kinds.begin(), kinds.end(), name) == 1,
        "{}: a model of stock_price was required: got another file", o_.load);
    unroll::check_io(choice_.model.empty() || choice_.model == name,
                     "{}: a model with model \"{}\" was required: got \"{}\"", o_.load,
                     choice_.model, name);
    apply(name);
  }

 private:
  Prices read() {
    Source source = source_of(choice_, o_);
    const std::vector<std::string> known = columns_of(metadata_);
    // Several columns have their names; a single one may be called anything.
    if (source.columns.empty() && known.size() > 1) source.columns = known;
    return read_prices(source);
  }

  void apply(const std::string& name) {
    const bool predicts = !o_.predict.empty();
    Prices prices = read();
    say_notices(prices, predicts ? stderr : stdout);
    unroll::Metadata expected = identity(name, prices.names);
    const bool single = prices.names.size() == 1 && columns_of(metadata_).size() == 1;
    if (single) expected.erase("columns");
    const Seeds seeds = load(o_.load, expected, static_cast<Index>(prices.names.size()));
    const Fitted fitted = as_fitted(seeds.models[0].fitted.value());
    Market m = make_market(std::move(prices), fitted.prior);
    const bool known = split_by_model(m, metadata_);
    std::vector<Entry> entries = baseline_entries(m, fitted);
    entries.push_back(entry_of(name, seeds, m));
    entries.back().middle = fitted.middle[3];
    if (predicts) {
      fmt::print(stderr, "{}\n", what_is_new(m, known));
      return write_predictions(o_, name, m, entries.back().forecast);
    }
    report_origin(seeds, name, report_);
    report_days(m, report_);
    fmt::print("{} daily returns of {}, {} to {}.\n{}\n", m.rows(), program::shown(m.prices.names),
               m.day(0), m.day(m.rows() - 1), program::wrapped(what_is_new(m, known)));
    if (!m.split.test.empty()) judge(m, entries, report_);
    print_tomorrow(m, entries, report_);
    draw(m, entries, o_);
  }

  std::string what_is_new(const Market& m, bool known) const {
    const auto last = metadata_.find("last_fitted_day");  // not there without dates
    const std::string day = last == metadata_.end() ? "" : last->second;
    if (!known)
      return fmt::format(
          "Which of these days the model was fitted on is not known, as {}: nothing is scored.",
          m.prices.dates.empty() ? "the file has no dates and begins otherwise than the model's"
                                 : "the model's file had no dates");
    if (m.split.test.empty())
      return fmt::format(
          "The model was fitted on days up to {}: none of these are new, nothing is scored.",
          day.empty() ? "the last" : day);
    return fmt::format("The last {} days{} on which nothing of the model was fitted.",
                       m.split.test.size(), day.empty() ? "" : fmt::format(", after {},", day));
  }

  const Choice& choice_;
  const program::Options& o_;
  program::Report& report_;
  unroll::Metadata metadata_;
};

}  // namespace

void apply_model(const Choice& choice, const program::Options& o, program::Report& report) {
  Application(choice, o, report).run();
}

}  // namespace stock
