#include "examples/common/translation.h"

#include "examples/common/command_line.h"
#include "examples/common/predictions.h"
#include "examples/common/sequence_size.h"
#include "examples/common/table_file.h"

#include <unroll/data/batches.h>
#include <unroll/nn/loss.h>
#include <unroll/optim/schedule.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace program {
namespace {

using namespace unroll;
using data::Vocabulary;

// Where an answer without an end is cut off: units, and more for each unit of the source.
constexpr Index kLongest = 20, kLongestPerUnit = 3;
constexpr Index kMaxUnits = 4096, kMaxLayers = 16;

Vocabulary vocabulary_of(const std::vector<std::string>& texts, const std::vector<Index>& which,
                         const data::TextOptions& how) {
  data::Counts counts(how);
  for (const Index i : which) counts.add(texts[static_cast<std::size_t>(i)]);
  return Vocabulary(counts, {.special = {.unk = "<unk>", .sos = "<sos>", .eos = "<eos>"}});
}

using Model = nn::Seq2Seq<SequenceModel, nn::GRUCell>;

SequenceOptions encoder_of(const TranslationChoice& c) {
  SequenceOptions out = c.encoder;
  if (out.hidden == 0) out.hidden = c.hidden;
  if (out.layers == 0) out.layers = c.layers;
  out.dropout = c.dropout;
  return out;
}

Model::Options options_of(const TranslationChoice& c, const Vocabulary& source,
                          const Vocabulary& target) {
  const SequenceOptions encoder = encoder_of(c);
  const Index layers = std::max<Index>(c.layers, 1);  // of the decoder
  return {.source_vocab = source.size(),
          .target_vocab = target.size(),
          .sos = target.sos_id(),
          .embed = c.embed,
          .encoder = encoder,
          // Plain dot products need encoder and decoder outputs of one size.
          .decoder = {.hidden = c.score == "dot" ? output_size(encoder) : c.hidden,
                      .layers = layers,
                      .dropout = layers > 1 ? c.dropout : 0},
          .score = c.score == "dot"       ? nn::AttentionScore::dot
                   : c.score == "general" ? nn::AttentionScore::general
                                          : nn::AttentionScore::additive,
          .input_feeding = c.input_feeding,
          .dropout = c.dropout};
}

// The model as a decoder that stops at Ctrl-C.
struct Stoppable {
  using State = Model::State;
  const Model& model;
  nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
    stop_if_interrupted();
    return model.step(ids, std::move(state));
  }
};

// The sizes in a model file are those of a model in it, and possible as options.
void check_choice(const std::string& path, const ModelFile& file, const TranslationChoice& c,
                  const Vocabulary& source, const Vocabulary& target) {
  check_io(c.hidden >= 1 && c.hidden <= kMaxUnits && c.layers >= 0 && c.layers <= kMaxLayers,
           "{}: 1 to {} units and up to {} layers were required: got {} and {}", path, kMaxUnits,
           kMaxLayers, c.hidden, c.layers);
  SequenceOptions encoder = encoder_of(c);
  encoder.in = c.embed;
  check_io(c.score == "additive" || c.score == "dot" || c.score == "general",
           "{}: the attention additive, dot or general was required: got \"{}\"", path,
           excerpt(c.score));
  for (const Vocabulary* v : {&source, &target})
    check_io(v->unknown_id() >= 0 && v->sos_id() >= 0 && v->eos_id() >= 0,
             "{}: a vocabulary with <unk>, <sos> and <eos> was required: got another one", path);
  const SequenceOptions decoder{
      .kind = "gru", .in = c.embed, .hidden = c.hidden, .layers = c.layers};
  check_sizes(path, file, encoder,
              parameters_of(decoder) + static_cast<double>(c.embed) *
                                           static_cast<double>(source.size() + target.size()));
}

// The size of the encoder, if the number of parameters says it.
SequenceOptions sized(const TranslationChoice& c, const Vocabulary& source,
                      const Vocabulary& target) {
  SequenceOptions out = encoder_of(c), reference = out;
  reference.kind = TranslationChoice().encoder.kind, reference.layers = c.layers;
  choose_size(out, c.size, reference, [&](const SequenceOptions& encoder) {
    TranslationChoice of = c;
    of.encoder = encoder;
    return count_parameters([&] { return Model(options_of(of, source, target)); });
  });
  return out;
}

std::vector<std::string> units_of(const Vocabulary& vocabulary, const std::vector<Index>& ids) {
  std::vector<std::string> out;
  for (const Index id : ids) out.push_back(vocabulary.unit(id));
  return out;
}

}  // namespace

void declare(CLI::App& app, TranslationChoice& c) {
  add_number(app, "--hidden", c.hidden, 1, kMaxUnits, "Units of each layer and direction")
      ->capture_default_str();
  declare_kind(app, c.encoder.kind, {.help = "The encoder; the decoder is a GRU"});
  declare_size(app, c.size, "--model gru");
  add_number(
      app, "--layers", c.layers, 1, kMaxLayers,
      "Layers of encoder and decoder (default: 1; of the\nencoder as many as its kind needs)");
  add_number(app, "--beams", c.beams, 1, 1000, "Width of the beam search")->capture_default_str();
  app.add_option("--attention", c.score, "Score: additive (Bahdanau), dot or general (Luong)")
      ->check(CLI::IsMember({"additive", "dot", "general"}))
      ->capture_default_str();
  app.add_flag("--input-feeding", c.input_feeding,
               "Append the attentional vector to the next step's input");
}

