#include "examples/dna_sequence/experiment.h"

#include "examples/common/terminal.h"
#include "examples/dna_sequence/baselines.h"
#include "examples/dna_sequence/picture.h"
#include "examples/dna_sequence/read.h"
#include "examples/dna_sequence/report.h"
#include "examples/dna_sequence/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace dna {

using program::say;
using unroll::data::Split;

namespace {

constexpr Index kShort = 200;  // bases: up to here every model is tried

class Experiment {
 public:
  Experiment(const Choice& choice, const program::Options& options, program::Report& report)
      : choice_(choice), o_(options), report_(report) {
    if (o_.epochs > 0) settings_.epochs = o_.epochs;
    settings_.reverse_complement = choice.reverse_complement;
    settings_.reader.kind = choice.reader;
    settings_.size = choice.size;
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
        Trained model = loaded ? *loaded : train_one(name, used, splits, f);
        if (program::interrupted()) break;
        program::report_origin(model.curves, fmt::format("{}.fold{}", name, f + 1), report_);
        lines.push_back(line_of(name, used, true));
        add_network(lines.back(), model, used, splits[f], asked);
        // Attention is the one to look at, where it was trained; else the first.
        if (drawn && f == 0 && (!shown || name == "attention")) shown = std::move(model);
      }
      if (asked.networks > 1 && !program::interrupted()) {
        lines.push_back(line_of("together", used, true));
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
    const Examples all =
        choice_.fasta.empty() ? read_table(o_.data, choice_.columns) : read_classes(choice_.fasta);
    Examples e = without_repeats(all);
    if (o_.load.empty()) check_enough(e, choice_.fasta.empty() ? o_.data : "--fasta");
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
      if (choice_.model != "motifs" && longest > static_cast<Index>(kMaxRead))
        say("{}: {} reads the middle {} of them.\n", bases(""), choice_.model, kMaxRead);
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

  void baselines(const Examples& e, const Split& split, std::vector<Line>& lines) {
    if (split.train.empty()) {  // a model that was loaded, and a file of other sequences
      say("No baselines: there are no sequences here that the model was trained on.\n");
      return;
    }
    const auto add = [&](const std::string& name, const Probabilities& p, Index word) {
      lines.push_back(line_of(name, e, false));
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

  Trained train_one(const std::string& name, const Examples& e, const std::vector<Split>& splits,
                    std::size_t f) const {
    const std::string label =
        splits.size() > 1 ? fmt::format("{} {}/{}", name, f + 1, splits.size()) : name;
    std::optional<Trained> resumed;
    if (!o_.resume.empty()) {
      resumed = load(o_.resume, true);
      unroll::check_io(resumed->name == name && resumed->classes == e.classes,
                       "{}: a run of {} with the classes {} was required: got one of {} with {}",
                       o_.resume, name, program::shown(e.classes), resumed->name,
                       program::shown(resumed->classes));
    }
    Trained out = train(name, e, splits[f], settings_, label, o_.seed + 100 * (f + 1),
                        resumed ? &*resumed : nullptr);
    if (!o_.save.empty()) save(o_.save, out, o_.given_options());
    return out;
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

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  Experiment(choice, o, report).run();
}

}  // namespace dna
