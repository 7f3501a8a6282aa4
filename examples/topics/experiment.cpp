#include "examples/topics/experiment.h"

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

struct Size {
  Index hidden = 64;
  UNROLL_OPTIONS(hidden)
};

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
  data::Vocabulary classes = classes_of(all);
  unroll::check_io(classes.size() >= 2 && !split.train.empty() && !split.validation.empty() &&
                       !split.test.empty(),
                   "{}: glosses of at least 2 classes, enough for three parts, were required: got "
                   "{} of {}",
                   o.data, all.size(), classes.size());
  return {all.select(split.train), all.select(split.validation), all.select(split.test),
          std::move(classes)};
}

unroll::Metadata identity(Kind kind, const Encoder& encoder, const data::Vocabulary& classes,
                          Index hidden) {
  unroll::Metadata out = encoder.metadata();
  out["program"] = kProgram;
  out["model"] = name_of(kind);
  out.merge(classes.metadata("classes"));
  out.merge(nn::metadata_of(Size{hidden}));
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
    found += fmt::format("{} {} {:.4f}", best_accuracy < 0 ? "" : ",", name_of(features),
                         result.confusion.accuracy());
    if (result.confusion.accuracy() > best_accuracy)
      best_accuracy = result.confusion.accuracy(), best = features;
    if (program::interrupted()) break;
  }
  program::say("{}. Chosen: {}.\n", found, name_of(best));
  return best;
}

// Trains a model (with --resume from where it stopped), and applies it to the test part.
Result train_one(Kind kind, const Encoder& encoder, const Choice& choice, const Data& data,
                 const Glosses& test, const program::Options& o, program::Report& report) {
  Glosses learned = data.train;
  if (kind == Kind::naive_bayes)  // no hyperparameters: it learns from the validation part too
    for (const auto& [from, to] : {std::pair(&data.validation.texts, &learned.texts),
                                   std::pair(&data.validation.classes, &learned.classes)})
      to->insert(to->end(), from->begin(), from->end());
  const Part train = data.part(encoder, learned, o.data),
             validation = data.part(encoder, data.validation, o.data),
             tested = data.part(encoder, test, o.test.empty() ? o.data : o.test);
  unroll::default_generator() = unroll::Generator(o.seed);
  return with_model(kind, encoder.size(), data.classes.size(), choice.hidden, [&](auto model) {
    const auto start = std::chrono::steady_clock::now();
    program::load_or_train(
        o, model, identity(kind, encoder, data.classes, choice.hidden), name_of(kind), report,
        [&](program::Checkpoint& checkpoint) {
          return fit(model, train, validation,
                     {.label = name_of(kind), .epochs = epochs_of(o), .seed = o.seed}, &checkpoint);
        });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    Result result =
        result_of(name_of(kind), probabilities(model, tested), tested.labels, data.classes.size());
    result.seconds = seconds.count();
    result.features = name_of(encoder.features());
    for (const auto& p : nn::state(model)) result.values += p.param->value().numel();
    if constexpr (std::is_same_v<decltype(model), EmbeddingBagModel>)
      if (!choice.query.empty()) answer(choice.query, read_glosses(o.data), model, encoder);
    return result;
  });
}

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  unroll::check(choice.query.empty() || choice.model == name_of(Kind::embedding_bag),
                "--query: the model embedding_bag was required: got {}", choice.model);
  const Data data = read_data(choice, o);
  const Glosses test = o.test.empty() ? data.test : read_glosses(o.test);
  std::vector<Kind> kinds(std::begin(kKinds), std::end(kKinds));
  if (!choice.model.empty()) kinds = {kind_of(choice.model)};
  std::vector<Result> results;
  Features chosen = Features::words;
  bool known = false;
  for (const Kind kind : kinds) {
    if (program::interrupted()) break;
    const bool chooses = kind == Kind::linear || kind == Kind::embedding_bag;
    if (chooses && !known) chosen = choose_features(choice, data, o), known = true;
    Glosses seen = data.train;
    if (kind == Kind::naive_bayes)
      seen.texts.insert(seen.texts.end(), data.validation.texts.begin(),
                        data.validation.texts.end());
    const Encoder encoder(seen.texts, chooses              ? chosen
                                      : kind == Kind::lstm ? Features::order
                                                           : Features::words);
    results.push_back(train_one(kind, encoder, choice, data, test, o, report));
  }
  print_results(results, labels_of(test, data.classes, o.test.empty() ? o.data : o.test),
                data.classes, report);
}

void apply_model(const Choice& choice, const program::Options& o, program::Report& report) {
  program::ModelFile file = program::read_model(o.load, kProgram);
  const Kind kind = kind_of(file.metadata["model"]);
  unroll::check(choice.model.empty() || choice.model == name_of(kind),
                "{}: a model of the kind {} was required: got {}", o.load, choice.model,
                name_of(kind));
  const Encoder encoder = Encoder::from_metadata(file.metadata);
  const data::Vocabulary classes = data::Vocabulary::from_metadata(file.metadata, "classes");
  const Index hidden = nn::options_in<Size>(file.metadata).hidden;
  unroll::check_io(
      hidden >= 1 && hidden <= kMaxHidden && encoder.size() >= 1 && classes.size() >= 1,
      "{}: a model of topics was required: got one without classes or features", o.load);
  with_model(kind, encoder.size(), classes.size(), hidden, [&](auto model) {
    nn::assign(o.load, std::move(file.values), nn::state(model),
               {.layout = nn::WeightLayout::in_out});
    if (!o.predict.empty()) {
      const unroll::data::Table table = program::read_inputs(o.predict, {"gloss"});
      const std::vector<std::string> texts = table.strings("gloss");
      const program::Probabilities p = probabilities(model, Part{encoder(texts), {}});
      program::PredictionFile out(o, {"input", "class", "probability"});
      for (std::size_t i = 0; i < texts.size(); ++i) {
        if (p[i].empty()) continue;  // interrupted
        const Index best = program::best_of(p[i]);
        out.row({texts[i], classes.unit(best),
                 fmt::format("{:.4f}", p[i][static_cast<std::size_t>(best)])});
      }
      out.end(fmt::format("{} glosses by {}", texts.size(), name_of(kind)));
      return;
    }
    if constexpr (std::is_same_v<decltype(model), EmbeddingBagModel>)
      if (!choice.query.empty()) return answer(choice.query, read_glosses(o.data), model, encoder);
    unroll::check(choice.query.empty(),
                  "--query: a model of the kind embedding_bag was required: got {}", name_of(kind));
    unroll::check(!o.test.empty(), "--load: --predict, --test or --query was required: got none");
    const Glosses test = read_glosses(o.test);
    const std::vector<Index> labels = labels_of(test, classes, o.test);
    Result result =
        result_of(name_of(kind), probabilities(model, Part{encoder(test.texts), labels}), labels,
                  classes.size());
    result.features = name_of(encoder.features());
    for (const auto& param : nn::state(model)) result.values += param.param->value().numel();
    print_results({result}, labels, classes, report);
  });
}

}  // namespace topics
