#include "examples/languages/experiment.h"

#include "examples/common/predictions.h"
#include "examples/common/sequence_size.h"
#include "examples/common/table_file.h"
#include "examples/languages/fit.h"
#include "examples/languages/report.h"

#include <unroll/tensor/error.h>

#include <algorithm>

namespace languages {
namespace {

using unroll::data::Vocabulary;

constexpr const char* kProgram = "languages";
constexpr Index kShown = 3, kEpochs = 25;

// The probability of each language, for each text; empty for a text without characters.
program::Probabilities probabilities(const Model& model, const NGrams& ngrams,
                                     const std::vector<Ids>& texts) {
  std::vector<Index> lengths;
  for (const Ids& text : texts) lengths.push_back(static_cast<Index>(text.size()));
  const auto predict = [&](const std::vector<Index>& batch) {
    std::vector<Ids> some;
    std::vector<Index> of;
    for (Index i : batch)
      if (lengths[static_cast<std::size_t>(i)] > 0) {
        some.push_back(texts[static_cast<std::size_t>(i)]);
        of.push_back(lengths[static_cast<std::size_t>(i)]);
      }
    program::Probabilities out(batch.size());
    if (some.empty()) return out;
    const program::Probabilities found =
        program::probabilities_of(model.mixture(voices_of(ngrams, model.reader, some), of).value());
    for (std::size_t i = 0, at = 0; i < batch.size(); ++i)
      if (lengths[static_cast<std::size_t>(batch[i])] > 0) out[i] = found[at++];
    return out;
  };
  return program::in_batches(lengths, predict, {.stops = true});
}

// Prints the most probable languages of the user's text.
void guess(const std::string& text, const Model& model, const NGrams& ngrams,
           const Vocabulary& characters, const Vocabulary& languages) {
  const std::vector<double> p = probabilities(model, ngrams, {characters.encode(text)})[0];
  unroll::check(!p.empty(), "--text: a text of at least one character was required: got none");
  std::vector<Index> order = unroll::counted_indices(kProgram, languages.size());
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return p[static_cast<std::size_t>(a)] > p[static_cast<std::size_t>(b)];
  });
  program::say("\n{}\n", text);
  for (Index i = 0; i < std::min(kShown, languages.size()); ++i)
    program::say("  {:.3f}  {}\n", p[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])],
                 languages.unit(order[static_cast<std::size_t>(i)]));
}

Encoded joined(const Encoded& a, const Encoded& b) {
  Encoded out = a;
  out.texts.insert(out.texts.end(), b.texts.begin(), b.texts.end());
  out.labels.insert(out.labels.end(), b.labels.begin(), b.labels.end());
  return out;
}

Index characters_in(const Encoded& paragraphs) {
  Index out = 0;
  for (const Ids& text : paragraphs.texts) out += static_cast<Index>(text.size());
  return out;
}

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  program::check_text("--text", choice.text);
  const Paragraphs all = read_paragraphs(o.data);
  check_enough(all, o.data);
  const Parts parts = split(all, choice.limit);
  unroll::data::Counts counts(kCharacters), names;
  for (const std::string& text : parts.train.texts) counts.add(text);
  for (const std::string& name : parts.train.languages) names.add_unit(name);
  const Vocabulary characters(counts), languages(names, {.special = {.unk = ""}});
  const Encoded train = encode(parts.train, characters, languages, o.data),
                validation = encode(parts.validation, characters, languages, o.data),
                counted = joined(train, validation);
  const Encoded test = o.test.empty()
                           ? encode(parts.test, characters, languages, o.data)
                           : encode(read_paragraphs(o.test), characters, languages, o.test);

  program::SequenceOptions options = reader_options(choice.model, choice.hidden);
  program::choose_size(options, choice.size, reader_options("gru", choice.hidden),
                       [&](const program::SequenceOptions& of) {
                         return program::count_parameters(
                             [&] { return Reader(characters.size(), languages.size(), of); });
                       });
  unroll::default_generator() = unroll::Generator(o.seed);
  Model model(characters.size(), languages.size(), options, characters_in(counted),
              static_cast<Index>(counted.texts.size()));
  unroll::Metadata identity{{"program", kProgram}};
  identity.merge(characters.metadata("characters"));
  identity.merge(languages.metadata("languages"));
  identity.merge(nn::metadata_of(options));
  model.store(counted);
  program::load_or_train(
      o, model, identity, choice.model, report, [&](program::Checkpoint& checkpoint) {
        const program::Curves curves =
            fit_reader(model, train, validation,
                       {.epochs = o.epochs > 0 ? o.epochs : kEpochs, .seed = o.seed}, &checkpoint);
        NGrams before(characters.size(), languages.size());
        before.add(train);
        // Ctrl-C ends the training; the model that is then saved needs its mixture.
        if (curves.kept_epoch > 0 || !program::interrupted())
          fit_mixture(model, before, validation, o.seed);
        return curves;
      });
  NGrams ngrams(characters.size(), languages.size());
  ngrams.add(counted);
  compare_models(model, ngrams, test, choice.snippets, o.seed, o.picture, report);
  if (!choice.text.empty()) guess(choice.text, model, ngrams, characters, languages);
}

void apply_model(const Choice& choice, const program::Options& o, program::Report& report) {
  program::check_text("--text", choice.text);
  program::ModelFile file = program::read_model(o.load, kProgram);
  const Vocabulary characters = Vocabulary::from_metadata(file.metadata, "characters"),
                   languages = Vocabulary::from_metadata(file.metadata, "languages");
  const auto options = nn::options_in<program::SequenceOptions>(file.metadata);
  unroll::check_io(languages.size() >= 1 && characters.unknown_id() >= 0 &&
                       file.values.count("text") == 1 && file.values.count("labels") == 1,
                   "{}: a model of {} was required: got one without its text or languages", o.load,
                   kProgram);
  program::check_sizes(o.load, file, options,
                       static_cast<double>(characters.size()) * static_cast<double>(options.in));
  Model model(characters.size(), languages.size(), options, file.values.at("text").numel(),
              file.values.at("labels").numel());
  nn::assign(o.load, std::move(file.values), nn::state(model),
             {.layout = nn::WeightLayout::in_out});
  NGrams ngrams(characters.size(), languages.size());
  ngrams.add(model.stored(characters.size(), languages.size()));
  if (!o.predict.empty()) {
    const unroll::data::Table table = program::read_inputs(o.predict, {"text"});
    const std::vector<std::string> texts = table.strings("text");
    std::vector<Ids> ids;
    for (const std::string& text : texts) ids.push_back(characters.encode(text));
    const program::Probabilities p = probabilities(model, ngrams, ids);
    program::PredictionFile out(o, {"input", "language", "probability"});
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const Index best = p[i].empty() || program::is_blank(texts[i]) ? -1 : program::best_of(p[i]);
      out.row({texts[i], best < 0 ? "" : languages.unit(best),
               best < 0 ? "" : fmt::format("{:.4f}", p[i][static_cast<std::size_t>(best)])});
    }
    out.end(fmt::format("{} texts", texts.size()));
  } else if (!o.test.empty()) {
    const Encoded test = encode(read_paragraphs(o.test), characters, languages, o.test);
    compare_models(model, ngrams, test, choice.snippets, o.seed, o.picture, report);
  } else {
    unroll::check(!choice.text.empty(),
                  "--load: --text, --predict or --test was required: got none");
  }
  if (!choice.text.empty()) guess(choice.text, model, ngrams, characters, languages);
}

}  // namespace languages
