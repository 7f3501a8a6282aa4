// Where does a gene's text get cut? Splice junctions in DNA, or classes of one's own, by recurrent
// networks, beside baselines that need none.
//
// read.h reads the sequences; counts.h counts bases and words, and baselines.h answers by these
// alone; models.h and motifs.h have the networks; fit.h trains, predict.h asks, store.h saves them;
// report.h and picture.h show what came out.
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/dna_sequence/baselines.h"
#include "examples/dna_sequence/fit.h"
#include "examples/dna_sequence/picture.h"
#include "examples/dna_sequence/read.h"
#include "examples/dna_sequence/report.h"
#include "examples/dna_sequence/store.h"

#include <unroll/tensor/file.h>

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>

using namespace dna;
using program::say;
using unroll::data::Split;

namespace {

struct Choice {
  std::string table = UNROLL_SOURCE_DIR "/data/samples/splice.tsv";
  std::vector<std::string> fasta, columns;
  std::string model, predict, out;
  Index folds = 1, origin = 0;
  bool reverse_complement = false, both_strands = false;
};

constexpr Index kShort = 200;  // bases: up to here every model is tried

class Experiment {
 public:
  Experiment(const Choice& choice, const program::Options& options, program::Report& report)
      : choice_(choice), o_(options), report_(report) {
    if (choice.model == "none")
      o_.refuse({"--save", "--load", "--epochs", "--pictures"}, "a model to train or to load",
                "--model none");
    if (!o_.save.empty())
      unroll::check(!choice.model.empty(),
                    "--save: one model was required: add --model junction, attention or motifs");
    unroll::check(choice.folds <= 1 || (o_.save.empty() && o_.load.empty()),
                  "--save and --load: a model trained once was required: got --folds {}",
                  choice.folds);
    if (!o_.load.empty())
      o_.refuse({"--epochs", "--reverse-complement"}, "a model to train", "--load");
    if (o_.pictures.empty()) o_.refuse({"--origin"}, "--pictures", "none");
    o_.prepare(choice.fasta.empty() ? std::vector<std::string>{choice.table} : choice.fasta);
    if (o_.epochs > 0) settings_.epochs = o_.epochs;
    settings_.reverse_complement = choice.reverse_complement;
  }

  void run() {
    const Examples e = read();
    std::optional<Trained> loaded;
    if (!o_.load.empty()) loaded = load_for(e);
    const Examples& used = loaded ? relabelled_ : e;
    const std::vector<Split> splits = loaded ? split_by(*loaded, used) : split(used);
    const std::vector<std::string> models = models_for(used, loaded);
    const bool drawn = !o_.picture.empty() && picture_possible(used, choice_.origin, o_.picture);
    std::optional<Trained> shown;
    for (std::size_t f = 0; f < splits.size() && !program::interrupted(); ++f) {
      std::vector<Line> lines;
      baselines(used, splits[f], lines);
      Asked asked;
      for (const std::string& name : models) {
        Trained model = loaded ? *loaded : train(name, used, splits, f);
        if (program::interrupted()) break;
        program::report_origin(model.curves, fmt::format("{}.fold{}", name, f + 1), report_);
        lines.push_back(line(name, used, true));
        add_network(lines.back(), model, used, splits[f], asked);
        // Attention is the one to look at, where it was trained; else the first.
        if (drawn && f == 0 && (!shown || name == "attention")) shown = std::move(model);
      }
      if (asked.networks > 1 && !program::interrupted()) {
        lines.push_back(line("together", used, true));
        lines.back().middle_loss = log_loss(used, splits[f].validation, asked.middle);
        lines.back().add(used, splits[f].test, asked.test);
      }
      merge(std::move(lines), f);
    }
    if (lines_.empty()) return;  // interrupted before anything
    report_.add("folds", static_cast<double>(folds_done_));
    if (folds_done_ < static_cast<Index>(splits.size()))
      say("\n{} of {} folds are finished; they alone are compared.\n", folds_done_, splits.size());
    if (!used.one_length() && !splits[0].train.empty())
      say("naive_bayes is left out: it needs sequences of one length.\n");
    print_scores(used, lines_, report_);
    print_confusions(used, lines_, report_);
    print_verdict(lines_, report_);
    if (shown && !program::interrupted())
      draw_classes(*shown, used, splits[0].test, choice_.origin, o_.picture);
  }

