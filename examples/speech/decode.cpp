#include "examples/speech/decode.h"

#include "examples/common/pairs.h"

#include <unroll/autograd/mode.h>
#include <unroll/nn/ctc.h>
#include <unroll/nn/loss.h>

#include <algorithm>
#include <cmath>

namespace speech {
namespace {

std::vector<std::string> letters_of(const std::string& text) {
  return unroll::data::divide(text, {.unit = unroll::data::Unit::code_points});
}

}  // namespace

Decoder::Decoder(const Letters& letters, const Decoding& how, const std::vector<Counted>& labels)
    : letters_(letters), how_(how) {
  if (how.order > 0) ngrams_.emplace(labels, how.order, letters.symbols());
}

Heard Decoder::operator()(const Tensor& logits) const {
  const unroll::Inference inference;
  const nn::Sequence one_word = nn::Sequence::from({Var(logits)});
  Heard out;
  if (how_.decoder == "greedy") {
    out.symbols = nn::ctc_greedy(one_word, {.blank = kBlank})[0];
  } else {
    nn::CTCBeamOptions options{
        .blank = kBlank, .beams = how_.beams, .language_weight = how_.weight};
    if (ngrams_) {
      options.results = how_.beams;
      options.language_model = [this](std::span<const Index> prefix, Index next) {
        return ngrams_->log_p(prefix, next);
      };
    }
    double best = -INFINITY;
    const std::vector<std::vector<nn::CTCDecoded>> found = nn::ctc_beam_search(one_word, options);
    for (const nn::CTCDecoded& one : found[0]) {
      // The search does not know where a label ends; the n-grams do.
      const double score =
          one.score + (ngrams_ ? how_.weight * ngrams_->log_p(one.labels, ngrams_->end()) : 0);
      if (score > best) best = score, out.symbols = one.labels;
    }
  }
  out.text = letters_.decode(out.symbols);
  out.probability = std::exp(
      -nn::ctc_loss(one_word, {out.symbols}, {.blank = kBlank, .reduction = unroll::Reduction::sum})
           .item());
  return out;
}

Accuracy accuracy_of(const std::vector<std::string>& found,
                     const std::vector<std::string>& labels) {
  Accuracy out;
  double edits = 0, letters = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::vector<std::string> label = letters_of(labels[i]);
    out.right.push_back(found[i] == labels[i]);
    edits += static_cast<double>(program::edit_distance(letters_of(found[i]), label));
    letters += static_cast<double>(label.size());
  }
  out.words = static_cast<double>(std::count(out.right.begin(), out.right.end(), true)) /
              static_cast<double>(labels.size());
  out.character_errors = edits / letters;
  return out;
}

}  // namespace speech
