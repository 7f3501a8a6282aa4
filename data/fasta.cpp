#include <unroll/data/fasta.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <cctype>

namespace unroll::data {

std::vector<FastaRecord> read_fasta(const std::string& path) {
  return parse_fasta(read_file(path), path);
}

std::vector<FastaRecord> parse_fasta(const std::string& text, const std::string& source) {
  std::vector<FastaRecord> records;
  int line = 0;
  for (std::size_t at = 0; at < text.size();) {
    ++line;
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    std::string_view row = std::string_view(text).substr(at, end - at);
    at = end + 1;
    while (!row.empty() && std::isspace(static_cast<unsigned char>(row.back())))
      row.remove_suffix(1);
    if (row.empty() || row[0] == ';') continue;
    if (row[0] == '>') {
      check_io(records.empty() || !records.back().sequence.empty(),
               "{}:{}: a sequence was required before the next name: \"{}\" has none", source, line,
               records.empty() ? "" : records.back().name);
      records.push_back({std::string(row.substr(1)), {}});
      continue;
    }
    check_io(!records.empty(), "{}:{}: a line that begins with '>' was required first: got \"{}\"",
             source, line, row.substr(0, 40));
    for (char c : row) {
      if (std::isspace(static_cast<unsigned char>(c))) continue;
      const char upper = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      check_io(
          std::string_view("ACGTUNRYSWKMBDHV-.").find(upper) != std::string_view::npos,
          "{}:{}: letters of DNA were required (A C G T U, or N R Y S W K M B D H V): got '{}'",
          source, line, c);
      records.back().sequence += upper;
    }
  }
  check_io(!records.empty(), "{}: at least one sequence was required: got none", source);
  check_io(!records.back().sequence.empty(),
           "{}: a sequence was required for \"{}\": the file ends", source, records.back().name);
  return records;
}

std::vector<Index> encode_dna(std::string_view sequence) {
  std::vector<Index> out;
  out.reserve(sequence.size());
  for (char c : sequence) {
    const char upper = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    constexpr std::string_view kLetters = "ACGTUNRYSWKMBDHV-.";
    const std::size_t at = kLetters.find(upper);
    check(at != std::string_view::npos,
          "encode_dna: letters of DNA were required (A C G T U, or an ambiguity letter): got '{}'",
          c);
    out.push_back(at < 4 ? static_cast<Index>(at) : at == 4 ? 3 : 4);
  }
  return out;
}

std::vector<Index> reverse_complement(const std::vector<Index>& bases) {
  std::vector<Index> out;
  for (auto i = bases.rbegin(); i != bases.rend(); ++i) {
    check(*i >= 0 && *i < kBases, "reverse_complement: ids in [0, {}) were required: got {}",
          kBases, *i);
    out.push_back(*i < 4 ? 3 - *i : 4);
  }
  return out;
}

}  // namespace unroll::data
