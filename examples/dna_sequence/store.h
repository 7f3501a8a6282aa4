// A trained model, whichever it is, and its file.
#pragma once

#include "examples/common/model_file.h"
#include "examples/dna_sequence/models.h"
#include "examples/dna_sequence/motifs.h"
#include "examples/dna_sequence/predict.h"

#include <unordered_set>
#include <variant>

namespace dna {

struct Trained {
  std::string name;  // junction, attention or motifs
  std::vector<std::string> classes;
  std::variant<Junction, Attentive, Motifs> network;
  program::Curves curves;
  std::unordered_set<double> seen;  // hashes of the sequences it was chosen by: training and middle

  bool has_seen(const Bases& s) const { return seen.count(hash_of(s)) > 0; }
  // With `strands` 2, averaged over both strands.
  Probabilities ask(const std::vector<Bases>& sequences, const std::vector<Index>& which,
                    int strands) const;
};

// Throws std::invalid_argument where a file cannot hold these names.
void check_saveable(const std::vector<std::string>& classes);
// Where there is something to save (program::worth_saving).
void save(const std::string& path, const Trained& model);
// Throws std::runtime_error where the file is not such a model.
Trained load(const std::string& path);

}  // namespace dna
