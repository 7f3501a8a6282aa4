// What a saved model is: its task, classes and sizes, in the metadata of its file.
#pragma once

#include "examples/common/model_file.h"
#include "examples/strokes/classifier.h"
#include "examples/strokes/task.h"

namespace strokes {

struct Identity {
  Reading reading = Reading::strokes;
  std::vector<std::string> classes = {};
  bool synthetic = false, timed = false;  // the drawings that it was trained on
  Index height = 0, width = 0;            // of images
  program::SequenceOptions options = {};
};
unroll::Metadata metadata_of(const Identity& identity);
// Throws std::runtime_error if the file is not a model of this program, or its sizes do not fit.
Identity identity_of(const program::ModelFile& file, const std::string& path);

}  // namespace strokes
