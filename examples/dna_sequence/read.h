// Files of sequences as people have them: FASTA, FASTQ, and tables with any separator and any names
// of columns.
#pragma once

#include "examples/dna_sequence/examples.h"

namespace dna {

// A table with a column of sequences and one of classes: separated by tabs, commas or semicolons,
// with or without a line of names. `columns` names the two, or is empty: then the column of
// sequences is the one whose cells are DNA, and that of the classes the one that is named so or the
// only other one. Records without a sequence are counted and left out.
Examples read_table(const std::string& path, const std::vector<std::string>& columns);
// One file for each class, which is named after its file without its endings.
Examples read_classes(const std::vector<std::string>& files);
// Sequences of which the class is not known: FASTA, FASTQ, a table, or one sequence a line.
Examples read_unlabelled(const std::string& path, const std::vector<std::string>& columns);

// Without repeats, which would be in training and test at once, and sequences under two classes,
// which have no right answer. To be done before anything is split.
Examples without_repeats(const Examples& all);
// Throws std::runtime_error where these are too few to split: under 20 sequences, or 5 of a class.
void check_enough(const Examples& e, const std::string& source);

}  // namespace dna
