// A sequence to sequence model with its two vocabularies, for programs that turn one text into
// another: options, training, beam search, and pictures of the attention.
#pragma once

#include "examples/common/model_file.h"
#include "examples/common/pairs.h"
#include "examples/common/plot.h"
#include "examples/common/sequence_model.h"

#include <unroll/data/text/vocabulary.h>
#include <unroll/nn/seq2seq.h>

#include <string>
#include <vector>

namespace program {

// The options of model and training.
struct TranslationChoice {
  // The decoder is a GRU. hidden and layers 0: those below, or as many layers as the kind needs.
  SequenceOptions encoder = {.kind = "gru", .bidirectional = true};
  SizeChoice size;
  std::string score = "additive";
  Index hidden = 128, embed = 64, beams = 5;
  Index layers = 0;  // 0: one
  bool input_feeding = false;
  double dropout = 0;
  Index epochs = 10, batch = 64;  // unless --epochs says otherwise; pairs per batch
  double rate = 2e-3;
  Index halved_every = 4;  // epochs after which the rate is halved
};
void declare(CLI::App& app, TranslationChoice& choice);

struct Answer {
  std::string text;
  std::vector<std::string> units;  // of the text
  double probability = 0;          // of the whole text, according to the model
  unroll::Tensor attention;        // [units, units of the source]
};

class Translator {
 public:
  // With the sizes and vocabularies in the file of --load or --resume; otherwise with the given
  // sizes and the vocabularies of the training pairs. `pairs` may be nullptr with --load.
  Translator(const Options& o, const Texts& texts, const TranslationChoice& choice,
             const Pairs* pairs);
  // Loads (--load) or trains, and saves (--save).
  void fit(const Options& o, Report& report, const Pairs* pairs);

  // The best `results` answers to each source, by beam search of the given width; 1: greedy. Throws
  // std::runtime_error if a source is empty, and Interrupted after Ctrl-C.
  std::vector<std::vector<Answer>> answers(const std::vector<std::string>& sources, Index beams,
                                           Index results = 1) const;
  // The best answer to each source.
  std::vector<Answer> best(const std::vector<std::string>& sources, Index beams) const;
  // The attention weights of an answer: a row for each of its units, a column for each of the
  // source's.
  Panel panel(const std::string& source, const Answer& answer) const;
  std::vector<std::string> source_units(const std::string& text) const;
  std::vector<std::string> target_units(const std::string& text) const;
  // Throws, for the option that gave a text, if it has no answer: see say_best.
  static void check_source(const std::string& option, const std::string& text);
  // Prints the three best answers to one text.
  void say_best(const std::string& text) const;
  // --predict: the best answer to each input; an empty one for an empty line.
  void predict(const Options& o) const;

 private:
  struct Start {
    TranslationChoice choice;
    unroll::data::Vocabulary source, target;
  };
  static Start start(const Options& o, const Texts& texts, const TranslationChoice& choice,
                     const Pairs* pairs);
  Translator(const Texts& texts, Start start);
  std::vector<std::vector<Index>> source_ids(const std::vector<std::string>& texts) const;
  unroll::Var loss(const Pairs& pairs, const std::vector<Index>& batch) const;
  double validation_loss(const Pairs& pairs) const;

  Texts texts_;
  TranslationChoice choice_;
  unroll::data::Vocabulary source_, target_;
  unroll::nn::Seq2Seq<SequenceModel, unroll::nn::GRUCell> model_;
};

}  // namespace program
