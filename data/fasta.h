// DNA: FASTA files, letters to ids, the reverse complement.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

struct FastaRecord {
  std::string name;      // the line after '>'
  std::string sequence;  // upper case, lines joined
};

// A byte order mark, empty lines and those that begin with ';' are passed over. Throws
// std::runtime_error with file, line and what was wrong.
std::vector<FastaRecord> read_fasta(const std::string& path);
std::vector<FastaRecord> parse_fasta(const std::string& text, const std::string& source = "text");

// A C G T (U as T) are 0 1 2 3; every ambiguity letter (N, R, Y, ...) and the gaps of alignments (-
// and .) are 4. Anything else is refused.
inline constexpr Index kBases = 5;
std::vector<Index> encode_dna(std::string_view sequence);
// The other strand, read in its own direction.
std::vector<Index> reverse_complement(const std::vector<Index>& bases);

}  // namespace unroll::data
