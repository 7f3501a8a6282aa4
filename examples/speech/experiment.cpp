#include "examples/speech/experiment.h"

#include "examples/common/model_file.h"
#include "examples/common/predictions.h"
#include "examples/common/terminal.h"
#include "examples/speech/fit.h"
#include "examples/speech/picture.h"
#include "examples/speech/recognise.h"
#include "examples/speech/report.h"

#include <filesystem>
#include <map>

namespace speech {
namespace {

constexpr const char* kProgram = "speech";
constexpr const char* kLabels =
    "labels";  // of the training part, one per line, after its count and a space
constexpr const char* kSynthetic_ = "synthetic";  // yes or no

// A model with all that is needed to use it.
struct Recognising {
  Letters letters;
  std::vector<Counted> labels;  // distinct, for the language model
  bool synthetic = false;       // what the model was trained on
  Decoder decoder(const Decoding& how) const { return {letters, how, labels}; }
  std::string trained_on() const {
    return synthetic ? std::string("trained on ") + kSynthetic : "trained on recordings";
  }
};

// The distinct labels as kLabels.
std::string counted_lines(const Words& words) {
  std::map<std::string, Index> counts;
  for (const Word& word : words) ++counts[word.label];
  std::string out;
  for (const auto& [label, count] : counts) out += fmt::format("{} {}\n", count, label);
  return out;
}

std::vector<Counted> counted_labels(const Letters& letters, const std::string& lines) {
  std::vector<Counted> out;
  for (std::size_t at = 0, end = 0; at < lines.size(); at = end + 1) {
    end = std::min(lines.find('\n', at), lines.size());
    const std::string line = lines.substr(at, end - at);
    const std::size_t space = line.find(' ');
    const auto symbols =
        space == std::string::npos ? std::nullopt : letters.encode(line.substr(space + 1));
    if (symbols) out.push_back({*symbols, std::max(1.0, std::strtod(line.c_str(), nullptr))});
  }
  return out;
}

Words labelled(const std::string& path) {
  Labelled out = read_words(path);
  for (const std::string& note : out.notes) program::print(program::wrapped(note));
  return std::move(out.words);
}

// "4 speakers", or their names if they are few.
std::string said_by(const Words& words) {
  constexpr std::ptrdiff_t kNamed = 3;
  const std::vector<std::string> speakers = speakers_of(words);
  return std::ssize(speakers) <= kNamed ? program::shown(speakers)
                                        : fmt::format("{} speakers", speakers.size());
}

// Prints each word of a recording as it is recognised, and draws the first.
void print_words(Recording recording, const std::string& name, const Model& model,
                 const Recognising& with, const Decoding& how, const std::string& picture,
                 program::Report& report) {
  program::say("{} (a model {})\n", unroll::excerpt(name), with.trained_on());
  const Decoder decoder = with.decoder(how);
  double count = 0;
  recognise(std::move(recording), model, decoder, [&](const Utterance& u) {
    program::say("{:9.2f} s  {}  (probability {:.3f})\n", u.begin(),
                 u.heard.text.empty() ? "?" : u.heard.text, u.heard.probability);
    if (count++ == 0)
      draw_word(picture,
                fmt::format("Recognised as \"{}\" by a model {}", u.heard.text, with.trained_on()),
                u.frames, u.logits, u.heard.symbols, with.letters);
  });
  report.add("recognised_words", count);
  if (count == 0) program::say("No words: it is silent throughout.\n");
}

// One row for each word of each file; a file without words has a row too.
void predict(const std::string& path, const Model& model, const Recognising& with,
             const Decoding& how, const program::Options& o) {
  const std::vector<std::string> files = wav_files(path);
  unroll::check_io(!files.empty(), "{}: WAV files were required: got none", path);
  const Decoder decoder = with.decoder(how);
  program::PredictionFile out(o, {"file", "second", "word", "probability"});
  Index words = 0;
  for (const std::string& file : files) {
    const std::string name = std::filesystem::path(file).filename().string();
    Index of_file = 0;
    recognise(Recording(file), model, decoder, [&](const Utterance& u) {
      out.row({name, fmt::format("{:.2f}", u.begin()), u.heard.text,
               fmt::format("{:.4f}", u.heard.probability)});
      ++of_file;
    });
    if (of_file == 0) out.row({name, "", "", ""});
    words += of_file;
  }
  out.end(fmt::format("{} words of {} files by {}, {}", words, files.size(),
                      model.layer.options().kind, with.trained_on()));
}

void say_parts(const Parts& parts, bool synthetic) {
  std::string text = fmt::format("{}: {} words train ({}), {} validate ({}), {} test ({}). ",
                                 synthetic ? kSynthetic : "Recordings", parts.train.size(),
                                 said_by(parts.train), parts.validation.size(),
                                 said_by(parts.validation), parts.test.size(), said_by(parts.test));
  text += parts.by_speaker
              ? "No speaker is in two parts."
              : "There are fewer than three speakers, so their recordings are divided: the result "
                "says nothing about other speakers.";
  program::print(program::wrapped(text));
}

}  // namespace

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report) {
  const bool synthetic = o.data.empty();
  Parts parts = split(synthetic ? speak(default_speech()) : labelled(o.data), o.seed);
  if (!o.test.empty()) parts.test = labelled(o.test);
  say_parts(parts, synthetic);

  const std::string labels = counted_lines(parts.train);
  Recognising with{Letters(parts.train), {}, synthetic};
  with.labels = counted_labels(with.letters, labels);
  program::SequenceOptions options = reader_options(choice.reader);
  ReaderChoice reference = choice.reader;
  reference.kind = ReaderChoice().kind;
  program::choose_size(
      options, choice.size, reader_options(reference), [&](const program::SequenceOptions& of) {
        return program::count_parameters([&] { return Model(with.letters.symbols(), of); });
      });
  unroll::default_generator() = unroll::Generator(o.seed);
  Model model(with.letters.symbols(), options);
  model.normalise_by(parts.train);
  unroll::Metadata identity{{"program", kProgram}, {kSynthetic_, synthetic ? "yes" : "no"}};
  identity[kLabels] = labels;
  identity.merge(with.letters.metadata());
  identity.merge(nn::metadata_of(options));
  program::load_or_train(
      o, model, identity, options.kind, report, [&](program::Checkpoint& checkpoint) {
        return fit(model, with.letters, parts.train, parts.validation,
                   {.label = options.kind, .epochs = o.epochs, .seed = o.seed}, checkpoint);
      });
  if (program::interrupted()) return;
  const bool synthetic_test = synthetic && o.test.empty();
  const std::string described =
      (synthetic_test ? kSynthetic : "recordings") +
      fmt::format(", {}, {}", said_by(parts.test),
                  parts.by_speaker && o.test.empty() ? "speakers not trained on"
                                                     : "speakers that may be trained on");
  compare(model, with.letters, choice.decoding, with.labels,
          {parts.test, &parts.train, described, synthetic_test},
          choice.wav.empty() ? o.picture : "", report);
  if (!choice.wav.empty())
    print_words(Recording(choice.wav), choice.wav, model, with, choice.decoding, o.picture, report);
}