Translator::Start Translator::start(const Options& o, const Texts& texts,
                                    const TranslationChoice& choice, const Pairs* pairs) {
  unroll::default_generator() = unroll::Generator(o.seed);  // of the initial weights
  const std::string file = o.load.empty() ? o.resume : o.load;
  if (file.empty()) {
    check_io(pairs != nullptr && !pairs->train.empty(), "{}: more rows to train on were required",
             o.data);
    Start out{choice, vocabulary_of(pairs->sources, pairs->train, texts.source_text),
              vocabulary_of(pairs->targets, pairs->train, texts.target_text)};
    check_size(choice.size, o);
    out.choice.encoder = sized(choice, out.source, out.target);
    return out;
  }
  const ModelFile found = read_model(file, o.about->name);
  const Metadata& metadata = found.metadata;
  TranslationChoice stored = choice;
  const auto read = [&](const std::string& option, const char* key, auto set) {
    if (!o.given(option) && metadata.count(key) == 1) set(metadata.at(key));
  };
  const auto number = [](Index& to) {
    return [&to](const std::string& text) { to = std::strtoll(text.c_str(), nullptr, 10); };
  };
  read("--hidden", "hidden", number(stored.hidden));
  read("--layers", "layers", number(stored.layers));
  stored.encoder = nn::options_in<SequenceOptions>(metadata);
  if (o.given("--model")) stored.encoder.kind = choice.encoder.kind;
  if (o.given("--hidden") && !choice.size.equal) stored.encoder.hidden = 0;
  if (o.given("--layers")) stored.encoder.layers = 0;
  read("--attention", "attention", [&](const std::string& text) { stored.score = text; });
  read("--input-feeding", "input_feeding",
       [&](const std::string& text) { stored.input_feeding = text == "yes"; });
  Start out{stored, Vocabulary::from_metadata(metadata, "source"),
            Vocabulary::from_metadata(metadata, "target")};
  if (!o.load.empty()) check_choice(file, found, stored, out.source, out.target);
  return out;
}

Translator::Translator(const Texts& texts, Start start)
    : texts_(texts),
      choice_(std::move(start.choice)),
      source_(std::move(start.source)),
      target_(std::move(start.target)),
      model_(options_of(choice_, source_, target_)) {}

Translator::Translator(const Options& o, const Texts& texts, const TranslationChoice& choice,
                       const Pairs* pairs)
    : Translator(texts, start(o, texts, choice, pairs)) {}

std::vector<std::vector<Index>> Translator::source_ids(
    const std::vector<std::string>& texts) const {
  std::vector<std::vector<Index>> out;
  for (const std::string& text : texts) {
    out.push_back(source_.encode(text));
    check_io(!out.back().empty(), "a {} of at least one character was required: got \"{}\"",
             texts_.source, excerpt(text));
  }
  return out;
}

// The mean cross entropy of the target's units.
Var Translator::loss(const Pairs& pairs, const std::vector<Index>& batch) const {
  std::vector<std::vector<Index>> targets;
  for (const std::string& text : picked(pairs.targets, batch))
    targets.push_back(target_.encode(text, {.eos = true}));
  const nn::Tokens target = nn::Tokens::from(targets);
  const nn::Tokens source = nn::Tokens::from(source_ids(picked(pairs.sources, batch)));
  return nn::cross_entropy(model_(source, target).rows, target.ids);
}

double Translator::validation_loss(const Pairs& pairs) const {
  if (pairs.validation.empty()) return std::nan("");
  double sum = 0;
  const auto count = static_cast<Index>(pairs.validation.size());
  for (Index at = 0; at < count; at += 256) {
    const Index size = std::min<Index>(256, count - at);
    const auto from = pairs.validation.begin() + at;
    sum += loss(pairs, {from, from + size}).item() * static_cast<double>(size);
  }
  return sum / static_cast<double>(count);
}