 private:
  Examples read() {
    const Examples all = choice_.fasta.empty() ? read_table(choice_.table, choice_.columns)
                                               : read_classes(choice_.fasta);
    Examples e = without_repeats(all);
    if (o_.load.empty()) check_enough(e, choice_.fasta.empty() ? choice_.table : "--fasta");
    const bool many = e.classes.size() > 20;
    say("{} sequences of {}.\n{} repeats and {} contradictory removed{}, {} remain.\n", e.given,
        many ? fmt::format("{} classes", e.classes.size())
             : "the classes " + program::shown(e.classes),
        e.repeats, e.contradictory,
        e.empty > 0 ? fmt::format(", and {} records without a sequence", e.empty) : "", e.size());
    report_.add("sequences.given", static_cast<double>(e.given));
    report_.add("sequences.empty", static_cast<double>(e.empty));
    report_.add("sequences.repeats", static_cast<double>(e.repeats));
    report_.add("sequences.contradictory", static_cast<double>(e.contradictory));
    report_.add("sequences.used", static_cast<double>(e.size()));
    if (!o_.save.empty()) check_saveable(e.classes);
    return e;
  }

  std::vector<Split> split(const Examples& e) const {
    unroll::Generator random(o_.seed);
    if (choice_.folds > 1) return unroll::data::k_folds(e.labels, choice_.folds, 0.05, random);
    return {
        unroll::data::random_split(e.size(), {.train = 0.8, .validation = 0.05}, random, e.labels)};
  }

  // A model's own classes, in its order.
  Trained load_for(const Examples& e) {
    Trained model = load(o_.load);
    unroll::check_io(choice_.model.empty() || choice_.model == model.name,
                     "{}: a model with model \"{}\" was required: got \"{}\"", o_.load,
                     choice_.model, model.name);
    relabelled_ = e;
    relabelled_.classes = model.classes;
    std::vector<Index> ids;
    for (const std::string& name : e.classes) {
      const auto at = std::find(model.classes.begin(), model.classes.end(), name);
      unroll::check_io(at != model.classes.end(),
                       "{}: a model that knows the classes \"{}\" was required: got one of \"{}\"",
                       o_.load, program::shown(e.classes), program::shown(model.classes));
      ids.push_back(at - model.classes.begin());
    }
    for (Index& label : relabelled_.labels) label = ids[static_cast<std::size_t>(label)];
    return model;
  }

  // What the model was trained on is known by what the sequences are, in whatever file they stand.
  std::vector<Split> split_by(const Trained& model, const Examples& e) const {
    Split out;
    for (Index i = 0; i < e.size(); ++i)
      (model.has_seen(e.sequences[static_cast<std::size_t>(i)]) ? out.train : out.test)
          .push_back(i);
    unroll::check_io(!out.test.empty(),
                     "{}: sequences that this model was not trained on were required: it knows all "
                     "{}",
                     o_.load, e.size());
    if (!out.train.empty())
      say("The model was trained on {} of them, which do not test.\n", out.train.size());
    return {out};
  }

  std::vector<std::string> models_for(const Examples& e, const std::optional<Trained>& loaded) {
    if (loaded) return {loaded->name};
    if (choice_.model == "none") return {};
    const Index longest = e.longest();
    const auto bases = [&](const std::string& which) {
      return fmt::format("sequences of {}{} bases", e.one_length() ? "" : "up to ", longest) +
             which;
    };
    if (!choice_.model.empty()) {
      if (choice_.model != "motifs" && longest > static_cast<Index>(kMostRead))
        say("{}: {} reads the middle {} of them.\n", bases(""), choice_.model, kMostRead);
      return {choice_.model};
    }
    if (longest <= kShort) {
      say("Models: junction, attention and motifs, for {}.\n\n", bases(""));
      return {"junction", "attention", "motifs"};
    }
    say("Model: motifs, for {} (junction and attention: up to {}).\n\n", bases(""), kShort);
    return {"motifs"};
  }

  // The probabilities of several networks, averaged.
  struct Asked {
    Probabilities middle, test;
    double networks = 0;
    void add(Probabilities& mean, const Probabilities& p) const {
      if (mean.empty()) mean = Probabilities(p.size(), std::vector<double>(p[0].size(), 0.0));
      for (std::size_t i = 0; i < p.size(); ++i)
        for (std::size_t c = 0; c < p[i].size(); ++c)
          mean[i][c] += (p[i][c] - mean[i][c]) / networks;
    }
  };

  static double log_loss(const Examples& e, const std::vector<Index>& which,
                         const Probabilities& p) {
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto label = static_cast<std::size_t>(e.labels[static_cast<std::size_t>(which[i])]);
      sum -= std::log(std::max(1e-30, p[i][label]));
    }
    return p.empty() ? 0 : sum / static_cast<double>(p.size());
  }

  void add_network(Line& line, const Trained& model, const Examples& e, const Split& split,
                   Asked& asked) const {
    const int strands = choice_.both_strands ? 2 : 1;
    const Probabilities middle = model.ask(e.sequences, split.validation, strands),
                        test = model.ask(e.sequences, split.test, strands);
    line.middle_loss = log_loss(e, split.validation, middle);
    line.add(e, split.test, test);
    ++asked.networks;
    if (!middle.empty()) asked.add(asked.middle, middle);
    asked.add(asked.test, test);
  }

