// The parts of labelled examples: to train, to stop early, to test.
#pragma once

#include "examples/common/program.h"
#include "examples/ecg/choice.h"
#include "examples/ecg/labelled.h"

namespace ecg {

struct Parts {
  Examples train, validation, test;
  std::string test_path;             // for messages
  std::string described;             // how they were split, one sentence
  std::vector<std::string> classes;  // of the training file; the five of AAMI
};

// --ucr TRAIN TEST: a fifth of the training file, with its share of each class, validates; chosen
// by `seed`.
// --wfdb RECORD...: of three or more records, the last fifth (at least one) tests, as many before
// it validate, the others train: no patient is in two parts if each record is of another. Of one or
// two, the first 60 % of the beats train, 20 % validate and the last 20 % test.
Parts read_parts(const Choice& choice, const program::Options& o, std::uint64_t seed);

}  // namespace ecg
