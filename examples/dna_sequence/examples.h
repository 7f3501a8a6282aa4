// Labelled sequences of DNA, from a table or from FASTA files.
#pragma once

#include <unroll/tensor/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dna {

using unroll::Index;
using Bases = std::vector<std::uint8_t>;  // A C G T: 0 1 2 3; any ambiguity letter: 4

// The reverse complement.
Bases other_strand(const Bases& s);
// A hash that identifies sequences the model was trained on: a whole number below 2^52.
double hash_of(const Bases& s);

struct Examples {
  std::vector<std::string> classes;
  std::vector<std::string> names;  // of each sequence, as in its file; may be empty
  std::vector<Bases> sequences;
  std::vector<Index> labels;  // the class of each sequence; empty if unknown
  // The number of sequences in the file, and those removed: empty, duplicate, or in two classes.
  Index given = 0, empty = 0, repeats = 0, contradictory = 0;
  Index size() const { return static_cast<Index>(sequences.size()); }
  bool one_length() const;
  Index longest() const;
};

}  // namespace dna
