// The picture of a word: spectrogram, probabilities of the letters over time, and their alignment.
#pragma once

#include "examples/speech/decode.h"

namespace speech {

// Draws the file `path` unless it is empty. Logits [T - kDelay, V]. `title` says what it shows. The
// alignment is that of `symbols`, the letters that were recognised.
void draw_word(const std::string& path, const std::string& title, const Frames& frames,
               const Tensor& logits, const std::vector<Index>& symbols, const Letters& letters);

}  // namespace speech
