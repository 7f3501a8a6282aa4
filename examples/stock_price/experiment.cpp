#include "examples/stock_price/experiment.h"

#include "examples/stock_price/model.h"
#include "examples/stock_price/picture.h"
#include "examples/stock_price/predict.h"
#include "examples/stock_price/report.h"

#include "examples/common/terminal.h"

#include <unroll/tensor/file.h>

#include <fmt/format.h>

namespace stock {
namespace {

void say_notices(const Prices& prices, std::FILE* where) {
  for (const std::string& notice : prices.notices) {
    if (where == stdout)
      program::put(notice + "\n");
    else
      std::fputs((notice + "\n").c_str(), where);
  }
}

void report_days(const Market& m, program::Report& report) {
  report.add("days.early", static_cast<double>(m.prices.early));
  report.add("days.closed", static_cast<double>(m.prices.closed));
  report.add("prices.missing", static_cast<double>(m.prices.missing));
  report.add("days.train", static_cast<double>(m.split.train.size()));
  report.add("days.validation", static_cast<double>(m.split.validation.size()));
  report.add("days.test", static_cast<double>(m.split.test.size()));
}

unroll::Metadata identity(const std::string& model, const std::vector<std::string>& columns) {
  return {{"program", "stock_price"},
          {"model", model},
          {"columns", fmt::format("{}", fmt::join(columns, ", "))}};
}

// The baselines with what is judged on the middle part from the training part alone.
std::vector<Entry> baseline_entries(const Market& m, const Fitted& fitted) {
  return {{"constant", constant_forecast(m, fitted.late), fitted.middle[0]},
          {"ewma", ewma_forecast(m, fitted.late), fitted.middle[1]},
          {"garch", garch_forecast(m, fitted.late), fitted.middle[2]}};
}

Fitted fit_all_baselines(const Market& m) {
  Fitted fitted;
  fitted.early = fit_baselines(m, m.split.validation.front());
  fitted.late = fit_baselines(m, m.split.test.front());
  fitted.prior = m.prior;
  fitted.shares.assign(m.prior.size(), 0);
  const std::vector<Index>& middle = m.split.validation;
  fitted.garch_shares =
      shares(m, garch_forecast(m, fitted.early), ewma_forecast(m, fitted.early), middle);
  fitted.middle = {mean_nll(score(m, constant_forecast(m, fitted.early), middle)),
                   mean_nll(score(m, ewma_forecast(m, fitted.early), middle)),
                   mean_nll(score(m, garch_forecast(m, fitted.early), middle)),
                   std::vector<double>(m.prior.size(), 0)};
  return fitted;
}

void judge(const Market& m, std::vector<Entry>& entries, program::Report& report) {
  for (Entry& entry : entries) entry.scores = score(m, entry.forecast, m.split.test);
  print_scores(m, entries, report);
}

void draw(const Market& m, const std::vector<Entry>& entries, const program::Options& o) {
  const std::ptrdiff_t best = best_network(entries);
  if (o.picture.empty() || best < 0) return;
  const Entry& network = entries[static_cast<std::size_t>(best)];
  draw_forecasts(m, network.name, network.forecast, entries[1].forecast, o.picture);
}

class Training {
 public:
  Training(const Choice& choice, const program::Options& o, program::Report& report)
      : choice_(choice), o_(o), report_(report) {
    seeds_ = choice.seeds > 0 ? choice.seeds : o.save.empty() ? 3 : 1;
    if (o.epochs > 0) settings_.epochs = o.epochs;
  }

  void run() {
    Prices prices = read_prices(source_of(choice_, o_));
    say_notices(prices, stdout);
    const Market m = make_market(std::move(prices));
    const auto& [train, validation, test] = m.split;
    program::say("{} daily returns of {}, {} to {}.\n", m.rows(), program::shown(m.prices.names),
                 m.day(0), m.day(m.rows() - 1));
    program::say(
        "The first {} train, the next {} say when to stop, the last {} (from {}) test.\n\n",
        train.size(), validation.size(), test.size(), m.day(test.front()));
    report_days(m, report_);
    fitted_ = fit_all_baselines(m);
    entries_ = baseline_entries(m, fitted_);
    run_model<unroll::nn::RNN>(m, "rnn");
    run_model<unroll::nn::LSTM>(m, "lstm");
    run_model<unroll::nn::GRU>(m, "gru");
    program::say("\nThe last {} days, on which nothing was fitted.\n\n", test.size());
    judge(m, entries_, report_);
    if (program::interrupted()) return;
    print_tomorrow(m, entries_, report_);
    draw(m, entries_, o_);
  }

