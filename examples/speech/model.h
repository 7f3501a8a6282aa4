// A sequence model over log-mel features that writes letters by CTC.
//
// Three frames make one time step (30 ms). B words, N steps in all, V = 1 + letters: symbol 0 is
// blank.
#pragma once

#include "examples/common/sequence_model.h"
#include "examples/speech/features.h"
#include "examples/speech/words.h"

#include <unroll/data/text/vocabulary.h>
#include <unroll/nn/layers.h>
#include <unroll/nn/options.h>

namespace speech {

namespace nn = unroll::nn;
using unroll::Tensor;
using unroll::Var;

inline constexpr Index kStacked = 3;                 // frames of a time step
inline constexpr Index kInputs = kStacked * kBands;  // columns of a time step
inline constexpr double kSecondsPerStep = static_cast<double>(kStacked) / kFramesPerSecond;
inline constexpr Index kBlank = 0;
// The model reads so many steps of a word before its first output, since in one direction it cannot
// know the first letter earlier. Without this delay some training runs end in a model that guesses
// it.
inline constexpr Index kDelay = 6;

// The symbols that the model writes: blank, then the letters (code points) of the training labels.
class Letters {
 public:
  explicit Letters(const Words& words);
  static Letters from_metadata(const unroll::Metadata& metadata);
  unroll::Metadata metadata() const { return letters_.metadata("letters"); }
  Index symbols() const { return 1 + letters_.size(); }  // V
  // The symbols of a label; none if it has a letter that is not known.
  std::optional<std::vector<Index>> encode(const std::string& label) const;
  std::string decode(const std::vector<Index>& symbols) const;
  std::string shown(Index symbol) const;  // "-" for blank

 private:
  explicit Letters(unroll::data::Vocabulary letters) : letters_(std::move(letters)) {}
  unroll::data::Vocabulary letters_;
};

// The kind and size of the sequence model.
struct ReaderChoice {
  std::string kind = "gru";
  Index hidden = 128, layers = 2;
  bool bidirectional = false;
};
program::SequenceOptions reader_options(const ReaderChoice& choice);

struct Model {
  nn::Buffer mean, std;  // [kBands] of the training part
  program::SequenceModel layer;
  nn::Dropout dropout;
  nn::Linear head;
  UNROLL_FIELDS(mean, std, layer, dropout, head)
  Model(Index symbols, const program::SequenceOptions& options);

  // Sets mean and std to those of the audible frames of all words.
  void normalise_by(const Words& words);
  // Frames as time steps [T, kInputs]; frames after the last whole step are
  // dropped. Throws std::invalid_argument if there are fewer than kStacked.
  Tensor steps(std::span<const Frame> frames) const;

  // Inputs: rows [N, kInputs] -> logits of all but the first kDelay steps of each word, rows
  // [N - B kDelay, V]. Throws unless each word has more steps.
  nn::Sequence operator()(const nn::Sequence& steps) const;
  // One time step of a stream, of which the first kDelay are not used: [1, kInputs] -> logits [1,
  // V].
  Var step(const Var& x, program::SequenceModel::State& state) const;
};

// The same for whole words, in batches of bounded size: the logits [T - kDelay, V] of each.
std::vector<Tensor> logits_of(const Model& model, const Words& words);

}  // namespace speech
