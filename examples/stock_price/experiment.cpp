#include "examples/stock_price/experiment.h"

#include "examples/common/terminal.h"
#include "examples/stock_price/entries.h"

#include <fmt/format.h>

namespace stock {
namespace {

class Training {
 public:
  Training(const Choice& choice, const program::Options& o, program::Report& report)
      : choice_(choice), o_(o), report_(report) {
    if (choice.seeds > 0) seeds_ = choice.seeds;
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
    if (!choice_.model.empty()) {
      run_model(m, choice_.model);
    } else {
      for (const char* kind : {"rnn", "lstm", "gru"}) run_model(m, kind);
    }
    program::say("\nThe last {} days, on which nothing was fitted.\n\n", test.size());
    judge(m, entries_, report_);
    if (program::interrupted()) return;
    print_tomorrow(m, entries_, report_);
    draw(m, entries_, o_);
  }

 private:
  void run_model(const Market& m, const std::string& name) {
    if (name == "none") return;
    program::SequenceOptions layer = settings_.layer(name);
    program::choose_size(
        layer, choice_.size, settings_.layer("gru"), [&](const program::SequenceOptions& of) {
          return program::count_parameters([&] { return Network(m.columns(), of); });
        });
    unroll::Metadata metadata = identity(name, m.prices.names);
    metadata.merge(days_of(m));
    const unroll::Metadata expected = metadata;
    metadata.merge(o_.given_options());
    if (!o_.save.empty()) program::check_metadata(metadata);
    Seeds seeds{o_.seed, {}, {}}, before{o_.seed, {}, {}};
    if (!o_.resume.empty()) before = load(o_.resume, expected, m.columns(), true);
    unroll::check(static_cast<Index>(before.models.size()) <= seeds_,
                  "--seeds: at least the {} of the resumed run were required: got {}",
                  before.models.size(), seeds_);
    for (Index i = 0; i < seeds_ && !program::interrupted(); ++i) {
      const std::uint64_t seed = o_.seed + static_cast<std::uint64_t>(i);
      unroll::manual_seed(seed);
      Model model(m.columns(), layer);
      program::Checkpoint checkpoint;
      if (static_cast<std::size_t>(i) < before.models.size()) {
        model = before.models[static_cast<std::size_t>(i)];
        checkpoint = before.checkpoints[static_cast<std::size_t>(i)];
      }
      const program::Curves curves =
          fit(model, m, fitted_, settings_, fmt::format("{} seed {}", name, seed), seed + 1000,
              &checkpoint);
      // Of an interrupted run it is kept what was learned.
      if (program::interrupted() && curves.kept_epoch == 0) break;
      seeds.models.push_back(std::move(model)), seeds.curves.push_back(curves);
      seeds.checkpoints.push_back(std::move(checkpoint));
    }
    if (seeds.models.empty()) {
      if (!o_.save.empty()) program::worth_saving({}, o_.save);  // says that it is not
      return;
    }
    Entry entry = entry_of(name, seeds, m);
    entry.middle = mean_nll(score(m, entry.forecast, m.split.validation));
    seeds.set_middle(entry.middle);
    if (!o_.save.empty()) save(o_.save, seeds, std::move(metadata));
    report_origin(seeds, name, report_);
    if (!program::interrupted()) entries_.push_back(std::move(entry));
  }

  const Choice& choice_;
  const program::Options& o_;
  program::Report& report_;
  Settings settings_;
  Index seeds_ = 3;
  Fitted fitted_;
  std::vector<Entry> entries_;
};

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  Training(choice, o, report).run();
}

}  // namespace stock
