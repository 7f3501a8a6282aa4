// Where does a gene's text get cut? Splice junctions in DNA, by recurrent networks.
//
// Two models read the same 60 bases. One looks at all positions by attention, and memorises. The
// other has two readers that run towards the junction, one from each end, and meet there: it knows
// where to look, and that is worth more than parameters.
#include "examples/common/program.h"
#include "examples/dna_sequence/reader.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <set>

using namespace unroll;
using dna::Bases;

namespace {

struct Examples {
  std::vector<std::string> classes;
  std::vector<Bases> sequences;
  std::vector<Index> labels;
  std::string note;  // what was removed
  bool one_length() const {
    return std::all_of(sequences.begin(), sequences.end(),
                       [&](const Bases& s) { return s.size() == sequences[0].size(); });
  }
};

Index class_of(Examples& e, const std::string& name) {
  const auto at = std::find(e.classes.begin(), e.classes.end(), name);
  if (at != e.classes.end()) return at - e.classes.begin();
  e.classes.push_back(name);
  return static_cast<Index>(e.classes.size()) - 1;
}

// Repeats would stand in training and test at once, and a sequence under two classes has no right
// answer: both go before the split.
Examples without_repeats(const Examples& all) {
  std::map<Bases, std::set<Index>> seen;
  for (std::size_t i = 0; i < all.sequences.size(); ++i)
    seen[all.sequences[i]].insert(all.labels[i]);
  Examples out{all.classes, {}, {}, {}};
  std::set<Bases> taken;
  std::size_t contradictory = 0;
  for (const auto& [sequence, labels] : seen) contradictory += labels.size() > 1;
  for (std::size_t i = 0; i < all.sequences.size(); ++i) {
    if (seen[all.sequences[i]].size() > 1 || !taken.insert(all.sequences[i]).second) continue;
    out.sequences.push_back(all.sequences[i]);
    out.labels.push_back(all.labels[i]);
  }
  out.note = fmt::format("{} sequences; {} repeats and {} contradictory removed, {} remain",
                         all.sequences.size(), all.sequences.size() - seen.size(), contradictory,
                         out.sequences.size());
  return out;
}

Examples read_table(const std::string& path) {
  Examples all;
  const data::Table table = data::read_csv(path, '\t');
  const auto names = table.strings("class"), letters = table.strings("sequence");
  for (std::size_t i = 0; i < names.size(); ++i) {
    check_io(!letters[i].empty(), "{}:{}: a sequence was required: got an empty one", path,
             table.line(i));
    all.labels.push_back(class_of(all, names[i]));
    all.sequences.push_back(data::encode_dna(letters[i]));
  }
  return without_repeats(all);
}

Examples read_classes(const std::vector<std::string>& files) {
  Examples all;
  for (const std::string& file : files)
    for (const data::FastaRecord& record : data::read_fasta(file)) {
      all.labels.push_back(class_of(all, file));
      all.sequences.push_back(data::encode_dna(record.sequence));
    }
  check(all.classes.size() >= 2,
        "--fasta: at least two files were required, one for each class: got {}",
        all.classes.size());
  return without_repeats(all);
}

// --- what a model is judged by ---

using Confusion = std::vector<std::vector<Index>>;  // [truth][answer]

struct Score {
  Index right = 0, all = 0;
  Confusion confusion;
  void count(Index truth, Index answer, std::size_t classes) {
    confusion.resize(classes, std::vector<Index>(classes, 0));
    ++confusion[truth][answer];
    right += truth == answer;
    ++all;
  }
  double accuracy() const {
    return all ? static_cast<double>(right) / static_cast<double>(all) : 0;
  }
};

void score_majority(const Examples& e, const data::Split& split, Score& score) {
  std::vector<Index> counts(e.classes.size(), 0);
  for (Index i : split.train) ++counts[e.labels[i]];
  const Index answer = std::max_element(counts.begin(), counts.end()) - counts.begin();
  for (Index i : split.test) score.count(e.labels[i], answer, e.classes.size());
}

// P(class) times the product over positions of P(base there | class), each count one more than
// seen.
void score_naive_bayes(const Examples& e, const data::Split& split, Score& score) {
  const std::size_t classes = e.classes.size(), length = e.sequences[0].size();
  std::vector<double> prior(classes, 1);
  std::vector<std::vector<std::array<double, data::kBases>>> seen(classes);
  for (auto& positions : seen) {
    positions.resize(length);
    for (auto& bases : positions) bases.fill(1);
  }
  std::vector<Index> known = split.train;
  known.insert(known.end(), split.validation.begin(),
               split.validation.end());  // it has nothing to stop early
  for (Index i : known) {
    ++prior[e.labels[i]];
    for (std::size_t p = 0; p < length; ++p) ++seen[e.labels[i]][p][e.sequences[i][p]];
  }
  for (Index i : split.test) {
    std::vector<double> log_probability(classes);
    for (std::size_t c = 0; c < classes; ++c) {
      log_probability[c] = std::log(prior[c]);
      for (std::size_t p = 0; p < length; ++p)
        log_probability[c] +=
            std::log(seen[c][p][e.sequences[i][p]] / (prior[c] - 1 + data::kBases));
    }
    score.count(
        e.labels[i],
        std::max_element(log_probability.begin(), log_probability.end()) - log_probability.begin(),
        classes);
  }
}

// --- training ---

struct Settings {
  double lr = 2e-3, weight_decay = 0.02;
  Index epochs = 30;
  bool reverse_complement = false;
};

std::vector<Bases> pick(const Examples& e, const std::vector<Index>& which, bool flip_some,
                        Generator& g) {
  std::vector<Bases> out;
  for (Index i : which)
    out.push_back(flip_some && g.below(2) == 1 ? data::reverse_complement(e.sequences[i])
                                               : e.sequences[i]);
  return out;
}

template <class Model>
std::vector<Index> answers(const Model& model, const Examples& e, const std::vector<Index>& which) {
  std::vector<Index> out;
  Generator unused;
  for (std::size_t at = 0; at < which.size(); at += 256) {
    const std::vector<Index> part(
        which.begin() + static_cast<std::ptrdiff_t>(at),
        which.begin() + static_cast<std::ptrdiff_t>(std::min(at + 256, which.size())));
    const IndexTensor best = argmax(model(pick(e, part, false, unused)).value());
    out.insert(out.end(), best.begin(), best.end());
  }
  return out;
}

template <class Model>
double accuracy(const Model& model, const Examples& e, const std::vector<Index>& which) {
  const std::vector<Index> found = answers(model, e, which);
  Index right = 0;
  for (std::size_t i = 0; i < which.size(); ++i) right += found[i] == e.labels[which[i]];
  return which.empty() ? 0 : static_cast<double>(right) / static_cast<double>(which.size());
}

template <class Model>
void fit(Model& model, const std::string& label, const Examples& e, const data::Split& split,
         const Settings& s, std::uint64_t seed) {
  Generator g(seed + 77);
  optim::AdamW adam(nn::parameters(model), {.lr = s.lr, .weight_decay = s.weight_decay});
  std::vector<Index> lengths;
  for (Index i : split.train) lengths.push_back(static_cast<Index>(e.sequences[i].size()));
  Index step = 0;
  const Index steps = s.epochs * ((static_cast<Index>(split.train.size()) + 31) / 32);
  const optim::Cosine schedule{
      .lr = s.lr, .steps = std::max<Index>(steps, 2), .warmup = steps / 20};
  program::Progress bar(label, s.epochs);
  for (Index epoch = 0; epoch < s.epochs && !program::interrupted(); ++epoch) {
    double sum = 0;
    const auto batches = data::shuffled_batches(lengths, g, {.size = 32});
    for (const auto& batch : batches) {
      std::vector<Index> which, labels;
      for (Index i : batch)
        which.push_back(split.train[i]), labels.push_back(e.labels[split.train[i]]);
      adam.lr = schedule(step++);
      Tape tape;
      const Var loss = nn::cross_entropy(model(pick(e, which, s.reverse_complement, g)), labels,
                                         {.label_smoothing = 0.05});
      Gradients gradients = tape.backward(loss);
      optim::clip_norm(gradients, 2);
      adam.step(gradients);
      sum += loss.item();
    }
    const std::string checked =
        split.validation.empty() || epoch % 5 != 4
            ? std::string()
            : fmt::format(", validation {:.4f}", accuracy(model, e, split.validation));
    bar.step(fmt::format("loss {:.4f}{}", sum / static_cast<double>(batches.size()), checked));
  }
}

void print_confusion(const Examples& e, const std::string& name, const Score& s) {
  std::size_t width = 8;
  for (const std::string& c : e.classes) width = std::max(width, c.size() + 2);
  fmt::print("\n{}: what it answered (columns) for what it was (rows)\n{:>{}}", name, "", width);
  for (const std::string& c : e.classes) fmt::print("{:>{}}", c, width);
  fmt::print("\n");
  for (std::size_t t = 0; t < s.confusion.size(); ++t) {
    fmt::print("{:>{}}", e.classes[t], width);
    for (Index n : s.confusion[t]) fmt::print("{:>{}}", n, width);
    fmt::print("\n");
  }
}

// Which bases attention looks at: its mean weight at each position, for each class, with the most
// frequent base.
void picture(const dna::Attentive& model, const Examples& e, const std::vector<Index>& which,
             const std::string& folder) {
  const std::size_t length = e.sequences[0].size();
  std::string blocks, plot;
  for (std::size_t c = 0; c < e.classes.size(); ++c) {
    std::vector<Bases> members;
    for (Index i : which)
      if (e.labels[i] == static_cast<Index>(c)) members.push_back(e.sequences[i]);
    if (members.empty()) continue;
    const auto [attended, layout] = model.attended(members);
    std::vector<double> weight(length, 0);
    for (Index b = 0; b < layout.sequences(); ++b)
      for (std::size_t p = 0; p < length; ++p)
        weight[p] += attended.weights.value().at({layout.row(b, static_cast<Index>(p))}) /
                     static_cast<double>(members.size());
    blocks += fmt::format("$c{} << E\n", c);
    for (std::size_t p = 0; p < length; ++p) {
      std::array<Index, data::kBases> count{};
      for (const Bases& s : members) ++count[s[p]];
      const auto top = std::max_element(count.begin(), count.end()) - count.begin();
      // A base that nearly all sequences of the class have is named.
      const bool fixed = count[top] > static_cast<Index>(0.8 * static_cast<double>(members.size()));
      blocks +=
          fmt::format("{} {:.6f} \"{}\"\n", static_cast<Index>(p) - static_cast<Index>(length / 2),
                      weight[p], fixed ? std::string(1, "ACGTN"[top]) : "");
    }
    blocks += "E\n";
    plot += fmt::format(
        "set title '{}'\nplot $c{} using 1:2 with boxes fs solid 0.6 lc rgb '#3182bd' notitle, "
        "$c{} using 1:($2):3 with labels offset 0,0.6 font 'Sans Bold,12' notitle\n",
        e.classes[c], c, c);
  }
  program::draw(folder + "/dna_attention.png",
                fmt::format("{}set multiplot layout {},1\nset ylabel 'mean weight'\nset yrange "
                            "[0:*]\nset offsets 0,0,0.02,0\nset xtics 5\nset boxwidth 0.8\nset "
                            "xlabel 'base, from the junction'\n{}unset multiplot\n",
                            blocks, e.classes.size(), plot));
}

}  // namespace

