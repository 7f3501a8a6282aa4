// DNA: FASTA and FASTQ files, conversion of letters to ids, and the reverse complement.
#pragma once

#include <unroll/tensor/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

struct FastaRecord {
  std::string name;      // the line after '>' or '@'
  std::string sequence;  // upper case, lines joined; may be empty
};

// Reads a FASTA file. A byte order mark, empty lines and lines that begin with ';' are skipped.
// Throws std::runtime_error with file, line and problem: a letter that encode_dna refuses, or no
// record.
std::vector<FastaRecord> read_fasta(const std::string& path);
std::vector<FastaRecord> parse_fasta(const std::string& text, const std::string& source = "text");

// Reads a FASTQ file: four lines per record, '@' and the name, the bases, '+', and a quality per
// base (Cock et al. 2010). Only the number of qualities is checked. Throws like read_fasta.
std::vector<FastaRecord> read_fastq(const std::string& path);
std::vector<FastaRecord> parse_fastq(const std::string& text, const std::string& source = "text");

// A C G T (U counts as T) become 0 1 2 3; ambiguity letters (N, R, Y, ...) and alignment gaps (-
// and .) become 4. Throws std::invalid_argument for anything else.
inline constexpr Index kBases = 5;
std::vector<Index> encode_dna(std::string_view sequence);
// The opposite strand, in its reading direction: A and T, C and G exchanged, the order reversed.
std::vector<Index> reverse_complement(const std::vector<Index>& bases);

}  // namespace unroll::data
