#include "examples/dna_sequence/examples.h"

#include "examples/common/program.h"

#include <unroll/data/table/csv.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

namespace dna {

using unroll::check_io;

namespace {

constexpr Index kFewest = 20, kFewestOfClass = 5;

Index class_of(Examples& e, const std::string& name) {
  const auto at = std::find(e.classes.begin(), e.classes.end(), name);
  if (at != e.classes.end()) return at - e.classes.begin();
  e.classes.push_back(name);
  return static_cast<Index>(e.classes.size()) - 1;
}

Examples without_repeats(const Examples& all, const std::string& source) {
  std::map<Bases, std::set<Index>> classes_of;
  for (std::size_t i = 0; i < all.sequences.size(); ++i)
    classes_of[all.sequences[i]].insert(all.labels[i]);
  Examples out;
  out.classes = all.classes;
  out.given = all.size();
  out.repeats = out.given - static_cast<Index>(classes_of.size());
  for (const auto& [sequence, classes] : classes_of) out.contradictory += classes.size() > 1;
  std::set<Bases> taken;
  for (std::size_t i = 0; i < all.sequences.size(); ++i) {
    const Bases& sequence = all.sequences[i];
    if (classes_of[sequence].size() > 1 || !taken.insert(sequence).second) continue;
    out.sequences.push_back(sequence);
    out.labels.push_back(all.labels[i]);
  }
  check_io(out.classes.size() >= 2, "{}: at least 2 classes were required: got {}", source,
           out.classes.size());
  check_io(
      out.size() >= kFewest,
      "{}: at least {} different sequences were required: got {}, as of {} there are {} repeats "
      "and {} under two classes",
      source, kFewest, out.size(), out.given, out.repeats, out.contradictory);
  for (std::size_t c = 0; c < out.classes.size(); ++c) {
    const auto members = std::count(out.labels.begin(), out.labels.end(), static_cast<Index>(c));
    check_io(members >= kFewestOfClass,
             "{}: at least {} different sequences of class \"{}\" that no other class has were "
             "required: got {}",
             source, kFewestOfClass, unroll::excerpt(out.classes[c]), members);
  }
  return out;
}

}  // namespace

bool Examples::one_length() const {
  return std::all_of(sequences.begin(), sequences.end(),
                     [&](const Bases& s) { return s.size() == sequences[0].size(); });
}

Examples read_table(const std::string& path) {
  Examples all;
  const unroll::data::Table table = unroll::data::read_csv(path, '\t');
  const std::size_t name = table.column("class"), letters = table.column("sequence");
  for (std::size_t i = 0; i < table.rows(); ++i) {
    try {
      all.sequences.push_back(unroll::data::encode_dna(table.cell(i, letters)));
    } catch (const std::invalid_argument& e) {
      unroll::fail_io("{}:{}: {}", path, table.line(i), e.what());
    }
    check_io(!all.sequences.back().empty(), "{}:{}: a sequence was required: got an empty one",
             path, table.line(i));
    check_io(!table.cell(i, name).empty(), "{}:{}: a class was required: got an empty name", path,
             table.line(i));
    all.labels.push_back(class_of(all, table.cell(i, name)));
  }
  return without_repeats(all, path);
}

Examples read_classes(const std::vector<std::string>& files) {
  unroll::check(files.size() >= 2,
                "--fasta: a file for each of at least 2 classes was required: got {}",
                files.size());
  Examples all;
  for (auto file = files.begin(); file != files.end(); ++file) {
    unroll::check(
        std::none_of(files.begin(), file,
                     [&](const std::string& other) { return program::same_file(other, *file); }),
        "--fasta: a file for each class was required: got {} twice", *file);
    const std::string stem = std::filesystem::path(*file).stem().string();
    const auto& taken = all.classes;
    const std::string name =
        std::find(taken.begin(), taken.end(), stem) == taken.end() ? stem : *file;
    for (const unroll::data::FastaRecord& record : unroll::data::read_fasta(*file)) {
      all.labels.push_back(class_of(all, name));
      all.sequences.push_back(unroll::data::encode_dna(record.sequence));
    }
  }
  return without_repeats(all, "--fasta");
}

}  // namespace dna