  static Line line(const std::string& name, const Examples& e, bool network) {
    const std::map<std::string, std::string> remarks{
        {"majority", "always the most frequent class"},
        {"naive_bayes", "the base at each position, each for itself"},
        {"kmer", "naive Bayes on words of bases, wherever they stand"},
        {"markov", "a Markov chain for each class"},
        {"junction", "two readers that meet in the middle"},
        {"attention", "bidirectional GRU, attention over everything"},
        {"motifs", "counted words and positions, corrected by motifs and a GRU"},
        {"together", "the mean of the networks' probabilities"}};
    return Line(name, remarks.at(name), network, static_cast<Index>(e.classes.size()));
  }

  void baselines(const Examples& e, const Split& split, std::vector<Line>& lines) {
    if (split.train.empty()) {  // a model that was loaded, and a file of other sequences
      say("No baselines: there are no sequences here that the model was trained on.\n");
      return;
    }
    const auto add = [&](const std::string& name, const Probabilities& p, Index word) {
      lines.push_back(line(name, e, false));
      if (word > 0) {
        lines.back().remark += name == "markov" ? fmt::format(", of order {}", word - 1)
                                                : fmt::format(", {} long", word);
        report_.add(name + ".word", static_cast<double>(word));
      }
      lines.back().add(e, split.test, p);
    };
    add("majority", majority(e, split), 0);
    if (e.one_length()) add("naive_bayes", naive_bayes(e, split), 0);
    for (const std::string name : {"kmer", "markov"}) {
      Index word = 0;
      const Probabilities p = words(e, split, name == "markov", choice_.reverse_complement, word);
      add(name, p, word);
    }
  }

  Trained train(const std::string& name, const Examples& e, const std::vector<Split>& splits,
                std::size_t f) {
    const Split& split = splits[f];
    const std::uint64_t seed = o_.seed + 100 * (f + 1);
    unroll::manual_seed(seed);
    const auto classes = static_cast<Index>(e.classes.size());
    Trained out{name, e.classes, make(name, classes, e, split), {}, {}};
    const std::string label =
        splits.size() > 1 ? fmt::format("{} {}/{}", name, f + 1, splits.size()) : name;
    out.curves = std::visit(
        [&](auto& network) { return fit(network, e, split, settings_, label, seed + 77); },
        out.network);
    for (const Index i : learned_from(split))
      out.seen.insert(hash_of(e.sequences[static_cast<std::size_t>(i)]));
    if (!o_.save.empty()) save(o_.save, out);
    return out;
  }

  std::variant<Junction, Attentive, Motifs> make(const std::string& name, Index classes,
                                                 const Examples& e, const Split& split) const {
    if (name == "junction") return Junction(classes);
    if (name == "attention") return Attentive(classes);
    std::optional<Positions> positions;
    if (e.one_length()) {
      positions.emplace(classes, e.longest());
      positions->learn(e, split.train);
    }
    const Kmers kmers = best_kmers(e, split.train, false, choice_.reverse_complement);
    Motifs motifs(
        {.classes = classes, .pool = Motifs::pool_for(e.longest()), .aligned = e.one_length()},
        kmers, positions);
    motifs.start_from(calibrate(kmers, e, split.train));
    return motifs;
  }

  // All models are compared on the same sequences: of a fold that was interrupted nothing counts,
  // unless it is the first, of which what is finished has them all.
  void merge(std::vector<Line> lines, std::size_t f) {
    if (program::interrupted() && f > 0) return;
    ++folds_done_;
    if (f == 0) {
      lines_ = std::move(lines);
      return;
    }
    for (std::size_t i = 0; i < lines.size(); ++i) lines_[i].append(lines[i]);
  }

  const Choice& choice_;
  const program::Options& o_;
  program::Report& report_;
  Settings settings_;
  Examples relabelled_;
  std::vector<Line> lines_;
  Index folds_done_ = 0;
};

