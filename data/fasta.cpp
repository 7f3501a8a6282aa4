#include <unroll/data/fasta.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <cctype>

namespace unroll::data {

namespace {

constexpr std::string_view kLetters = "ACGTUNRYSWKMBDHV-.";  // the bases, then what counts as N

char upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// The whole character that begins at `at`, for messages.
std::string letter(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
  return excerpt(text.substr(at, end - at));
}

}  // namespace

std::vector<FastaRecord> read_fasta(const std::string& path) {
  return parse_fasta(read_file(path), path);
}

std::vector<FastaRecord> parse_fasta(const std::string& text, const std::string& source) {
  std::vector<FastaRecord> records;
  int line = 0;
  for (std::string_view rest = without_mark(text); !rest.empty();) {
    ++line;
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(end);
    if (!rest.empty()) rest.remove_prefix(rest.substr(0, 2) == "\r\n" ? 2 : 1);
    while (!row.empty() && is_space(row.back())) row.remove_suffix(1);
    if (row.empty() || row[0] == ';') continue;
    if (row[0] == '>') {
      check_io(records.empty() || !records.back().sequence.empty(),
               "{}:{}: a sequence was required before the next name: \"{}\" has none", source, line,
               records.empty() ? "" : excerpt(records.back().name));
      records.push_back({std::string(row.substr(1)), {}});
      continue;
    }
    check_io(!records.empty(), "{}:{}: a line that begins with '>' was required first: got \"{}\"",
             source, line, excerpt(row));
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (is_space(row[i])) continue;
      if (kLetters.find(upper(row[i])) == std::string_view::npos)
        fail_io(
            "{}:{}: letters of DNA were required (A C G T U, or N R Y S W K M B D H V): got "
            "'{}'",
            source, line, letter(row, i));
      records.back().sequence += upper(row[i]);
    }
  }
  check_io(!records.empty(), "{}: at least one sequence was required: got none", source);
  check_io(!records.back().sequence.empty(),
           "{}: a sequence was required for \"{}\": the file ends", source,
           excerpt(records.back().name));
  return records;
}

std::vector<Index> encode_dna(std::string_view sequence) {
  std::vector<Index> out;
  out.reserve(sequence.size());
  for (std::size_t i = 0; i < sequence.size(); ++i) {
    const std::size_t at = kLetters.find(upper(sequence[i]));
    if (at == std::string_view::npos)
      fail("encode_dna: letters of DNA were required (A C G T U, or an ambiguity letter): got '{}'",
           letter(sequence, i));
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