int main(int argc, char** argv) {
  std::string table = UNROLL_SOURCE_DIR "/data/samples/splice.tsv", only;
  std::vector<std::string> fasta;
  Index folds = 1;
  Settings settings;
  const auto declare = [&](CLI::App& app) {
    app.add_option("--data", table, "Table with the columns class and sequence, separated by tabs");
    app.add_option(
        "--fasta", fasta,
        "FASTA file of one class; give it once for each class (sequences of any length)");
    app.add_option("--folds", folds, "Cross-validation with so many folds; 1: one split")
        ->check(CLI::Range(1, 50))
        ->capture_default_str();
    app.add_option("--model", only, "One model only: junction or attention")
        ->check(CLI::IsMember({"junction", "attention"}));
    app.add_flag("--reverse-complement", settings.reverse_complement,
                 "Train on either strand at random");
  };
  return program::run(
      argc, argv, "dna_sequence",
      "Splice junctions, or classes of one's own, by recurrent networks", declare,
      [&](const program::Options& o, program::Report& report) {
        check((o.save.empty() && o.load.empty()) || (!only.empty() && folds == 1),
              "--save and --load need one model and one split: add --model junction or --model "
              "attention");
        if (o.epochs > 0) settings.epochs = o.epochs;
        const Examples e = fasta.empty() ? read_table(table) : read_classes(fasta);
        check(e.sequences.size() >= 20 && e.classes.size() >= 2,
              "at least 20 sequences of at least 2 classes were required: got {} of {}",
              e.sequences.size(), e.classes.size());
        fmt::print("{}.\n", e.note);
        Generator g(o.seed);
        const std::vector<data::Split> splits =
            folds > 1 ? data::k_folds(e.labels, folds, 0.05, g)
                      : std::vector<data::Split>{data::random_split(
                            static_cast<Index>(e.labels.size()), {0.8, 0.05}, g, e.labels)};
        Score majority, bayes;
        std::map<std::string, Score> networks;
        std::vector<Index> shown_test;
        std::optional<dna::Attentive> shown;
        Index fold = 0;
        for (const data::Split& split : splits) {
          if (program::interrupted()) break;
          ++fold;
          score_majority(e, split, majority);
          if (e.one_length()) score_naive_bayes(e, split, bayes);
          const auto train = [&]<class Model>(const std::string& name, Model model) {
            if (!o.load.empty()) {
              nn::load(o.load, model);
            } else {
              fit(model, folds > 1 ? fmt::format("{} {}/{}", name, fold, folds) : name, e, split,
                  settings, o.seed + static_cast<std::uint64_t>(fold));
            }
            const std::vector<Index> found = answers(model, e, split.test);
            for (std::size_t i = 0; i < found.size(); ++i)
              networks[name].count(e.labels[split.test[i]], found[i], e.classes.size());
            if (!o.save.empty()) nn::save(o.save, model, {{"model", name}});
            return model;
          };
          const auto classes = static_cast<Index>(e.classes.size());
          manual_seed(o.seed + 100 * static_cast<std::uint64_t>(fold));
          if (only != "attention") train("junction", dna::Junction(classes, 64));
          if (only != "junction" && !program::interrupted()) {
            auto model = train("attention", dna::Attentive(classes, 64));
            if (!shown) shown = std::move(model), shown_test = split.test;
          }
        }

        fmt::print("\nAccuracy on {} sequences that were not trained on:\n", majority.all);
        const auto line = [&](const std::string& name, const Score& s, const std::string& note) {
          const double a = s.accuracy();
          fmt::print("  {:<14} {:.4f}  ±{:.4f}  {}\n", name, a,
                     std::sqrt(a * (1 - a) / static_cast<double>(std::max<Index>(s.all, 1))), note);
          report.add("accuracy." + name, a);
        };
        line("majority", majority, "always the most frequent class");
        if (bayes.all > 0) line("naive_bayes", bayes, "each position for itself");
        if (networks.count("attention"))
          line("attention", networks["attention"],
               "bidirectional GRU, attention over all positions");
        if (networks.count("junction"))
          line("junction", networks["junction"], "two readers that meet at the junction");
        for (const auto& [name, score] : networks) {
          print_confusion(e, name, score);
          for (std::size_t t = 0; t < score.confusion.size(); ++t)
            for (std::size_t a = 0; a < score.confusion[t].size(); ++a)
              report.add(fmt::format("confusion.{}.{}.{}", name, t, a),
                         static_cast<double>(score.confusion[t][a]));
        }
        if (shown && !o.pictures.empty() && e.one_length())
          picture(*shown, e, shown_test, o.pictures);
      });
}
