#include "examples/dna_sequence/cells.h"

#include "examples/common/program.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <optional>

namespace dna {

using unroll::check_io;

namespace {

constexpr std::size_t kSome = 1000;  // rows that are looked at to tell columns apart

char separator(const std::string& text) {
  const std::string_view line = std::string_view(text).substr(0, text.find_first_of("\r\n"));
  const auto times = [&](char c) { return std::count(line.begin(), line.end(), c); };
  return times('\t') > 0 ? '\t' : times(';') > times(',') ? ';' : ',';
}

bool is_dna(const std::string& cell) {
  return cell.find_first_not_of("ACGTUNRYSWKMBDHVacgtunryswkmbdhv-. ") == std::string::npos;
}

}  // namespace

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

Cells::Cells(const std::string& text, const std::string& path)
    : path_(path), table_(unroll::data::parse_csv(text, path, separator(text))) {
  const std::vector<std::string>& first = table_.names();
  headed_ = std::none_of(first.begin(), first.end(), [](const std::string& cell) {
    const std::string t = trimmed(cell);
    return t.size() >= 10 && t.find_first_not_of("ACGTUNacgtun") == std::string::npos;
  });
}

std::string Cells::name(std::size_t column) const {
  return headed_ ? table_.names()[column] : fmt::format("{}", column + 1);
}

std::string Cells::cell(std::size_t row, std::size_t column) const {
  if (headed_) return trimmed(table_.cell(row, column));
  return trimmed(row == 0 ? table_.names()[column] : table_.cell(row - 1, column));
}

int Cells::line(std::size_t row) const {
  return headed_ ? table_.line(row) : row == 0 ? 1 : table_.line(row - 1);
}

std::size_t Cells::column_of_sequences() const {
  std::optional<std::size_t> best, named;
  std::size_t most = 0;
  for (std::size_t c = 0; c < columns(); ++c) {
    const std::string called = lower(trimmed(name(c)));
    if (called == "sequence" || called == "seq" || called == "dna") named = c;
    std::size_t letters = 0;
    bool dna = true;
    for (std::size_t r = 0; r < std::min(rows(), kSome) && dna; ++r) {
      const std::string text = cell(r, c);
      dna = is_dna(text);
      letters += text.size();
    }
    if (dna && letters > most) most = letters, best = c;
  }
  if (named && rows() > 0) return *named;
  if (!best) best = named;
  check_io(best.has_value(), "{}: a column with sequences of DNA was required: none of {} has them",
           path_, program::shown(table_.names()));
  return *best;
}

std::size_t Cells::column_of_classes(std::size_t sequences) const {
  std::vector<std::size_t> named, others;
  for (std::size_t c = 0; c < columns(); ++c) {
    if (c == sequences) continue;
    others.push_back(c);
    const std::string called = lower(trimmed(name(c)));
    for (const char* usual :
         {"class", "label", "labels", "target", "y", "category", "type", "kind"})
      if (called == usual) named.push_back(c);
  }
  if (named.size() == 1) return named[0];
  if (named.empty() && others.size() == 1) return others[0];
  std::vector<std::string> names;
  for (const std::size_t c : named.empty() ? others : named) names.push_back(name(c));
  unroll::fail_io(
      "{}: one column with the classes was required: got {}; say which by --columns "
      "SEQUENCE,CLASS",
      path_, names.empty() ? "no column beside the sequences" : program::shown(names));
}

std::size_t Cells::column_named(const std::string& wanted) const {
  if (headed_) return table_.column(wanted);
  for (std::size_t c = 0; c < columns(); ++c)
    if (name(c) == wanted) return c;
  unroll::fail_io(
      "{}: a column from 1 to {} was required, as the first line names none: got \"{}\"", path_,
      columns(), unroll::excerpt(wanted));
}

}  // namespace dna
