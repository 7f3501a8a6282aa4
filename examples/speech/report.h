// The accuracy of the recognised words and of the baseline, and its interpretation.
#pragma once

#include "examples/common/report.h"
#include "examples/speech/decode.h"

namespace speech {

struct Tested {
  const Words& words;
  const Words* known = nullptr;  // recordings for the nearest neighbour; none: no baseline
  std::string described;         // what the words are, for the user
  bool synthetic = false;        // reported as 0 or 1
};
// Recognises the words by greedy and beam search, and by `how`, and prints and reports
// word_accuracy and character_error_rate, each also with ".greedy", ".beam", ".ngrams" (if `how`
// has a language model) and ".nearest_neighbour". The values without suffix are those of `how`.
// Draws the first word in the file `picture` unless it is empty.
void compare(const Model& model, const Letters& letters, const Decoding& how,
             const std::vector<Counted>& labels, const Tested& tested, const std::string& picture,
             program::Report& report);

}  // namespace speech
