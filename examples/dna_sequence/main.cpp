// Where does a gene's text get cut? Splice junctions in DNA, or classes of one's own, by recurrent
// networks, beside two answers that need none.
//
// examples.h reads the sequences; baselines.h answers without a network; models.h has the two
// networks, and why one is better; fit.h trains and asks them; report.h prints and draws.
#include "examples/common/model_file.h"
#include "examples/common/program.h"
#include "examples/dna_sequence/baselines.h"
#include "examples/dna_sequence/fit.h"
#include "examples/dna_sequence/report.h"

#include <fmt/format.h>

#include <optional>

using namespace dna;
using unroll::data::Split;

namespace {

struct Choice {
  std::string table = UNROLL_SOURCE_DIR "/data/samples/splice.tsv";
  std::vector<std::string> fasta;
  std::string model;
  Index folds = 1;
  bool reverse_complement = false;
  bool wants(const std::string& name) const { return model.empty() || model == name; }
};

class Experiment {
 public:
  Experiment(const Choice& choice, const program::Options& options, program::Report& report)
      : choice_(choice), o_(options), report_(report) {
    if (choice.model == "none")
      o_.refuse({"--save", "--load", "--epochs", "--reverse-complement", "--pictures"},
                "a model to train or to load", "--model none");
    if (choice.model == "junction")
      o_.refuse({"--pictures"}, "the attention model", "--model junction");
    program::check_one_model(o_, choice.model, "junction or attention", "--folds", choice.folds);
    if (!o_.load.empty())
      o_.refuse({"--epochs", "--reverse-complement"}, "a model to train", "--load");
    o_.prepare(choice.fasta.empty() ? std::vector<std::string>{choice.table} : choice.fasta);
    if (o_.epochs > 0) settings_.epochs = o_.epochs;
    settings_.reverse_complement = choice.reverse_complement;
  }

  void run() {
    const Examples e =
        choice_.fasta.empty() ? read_table(choice_.table) : read_classes(choice_.fasta);
    fmt::print(
        "{} sequences of the classes {}.\n{} repeats and {} contradictory removed, {} remain.\n\n",
        e.given, program::shown(e.classes), e.repeats, e.contradictory, e.size());
    report_.add("sequences.given", static_cast<double>(e.given));
    report_.add("sequences.repeats", static_cast<double>(e.repeats));
    report_.add("sequences.contradictory", static_cast<double>(e.contradictory));
    report_.add("sequences.used", static_cast<double>(e.size()));

    unroll::Generator random(o_.seed);
    const std::vector<Split> splits =
        choice_.folds > 1 ? unroll::data::k_folds(e.labels, choice_.folds, 0.05, random)
                          : std::vector<Split>{unroll::data::random_split(
                                e.size(), {.train = 0.8, .validation = 0.05}, random, e.labels)};
    const std::size_t classes = e.classes.size();
    Line most{"majority", "always the most frequent class", Score(classes)},
        bayes{"naive_bayes", "each position for itself", Score(classes)},
        attention{"attention", "bidirectional GRU, attention over everything", Score(classes)},
        junction{"junction", "two readers that meet in the middle", Score(classes)};
    std::optional<Attentive> shown;
    for (std::size_t f = 0; f < splits.size() && !program::interrupted(); ++f) {
      const Split& split = splits[f];
      most.score.add(e, split.test, majority(e, split));
      if (e.one_length()) bayes.score.add(e, split.test, naive_bayes(e, split));
      if (choice_.wants("junction")) run_model<Junction>(e, splits, f, junction);
      if (choice_.wants("attention")) {
        auto model = run_model<Attentive>(e, splits, f, attention);
        if (!shown) shown = std::move(model);
      }
    }

    if (most.score.all() == 0) return;  // interrupted before anything
    if (!e.one_length()) fmt::print("naive_bayes is left out: it needs sequences of one length.\n");
    std::vector<Line> lines{most};
    for (const Line& line : {bayes, attention, junction})
      if (line.score.all() > 0) lines.push_back(line);
    print_accuracy(lines, report_);
    for (const Line& line : {attention, junction})
      if (line.score.all() > 0) print_confusion(e, line, report_);
    if (shown && !o_.picture.empty() && !program::interrupted())
      draw_attention(*shown, e, splits[0].test, o_.picture);
  }

 private:
  // Trains, or loads, and counts the answers; nothing is counted of what was interrupted.
  template <class Model>
  std::optional<Model> run_model(const Examples& e, const std::vector<Split>& splits, std::size_t f,
                                 Line& line) {
    if (program::interrupted()) return {};
    // With another seed, the model may have been trained on what tests here.
    const unroll::Metadata metadata{{"program", "dna_sequence"},
                                    {"model", line.name},
                                    {"classes", fmt::format("{}", fmt::join(e.classes, ", "))},
                                    {"seed", fmt::format("{}", o_.seed)}};
    const std::uint64_t seed = o_.seed + 100 * (f + 1);
    unroll::manual_seed(seed);
    Model model(static_cast<Index>(e.classes.size()));
    const std::string label =
        splits.size() > 1 ? fmt::format("{} {}/{}", line.name, f + 1, splits.size()) : line.name;
    program::load_or_train(o_, model, metadata, fmt::format("{}.fold{}", line.name, f + 1), report_,
                           [&] { return fit(model, e, splits[f], settings_, label, seed + 77); });
    if (program::interrupted()) return {};
    line.score.add(e, splits[f].test, answers(model, e, splits[f].test));
    return model;
  }

  const Choice& choice_;
  const program::Options& o_;
  program::Report& report_;
  Settings settings_;
};

}  // namespace

int main(int argc, char** argv) {
  Choice choice;
  const auto declare = [&](CLI::App& app) {
    CLI::Option* table =
        app.add_option("--data", choice.table,
                       "Table with the columns class and sequence, separated\nby tabs (default: "
                       "splice junctions of primates)")
            ->type_name("FILE");
    app.add_option("--fasta", choice.fasta,
                   "FASTA file of one class; once for each class. Sequences of\nany length; the "
                   "junction model reads towards their middle")
        ->type_name("FILE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->excludes(table);
    program::add_number(app, "--folds", choice.folds, 1, 50,
                        "Cross-validate with so many folds (default: one split)");
    app.add_option("--model", choice.model,
                   "One model only: junction, attention, or none (baselines)")
        ->type_name("NAME")
        ->check(CLI::IsMember({"junction", "attention", "none"}).description(""));
    app.add_flag("--reverse-complement", choice.reverse_complement,
                 "Train on either strand, by chance")
        ->disable_flag_override();
  };
  return program::run(
      argc, argv,
      {.name = "dna_sequence",
       .description = "Tells classes of DNA apart, splice junctions by default, by two recurrent\n"
                      "networks beside two baselines.",
       .picture = "dna_attention.png"},
      declare, [&](const program::Options& options, program::Report& report) {
        Experiment(choice, options, report).run();
      });
}
