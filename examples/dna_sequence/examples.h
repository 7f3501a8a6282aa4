// Labelled sequences of DNA, from a table or from FASTA files.
#pragma once

#include <unroll/data/fasta.h>

#include <string>
#include <vector>

namespace dna {

using unroll::Index;
using Bases = std::vector<Index>;  // A C G T: 0 1 2 3; any ambiguity letter: 4

struct Examples {
  std::vector<std::string> classes;
  std::vector<Bases> sequences;
  std::vector<Index> labels;                        // of each sequence, its class
  Index given = 0, repeats = 0, contradictory = 0;  // before any was removed; what was removed
  Index size() const { return static_cast<Index>(sequences.size()); }
  bool one_length() const;
};

// A table, separated by tabs, with the columns class and sequence.
Examples read_table(const std::string& path);
// One FASTA file for each class, which is named after its file.
Examples read_classes(const std::vector<std::string>& files);

// Both remove repeats, which would stand in training and test at once, and sequences under two
// classes, which have no right answer, before anything is split. They throw std::runtime_error
// where what remains is too little to split: under 20 sequences, or 5 of a class.

}  // namespace dna
