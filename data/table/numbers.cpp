#include <unroll/data/table/numbers.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <initializer_list>

namespace unroll::data {
namespace {

using namespace std::string_view_literals;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  const bool there = text.substr(0, prefix.size()) == prefix;
  if (there) text.remove_prefix(prefix.size());
  return there;
}
bool drop_suffix(std::string_view& text, std::string_view suffix) {
  const bool there =
      text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
  if (there) text.remove_suffix(suffix.size());
  return there;
}

// Blanks: ASCII, no-break, narrow no-break, thin and ideographic space.
constexpr std::array kBlanks{" "sv, "\t"sv, "\u00A0"sv, "\u202F"sv, "\u2009"sv, "\u3000"sv};
void trim(std::string_view& text) {
  const auto any = [&](bool (*drop)(std::string_view&, std::string_view)) {
    return std::any_of(kBlanks.begin(), kBlanks.end(),
                       [&](auto blank) { return drop(text, blank); });
  };
  while (any(drop_prefix)) {
  }
  while (any(drop_suffix)) {
  }
}

constexpr std::array kUnits{"US$"sv, "HK$"sv, "R$"sv, "A$"sv, "C$"sv,  "$"sv,  "€"sv,
                            "£"sv,   "¥"sv,   "₩"sv,  "₹"sv,  "₽"sv, "₺"sv,  "₿"sv,
                            "원"sv,  "円"sv,  "元"sv, "kr"sv, "zł"sv,  "Fr."sv};

// Removes a currency sign, or a code of three capital letters, before or after the number.
bool drop_unit(std::string_view& text, std::string& unit,
               bool (*drop)(std::string_view&, std::string_view), bool behind) {
  if (!unit.empty()) return false;
  for (const std::string_view sign : kUnits)
    if (drop(text, sign)) {
      unit = sign;
      return true;
    }
  if (text.size() <= 3) return false;
  const std::string_view code = text.substr(behind ? text.size() - 3 : 0, 3);
  if (!std::all_of(code.begin(), code.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return false;
  unit = code;
  return drop(text, code);
}

// The parts of a cell other than the digits.
struct Dressing {
  bool negative = false, percent = false;
  double factor = 1;
  std::string unit;
};

Dressing undress(std::string_view& text) {
  Dressing d;
  trim(text);
  drop_prefix(text, "'");  // marks a cell as text in spreadsheets
  if (text.size() > 1 && text.front() == '(' && text.back() == ')') {
    d.negative = true;
    text = text.substr(1, text.size() - 2);
    trim(text);
  }
  bool signed_already = d.negative;
  const auto drop_sign = [&] {
    if (signed_already) return;
    const bool minus = drop_prefix(text, "-") || drop_prefix(text, "\u2212");
    signed_already = minus || drop_prefix(text, "+");
    d.negative = minus;
    trim(text);
  };
  drop_sign();
  if (drop_unit(text, d.unit, drop_prefix, false)) trim(text);
  drop_sign();
  if (drop_unit(text, d.unit, drop_suffix, true)) trim(text);
  d.percent = drop_suffix(text, "%") || drop_suffix(text, "％");
  trim(text);
  if (!text.empty() && !d.percent) {
    constexpr std::string_view kLetters = "kmbt";
    const std::size_t power = kLetters.find(lower(text.back()));
    if (power != std::string_view::npos) {
      d.factor = std::pow(1000.0, static_cast<double>(power + 1));
      text.remove_suffix(1);
      trim(text);
    }
  }
  return d;
}

// The digits in the format of from_chars; empty if the grouping is invalid. A group has three
// digits (in India two), the last group always three.
std::string without_groups(std::string_view text, char decimal) {
  const std::string_view other = decimal == '.' ? ","sv : "."sv;
  const std::array marks{other, "'"sv, "’"sv, " "sv, "\u00A0"sv, "\u202F"sv, "\u2009"sv};
  std::string digits;
  std::string_view mark;
  std::vector<std::size_t> groups{0};
  while (!text.empty() && text.front() != decimal && lower(text.front()) != 'e') {
    if (is_digit(text.front())) {
      digits += text.front();
      text.remove_prefix(1);
      ++groups.back();
      continue;
    }
    const auto found =
        std::find_if(marks.begin(), marks.end(), [&](auto m) { return drop_prefix(text, m); });
    if (found == marks.end() || (!mark.empty() && mark != *found)) return {};
    mark = *found;
    groups.push_back(0);
  }
  if (groups.size() > 1) {
    if (groups.front() < 1 || groups.front() > 3 || groups.back() != 3) return {};
    for (std::size_t i = 1; i + 1 < groups.size(); ++i)
      if (groups[i] != 3 && groups[i] != 2) return {};
  }
  if (!text.empty() && text.front() == decimal) {
    text.remove_prefix(1);
    digits += '.';
  }
  return digits + std::string(text);
}

// Parses a number as a double; values too small for one become 0. False if it is not a number.
bool read_plain(const std::string& text, double& value) {
  if (text.empty() || !(is_digit(text[0]) || text[0] == '.')) return false;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  return end == last && error == std::errc();
}

}  // namespace

bool is_missing(std::string_view cell) {
  trim(cell);
  std::string text(cell);
  std::transform(text.begin(), text.end(), text.begin(), lower);
  constexpr std::array kMissing{
      ""sv,     "null"sv, "none"sv, "nan"sv,     "nil"sv,      "na"sv,      "n/a"sv,   "n.a."sv,
      "#n/a"sv, "#na"sv,  "<na>"sv, "\\n"sv,     "#n/a n/a"sv, "#value!"sv, "#ref!"sv, "#div/0!"sv,
      "."sv,    ".."sv,   "..."sv,  "-"sv,       "--"sv,       "---"sv,     "–"sv,     "—"sv,
      "?"sv,    "nd"sv,   "n.d."sv, "missing"sv, "없음"sv,     "휴장"sv,    "−"sv};
  return std::find(kMissing.begin(), kMissing.end(), text) != kMissing.end();
}

std::optional<Number> read_number(std::string_view cell, char decimal) {
  check(decimal == '.' || decimal == ',', "read_number: a decimal mark . or , was required: got {}",
        decimal);
  const Dressing d = undress(cell);
  Number n;
  if (!read_plain(without_groups(cell, decimal), n.value)) return std::nullopt;
  n.value *= d.negative ? -d.factor : d.factor;
  n.percent = d.percent;
  n.unit = d.unit;
  return n;
}

DecimalMark decimal_mark(std::string_view cell) {
  const bool point = read_number(cell, '.').has_value(), comma = read_number(cell, ',').has_value();
  if (point != comma) return point ? DecimalMark::point : DecimalMark::comma;
  if (!point) return DecimalMark::unknown;
  // Both readings are valid: there is no mark, or a single one before three digits.
  undress(cell);
  const std::size_t at = cell.find_first_of(".,");
  if (at == std::string_view::npos) return DecimalMark::unknown;
  // A group of thousands does not begin with 0.
  if (cell.front() == '0') return cell[at] == '.' ? DecimalMark::point : DecimalMark::comma;
  return DecimalMark::either;
}

namespace {

// The first cell of a column for each kind of mark; empty if there is none.
struct Evidence {
  std::optional<std::size_t> point, comma, either;  // rows
  char decimal = 0;                                 // 0 if undetermined
};

Evidence evidence_of(const Table& table, std::size_t column) {
  Evidence e;
  bool long_plain = false;  // a number such as "1234": thousands are not grouped
  const auto note = [](std::optional<std::size_t>& first, std::size_t row) {
    if (!first) first = row;
  };
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& cell = table.cell(row, column);
    switch (decimal_mark(cell)) {
      case DecimalMark::point:
        note(e.point, row);
        break;
      case DecimalMark::comma:
        note(e.comma, row);
        break;
      case DecimalMark::either:
        note(e.either, row);
        break;
      case DecimalMark::unknown: {
        const auto plain = read_number(cell);
        long_plain = long_plain || (plain && std::abs(plain->value) >= 1000);
      }
    }
  }
  if (e.point.has_value() != e.comma.has_value()) {
    e.decimal = e.point ? '.' : ',';
  } else if (!e.point && e.either && long_plain) {  // so the mark is decimal
    e.decimal = table.cell(*e.either, column).find(',') == std::string::npos ? '.' : ',';
  }
  return e;
}

}  // namespace

NumberColumn number_column(const Table& table, std::size_t column, char decimal) {
  check(column < table.names().size(), "number_column: a column in [0, {}) was required: got {}",
        table.names().size(), column);
  check(decimal == 0 || decimal == '.' || decimal == ',',
        "number_column: a decimal mark . or , was required: got {}", decimal);
  const std::string& name = table.names()[column];
  NumberColumn out;
  out.decimal = decimal;
  if (decimal == 0) {
    const Evidence e = evidence_of(table, column);
    if (e.point && e.comma)
      fail_io(
          "{}: one decimal mark was required in column {} (\"{}\"): got \"{}\" in line {} and "
          "\"{}\" in line {}",
          table.source(), column + 1, excerpt(name), excerpt(table.cell(*e.point, column)),
          table.line(*e.point), excerpt(table.cell(*e.comma, column)), table.line(*e.comma));
    out.decimal = e.decimal;
    for (std::size_t c = 0; out.decimal == 0 && e.either && c < table.names().size(); ++c)
      if (c != column) out.decimal = evidence_of(table, c).decimal;
    if (out.decimal == 0) {
      out.decimal = '.';
      if (e.either) out.doubtful = table.cell(*e.either, column);
    }
  }
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& cell = table.cell(row, column);
    const bool missing = is_missing(cell);
    const auto number = missing ? std::nullopt : read_number(cell, out.decimal);
    check_io(missing || number, "{}:{}: a number was required in column {} (\"{}\"): got \"{}\"",
             table.source(), table.line(row), column + 1, excerpt(name), excerpt(cell));
    out.missing += missing;
    out.values.push_back(number ? number->value : NAN);
    if (!number) continue;
    out.percent = out.percent || number->percent;
    if (number->unit.empty()) continue;
    check_io(out.unit.empty() || out.unit == number->unit,
             "{}:{}: one unit was required in column {} (\"{}\"), {} as before: got \"{}\"",
             table.source(), table.line(row), column + 1, excerpt(name), out.unit, excerpt(cell));
    out.unit = number->unit;
  }
  return out;
}

}  // namespace unroll::data
