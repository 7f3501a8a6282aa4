#include "examples/dna_sequence/read.h"

#include "examples/common/program.h"
#include "examples/common/text_file.h"
#include "examples/dna_sequence/cells.h"

#include <unroll/data/bio/fasta.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <unordered_map>

namespace dna {

using unroll::check_io;

namespace {

constexpr Index kMin = 20, kMinOfClass = 5;

enum class Format { fasta, fastq, table };

Format format_of(std::string_view text) {
  text = unroll::without_mark(text);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const char c = first == std::string_view::npos ? ' ' : text[first];
  return c == '>' || c == ';' ? Format::fasta : c == '@' ? Format::fastq : Format::table;
}

Bases bases_of(std::string_view letters) {
  const std::vector<Index> ids = unroll::data::encode_dna(letters);
  return {ids.begin(), ids.end()};
}

// The names of classes as ids, by a map: a file may have many.
class Classes {
 public:
  explicit Classes(Examples& e) : e_(e) {}
  Index operator()(const std::string& name) {
    const auto [at, fresh] = ids_.emplace(name, static_cast<Index>(e_.classes.size()));
    if (fresh) e_.classes.push_back(name);
    return at->second;
  }

 private:
  Examples& e_;
  std::unordered_map<std::string, Index> ids_;
};

// Adds a sequence, or counts that there was none.
bool add(Examples& all, Bases sequence, const std::string& name) {
  ++all.given;
  if (sequence.empty()) {
    ++all.empty;
    return false;
  }
  all.sequences.push_back(std::move(sequence));
  all.names.push_back(name);
  return true;
}

void add_cell(Examples& all, const Cells& cells, std::size_t row, std::size_t column,
              const std::string& name, const std::string& path, bool& added) {
  try {
    std::string letters = cells.cell(row, column);
    letters.erase(std::remove(letters.begin(), letters.end(), ' '), letters.end());
    added = add(all, bases_of(letters), name);
  } catch (const std::invalid_argument& e) {
    unroll::fail_io("{}:{}: {}", path, cells.line(row), e.what());
  }
}

std::vector<unroll::data::FastaRecord> records_of(const std::string& text,
                                                  const std::string& path) {
  return format_of(text) == Format::fastq ? unroll::data::parse_fastq(text, path)
                                          : unroll::data::parse_fasta(text, path);
}

// genes.fa.gz -> genes
std::string class_name(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  if (lower(name.extension().string()) == ".gz") name = name.stem();
  return name.stem().string();
}

}  // namespace

Examples read_table(const std::string& path, const std::vector<std::string>& columns) {
  const std::string text = program::read_text_file(path).text;
  check_io(format_of(text) == Format::table,
           "{}: a table with sequences and classes was required: got {}; give one file for each "
           "class, by --fasta",
           path, format_of(text) == Format::fasta ? "FASTA" : "FASTQ");
  const Cells cells(text, path);
  const std::size_t letters = columns.empty() ? cells.column_of_sequences()
                                              : cells.column_named(columns[0]),
                    name = columns.empty() ? cells.column_of_classes(letters)
                                           : cells.column_named(columns[1]);
  Examples all;
  Classes class_of(all);
  for (std::size_t i = 0; i < cells.rows(); ++i) {
    bool added = false;
    add_cell(all, cells, i, letters, fmt::format("{}", i + 1), path, added);
    if (!added) continue;
    check_io(!cells.cell(i, name).empty(), "{}:{}: a class was required: got an empty name", path,
             cells.line(i));
    all.labels.push_back(class_of(cells.cell(i, name)));
  }
  return all;
}

Examples read_classes(const std::vector<std::string>& files) {
  unroll::check(files.size() >= 2,
                "--fasta: a file for each of at least 2 classes was required: got {}",
                files.size());
  Examples all;
  Classes class_of(all);
  for (auto file = files.begin(); file != files.end(); ++file) {
    unroll::check(
        std::none_of(files.begin(), file,
                     [&](const std::string& other) { return program::same_file(other, *file); }),
        "--fasta: a file for each class was required: got {} twice", *file);
    const auto twice = std::count_if(files.begin(), files.end(), [&](const std::string& other) {
      return class_name(other) == class_name(*file);
    });
    const Index c = class_of(twice > 1 ? *file : class_name(*file));
    for (const auto& record : records_of(program::read_text_file(*file).text, *file))
      if (add(all, bases_of(record.sequence), record.name)) all.labels.push_back(c);
  }
  return all;
}

Examples read_unlabelled(const std::string& path, const std::vector<std::string>& columns) {
  const std::string text = program::read_text_file(path).text;
  Examples all;
  if (format_of(text) != Format::table) {
    for (const auto& record : records_of(text, path))
      add(all, bases_of(record.sequence), record.name);
    return all;
  }
  const Cells cells(text, path);
  const std::size_t letters =
      columns.empty() ? cells.column_of_sequences() : cells.column_named(columns[0]);
  // A column that names the sequences, where there is one.
  std::optional<std::size_t> name;
  for (std::size_t c = cells.columns(); c-- > 0;)
    for (const char* usual : {"name", "id", "accession"})
      if (c != letters && lower(trimmed(cells.name(c))) == usual) name = c;
  for (std::size_t i = 0; i < cells.rows(); ++i) {
    bool added = false;
    add_cell(all, cells, i, letters, name ? cells.cell(i, *name) : fmt::format("{}", i + 1), path,
             added);
  }
  return all;
}

Examples without_repeats(const Examples& all) {
  constexpr Index kSeveral = -1;
  std::unordered_map<double, Index> class_of;  // by hash
  std::vector<double> hashes;
  for (std::size_t i = 0; i < all.sequences.size(); ++i) {
    hashes.push_back(hash_of(all.sequences[i]));
    const auto [at, fresh] = class_of.emplace(hashes.back(), all.labels[i]);
    if (!fresh && at->second != all.labels[i]) at->second = kSeveral;
  }
  Examples out;
  out.classes = all.classes;
  out.given = all.given;
  out.empty = all.empty;
  out.repeats = all.size() - static_cast<Index>(class_of.size());
  for (const auto& [hash, label] : class_of) out.contradictory += label == kSeveral;
  for (std::size_t i = 0; i < all.sequences.size(); ++i) {
    Index& label = class_of[hashes[i]];
    if (label == kSeveral) continue;
    out.sequences.push_back(all.sequences[i]);
    out.names.push_back(all.names[i]);
    out.labels.push_back(all.labels[i]);
    label = kSeveral;  // taken
  }
  return out;
}

void check_enough(const Examples& e, const std::string& source) {
  check_io(e.classes.size() >= 2, "{}: at least 2 classes were required: got {}", source,
           e.classes.size());
  check_io(
      e.size() >= kMin,
      "{}: at least {} different sequences were required: got {}, as of {} there are {} repeats, "
      "{} empty and {} under two classes",
      source, kMin, e.size(), e.given, e.repeats, e.empty, e.contradictory);
  std::vector<Index> members(e.classes.size(), 0);
  for (const Index label : e.labels) ++members[static_cast<std::size_t>(label)];
  for (std::size_t c = 0; c < members.size(); ++c)
    check_io(members[c] >= kMinOfClass,
             "{}: at least {} different sequences of class \"{}\" that no other class has were "
             "required: got {}",
             source, kMinOfClass, unroll::excerpt(e.classes[c]), members[c]);
}

}  // namespace dna
