// Three representations of text, compared by numbers: bags of words, one-hot vectors, embeddings.
//
// one_hot.h compares bags, one-hot vectors and embeddings; skip_gram.h trains word embeddings;
// neighbours.h shows what they have learned.
#include "examples/common/command_line.h"
#include "examples/common/model_file.h"
#include "examples/common/predictions.h"
#include "examples/common/table_file.h"
#include "examples/representations/neighbours.h"
#include "examples/representations/one_hot.h"
#include "examples/representations/skip_gram.h"

#include <algorithm>

namespace {

using namespace representations;
using unroll::data::Vocabulary;

constexpr const char* kProgram = "representations";
constexpr Index kNearest = 6, kShown = 10, kDrawn = 200, kMinCount = 5;
// Words above this share of the text (the, and, of ...) are shown only if --words names them.
constexpr double kFrequent = 0.003;

struct Choice {
  std::vector<std::string> words{"king",  "water", "bread", "gold",  "sea",
                                 "night", "woman", "seven", "egypt", "sword"};
  bool asked = false;  // whether the user gave the words
  Index dim = 64, limit = 0;
};

std::vector<Index> common_words(const Vocabulary& words, Index count) {
  double total = 0;
  for (Index id = 0; id < words.size(); ++id) total += static_cast<double>(words.count(id));
  std::vector<Index> out;  // the vocabulary is sorted by frequency
  for (Index id = 0; id < words.size() && static_cast<Index>(out.size()) < count; ++id)
    if (words.count(id) > 0 && static_cast<double>(words.count(id)) < kFrequent * total)
      out.push_back(id);
  return out;
}

void show_neighbours(const Choice& choice, const Vocabulary& words, const Tensor& table,
                     program::Report& report) {
  std::vector<Index> ids;
  std::string unknown;  // asked for, but not in the text
  for (const std::string& word : choice.words)
    for (const std::string& unit : unroll::data::divide(word, kWords)) {
      if (words.id(unit) != words.unknown_id())
        ids.push_back(words.id(unit));
      else if (choice.asked)
        unknown += (unknown.empty() ? "" : ", ") + unroll::excerpt(unit);
    }
  for (Index id : common_words(words, 2 * kShown))
    if (static_cast<Index>(ids.size()) < kShown &&
        std::find(ids.begin(), ids.end(), id) == ids.end())
      ids.push_back(id);
  program::say("\n5. The nearest words by cosine of their embeddings\n");
  if (!unknown.empty())
    program::print(program::wrapped(
        fmt::format("   Not among the words that occur {} times: {}.", kMinCount, unknown)));
  double sum = 0;
  for (Index id : ids) {
    std::string line = fmt::format("   {:10}", words.unit(id));
    const std::vector<Neighbour> found = nearest(table, id, kNearest, words.unknown_id());
    for (const Neighbour& n : found) line += fmt::format(" {} {:.2f}", words.unit(n.id), n.cosine);
    if (!found.empty()) sum += found[0].cosine;
    program::say("{}\n", line);
  }
  if (!ids.empty()) report.add("nearest.cosine", sum / static_cast<double>(ids.size()));
}

void predict(const program::Options& o, const Vocabulary& words, const Tensor& table) {
  program::PredictionFile out(o, {"input", "nearest", "cosine"});
  const unroll::data::Table rows = program::read_inputs(o.predict, {"word"});
  for (const std::string& word : rows.strings("word")) {
    program::stop_if_interrupted();
    const std::vector<std::string> units = unroll::data::divide(word, kWords);
    const Index id = units.size() == 1 ? words.id(units[0]) : words.unknown_id();
    const std::vector<Neighbour> found = id == words.unknown_id()
                                             ? std::vector<Neighbour>()
                                             : nearest(table, id, 1, words.unknown_id());
    if (found.empty())
      out.row({word, "", ""});
    else
      out.row({word, words.unit(found[0].id), fmt::format("{:.4f}", found[0].cosine)});
  }
  out.end(fmt::format("{} words", rows.rows()));
}

void apply_model(const Choice& choice, const program::Options& o, program::Report& report) {
  program::ModelFile file = program::read_model(o.load, kProgram);
  const Vocabulary words = Vocabulary::from_metadata(file.metadata);
  const auto at = file.values.find("words.weight");
  unroll::check_io(at != file.values.end() && at->second.rank() == 2 &&
                       at->second.size(0) == words.size() && words.unknown_id() >= 0,
                   "{}: an embedding of the {} words of its vocabulary was required", o.load,
                   words.size());
  const Tensor table = at->second;
  if (!o.predict.empty()) return predict(o, words, table);
  show_neighbours(choice, words, table, report);
  draw_words(common_words(words, kDrawn), words, table, o.picture);
}

void show_all(const Choice& choice, const program::Options& o, program::Report& report) {
  std::vector<std::string> texts = program::read_table(o.data, {"text"}).strings("text");
  if (choice.limit > 0 && texts.size() > static_cast<std::size_t>(choice.limit))
    texts.resize(static_cast<std::size_t>(choice.limit));
  unroll::data::Counts counts(kWords);
  for (const std::string& text : texts) counts.add(text);
  const Vocabulary words(counts, {.min_count = kMinCount});
  unroll::check_io(words.size() > 2,
                   "{}: a text with words that occur {} times was required: got "
                   "{} words",
                   o.data, kMinCount, counts.total());
  std::vector<std::vector<Index>> sentences;
  std::vector<Index> all;
  for (const std::string& text : texts) {
    sentences.push_back(words.encode(text));
    all.insert(all.end(), sentences.back().begin(), sentences.back().end());
  }
  std::vector<double> of_id(static_cast<std::size_t>(words.size()));
  for (Index id : all) ++of_id[static_cast<std::size_t>(id)];

  compare_orders(texts[0], report);
  compare_pairs(words, report);
  compare_costs(all, {}, report);

  unroll::default_generator() = unroll::Generator(o.seed);
  SkipGram model(words.size(), choice.dim);
  unroll::Metadata identity{{"program", kProgram}, {"dim", fmt::format("{}", choice.dim)}};
  identity.merge(words.metadata());
  program::say("\n");
  SkipGramOptions options{.seed = o.seed};
  if (o.epochs > 0) options.epochs = o.epochs;
  program::load_or_train(o, model, identity, "skip_gram", report,
                         [&](program::Checkpoint& checkpoint) {
                           return fit(model, sentences, of_id, options, &checkpoint);
                         });
  show_neighbours(choice, words, model.words.weight.value(), report);
  draw_words(common_words(words, kDrawn), words, model.words.weight.value(), o.picture);
}

}  // namespace

int main(int argc, char** argv) {
  Choice choice;
  return program::run(
      argc, argv,
      {.name = kProgram,
       .description = "Compares three representations of text: bags of words, one-hot vectors\n"
                      "and embeddings.",
       .pictures = {"words.svg"},
       .takes = {.data = "Texts: a table with a column text",
                 .sample = program::sample("kjv_verses.tsv.gz"),
                 .predict = "Words, one per line: prints the nearest word to each",
                 .resume = true}},
      [&](CLI::App& app) {
        app.add_option("--words", choice.words, "Show the neighbours of these words")
            ->delimiter(',');
        program::add_number(app, "--dim", choice.dim, 1, 4096,
                            "Dimensions of the embeddings (default: 64)");
        program::add_number(app, "--limit", choice.limit, 1, 1'000'000'000,
                            "Use the first N texts (default: all)");
      },
      [&](const program::Options& o, program::Report& report) {
        o.prepare();
        choice.asked = o.given("--words");
        for (const std::string& word : choice.words) program::check_text("--words", word);
        if (o.load.empty()) return show_all(choice, o, report);
        o.refuse({"--dim", "--limit"}, "embeddings to be trained", "--load");
        apply_model(choice, o, report);
      });
}