 private:
  template <class Layer>
  void run_model(const Market& m, const std::string& name) {
    if (!choice_.model.empty() && choice_.model != name) return;
    unroll::Metadata metadata = identity(name, m.prices.names);
    metadata.merge(days_of(m));
    std::vector<Forecast> forecasts;
    Entry entry{name, {}, {}};
    entry.network = true;
    for (Index i = 0; i < seeds_ && !program::interrupted(); ++i) {
      const std::uint64_t seed = o_.seed + static_cast<std::uint64_t>(i);
      unroll::manual_seed(seed);
      Model<Layer> model(m.columns(), settings_.hidden);
      program::load_or_train(o_, model, metadata, fmt::format("{}.seed{}", name, seed), report_,
                             [&] {
                               return fit(model, m, fitted_, settings_,
                                          fmt::format("{} seed {}", name, seed), seed + 1000);
                             });
      if (program::interrupted()) break;
      forecasts.push_back(forecast(model, m));
      entry.of_seeds.push_back(mean_nll(score(m, forecasts.back(), m.split.test)));
    }
    if (forecasts.empty()) return;
    entry.forecast = mixture_of(forecasts);
    entry.middle = mean_nll(score(m, entry.forecast, m.split.validation));
    entries_.push_back(std::move(entry));
  }

  const Choice& choice_;
  const program::Options& o_;
  program::Report& report_;
  Settings settings_;
  Index seeds_ = 0;
  Fitted fitted_;
  std::vector<Entry> entries_;
};

class Application {
 public:
  Application(const Choice& choice, const program::Options& o, program::Report& report)
      : choice_(choice), o_(o), report_(report) {}

  void run() {
    unroll::load_safetensors(o_.load, &metadata_);
    const std::string name = metadata_["model"];
    unroll::check_io(
        metadata_["program"] == "stock_price" && (name == "rnn" || name == "lstm" || name == "gru"),
        "{}: a model of stock_price was required: got another file", o_.load);
    unroll::check_io(choice_.model.empty() || choice_.model == name,
                     "{}: a model with model \"{}\" was required: got \"{}\"", o_.load,
                     choice_.model, name);
    if (name == "rnn") apply<unroll::nn::RNN>(name);
    if (name == "lstm") apply<unroll::nn::LSTM>(name);
    if (name == "gru") apply<unroll::nn::GRU>(name);
  }

 private:
  Prices read() {
    Source source = source_of(choice_, o_);
    const std::vector<std::string> known = columns_of(metadata_);
    // Several columns have their names; a single one may be called anything.
    if (source.columns.empty() && known.size() > 1) source.columns = known;
    return read_prices(source);
  }

  template <class Layer>
  void apply(const std::string& name) {
    const bool predicts = !choice_.predict.empty();
    Prices prices = read();
    say_notices(prices, predicts ? stderr : stdout);
    unroll::Metadata expected = identity(name, prices.names);
    const bool single = prices.names.size() == 1 && columns_of(metadata_).size() == 1;
    if (single) expected.erase("columns");
    Model<Layer> model(static_cast<Index>(prices.names.size()), Settings().hidden);
    const program::Curves curves = program::load_model(o_.load, model, expected);
    const Fitted fitted = as_fitted(model.fitted.value());
    Market m = make_market(std::move(prices), fitted.prior);
    const bool known = split_by_model(m, metadata_);
    std::vector<Entry> entries = baseline_entries(m, fitted);
    Entry network{name, forecast(model, m), fitted.middle[3]};
    network.network = true;
    entries.push_back(std::move(network));
    if (predicts) {
      fmt::print(stderr, "{}\n", what_is_new(m, known));
      return write(predictions(m, entries.back().forecast));
    }
    if (!std::isnan(curves.kept_loss)) {
      const std::string run = fmt::format("{}.seed{}", name, o_.seed);
      report_.add(run + ".validation", curves.kept_loss);
      report_.add(run + ".epoch", static_cast<double>(curves.kept_epoch));
    }
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

  void write(const std::string& text) const {
    if (choice_.out.empty()) {
      program::say("{}", text);
    } else {
      unroll::write_file(choice_.out, text);
      program::say("Predictions: {}\n", choice_.out);
    }
  }

  const Choice& choice_;
  const program::Options& o_;
  program::Report& report_;
  unroll::Metadata metadata_;
};

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  check_options(choice, o);
  Training(choice, o, report).run();
}

void apply_model(const Choice& choice, const program::Options& o, program::Report& report) {
  check_options(choice, o);
  Application(choice, o, report).run();
}

}  // namespace stock
