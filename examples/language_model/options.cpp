#include "examples/language_model/options.h"

#include "examples/common/command_line.h"

#include <unroll/tensor/error.h>

#include <limits>

namespace language_model {
namespace {

// Zaremba, Sutskever and Vinyals 2014, the small model for words of the Penn Treebank.
Choice zaremba_small() {
  Choice c;
  c.unit = "words";
  c.units = {.max_size = 10000, .tokenised = true};
  c.model = {.layer = {.kind = "lstm", .hidden = 200, .layers = 2}, .dim = 200, .init = 0.1};
  c.fit = {.epochs = 13,
           .streams = 20,
           .steps = 20,
           .optimizer = "sgd",
           .lr = 1,
           .clip = 5,
           .constant = 4};
  return c;
}

// Trained on as many characters as nanoGPT's CPU example: 2,000 steps of 12 x 64.
Choice small_cpu() {
  Choice c;
  c.model = {.layer = {.kind = "gru", .hidden = 512}};
  c.fit = {.streams = 12, .steps = 64, .budget = 2000 * 12 * 64, .lr = 2e-3};
  return c;
}

CLI::Validator number(double low, double high, const std::string& what) {
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        double value = 0;
        const bool read = CLI::detail::lexical_cast(text, value);
        if (read && value >= low && value <= high) return {};
        return fmt::format("{} was required: got {}", what, unroll::excerpt(text));
      },
      "");
}

}  // namespace

void declare(CLI::App& app, Choice& c) {
  constexpr std::uint64_t kMany = kMaxSize;
  const auto choice = [&](const char* name, std::string& target, std::vector<std::string> of,
                          const char* help) {
    app.add_option(name, target, help)->check(CLI::IsMember(std::move(of)))->capture_default_str();
  };
  const auto count = [&](const char* name, Index& target, std::uint64_t min, std::uint64_t max,
                         const char* help) {
    CLI::Option* option = program::add_number(app, name, target, min, max, help);
    if (target > 0) option->capture_default_str();  // 0 is "off", and cannot be given
  };
  const auto real = [&](const char* name, double& target, double low, double high,
                        const std::string& what, const char* help) {
    app.add_option(name, target, help)
        ->type_name("X")
        ->check(number(low, high, what))
        ->capture_default_str();
  };
  app.add_option("--text", c.text, "Learn from this text instead of a table (UTF-8, .gz too)")
      ->type_name("FILE");
  app.add_option("--validation", c.validation,
                 "A text for validation (default: a tenth of the text,\nbefore the test part)")
      ->type_name("FILE");
  choice("--recipe", c.recipe, {"zaremba-small", "small-cpu"},
         "Default values for the options below: zaremba-small for words of the\nPenn Treebank "
         "(Zaremba et al. 2014), small-cpu for\ncharacters, about 3 minutes");
  choice("--unit", c.unit, {"characters", "words", "bpe"}, "What a text is divided into");
  count("--vocabulary", c.units.max_size, 2, kMany,
        "Maximal size of the vocabulary (default: 10,000 for words\nand bpe, no limit for "
        "characters)");
  app.add_flag("--tokenised", c.units.tokenised,
               "Words and punctuation are already separated by\nspaces, as in the Penn Treebank");
  program::declare_kind(app, c.model.layer.kind,
                        {.help = "The layers between embedding and output", .more = {kAll}});
  count("--hidden", c.model.layer.hidden, 1, kMaxHidden, "Size of a layer");
  program::declare_layers(app, c.model.layer.layers);
  program::declare_attention(app, c.model.layer);
  program::declare_size(app, c.size, "the default model, or that of the recipe");
  program::add_number(
      app, "--embedding", c.model.dim, 1, kMaxHidden,
      "Size of the embedding (default: 64 for characters,\notherwise that of a layer)");
  app.add_flag("--tied", c.model.tied, "Use the weights of the embedding for the output as well");
  real("--dropout", c.model.dropout, 0, 0.99, "a probability in [0, 0.99]",
       "Dropout probability of embedding, layers, output");
  app.add_flag("--variational", c.model.variational, "One dropout mask for all steps of a chunk");
  count("--streams", c.fit.streams, 1, kMany,
        "Batch size: parallel streams of text (default: 4 to\n16, by its length)");
  count("--steps", c.fit.steps, 1, kMany, "Length of a chunk: backpropagate through N steps");
  count("--budget", c.fit.budget, 1, std::numeric_limits<Index>::max(),
        "Train on N ids in all, instead of --epochs");
  choice("--optimizer", c.fit.optimizer, {"adam", "sgd"},
         "adam: the learning rate falls as half a cosine; sgd: it\nis halved each epoch, see "
         "--constant");
  real("--lr", c.fit.lr, 1e-9, 1e3, "a rate in [1e-9, 1000]", "Learning rate");
  real("--clip", c.fit.clip, 1e-9, 1e9, "a norm above 0", "Clip the norm of the gradients to X");
  count("--constant", c.fit.constant, 0, kMany,
        "sgd: epochs before the learning rate is first halved");
  count("--patience", c.fit.patience, 1, kMany,
        "Stop after N epochs without a better loss on the\nvalidation part");
  count("--order", c.order, 1, 100, "Order of the n-grams of the baseline");
  app.add_option("--generate", c.prompt, "Continue this text")->type_name("TEXT");
  count("--length", c.generate.length, 1, kMany, "Number of units to generate");
  real("--temperature", c.generate.temperature, 0, 1e6, "a temperature in [0, 1e6]",
       "Divides the logits; 0: the most probable unit each\ntime");
  count("--top-k", c.generate.top_k, 1, kMany, "Sample from the N most probable units only");
  real("--top-p", c.generate.top_p, 1e-9, 1, "a probability in (0, 1]",
       "Sample from the most probable units that together\nhave this probability");
  count("--beams", c.generate.beams, 1, 10000, "Beam search of width N instead of sampling");
}