void apply_model(const Choice& choice, const program::Options& o, program::Report& report) {
  program::ModelFile file = program::read_model(o.load, kProgram);
  Recognising with{Letters::from_metadata(file.metadata), {}, file.metadata[kSynthetic_] == "yes"};
  with.labels = counted_labels(with.letters, file.metadata[kLabels]);
  const auto options = nn::options_in<program::SequenceOptions>(file.metadata);
  constexpr Index kMaxLayers = 100;
  unroll::check_io(options.hidden >= 1 && options.hidden <= program::kMaxHidden &&
                       options.in == kInputs && options.layers >= 0 && options.layers <= kMaxLayers,
                   "{}: a model of {} was required: got one whose sizes do not fit", o.load,
                   kProgram);
  unroll::check(!choice.stream || !options.bidirectional,
                "--stream: a model that reads forward only was required: got a bidirectional one; "
                "train without --bidirectional");
  program::check_values(o.load, file,
                        static_cast<double>(options.hidden) * static_cast<double>(options.in));
  Model model(with.letters.symbols(), options);
  nn::assign(o.load, std::move(file.values), nn::state(model),
             {.layout = nn::WeightLayout::in_out});
  if (!o.predict.empty()) return predict(o.predict, model, with, choice.decoding, o);
  if (choice.stream)
    return print_words(Recording::standard_input(), "Standard input", model, with, choice.decoding,
                       "", report);
  unroll::check(!o.test.empty() || !choice.wav.empty(),
                "--load: --wav, --stream, --test or --predict was required: got none");
  if (!o.test.empty()) {
    const Words words = labelled(o.test);
    compare(model, with.letters, choice.decoding, with.labels,
            {words, nullptr,
             fmt::format("recordings, {}, by a model {}", said_by(words), with.trained_on())},
            choice.wav.empty() ? o.picture : "", report);
    program::print(
        program::wrapped("There is no nearest neighbour, since the model's file does not have the "
                         "training recordings."));
  }
  if (!choice.wav.empty())
    print_words(Recording(choice.wav), choice.wav, model, with, choice.decoding, o.picture, report);
}

}  // namespace speech