// --predict: a line for each sequence, with the probability of each class.
void predict(const Choice& choice, const program::Options& o) {
  unroll::check(!o.load.empty(), "--predict: a model was required: add --load FILE");
  o.refuse({"--data", "--fasta", "--folds", "--save", "--epochs", "--reverse-complement",
            "--pictures", "--json", "--seed", "--origin"},
           "a model to train or to test", "--predict");
  std::vector<std::string> inputs{choice.predict};
  if (!choice.out.empty()) program::check_output("--out", choice.out, {choice.predict, o.load});
  o.prepare(inputs);
  const Trained model = load(o.load);
  unroll::check_io(choice.model.empty() || choice.model == model.name,
                   "{}: a model with model \"{}\" was required: got \"{}\"", o.load, choice.model,
                   model.name);
  const Examples e = read_unlabelled(choice.predict, choice.columns);
  unroll::check_io(e.size() > 0, "{}: at least one sequence was required: got none",
                   choice.predict);
  std::string text = "name,class";
  for (const std::string& name : model.classes) text += "," + program::csv_cell(name);
  text += "\n";
  Index seen = 0;
  constexpr Index kAtOnce = 4096;
  for (Index begin = 0; begin < e.size() && !program::interrupted(); begin += kAtOnce) {
    std::vector<Index> which;
    for (Index i = begin; i < std::min(begin + kAtOnce, e.size()); ++i) which.push_back(i);
    const Probabilities p = model.ask(e.sequences, which, choice.both_strands ? 2 : 1);
    for (std::size_t j = 0; j < which.size(); ++j) {
      const auto i = static_cast<std::size_t>(which[j]);
      const auto best = std::max_element(p[j].begin(), p[j].end()) - p[j].begin();
      seen += model.has_seen(e.sequences[i]);
      text += program::csv_cell(e.names[i]) + "," +
              program::csv_cell(model.classes[static_cast<std::size_t>(best)]);
      for (const double x : p[j]) text += fmt::format(",{:.6f}", x);
      text += "\n";
    }
    if (choice.out.empty()) program::put(std::exchange(text, {}));
  }
  if (program::interrupted()) return;
  std::string note = fmt::format("{} sequences by {}", e.size(), model.name);
  if (e.empty > 0) note += fmt::format("; {} records without a sequence left out", e.empty);
  if (seen > 0) note += fmt::format("; {} of them the model was trained on", seen);
  if (!choice.out.empty()) {
    unroll::write_file(choice.out, text);
    say("{}: {}.\n", choice.out, note);
  } else {
    std::fputs((note + ".\n").c_str(), stderr);
  }
}

void declare(CLI::App& app, Choice& choice) {
  CLI::Option* table =
      app.add_option("--data", choice.table,
                     "Table with a column of sequences and one of classes,\nby tabs, commas or "
                     "semicolons (default: splice junctions of\nprimates)")
          ->type_name("FILE");
  app.add_option("--columns", choice.columns,
                 "Their names, where they cannot be told: SEQUENCE,CLASS")
      ->type_name("NAMES")
      ->delimiter(',')
      ->expected(1, 2);
  app.add_option("--fasta", choice.fasta,
                 "FASTA or FASTQ file of one class; once for each class.\nAny of the files may be "
                 "compressed (.gz)")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->excludes(table);
  program::add_number(app, "--folds", choice.folds, 1, 50,
                      "Cross-validate with so many folds (default: one split)");
  app.add_option("--model", choice.model,
                 "One model only: junction, attention, motifs, or none\n(baselines); default: by "
                 "the length of the sequences")
      ->type_name("NAME")
      ->check(CLI::IsMember({"junction", "attention", "motifs", "none"}).description(""));
  app.add_flag("--reverse-complement", choice.reverse_complement,
               "Train on either strand, by chance")
      ->disable_flag_override();
  app.add_flag("--both-strands", choice.both_strands, "Average the predictions for both strands")
      ->disable_flag_override();
  app.add_option("--predict", choice.predict,
                 "With --load: the class of each sequence of this file, FASTA,\nFASTQ, a table or "
                 "one a line, as CSV")
      ->type_name("FILE");
  app.add_option("--out", choice.out, "Write these predictions to this file")->type_name("FILE");
  program::add_number(app, "--origin", choice.origin, 1, 1000000000,
                      "In pictures, count positions from this base, which is +1\n(default: the "
                      "one behind the middle)");
}

}  // namespace

int main(int argc, char** argv) {
  Choice choice;
  return program::run(
      argc, argv,
      {.name = "dna_sequence",
       .description =
           "Tells classes of DNA apart, splice junctions by default, by recurrent\n"
           "networks beside baselines. A trained model can be asked about new sequences.",
       .pictures = {"dna_attention.png"}},
      [&](CLI::App& app) { declare(app, choice); },
      [&](const program::Options& options, program::Report& report) {
        unroll::check(
            choice.columns.empty() || choice.columns.size() == 2 || !choice.predict.empty(),
            "--columns: two names were required, SEQUENCE,CLASS: got one");
        if (choice.predict.empty()) options.refuse({"--out"}, "--predict", "none");
        if (!choice.fasta.empty()) options.refuse({"--columns"}, "a table", "--fasta");
        if (!choice.predict.empty()) return predict(choice, options);
        Experiment(choice, options, report).run();
      });
}
