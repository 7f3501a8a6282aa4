// Recognises spoken words: a recurrent network (or another sequence model) over log-mel features
// writes their letters by CTC. Without recordings it learns from words spoken by espeak-ng.
//
// audio.h reads sound, features.h makes log-mel frames, endpoints.h finds words in them; words.h
// has the labelled words, warping.h the baseline; model.h has the network, augment.h and fit.h
// train it, decode.h turns its output to letters, recognise.h does so for a stream; report.h
// compares, picture.h draws (alignment.h).
#include "examples/common/command_line.h"
#include "examples/speech/experiment.h"

#include <unroll/tensor/error.h>

#include <cmath>

namespace {

void declare(CLI::App& app, speech::Choice& choice) {
  app.add_option("--wav", choice.wav, "Recognise the words of this WAV file")->type_name("FILE");
  app.add_flag("--stream", choice.stream,
               "Recognise words as they come on standard input, a WAV stream of any rate; needs "
               "--load")
      ->disable_flag_override();
  program::declare_kind(app, choice.reader.kind, {.help = "What reads the sound"});
  program::add_number(app, "--hidden", choice.reader.hidden, 1, 4096,
                      "Size of the GRU or other model")
      ->capture_default_str();
  program::add_number(app, "--layers", choice.reader.layers, 1, 100, "Number of layers")
      ->capture_default_str();
  app.add_flag("--bidirectional", choice.reader.bidirectional,
               "Read each word in both directions; such a model cannot be used with --stream")
      ->disable_flag_override();
  program::declare_size(app, choice.size, "--model gru");
  app.add_option("--decoder", choice.decoding.decoder, "How letters are chosen: greedy or beam")
      ->type_name("NAME")
      ->check(CLI::IsMember({"greedy", "beam"}))
      ->capture_default_str();
  program::add_number(app, "--beams", choice.decoding.beams, 1, 1000, "Width of the beam search")
      ->capture_default_str();
  program::add_number(app, "--ngrams", choice.decoding.order, 0, 10,
                      "Order of the n-grams of the letters of the training labels that the beam "
                      "search uses; 0: none")
      ->capture_default_str();
  app.add_option("--ngram-weight", choice.decoding.weight, "Weight of the n-grams' log probability")
      ->type_name("X")
      ->capture_default_str();
}

void run(const speech::Choice& choice, const program::Options& o, program::Report& report) {
  unroll::check(std::isfinite(choice.decoding.weight) && choice.decoding.weight >= 0 &&
                    choice.decoding.weight <= 100,
                "--ngram-weight: a number from 0 to 100 was required: got {}",
                choice.decoding.weight);
  if (choice.decoding.decoder == "greedy")
    o.refuse({"--beams", "--ngrams", "--ngram-weight"}, "--decoder beam", "greedy");
  if (choice.decoding.order == 0) o.refuse({"--ngram-weight"}, "--ngrams above 0", "0");
  if (choice.stream) {
    o.refuse({"--wav", "--test", "--predict", "--pictures"}, "one input", "--stream");
    unroll::check(!o.load.empty(), "--stream: a trained model was required: add --load FILE");
  }
  if (!o.predict.empty()) o.refuse({"--wav"}, "one input", "--predict");
  o.prepare({choice.wav});
  program::check_size(choice.size, o);
  if (o.load.empty()) return speech::train_and_compare(choice, o, report);
  o.refuse({"--data", "--model", "--hidden", "--layers", "--bidirectional", "--parameters",
            "--equal-parameters"},
           "a model to be trained", "--load");
  speech::apply_model(choice, o, report);
}

}  // namespace

int main(int argc, char** argv) {
  speech::Choice choice;
  return program::run(
      argc, argv,
      {.name = "speech",
       .description = "Recognises spoken words with a network that outputs letters (CTC). Without\n"
                      "--data it learns from synthetic speech: words spoken by espeak-ng.",
       .pictures = {"speech.png"},
       .takes = {.data = "A folder of recordings, one word each, named label_speaker_n.wav",
                 .test = "Other recordings to test on, of the same form: a folder or a file",
                 .predict = "A WAV file, or a folder of them, whose words are recognised",
                 .resume = true}},
      [&](CLI::App& app) { declare(app, choice); },
      [&](const program::Options& o, program::Report& report) { run(choice, o, report); });
}
