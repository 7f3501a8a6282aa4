// What the program does: train and compare, or apply a saved model.
#pragma once

#include "examples/common/program.h"
#include "examples/speech/decode.h"

namespace speech {

struct Choice {
  ReaderChoice reader;
  program::SizeChoice size;
  Decoding decoding;
  std::string wav;      // --wav
  bool stream = false;  // --stream
};

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);
void apply_model(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace speech