namespace {

// What --equal-parameters refers to, and which options do not go with a chosen size.
void settle_size(Choice& c, const program::Options& o) {
  const program::SequenceOptions of = c.reference.layer;
  c.reference = c.model;
  c.reference.layer = of;
  if (o.given("--hidden")) c.reference.layer.hidden = c.model.layer.hidden;
  program::check_size(c.size, o);
  const std::string& kind = c.model.layer.kind;
  if (kind == kAll) o.refuse({"--save", "--resume", "--generate"}, "a single model", "--model all");
  // The range of a recipe is meant for these; the others have parameters of several kinds.
  if (kind != "rnn" && kind != "lstm" && kind != "gru") c.model.init = 0;
}

}  // namespace

void apply_recipe(Choice& c, const program::Options& o) {
  if (!c.recipe.empty()) {
    const Choice r = c.recipe == "zaremba-small" ? zaremba_small() : small_cpu();
    const auto take = [&](const char* option, auto& target, const auto& value) {
      if (!o.given(option)) target = value;
    };
    take("--unit", c.unit, r.unit);
    take("--vocabulary", c.units.max_size, r.units.max_size);
    take("--tokenised", c.units.tokenised, r.units.tokenised);
    c.reference = r.model;
    take("--model", c.model.layer.kind, r.model.layer.kind);
    take("--hidden", c.model.layer.hidden, r.model.layer.hidden);
    // The recipe's number of layers is meant for its kind.
    if (c.model.layer.kind == r.model.layer.kind)
      take("--layers", c.model.layer.layers, r.model.layer.layers);
    take("--embedding", c.model.dim, r.model.dim);
    take("--tied", c.model.tied, r.model.tied);
    take("--dropout", c.model.dropout, r.model.dropout);
    take("--variational", c.model.variational, r.model.variational);
    c.model.init = r.model.init;
    take("--streams", c.fit.streams, r.fit.streams);
    take("--steps", c.fit.steps, r.fit.steps);
    if (!o.given("--epochs")) take("--budget", c.fit.budget, r.fit.budget);
    take("--optimizer", c.fit.optimizer, r.fit.optimizer);
    take("--lr", c.fit.lr, r.fit.lr);
    take("--clip", c.fit.clip, r.fit.clip);
    take("--constant", c.fit.constant, r.fit.constant);
    c.fit.epochs = r.fit.epochs;
  }
  if (o.epochs > 0) c.fit.epochs = o.epochs;
  c.units.unit = unit_of(c.unit);
  if (c.model.dim == 0 && c.units.unit == Unit::characters && !c.model.tied) c.model.dim = 64;
  unroll::check(!c.model.tied || c.model.width() == c.model.layer.hidden,
                "--tied: an --embedding as large as --hidden ({}) was required: got {}",
                c.model.layer.hidden, c.model.dim);
  settle_size(c, o);
  unroll::check(c.text.empty() || !o.given("--data"), "--text: no --data was required: got both");
  unroll::check(!o.given("--budget") || !o.given("--epochs"),
                "--budget: no --epochs was required: got both");
  if (c.units.unit != Unit::words) o.refuse({"--tokenised"}, "--unit words", "--unit " + c.unit);
  if (c.fit.optimizer != "sgd") o.refuse({"--constant"}, "--optimizer sgd", "--optimizer adam");
  if (c.model.dropout == 0) o.refuse({"--variational"}, "a --dropout above 0", "--variational");
  if (c.fit.patience == 0) o.refuse({"--validation"}, "--patience N", "--validation");
  if (c.prompt.empty())
    o.refuse({"--length", "--temperature", "--top-k", "--top-p", "--beams"}, "--generate TEXT",
             "none");
  if (c.generate.beams > 0)
    o.refuse({"--temperature", "--top-k", "--top-p"}, "sampling", "--beams");
  if (c.generate.temperature == 0)
    o.refuse({"--top-k", "--top-p"}, "a --temperature above 0", "--temperature 0");
  unroll::check(c.generate.temperature == 0 || c.generate.temperature >= 1e-6,
                "--temperature: 0 or a value of at least 1e-6 was required: got {}",
                c.generate.temperature);
  if (o.load.empty()) return;
  o.refuse({"--parameters",  "--equal-parameters",
            "--recipe",      "--unit",
            "--vocabulary",  "--tokenised",
            "--model",       "--hidden",
            "--layers",      "--embedding",
            "--tied",        "--dropout",
            "--variational", "--streams",
            "--steps",       "--budget",
            "--optimizer",   "--lr",
            "--clip",        "--constant",
            "--patience",    "--validation",
            "--order"},
           "a model to train", "--load");
}

}  // namespace language_model
