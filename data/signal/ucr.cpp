#include <unroll/data/signal/ucr.h>
#include <unroll/data/table/numbers.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <charconv>
#include <cmath>

namespace unroll::data {
namespace {

constexpr std::string_view kBlanks = " \t\v\f";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::vector<std::string_view> fields_of(std::string_view line, char separator) {
  std::vector<std::string_view> out;
  while (separator == ' ') {
    const std::size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return out;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  for (std::size_t end = 0; end != std::string_view::npos; line.remove_prefix(end + 1)) {
    end = line.find(separator);
    out.push_back(trimmed(line.substr(0, end)));
    if (end == std::string_view::npos) break;
  }
  return out;
}

// A finite number without group marks, such as 1, -2.5 or 1.0e+00. NaN if the field is not one.
double number(std::string_view field) {
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  double value = NAN;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  return error == std::errc() && end == field.data() + field.size() && std::isfinite(value) ? value
                                                                                            : NAN;
}

std::string label_of(std::string_view field) {
  const double value = number(field);
  return std::isnan(value) ? std::string(field) : fmt::format("{}", value + 0.0);
}

}  // namespace

std::vector<LabelledSeries> read_ucr(const std::string& path) {
  return parse_ucr(read_file(path), path);
}

std::vector<LabelledSeries> parse_ucr(const std::string& text, const std::string& source) {
  std::vector<LabelledSeries> out;
  std::string_view rest = without_mark(text);
  char separator = 0;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    std::string_view row = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + (rest.substr(end, 2) == "\r\n" ? 2 : 1)));
    if (trimmed(row).empty() || trimmed(row).find_first_of("#@%") == 0) continue;
    if (separator == 0) {
      const auto has = [&](char c) { return trimmed(row).find(c) != std::string_view::npos; };
      separator = has('\t') ? '\t' : has(',') ? ',' : ' ';
    }
    std::vector<std::string_view> fields = fields_of(row, separator);
    check_io(!fields[0].empty() && !is_missing(fields[0]),
             "{}:{}: a label in the first field was required: got none", source, line);
    while (fields.size() > 1 && is_missing(fields.back())) fields.pop_back();  // padding
    check_io(fields.size() > 1,
             "{}:{}: a label and values, separated by tabs, commas or spaces, were required: got "
             "\"{}\"",
             source, line, excerpt(row));
    LabelledSeries series{label_of(fields[0]), {}};
    for (std::size_t i = 1; i < fields.size(); ++i) {
      const double value = number(fields[i]);
      if (std::isnan(value))
        fail_io("{}:{}: {} in field {}: got \"{}\"", source, line,
                is_missing(fields[i])
                    ? "a value was required (only the end of a line may be padded)"
                    : "a finite number was required",
                i + 1, excerpt(fields[i]));
      series.values.push_back(value);
    }
    out.push_back(std::move(series));
  }
  check_io(!out.empty(), "{}: at least one series was required: got none", source);
  return out;
}

}  // namespace unroll::data
