#include "examples/topics/experiment.h"

#include "examples/common/sequence_size.h"
#include "examples/common/table_file.h"
#include "examples/topics/glosses.h"
#include "examples/topics/report.h"
#include "examples/topics/retrieval.h"

#include <unroll/data/split.h>
#include <unroll/nn/options.h>
#include <unroll/tensor/error.h>

#include <chrono>

namespace topics {
namespace {

constexpr const char* kProgram = "topics";
constexpr Index kMaxHidden = 4096;
constexpr unroll::data::Parts kParts{.train = 0.7, .validation = 0.1};  // 0.2 tests

// The parts of the glosses, and the classes.
struct Data {
  Glosses train, validation, test;
  data::Vocabulary classes;

  Part part(const Encoder& encoder, const Glosses& glosses, const std::string& path) const {
    return {encoder(glosses.texts), labels_of(glosses, classes, path)};
  }
};

Data read_data(const Choice& choice, const program::Options& o) {
  Glosses all = read_glosses(o.data);
  unroll::Generator random(o.seed);
  data::Split split = data::random_split(all.size(), kParts, random);
  const auto limit = [&](std::vector<Index>& part, double share) {
    const auto most = static_cast<std::size_t>(share * static_cast<double>(choice.limit));
    if (choice.limit > 0 && part.size() > most) part.resize(most);
  };
  limit(split.train, kParts.train), limit(split.validation, kParts.validation);
  limit(split.test, 1 - kParts.train - kParts.validation);
  data::Vocabulary classes = classes_of(all, o.data);
  unroll::check_io(classes.size() >= 2 && !split.train.empty() && !split.validation.empty() &&
                       !split.test.empty(),
                   "{}: glosses of at least 2 classes, enough for three parts, were required: got "
                   "{} of {}",
                   o.data, all.size(), classes.size());
  return {all.select(split.train), all.select(split.validation), all.select(split.test),
          std::move(classes)};
}

unroll::Metadata identity(const ModelOptions& model, const Encoder& encoder,
                          const data::Vocabulary& classes) {
  unroll::Metadata out = encoder.metadata();
  out["program"] = kProgram;
  out.merge(classes.metadata("classes"));
  out.merge(nn::metadata_of(model));
  return out;
}

// The sizes of a model, as the options say.
ModelOptions sized(const std::string& name, Index features, Index classes, const Choice& choice) {
  ModelOptions out{
      .model = name, .hidden = choice.hidden, .reader = reader_of(name, choice.hidden)};
  if (kind_of(name) == Kind::in_order)
    program::choose_size(
        out.reader, choice.size, reader_of("lstm", choice.hidden),
        [&](const program::SequenceOptions& reader) {
          return program::count_parameters([&] { return InOrder(features, classes, reader); });
        });
  return out;
}

Index epochs_of(const program::Options& o) { return o.epochs > 0 ? o.epochs : 12; }

// The features for which a linear model, trained for a few epochs, has the best validation
// accuracy.
Features choose_features(const Choice& choice, const Data& data, const program::Options& o) {
  if (!choice.features.empty()) return features_of(choice.features);
  Features best = Features::words;
  double best_accuracy = -1;
  std::string found = "Validation accuracy of a linear model:";
  for (const Features features : {Features::words, Features::pairs, Features::beginning}) {
    const Encoder encoder(data.train.texts, features);
    const Part train = data.part(encoder, data.train, o.data),
               validation = data.part(encoder, data.validation, o.data);
    unroll::default_generator() = unroll::Generator(o.seed);
    LogisticRegression model(encoder.size(), data.classes.size(), choice.hidden);
    fit(model, train, validation,
        {.label = fmt::format("features: {}", name_of(features)),
         .epochs = std::min<Index>(6, epochs_of(o)),
         .seed = o.seed},
        nullptr);
    const Result result =
        result_of("", probabilities(model, validation), validation.labels, data.classes.size());
    found += fmt::format("{} {} {:.4f}", best_accuracy < 0 ? "" : ";", description_of(features),
                         result.confusion.accuracy());
    if (result.confusion.accuracy() > best_accuracy)
      best_accuracy = result.confusion.accuracy(), best = features;
    if (program::interrupted()) break;
  }
  program::print(program::wrapped(fmt::format("{}. Chosen: {}.", found, name_of(best))));
  return best;
}

// Trains a model (with --resume from where it stopped), and applies it to the test part.
Result train_one(const std::string& name, const Encoder& encoder, const Choice& choice,
                 const Data& data, const Glosses& test, const program::Options& o,
                 program::Report& report) {
  Glosses learned = data.train;
  if (kind_of(name) ==
      Kind::naive_bayes)  // no hyperparameters: it learns from the validation part too
    for (const auto& [from, to] : {std::pair(&data.validation.texts, &learned.texts),
                                   std::pair(&data.validation.classes, &learned.classes)})
      to->insert(to->end(), from->begin(), from->end());
  const Part train = data.part(encoder, learned, o.data),
             validation = data.part(encoder, data.validation, o.data),
             tested = data.part(encoder, test, o.test.empty() ? o.data : o.test);
  unroll::default_generator() = unroll::Generator(o.seed);
  const ModelOptions options = sized(name, encoder.size(), data.classes.size(), choice);
  return with_model(options, encoder.size(), data.classes.size(), [&](auto model) {
    const auto start = std::chrono::steady_clock::now();
    program::load_or_train(o, model, identity(options, encoder, data.classes), name, report,
                           [&](program::Checkpoint& checkpoint) {
                             return fit(model, train, validation,
                                        {.label = name, .epochs = epochs_of(o), .seed = o.seed},
                                        &checkpoint);
                           });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    Result result =
        result_of(name, probabilities(model, tested), tested.labels, data.classes.size());
    result.seconds = seconds.count();
    result.features = description_of(encoder.features());
    if (kind_of(name) == Kind::naive_bayes)
      result.features += "; also learns from the validation part";
    for (const auto& p : nn::state(model)) result.values += p.param->value().numel();
    if constexpr (std::is_same_v<decltype(model), EmbeddingBagModel>)
      if (!choice.query.empty()) answer(choice.query, read_glosses(o.data), model, encoder);
    return result;
  });
}

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  unroll::check(choice.query.empty() || choice.model == "embedding_bag",
                "--query: the model embedding_bag was required: got {}", choice.model);
  program::check_text("--query", choice.query);
  if (!choice.model.empty() && kind_of(choice.model) != Kind::in_order)
    o.refuse({"--parameters", "--equal-parameters"}, "a model that reads in order", choice.model);
  const Data data = read_data(choice, o);
  const Glosses test = o.test.empty() ? data.test : read_glosses(o.test);
  std::vector<std::string> names(std::begin(kBags), std::end(kBags));
  names.push_back("lstm");
  if (!choice.model.empty()) names = {choice.model};
  std::vector<Result> results;
  Features chosen = Features::words;
  bool known = false;
  for (const std::string& name : names) {
    const Kind kind = kind_of(name);
    if (program::interrupted()) break;
    const bool chooses = kind == Kind::linear || kind == Kind::embedding_bag;
    if (chooses && !known) chosen = choose_features(choice, data, o), known = true;
    Glosses seen = data.train;
    if (kind == Kind::naive_bayes)
      seen.texts.insert(seen.texts.end(), data.validation.texts.begin(),
                        data.validation.texts.end());
    const Encoder encoder(seen.texts, chooses                  ? chosen
                                      : kind == Kind::in_order ? Features::order
                                                               : Features::words);
    results.push_back(train_one(name, encoder, choice, data, test, o, report));
  }
  print_results(results, labels_of(test, data.classes, o.test.empty() ? o.data : o.test),
                data.classes, report);
  draw_results(results, data.classes, o.picture);
}

void apply_model(const Choice& choice, const program::Options& o, program::Report& report) {
  program::check_text("--query", choice.query);
  program::ModelFile file = program::read_model(o.load, kProgram);
  const auto options = nn::options_in<ModelOptions>(file.metadata);
  unroll::check(choice.model.empty() || choice.model == options.model,
                "{}: a model of the kind {} was required: got {}", o.load, choice.model,
                options.model);
  const Encoder encoder = Encoder::from_metadata(file.metadata);
  const data::Vocabulary classes = data::Vocabulary::from_metadata(file.metadata, "classes");
  unroll::check_io(options.hidden >= 1 && options.hidden <= kMaxHidden && encoder.size() >= 1 &&
                       classes.size() >= 1,
                   "{}: a model of topics was required: got one without classes or features",
                   o.load);
  const Kind kind = kind_of(options.model);
  const auto columns = kind == Kind::in_order        ? options.reader.in
                       : kind == Kind::embedding_bag ? options.hidden
                                                     : classes.size();
  const double weights = static_cast<double>(encoder.size()) * static_cast<double>(columns);
  if (kind == Kind::in_order)
    program::check_sizes(o.load, file, options.reader, weights);
  else
    program::check_values(o.load, file, weights);
  with_model(options, encoder.size(), classes.size(), [&](auto model) {
    nn::assign(o.load, std::move(file.values), nn::state(model),
               {.layout = nn::WeightLayout::in_out});
    if (!o.predict.empty()) {
      const unroll::data::Table table = program::read_inputs(o.predict, {"gloss"});
      const std::vector<std::string> texts = table.strings("gloss");
      const program::Probabilities p =
          probabilities(model, Part{encoder(texts), {}}, {.stops = true});
      program::PredictionFile out(o, {"input", "class", "probability"});
      for (std::size_t i = 0; i < texts.size(); ++i) {
        if (program::is_blank(texts[i])) {
          out.row({texts[i], "", ""});
          continue;
        }
        const Index best = program::best_of(p[i]);
        out.row({texts[i], classes.unit(best),
                 fmt::format("{:.4f}", p[i][static_cast<std::size_t>(best)])});
      }
      out.end(fmt::format("{} glosses by {}", texts.size(), options.model));
      return;
    }
    if constexpr (std::is_same_v<decltype(model), EmbeddingBagModel>)
      if (!choice.query.empty()) return answer(choice.query, read_glosses(o.data), model, encoder);
    unroll::check(choice.query.empty(),
                  "--query: a model of the kind embedding_bag was required: got {}", options.model);
    unroll::check(!o.test.empty(), "--load: --predict, --test or --query was required: got none");
    const Glosses test = read_glosses(o.test);
    const std::vector<Index> labels = labels_of(test, classes, o.test);
    Result result =
        result_of(options.model, probabilities(model, Part{encoder(test.texts), labels}), labels,
                  classes.size());
    result.features = description_of(encoder.features());
    for (const auto& param : nn::state(model)) result.values += param.param->value().numel();
    print_results({result}, labels, classes, report);
    draw_results({result}, classes, o.picture);
  });
}

}  // namespace topics
