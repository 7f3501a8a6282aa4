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
// Where a sequence was seen before is known by this hash of it, a whole number below 2^52.
double hash_of(const Bases& s);

struct Examples {
  std::vector<std::string> classes;
  std::vector<std::string> names;  // of each sequence, as its file has it; may be empty
  std::vector<Bases> sequences;
  std::vector<Index> labels;  // of each sequence, its class; empty where they are not known
  // Before any was removed, and what was: empty records, repeats, and sequences under two classes.
  Index given = 0, empty = 0, repeats = 0, contradictory = 0;
  Index size() const { return static_cast<Index>(sequences.size()); }
  bool one_length() const;
  Index longest() const;
};

}  // namespace dna
