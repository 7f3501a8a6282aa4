// What the program does: train and compare, or apply a saved model.
#pragma once

#include "examples/topics/fit.h"

namespace topics {

struct Choice {
  std::string model;  // empty: the bags, and an LSTM
  program::SizeChoice size;
  std::string features;  // of the linear model and the EmbeddingBag; empty: best in validation
  std::string query;
  Index hidden = 64, limit = 0;
};

void train_and_compare(const Choice& choice, const program::Options& o, program::Report& report);
void apply_model(const Choice& choice, const program::Options& o, program::Report& report);

}  // namespace topics
