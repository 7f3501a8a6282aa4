// Decoding of frames that were labelled with CTC (connectionist temporal classification, Graves et
// al. 2006): the labels of each sequence, from logits for every frame. The loss is ctc_loss
// (nn/loss.h).
//
// N frames in all, V symbols, one of which is blank ("no label").
#pragma once

#include <unroll/nn/sequence.h>

#include <functional>
#include <span>

namespace unroll::nn {

struct CTCGreedyOptions {
  Index blank = 0;
};
// The best symbol of each frame, repeated symbols and then blanks removed: the labels of the most
// probable alignment, which are not always the most probable labels. Of equal logits the lower
// symbol is chosen. Logits [N, V]; one list of labels per sequence. Throws std::invalid_argument if
// shapes do not match, blank is not in [0, V), or a logit is NaN.
std::vector<std::vector<Index>> ctc_greedy(const Sequence& logits,
                                           const CTCGreedyOptions& options = {});

// The score of label `next` after the labels of `prefix`, usually its log probability.
using CTCLanguageModel = std::function<double(std::span<const Index> prefix, Index next)>;

struct CTCBeamOptions {
  Index blank = 0;
  Index beams = 16;   // prefixes kept after each frame
  Index results = 1;  // returned per sequence; at most `beams`
  // A prefix is not extended in a frame by symbols whose probability is below this; in [0, 1).
  double cutoff = 0;
  // score = log_probability + language_weight * sum of the language model's scores + label_bonus *
  // number of labels. Without a language model its term is 0.
  CTCLanguageModel language_model = {};
  double language_weight = 1;
  double label_bonus = 0;  // compensates for a language model that prefers short texts
};
struct CTCDecoded {
  std::vector<Index> labels;
  double log_probability = 0;  // of the labels, summed over the alignments that the search kept
  double score = 0;
};
// Prefix beam search (Hannun et al. 2014): the labels with the best scores, best first, where each
// prefix collects the probability of all its alignments. With as many beams as there are prefixes
// it is exact. Logits [N, V]; for each sequence at most `results` decodings (fewer if there are
// fewer). Equal scores: the prefix found first. Throws std::invalid_argument if shapes do not
// match, an option or a score of the language model is invalid, or a logit is NaN.
std::vector<std::vector<CTCDecoded>> ctc_beam_search(const Sequence& logits,
                                                     const CTCBeamOptions& options = {});

}  // namespace unroll::nn
