#include <unroll/data/table/dates.h>
#include <unroll/data/table/numbers.h>
#include <unroll/data/table/records.h>
#include <unroll/data/table/sniff.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace unroll::data {
namespace {

using detail::Record;

constexpr std::size_t kLines = 200;  // number of lines used to find the separator

std::vector<std::string_view> first_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < kLines) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    if (end > 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The number of fields of a line; separators inside quotes do not count.
std::size_t fields_of(std::string_view line, char separator) {
  std::size_t fields = 1;
  bool quoted = false, blank = true;
  for (const char c : line) {
    quoted = quoted != (c == '"');
    const bool apart = !quoted && (c == separator || (separator == ' ' && c == '\t'));
    fields += apart && !(separator == ' ' && blank);
    blank = apart;
  }
  return fields - (separator == ' ' && blank);
}

// The most frequent number of fields: how many lines have it, and the number itself.
std::pair<std::size_t, std::size_t> agreement(const std::vector<std::string_view>& lines,
                                              char separator) {
  std::map<std::size_t, std::size_t> counts;
  for (const std::string_view line : lines) ++counts[fields_of(line, separator)];
  std::pair<std::size_t, std::size_t> best{0, 1};
  for (const auto& [fields, n] : counts)
    if (fields > 1 && n >= best.first) best = {n, fields};
  return best;
}

// Whether it is one column of numbers, some of which contain a comma.
bool is_one_column(const std::vector<std::string_view>& lines) {
  return lines.size() > 1 && lines[0].find(',') == std::string_view::npos &&
         std::all_of(lines.begin() + 1, lines.end(), [](std::string_view line) {
           return is_missing(line) || read_number(line, '.') || read_number(line, ',');
         });
}

char find_separator(std::string_view text) {
  const std::vector<std::string_view> lines = first_lines(text);
  if (is_one_column(lines)) return '\t';
  char best = ',';
  std::size_t max_count = lines.size() / 2;  // fewer lines agree by chance
  for (const char separator : {'\t', ';', '|', ','}) {
    const std::size_t n = agreement(lines, separator).first;
    if (n > max_count) {
      best = separator;
      max_count = n;
    }
  }
  if (max_count > lines.size() / 2) return best;
  return agreement(lines, ' ').first == lines.size() && !lines.empty() ? ' ' : ',';
}

// Replaces each run of blanks outside quotes by one tab.
std::string with_tabs(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (const char c : text) {
    quoted = quoted != (c == '"');
    const bool blank = !quoted && (c == ' ' || c == '\t');
    const bool at_start = out.empty() || out.back() == '\n' || out.back() == '\r';
    if (blank && (at_start || out.back() == '\t')) continue;
    if ((c == '\n' || c == '\r') && !out.empty() && out.back() == '\t') out.pop_back();
    out += blank ? '\t' : c;
  }
  return out;
}

std::size_t used_fields(const Record& record) {
  std::size_t n = record.fields.size();
  while (n > 0 && record.fields[n - 1].empty()) --n;
  return n;
}

bool is_value(const std::string& cell) {
  if (is_missing(cell) || read_number(cell) || read_number(cell, ',')) return true;
  const Table one("", {"date"}, {{{cell}, 1}});
  return date_column(one, 0, DateOrder::dmy) || date_column(one, 0, DateOrder::mdy);
}

// Whether the first column holds row numbers or names, which R's write.table leaves without a
// column name.
bool counts_up(const std::vector<Record>& records, std::size_t first) {
  for (std::size_t i = first; i < records.size(); ++i)
    if (records[i].fields.front() != std::to_string(i - first + 1)) return false;
  return true;
}

}  // namespace

SniffedTable sniff_table(const std::string& whole, const std::string& source) {
  std::string_view text = without_mark(whole);
  SniffedTable out{Table(source, {}, {})};
  const std::string_view hint = text.substr(0, 6);  // "sep=;" is written by spreadsheets
  if (hint.size() == 6 && hint.substr(0, 4) == "sep=" && (hint[5] == '\r' || hint[5] == '\n')) {
    out.separator = hint[4];
    text.remove_prefix(6);
  } else {
    out.separator = find_separator(text);
  }
  const bool blanks = out.separator == ' ';
  const std::string tabbed = blanks ? with_tabs(text) : "";
  std::vector<Record> records =
      detail::read_records(blanks ? std::string_view(tabbed) : text, source,
                           blanks ? '\t' : out.separator, detail::Blanks::trimmed);
  std::erase_if(records, [](const Record& r) { return used_fields(r) == 0; });
  check_io(!records.empty(),
           "{}: a first line with the names of the columns was required: got an empty file",
           source);
  const auto has_values_only = [](const Record& r) {
    return std::all_of(r.fields.begin(), r.fields.end(), is_value);
  };
  // Comment lines; but "#Date" above values is a column name.
  while (records.size() > 1 && records[0].fields[0].size() > 1 && records[0].fields[0][0] == '#' &&
         !has_values_only(records[1])) {
    records.erase(records.begin());
    ++out.before;
  }
  // The column names are in the first line that has about as many fields as most rows.
  std::map<std::size_t, std::size_t> counts;
  for (const Record& r : records) ++counts[r.fields.size()];
  const std::size_t usual = std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) {
                              return a.second < b.second;
                            })->first;
  std::size_t first = 0;
  for (; first + 1 < records.size(); ++first) {
    const std::size_t here = records[first].fields.size(), next = records[first + 1].fields.size();
    const bool names_follow = next > here && !has_values_only(records[first + 1]);
    if (here >= usual || (here + 1 == usual && !names_follow)) break;
  }
  out.before += first;
  std::vector<std::string> names = records[first].fields;
  out.has_names = !has_values_only(records[first]);
  if (!out.has_names) {
    for (std::size_t c = 0; c < names.size(); ++c) names[c] = fmt::format("column {}", c + 1);
  } else {
    while (names.size() > 1 && names.back().empty()) names.pop_back();
    ++first;
  }
  if (out.has_names && names.size() + 1 == usual && first < records.size() &&
      counts_up(records, first))
    names.insert(names.begin(), "");
  std::vector<Table::Row> rows;
  for (std::size_t i = first; i < records.size(); ++i) {
    Record& r = records[i];
    check_io(used_fields(r) <= names.size(),
             "{}:{}: at most {} fields were required, as the first line has: got {} (a number "
             "such as 69,507.2 needs quotes where the comma also separates fields)",
             source, r.line, names.size(), used_fields(r));
    out.partial += r.fields.size() < names.size();
    r.fields.resize(names.size());
    rows.push_back({std::move(r.fields), r.line});
  }
  out.table = Table(source, std::move(names), std::move(rows));
  return out;
}

}  // namespace unroll::data