void Translator::fit(const Options& o, Report& report, const Pairs* pairs) {
  Metadata identity{{"program", o.about->name},
                    {"attention", choice_.score},
                    {"hidden", std::to_string(choice_.hidden)},
                    {"embed", std::to_string(choice_.embed)},
                    {"layers", std::to_string(choice_.layers)},
                    {"input_feeding", choice_.input_feeding ? "yes" : "no"}};
  identity.merge(nn::metadata_of(encoder_of(choice_)));
  identity.merge(source_.metadata("source"));
  identity.merge(target_.metadata("target"));
  load_or_train(o, model_, identity, choice_.encoder.kind, report, [&](Checkpoint& checkpoint) {
    optim::Adam adam(nn::parameters(model_), {.lr = choice_.rate});
    Generator random(o.seed);
    const auto count = static_cast<Index>(pairs->train.size());
    const Index per_epoch = (count + choice_.batch - 1) / choice_.batch;
    const optim::StepDecay schedule{choice_.rate, choice_.halved_every * per_epoch, 0.5};
    const auto epoch = [&](Progress& bar) {
      auto batches = data::shuffled_batches(count, random, {.size = choice_.batch});
      for (auto& batch : batches)
        for (Index& i : batch) i = pairs->train[static_cast<std::size_t>(i)];
      return train_epoch(adam, schedule, 5, batches, bar,
                         [&](const std::vector<Index>& batch) { return loss(*pairs, batch); });
    };
    return train(model_,
                 {.label = choice_.encoder.kind,
                  .epochs = o.epochs > 0 ? o.epochs : choice_.epochs,
                  .patience = pairs->validation.empty() ? 0 : 5,
                  .optimizer = &adam,
                  .random = &random,
                  .checkpoint = &checkpoint},
                 epoch, [&] { return validation_loss(*pairs); });
  });
}

std::vector<std::vector<Answer>> Translator::answers(const std::vector<std::string>& sources,
                                                     Index beams, Index results) const {
  const std::vector<std::vector<Index>> ids = source_ids(sources);
  std::vector<Index> lengths;
  for (const auto& source : ids) lengths.push_back(static_cast<Index>(source.size()));
  nn::BeamOptions options{
      .eos = target_.eos_id(), .beams = std::max(beams, results), .results = results};
  const auto search = [&](const std::vector<Index>& batch) {
    std::vector<std::vector<Index>> some;
    for (const Index i : batch) some.push_back(ids[static_cast<std::size_t>(i)]);
    options.max_length =
        kLongest + kLongestPerUnit * lengths[static_cast<std::size_t>(batch.back())];
    const auto found = nn::beam_search(Stoppable{model_}, model_.encode(some),
                                       model_.first(static_cast<Index>(some.size())), options);
    std::vector<std::vector<Answer>> out;
    for (std::size_t b = 0; b < found.size(); ++b) {
      out.emplace_back();
      for (const nn::Decoded& d : found[b]) {
        Tensor attention = d.attention;
        if (attention.defined())
          attention = attention.narrow(1, 0, static_cast<Index>(some[b].size()));
        out.back().push_back({target_.decode(d.ids), units_of(target_, d.ids),
                              std::exp(d.log_probability), attention});
      }
    }
    return out;
  };
  return in_batches(lengths, search, {.stops = true});
}

std::vector<Answer> Translator::best(const std::vector<std::string>& sources, Index beams) const {
  std::vector<Answer> out;
  for (auto& found : answers(sources, beams))
    out.push_back(found.empty() ? Answer() : std::move(found[0]));
  return out;
}

std::vector<std::string> Translator::source_units(const std::string& text) const {
  return data::divide(text, source_.how());
}
std::vector<std::string> Translator::target_units(const std::string& text) const {
  return data::divide(text, target_.how());
}

Panel Translator::panel(const std::string& source, const Answer& answer) const {
  Panel panel;
  panel.title = source + " → " + answer.text;
  panel.x.label = texts_.source_units + " read";
  panel.y.label = texts_.target_units + " written";
  std::vector<Numbers> rows;
  for (Index i = 0; i < static_cast<Index>(answer.units.size()); ++i)
    rows.push_back(answer.attention.select(0, i).to_vector<double>());
  std::vector<std::string> columns = source_units(source);
  std::replace(columns.begin(), columns.end(), std::string(" "), std::string("␣"));
  panel.heat(rows, answer.units, columns);
  return panel;
}

void Translator::check_source(const std::string& option, const std::string& text) {
  if (text.empty()) return;  // not given
  check_text(option, text, kMaxText);
  check(!is_blank(text), "{}: a text was required: got white space", option);
}

void Translator::say_best(const std::string& text) const {
  const std::vector<std::vector<Answer>> found = answers({text}, choice_.beams, 3);
  say("{}\n", text);
  for (const Answer& a : found[0]) say("  {}  (probability {:.3f})\n", a.text, a.probability);
}

void Translator::predict(const Options& o) const {
  const data::Table table = read_inputs(o.predict, {texts_.source});
  const std::vector<std::string> inputs = table.strings(texts_.source);
  std::vector<std::string> asked;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check_io(inputs[i].size() <= kMaxText, "{}:{}: a {} of at most {} bytes was required: got {}",
             o.predict, table.line(i), texts_.source, kMaxText, inputs[i].size());
    if (!is_blank(inputs[i])) asked.push_back(inputs[i]);
  }
  PredictionFile file(o, {"input", "prediction", "probability"});
  const std::vector<Answer> found = best(asked, choice_.beams);
  std::size_t at = 0;
  for (const std::string& input : inputs) {
    if (is_blank(input)) {
      file.row({input, "", ""});
      continue;
    }
    const Answer& answer = found[at++];
    file.row({input, answer.text, fmt::format("{:.4f}", answer.probability)});
  }
  file.end(fmt::format("{} answers, beam search of width {}", inputs.size(), choice_.beams));
}

}  // namespace program
