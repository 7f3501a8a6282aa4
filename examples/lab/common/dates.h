// Dates in words, and a model that learns to write them as 2015-04-03 by attending to them.
#pragma once

#include "examples/common/translation.h"
#include "examples/lab/common/experiment.h"

namespace lab {

struct DatesOptions {
  Index dates = 0;  // for training; 0: all
  Index hidden = 64, epochs = 3, tested = 200;
};

struct ReadDate {
  std::string locale, text, wanted;
  program::Answer answer;
  bool right() const { return answer.text == wanted; }
  // While the year is written (the first four characters): the weight on the four digits of the
  // year in the text, and what equal weights would give. NaN if the text has other digits.
  double on_year() const;
  double on_year_equally() const;
  // A row of weights for each character that is written.
  Heat heat() const;
};

// Trains on data/samples and reads dates of days that were not trained on.
std::vector<ReadDate> read_dates(const program::Options& o, const DatesOptions& options);

}  // namespace lab
