#include "examples/language_model/run.h"

#include "examples/common/predictions.h"
#include "examples/common/sequence_size.h"
#include "examples/common/table_file.h"
#include "examples/common/text_file.h"
#include "examples/language_model/ngram.h"
#include "examples/language_model/report.h"

#include <unroll/data/table/csv.h>

#include <ctime>
#include <numeric>

namespace language_model {
namespace {

constexpr const char* kProgram = "language_model";

std::string read_plain(const std::string& path) {
  const std::string text = program::read_utf8_file(path);
  unroll::check_io(!text.empty(), "{}: a text was required: got an empty file", path);
  return text;
}

// The column "text" of a table, one line a row.
std::string read_column(const std::string& path) {
  std::string text;
  for (const std::string& line : program::read_table(path, {"text"}).strings("text"))
    text += line + '\n';
  return text;
}

// Either of them: a table is a file whose first line names a column "text" among others.
std::string read_any(const std::string& path) {
  const std::string text = read_plain(path),
                    names = '\t' + text.substr(0, text.find_first_of("\r\n")) + '\t';
  const bool table = names.find("\ttext\t") != std::string::npos && names != "\ttext\t";
  return table ? read_column(path) : text;
}

Parts read_parts(const Choice& c, const program::Options& o) {
  Parts parts =
      split(c.text.empty() ? read_column(o.data) : read_plain(c.text), c.units.unit,
            {.validation = c.fit.patience > 0 && c.validation.empty(), .test = o.test.empty()});
  if (!c.validation.empty()) parts.validation = read_any(c.validation);
  if (!o.test.empty()) parts.test = read_any(o.test);
  return parts;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

void generate(const LanguageModel& model, const Units& units, const Choice& c,
              const program::Options& o) {
  if (c.prompt.empty()) return;
  unroll::Generator random(o.seed);
  const Ids ids = units.encode(c.prompt);
  const auto unknown = std::count(ids.begin(), ids.end(), units.unknown());
  if (units.unknown() >= 0 && unknown > 0)
    program::say("\nThe model does not know {} of the prompt's {} {}.\n", unknown, ids.size(),
                 plural(units.unit()));
  program::say("\n{}\n", continuation(model, units, c.prompt, c.generate, random));
}

void predict(const LanguageModel& model, const Units& units, const program::Options& o) {
  constexpr Index kMax = 1000;
  constexpr Index kRows = 1 << 14;  // of a batch
  const std::vector<std::string> lines = program::read_inputs(o.predict, {"text"}).strings("text");
  struct Answer {
    std::string continuation;
    double log_probability = 0, nats = 0;
  };
  std::vector<Index> lengths;
  for (const std::string& line : lines) lengths.push_back(static_cast<Index>(line.size()));
  const auto answer = [&](const std::vector<Index>& batch) {
    std::vector<std::string> texts;
    for (Index i : batch) texts.push_back(lines[static_cast<std::size_t>(i)]);
    Read start = read(model, units, texts);
    const auto found = nn::greedy(WithoutUnknown{model, units.unknown()}, std::move(start.state),
                                  start.last, {.eos = units.line_end(), .max_length = kMax});
    std::vector<Answer> out;
    for (std::size_t i = 0; i < texts.size(); ++i)
      out.push_back({units.decode(found[i].ids), found[i].log_probability, start.nats[i]});
    return out;
  };
  const auto answers = program::in_batches(lengths, answer, {.rows = kRows, .stops = true});
  program::PredictionFile file(o,
                               {"text", "bits_per_character", "continuation", "log_probability"});
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const double bits = answers[i].nats / std::log(2.0),
                 count = static_cast<double>(characters(lines[i]));
    file.row({lines[i], count > 0 ? fmt::format("{:.4f}", bits / count) : "",
              answers[i].continuation, fmt::format("{:.4f}", answers[i].log_probability)});
  }
  file.end(fmt::format("{} lines by {}", lines.size(), model.options().layer.kind));
}

program::Curves fit(LanguageModel& model, const Ids& train, const Heldout* validation,
                    const FitOptions& f, program::Checkpoint& checkpoint) {
  const Chunks chunks(train, f);
  const auto optimizer = optimizer_for(nn::parameters(model), f);
  return program::train(
      model,
      {.label = model.options().layer.kind,
       .epochs = chunks.epochs(),
       .patience = f.patience,
       .optimizer = optimizer.get(),
       .checkpoint = &checkpoint,
       .fixed_epochs = f.optimizer == "adam"},
      [&](program::Progress& bar, Index e) {
        return train_epoch(model, chunks, f, *optimizer, e, bar);
      },
      [&] {
        return validation ? mean(nats(model, validation->ids, validation->from)) : std::nan("");
      });
}

// The sizes in a model file are possible as options, and those of a model in it.
void check_sizes(const std::string& path, const program::ModelFile& file, const ModelOptions& o) {
  const auto most = [&](const char* name, Index value, Index limit) {
    unroll::check_io(value >= 1 && value <= limit, "{}: a {} from 1 to {} was required: got {}",
                     path, name, limit, value);
  };
  most("vocabulary", o.vocab, kMaxSize), most("size of the embedding", o.width(), kMaxHidden);
  const auto hidden = static_cast<double>(o.layer.hidden), dim = static_cast<double>(o.width());
  program::check_sizes(path, file, o.of_layer(),
                       static_cast<double>(o.vocab) * (o.tied ? dim : dim + hidden));
}

}  // namespace

void train_and_compare(const Choice& c, const program::Options& o, program::Report& report) {
  const Parts parts = read_parts(c, o);
  const Units units(parts.train, c.units);
  const Ids train = units.encode(parts.train);
  program::say("Training text: {} characters, {} {}, {} distinct\n", characters(parts.train),
               train.size(), plural(units.unit()), units.size());
  std::optional<Heldout> validation;
  if (c.fit.patience > 0)
    validation = heldout(units, c.validation.empty() ? parts.train : "", parts.validation);
  const Heldout test =
      heldout(units, o.test.empty() ? parts.train + parts.validation : "", parts.test);
  std::vector<Result> results{
      {"ngram", NGram(train, units.size(), c.order).nats(test.ids, test.from)}};

  std::vector<std::string> kinds{c.model.layer.kind};
  if (kinds[0] == kAll) kinds = program::sequence_kinds();
  for (const std::string& kind : kinds) {
    if (program::interrupted()) break;
    ModelOptions options = c.model;
    options.vocab = units.size(), options.layer.kind = kind;
    if (program::attends(kind)) {
      options.context = c.fit.steps;
      if (kind == "transformer") options.layer.window = c.fit.steps;
      program::say("In training, the {} starts each chunk of {} anew. Then it {}.\n", kind,
                   c.fit.steps,
                   kind == "transformer" ? "sees the last ones, as many as in a chunk"
                                         : "reads in windows as long as a chunk");
    }
    program::choose_size(options.layer, c.size, c.reference.layer,
                         [&](const program::SequenceOptions& layer) {
                           ModelOptions of = options;
                           of.layer = layer;
                           return program::count_parameters([&] { return LanguageModel(of); });
                         });
    unroll::manual_seed(o.seed);
    LanguageModel model(options);
    unroll::Metadata identity = nn::metadata_of(options);
    identity.merge(units.metadata());
    identity["program"] = kProgram;
    const std::clock_t begin = std::clock();
    program::load_or_train(o, model, identity, kind, report, [&](program::Checkpoint& checkpoint) {
      return fit(model, train, validation ? &*validation : nullptr, c.fit, checkpoint);
    });
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    results.push_back({kind, nats(model, test.ids, test.from),
                       nn::parameter_count(nn::parameters(model)), seconds});
    if (kinds.size() == 1) {
      show(units, test, results, report);
      draw(o.picture, units, test, results);
      generate(model, units, c, o);
    }
  }
  if (kinds.size() > 1 && results.size() > 1) {
    show(units, test, results, report);
    // The n-grams and the best model.
    const auto sum = [](const Result& r) { return mean(r.nats); };
    const auto best =
        std::min_element(results.begin() + 1, results.end(),
                         [&](const Result& a, const Result& b) { return sum(a) < sum(b); });
    draw(o.picture, units, test, {results[0], *best});
  }
}

void apply_model(const Choice& c, const program::Options& o, program::Report& report) {
  program::ModelFile file = program::read_model(o.load, kProgram);
  const Units units = Units::from_metadata(file.metadata);
  const auto options = nn::options_in<ModelOptions>(file.metadata);
  check_sizes(o.load, file, options);
  unroll::check_io(options.vocab == units.size(),
                   "{}: a vocabulary of {} units was required: got one of {}", o.load,
                   options.vocab, units.size());
  LanguageModel model(options);
  nn::assign(o.load, std::move(file.values), nn::state(model),
             {.layout = nn::WeightLayout::in_out});
  if (!o.predict.empty()) return predict(model, units, o);
  if (c.prompt.empty() || !o.test.empty() || !c.text.empty() || o.given("--data")) {
    const Parts parts = o.test.empty() ? read_parts(c, o) : Parts{{}, {}, read_any(o.test)};
    const Heldout test = heldout(units, parts.train, parts.test);
    const std::vector<Result> results{{options.layer.kind, nats(model, test.ids, test.from),
                                       nn::parameter_count(nn::parameters(model))}};
    show(units, test, results, report);
    draw(o.picture, units, test, results);
  }
  generate(model, units, c, o);
}

}  // namespace language_model
