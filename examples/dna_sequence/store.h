// A trained model of any kind, and its file.
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
  program::Checkpoint checkpoint = {};  // of its run, to resume it
  std::unordered_set<double> seen =
      {};  // hashes of the sequences of its training and validation parts

  bool has_seen(const Bases& s) const { return seen.count(hash_of(s)) > 0; }
  // Averaged over both strands if `strands` is 2.
  Probabilities ask(const std::vector<Bases>& sequences, const std::vector<Index>& which,
                    int strands) const;
};

// Throws std::invalid_argument if a file cannot store these names.
void check_saveable(const std::vector<std::string>& classes);
// Saves the model if it is worth saving (program::worth_saving), with these options of the run.
void save(const std::string& path, const Trained& model, const unroll::Metadata& options);
// Throws std::runtime_error if the file is not a model of this program. With `run`, the checkpoint
// is read too.
Trained load(const std::string& path, bool run = false);

}  // namespace dna
