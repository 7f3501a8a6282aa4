// Tomorrow's distribution of the prices of several stock indexes, from their past: RNN, LSTM and
// GRU beside the two forecasts that anybody can make.
//
// market.h reads the prices; forecast.h says what a forecast is, how it is judged, and has the two
// simple ones; network.h has the model and how it is trained; report.h prints and draws.
#include "examples/common/model_file.h"
#include "examples/common/program.h"
#include "examples/stock_price/network.h"
#include "examples/stock_price/report.h"

#include <fmt/format.h>

#include <optional>

using namespace stock;

namespace {

struct Choice {
  std::string csv = UNROLL_SOURCE_DIR "/data/samples/eustockmarkets.csv";
  std::vector<std::string> columns;
  std::string model;
  Index seeds = 0;
};

class Experiment {
 public:
  Experiment(const Choice& choice, const program::Options& options, program::Report& report)
      : choice_(choice), o_(options), report_(report) {
    unroll::check(!choice.columns.empty(),
                  "--csv: the columns with prices were required: add --columns A,B");
    if (choice.model == "none")
      o_.refuse({"--save", "--load", "--epochs", "--seed", "--seeds", "--pictures"},
                "a model to train or to load", "--model none");
    program::check_one_model(o_, choice.model, "rnn, lstm or gru", "--seeds", choice.seeds);
    if (!o_.load.empty())
      o_.refuse({"--epochs", "--seed", "--seeds"}, "a model to train", "--load");
    o_.prepare({choice.csv});
    const bool of_file = !o_.save.empty() || !o_.load.empty();
    seeds_ = choice.seeds > 0 ? choice.seeds : of_file ? 1 : 3;
    if (o_.epochs > 0) settings_.epochs = o_.epochs;
  }

  void run() {
    const Market m = read_market(choice_.csv, choice_.columns);
    if (m.early + m.closed > 0)
      fmt::print("Left out: {} rows before every column had begun, {} without any price.\n",
                 m.early, m.closed);
    if (m.filled > 0)
      fmt::print("{} prices were missing in one column: the day before's stand for them.\n",
                 m.filled);
    fmt::print(
        "{} daily returns of {}.\nThe first {} train, the next {} say when to stop, the last {} "
        "test.\n\n",
        m.days(), program::shown(m.names), m.split.train.size(), m.split.validation.size(),
        m.split.test.size());
    report_.add("days.early", static_cast<double>(m.early));
    report_.add("days.closed", static_cast<double>(m.closed));
    report_.add("prices.filled", static_cast<double>(m.filled));
    report_.add("days.train", static_cast<double>(m.split.train.size()));
    report_.add("days.validation", static_cast<double>(m.split.validation.size()));
    report_.add("days.test", static_cast<double>(m.split.test.size()));
    entries_.push_back({"constant", {score(m, constant_forecast(m))}});
    entries_.push_back({"ewma", {score(m, ewma_forecast(m))}});
    run_model<unroll::nn::RNN>(m, "rnn");
    run_model<unroll::nn::LSTM>(m, "lstm");
    run_model<unroll::nn::GRU>(m, "gru");
    print_scores(m, entries_, report_);
    if (program::interrupted()) return;
    if (!best_) return print_tomorrow(m, "ewma", ewma_forecast(m), report_);
    const std::string name =
        o_.load.empty()
            ? fmt::format("{} of seed {}, the best on the middle part", best_->model, best_->seed)
            : best_->model;
    print_tomorrow(m, name, best_->forecast, report_);
    if (!o_.picture.empty()) draw_run(m, *best_, o_.picture);
  }

 private:
  template <class Layer>
  void run_model(const Market& m, const std::string& name) {
    if (!choice_.model.empty() && choice_.model != name) return;
    const unroll::Metadata metadata{{"program", "stock_price"},
                                    {"model", name},
                                    {"columns", fmt::format("{}", fmt::join(m.names, ", "))}};
    Entry entry{name, {}};
    for (Index i = 0; i < seeds_ && !program::interrupted(); ++i) {
      const std::uint64_t seed = o_.seed + static_cast<std::uint64_t>(i);
      unroll::manual_seed(seed);
      Network<Layer> network(m.indexes(), settings_.hidden);
      Run run{name, seed, {}, {}};
      run.curves = program::load_or_train(
          o_, network, metadata, fmt::format("{}.seed{}", name, seed), report_, [&] {
            return fit(network, m, settings_, fmt::format("{} seed {}", name, seed), seed + 1000);
          });
      if (program::interrupted()) break;
      run.forecast = forecast(network, m);
      entry.runs.push_back(score(m, run.forecast));
      keep_best(std::move(run));
    }
    if (!entry.runs.empty()) entries_.push_back(std::move(entry));
  }

  // The run to show is chosen on the middle part, as everything is.
  void keep_best(Run run) {
    if (!best_ || run.curves.kept_loss < best_->curves.kept_loss) best_ = std::move(run);
  }

  const Choice& choice_;
  const program::Options& o_;
  program::Report& report_;
  Settings settings_;
  Index seeds_;
  std::vector<Entry> entries_;
  std::optional<Run> best_;
};

}  // namespace

int main(int argc, char** argv) {
  Choice choice;
  const auto declare = [&](CLI::App& app) {
    app.add_option("--csv", choice.csv,
                   "Daily prices in a CSV file, the oldest day first\n"
                   "(default: DAX, SMI, CAC and FTSE, 1991-1998)")
        ->type_name("FILE");
    app.add_option("--columns", choice.columns, "The columns with prices, by name: A,B,...")
        ->type_name("NAMES")
        ->delimiter(',');
    app.add_option("--model", choice.model, "One model only: rnn, lstm, gru, or none (baselines)")
        ->type_name("NAME")
        ->check(CLI::IsMember({"rnn", "lstm", "gru", "none"}).description(""));
    program::add_number(app, "--seeds", choice.seeds, 1, 100,
                        "Train each model so many times, for mean and spread (default: 3)");
  };
  return program::run(
      argc, argv,
      {.name = "stock_price",
       .description =
           "Forecasts the distribution of tomorrow's prices, by RNN, LSTM and GRU beside\n"
           "two baselines.",
       .picture = "stock_price.png"},
      declare, [&](const program::Options& options, program::Report& report) {
        if (!options.given("--csv") && choice.columns.empty())
          choice.columns = {"DAX", "SMI", "CAC", "FTSE"};
        Experiment(choice, options, report).run();
      });
}
