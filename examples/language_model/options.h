// The options of the program, and recipes: presets of several options.
#pragma once

#include "examples/common/program.h"
#include "examples/language_model/fit.h"
#include "examples/language_model/generate.h"

#include <string>

namespace language_model {

inline constexpr const char* kAll = "all";  // as --model: every kind, one after another
// The largest sizes that options and model files may have.
inline constexpr Index kMaxSize = 1 << 30, kMaxHidden = 1 << 16, kMaxLayers = 100;

struct Choice {
  std::string recipe;  // empty: none
  std::string text, validation;
  std::string unit = "characters";
  UnitsOptions units;  // its unit is the one above
  ModelOptions model;  // its vocab is that of the text
  program::SizeChoice size;
  ModelOptions reference;  // of --equal-parameters; only its layer matters
  FitOptions fit;
  Index order = 6;  // of the n-grams
  std::string prompt;
  GenerateOptions generate;
};

void declare(CLI::App& app, Choice& choice);

// Applies the recipe to options that were not given, and checks combinations of options.
void apply_recipe(Choice& choice, const program::Options& o);

}  // namespace language_model
