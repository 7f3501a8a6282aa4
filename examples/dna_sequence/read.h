// Reads sequences from FASTA, FASTQ, and tables with any separator and column names.
#pragma once

#include "examples/dna_sequence/examples.h"

namespace dna {

// A table with a column of sequences and one of classes, separated by tabs, commas or semicolons,
// with or without column names. `columns` names the two. If it is empty, the sequences are in the
// column whose cells are DNA, and the classes in a column with a name such as class, or in the only
// other one. Records without a sequence are skipped and counted.
Examples read_table(const std::string& path, const std::vector<std::string>& columns);
// One file per class, which is named after the file without its extensions.
Examples read_classes(const std::vector<std::string>& files);
// Sequences without classes: FASTA, FASTQ, a table, or one sequence per line.
Examples read_unlabelled(const std::string& path, const std::vector<std::string>& columns);

// Removes duplicates, which could be in both training and test part, and sequences in two classes,
// whose class is unknown. Call it before splitting.
Examples without_repeats(const Examples& all);
// Throws std::runtime_error if there are too few to split: under 20 sequences, or under 5 of a
// class.
void check_enough(const Examples& e, const std::string& source);

}  // namespace dna
