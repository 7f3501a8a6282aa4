// Prints and draws the results of the model and of the n-grams.
#pragma once

#include "examples/common/program.h"
#include "examples/language_model/text.h"

#include <string>
#include <vector>

namespace language_model {

// A text to be predicted, ids[from ..]. The ids before it are context.
struct Heldout {
  std::string text;
  Ids ids;
  Index from = 1;
};
// `before` is the text that comes before it, or empty.
Heldout heldout(const Units& units, const std::string& before, const std::string& text);

// -log p of each id of a held-out text, by name of the model.
struct Result {
  std::string name;
  std::vector<double> nats;
  Index parameters = 0;  // 0: none
  double seconds = 0;    // CPU time of the training, over all threads; 0: not trained
};

// Prints a table with bits per character, nats per character and perplexity, and the number of
// parameters and the CPU seconds where known. A single model goes into the report as
// bits_per_character, nats_per_character, perplexity and so on, several ones and the n-grams under
// their names (ngram.perplexity).
void show(const Units& units, const Heldout& test, const std::vector<Result>& results,
          program::Report& report);

// Draws -log2 p of each unit at the beginning of a text.
void draw(const std::string& path, const Units& units, const Heldout& test,
          const std::vector<Result>& results);

}  // namespace language_model
