#include <unroll/data/bio/fasta.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <cctype>

namespace unroll::data {

namespace {

constexpr std::string_view kLetters = "ACGTUNRYSWKMBDHV-.";  // the bases, then letters read as N

char upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// The UTF-8 character that begins at `at`, for messages.
std::string letter(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
  return excerpt(text.substr(at, end - at));
}

// The lines of a text with any line endings, without trailing white space.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(without_mark(text)) {}
  bool next(std::string_view& row) {
    if (rest_.empty()) return false;
    ++number_;
    const std::size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
    row = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (!rest_.empty()) rest_.remove_prefix(rest_.substr(0, 2) == "\r\n" ? 2 : 1);
    while (!row.empty() && is_space(row.back())) row.remove_suffix(1);
    return true;
  }
  int number() const { return number_; }  // of the last line returned, from 1

 private:
  std::string_view rest_;
  int number_ = 0;
};

void add_letters(std::string_view row, std::string& sequence, const std::string& source, int line) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (is_space(row[i])) continue;
    if (kLetters.find(upper(row[i])) == std::string_view::npos)
      fail_io("{}:{}: letters of DNA were required (A C G T U, or N R Y S W K M B D H V): got '{}'",
              source, line, letter(row, i));
    sequence += upper(row[i]);
  }
}

void check_some(const std::vector<FastaRecord>& records, const std::string& source) {
  check_io(!records.empty(), "{}: at least one sequence was required: got none", source);
}

}  // namespace

std::vector<FastaRecord> read_fasta(const std::string& path) {
  return parse_fasta(read_file(path), path);
}
std::vector<FastaRecord> read_fastq(const std::string& path) {
  return parse_fastq(read_file(path), path);
}

std::vector<FastaRecord> parse_fasta(const std::string& text, const std::string& source) {
  std::vector<FastaRecord> records;
  Lines lines(text);
  for (std::string_view row; lines.next(row);) {
    if (row.empty() || row[0] == ';') continue;
    if (row[0] == '>') {
      records.push_back({std::string(row.substr(1)), {}});
      continue;
    }
    check_io(!records.empty(),
             "{}:{}: a line that begins with '>' was required first: got \"{}\"{}", source,
             lines.number(), excerpt(row),
             row[0] == '@' ? ", as FASTQ begins, which parse_fastq reads" : "");
    add_letters(row, records.back().sequence, source, lines.number());
  }
  check_some(records, source);
  return records;
}

std::vector<FastaRecord> parse_fastq(const std::string& text, const std::string& source) {
  std::vector<FastaRecord> records;
  Lines lines(text);
  for (std::string_view row; lines.next(row);) {
    if (row.empty()) continue;
    check_io(row[0] == '@', "{}:{}: a line that begins with '@' was required: got \"{}\"", source,
             lines.number(), excerpt(row));
    FastaRecord record{std::string(row.substr(1)), {}};
    const int begun = lines.number();
    if (lines.next(row)) add_letters(row, record.sequence, source, lines.number());
    check_io(lines.next(row) && !row.empty() && row[0] == '+',
             "{}:{}: a line that begins with '+' was required two lines below: got \"{}\"", source,
             begun, excerpt(row));
    std::string_view qualities;
    if (lines.next(row)) qualities = row;
    check_io(qualities.size() == record.sequence.size(),
             "{}:{}: one quality for each of {} bases was required: got {}", source, begun,
             record.sequence.size(), qualities.size());
    records.push_back(std::move(record));
  }
  check_some(records, source);
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
