// DNA: FASTA and FASTQ files, letters to ids, the reverse complement.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

struct FastaRecord {
  std::string name;      // the line after '>' or '@'
  std::string sequence;  // upper case, lines joined; empty where the record has none
};

// A byte order mark, empty lines and those that begin with ';' are skipped. Throws
// std::runtime_error with file, line and what was wrong: another letter than encode_dna takes, or
// no record at all.
std::vector<FastaRecord> read_fasta(const std::string& path);
std::vector<FastaRecord> parse_fasta(const std::string& text, const std::string& source = "text");

// FASTQ: four lines a record, '@' and the name, the bases, '+', a quality for each base (Cock et
// al. 2010). The qualities are checked for their number and otherwise ignored.
std::vector<FastaRecord> read_fastq(const std::string& path);
std::vector<FastaRecord> parse_fastq(const std::string& text, const std::string& source = "text");

// A C G T (U as T) are 0 1 2 3; every ambiguity letter (N, R, Y, ...) and the gaps of alignments (-
// and .) are 4. Anything else is refused.
inline constexpr Index kBases = 5;
std::vector<Index> encode_dna(std::string_view sequence);
// The other strand, read in its own direction.
std::vector<Index> reverse_complement(const std::vector<Index>& bases);

}  // namespace unroll::data
