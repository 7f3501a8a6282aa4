#include <unroll/data/table/dates.h>
#include <unroll/data/table/numbers.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace unroll::data {
namespace {

using namespace std::string_view_literals;
using Seconds = std::int64_t;
constexpr Seconds kDay = 86400;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number of a month, 1 .. 12, or 0 if the word is no month. Its first three letters decide, but
// words such as "mayor" are refused.
int month_of(std::string_view word) {
  constexpr std::array kMonths{"january"sv,   "february"sv, "march"sv,    "april"sv,
                               "may"sv,       "june"sv,     "july"sv,     "august"sv,
                               "september"sv, "october"sv,  "november"sv, "december"sv};
  for (std::size_t i = 0; i < kMonths.size(); ++i)
    if (word.size() >= 3 && kMonths[i].substr(0, word.size()) == word)
      return static_cast<int>(i) + 1;
  return word == "sept" ? 9 : 0;
}

bool is_weekday(std::string_view word) {
  constexpr std::array kDays{"monday"sv,   "tuesday"sv, "wednesday"sv, "thursday"sv, "friday"sv,
                             "saturday"sv, "sunday"sv,  "tues"sv,      "thur"sv,     "thurs"sv};
  if (word.size() >= 3 && std::any_of(kDays.begin(), kDays.end(),
                                      [&](auto day) { return day.substr(0, word.size()) == word; }))
    return true;
  constexpr std::array kKorean{"월"sv, "화"sv, "수"sv, "목"sv, "금"sv, "토"sv, "일"sv};
  return std::find(kKorean.begin(), kKorean.end(), word) != kKorean.end();
}

// The parts of a date before the order of its numbers is known.
struct Parts {
  std::array<int, 3> numbers{};          // in the order of the text
  DateOrder order = DateOrder::unknown;  // if the text determines it
  bool year_last = false;                // ends with a four-digit year: dmy or mdy
  Seconds time = 0;                      // of the day
};

struct NumberToken {
  int value = 0;
  std::size_t digits = 0;
};

std::optional<NumberToken> take_number(std::string_view& text) {
  NumberToken n;
  while (n.digits < text.size() && is_digit(text[n.digits])) ++n.digits;
  if (n.digits == 0 || n.digits > 8) return std::nullopt;
  std::from_chars(text.data(), text.data() + n.digits, n.value);
  text.remove_prefix(n.digits);
  return n;
}

// Removes a time such as 16:00, 16:00:00.000Z, 4:00 PM or T00:00:00-04:00 from the end and returns
// it as second of the day, or -1 if there is none.
Seconds cut_time(std::string_view& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return 0;
  std::size_t begin = colon;
  while (begin > 0 && is_digit(text[begin - 1])) --begin;
  if (begin == colon || colon - begin > 2) return -1;
  std::string_view rest = text.substr(begin);
  Seconds time = 0, unit = 3600;
  for (; unit > 0; unit /= 60) {
    const auto n = take_number(rest);
    if (!n || n->digits > 2 || n->value >= (unit == 3600 ? 25 : 61)) return -1;
    time += unit * n->value;
    if (rest.empty() || rest.front() != ':') break;
    rest.remove_prefix(1);
  }
  const std::string behind = lower(rest);
  const bool noon = time / 3600 == 12;
  if (behind.find("pm") != std::string::npos && time < kDay / 2) time += kDay / 2;
  if (behind.find("am") != std::string::npos && noon) time -= kDay / 2;
  text = text.substr(0, begin);
  if (!text.empty() && (text.back() == 'T' || text.back() == 't')) text.remove_suffix(1);
  return time;
}

// Removes separators between the parts of a date.
bool drop_between(std::string_view& text) {
  for (const std::string_view sign :
       {" "sv, "-"sv, "/"sv, "."sv, ","sv, "년"sv, "월"sv, "일"sv, "年"sv, "月"sv, "日"sv, "("sv,
        ")"sv, "'"sv, "\u00A0"sv, "["sv, "]"sv})
    if (text.substr(0, sign.size()) == sign) {
      text.remove_prefix(sign.size());
      return true;
    }
  return false;
}

std::optional<Parts> read_parts(std::string_view text) {
  Parts parts;
  parts.time = cut_time(text);
  if (parts.time < 0) return std::nullopt;
  std::vector<NumberToken> numbers;
  int month = 0;
  std::size_t month_at = 0;
  const bool korean =
      text.find("년") != std::string_view::npos || text.find("年") != std::string_view::npos;
  const bool month_only = text.find_first_of("-/") != std::string_view::npos || korean;
  while (!text.empty()) {
    if (is_digit(text.front())) {
      const auto n = take_number(text);
      if (!n || numbers.size() == 3) return std::nullopt;
      numbers.push_back(*n);
      continue;
    }
    if (drop_between(text)) continue;
    std::size_t length = 0;
    while (length < text.size() && !is_digit(text[length]) &&
           " -/.,()[]"sv.find(text[length]) == std::string_view::npos)
      ++length;
    const std::string word = lower(text.substr(0, length));
    const bool ending = word == "st" || word == "nd" || word == "rd" || word == "th";
    if (const int found = month_of(word); found > 0 && month == 0) {
      month = found;
      month_at = numbers.size();
    } else if (!ending && !is_weekday(word)) {
      return std::nullopt;
    }
    text.remove_prefix(length);
  }
  const auto is_year = [](const NumberToken& n) { return n.digits == 4; };
  const auto is_short = [](const NumberToken& n) { return n.digits <= 2; };
  if (month > 0) {
    if (numbers.size() == 1 && is_year(numbers[0])) {
      parts.numbers = {numbers[0].value, month, 1};
    } else if (numbers.size() == 2) {
      const bool year_first = is_year(numbers[0]) && month_at == 1;
      const NumberToken &year = numbers[year_first ? 0 : 1], &day = numbers[year_first ? 1 : 0];
      if (!(is_year(year) || year.digits == 2) || !is_short(day)) return std::nullopt;
      parts.numbers = {year.value, month, day.value};
      if (!is_year(year)) parts.numbers[0] += year.value < 69 ? 2000 : 1900;
    } else {
      return std::nullopt;
    }
    parts.order = DateOrder::ymd;
    return parts;
  }
  if (numbers.size() == 1 && numbers[0].digits == 8) {
    const int n = numbers[0].value;
    parts.numbers = {n / 10000, n / 100 % 100, n % 100};
    parts.order = DateOrder::ymd;
    return parts;
  }
  if (numbers.size() == 2 && is_year(numbers[0]) && numbers[1].digits <= 2 && month_only) {
    parts.numbers = {numbers[0].value, numbers[1].value, 1};
    parts.order = DateOrder::ymd;
    return parts;
  }
  if (numbers.size() != 3 || !is_short(numbers[1])) return std::nullopt;
  for (std::size_t i = 0; i < 3; ++i) parts.numbers[i] = numbers[i].value;
  if (is_year(numbers[0]) && is_short(numbers[2])) {
    parts.order = DateOrder::ymd;
  } else if (is_short(numbers[0]) && is_year(numbers[2])) {
    parts.year_last = true;
  } else if (!is_short(numbers[0]) || !is_short(numbers[2])) {
    return std::nullopt;
  } else if (korean) {
    parts.order = DateOrder::ymd;
    parts.numbers[0] += 2000;
  }
  return parts;
}

std::optional<Seconds> seconds_of(int year, int month, int day, Seconds time) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 1500 || year > 2500 || !date.ok()) return std::nullopt;
  return kDay * std::chrono::sys_days(date).time_since_epoch().count() + time;
}

// The date if its numbers are in this order.
std::optional<Seconds> resolve(const Parts& p, DateOrder order) {
  const auto& n = p.numbers;
  if (p.order == DateOrder::ymd) return seconds_of(n[0], n[1], n[2], p.time);
  if (order == DateOrder::unknown || (p.year_last && order == DateOrder::ymd)) return std::nullopt;
  int year = order == DateOrder::ymd ? n[0] : n[2];
  if (!p.year_last) year += year < 69 ? 2000 : 1900;
  if (order == DateOrder::ymd) return seconds_of(year, n[1], n[2], p.time);
  if (order == DateOrder::dmy) return seconds_of(year, n[1], n[0], p.time);
  return seconds_of(year, n[0], n[1], p.time);
}

// Column names whose numbers may be dates.
bool is_called_date(const std::string& name) {
  constexpr std::array kWhole{"data"sv, "day"sv, "time"sv, "year"sv, "일시"sv, "unix"sv};
  const std::string word = lower(name);
  return is_date_name(name) || word.find("year_") != std::string::npos ||
         word.find("unix") != std::string::npos ||
         std::find(kWhole.begin(), kWhole.end(), word) != kWhole.end();
}

// Dates given as one number; nullopt if it is not a date.
std::optional<Seconds> seconds_of_number(double n, bool years) {
  constexpr double kSpreadsheetEpoch = 25569;  // 1970-01-01 as days since 1899-12-30
  const auto seconds = [](double s) { return static_cast<Seconds>(std::floor(s)); };
  if (years && n >= 1500 && n <= 2500) {
    const int year = static_cast<int>(n);
    const Seconds begin = *seconds_of(year, 1, 1, 0),
                  end = year == 2500 ? begin : *seconds_of(year + 1, 1, 1, 0);
    const double days = (n - year) * static_cast<double>(end - begin) / kDay;
    return begin + kDay * static_cast<Seconds>(std::lround(days));
  }
  if (n >= 20000 && n < 80000) return seconds((n - kSpreadsheetEpoch) * kDay + 0.5);
  for (const double unit : {1.0, 1e3, 1e6, 1e9})
    if (n >= 1e8 * unit && n < 1e10 * unit) return seconds(n / unit);
  return std::nullopt;
}

bool is_monotone(const std::vector<std::optional<Seconds>>& seconds) {
  bool rises = true, falls = true;
  std::optional<Seconds> last;
  for (const auto& s : seconds) {
    if (!s) continue;
    rises = rises && (!last || *s >= *last);
    falls = falls && (!last || *s <= *last);
    last = s;
  }
  return rises || falls;
}

Seconds span_of(const std::vector<std::optional<Seconds>>& seconds) {
  Seconds low = INT64_MAX, high = INT64_MIN;
  for (const auto& s : seconds)
    if (s) low = std::min(low, *s), high = std::max(high, *s);
  return low > high ? 0 : high - low;
}

constexpr double kMinShare = 0.8;  // the share of non-empty cells that must be dates

}  // namespace

std::optional<DateColumn> date_column(const Table& table, std::size_t column, DateOrder order) {
  std::vector<std::optional<Parts>> parts;
  std::size_t filled = 0, dates = 0;
  bool ambiguous = false;  // some dates depend on the order
  std::size_t example = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& cell = table.cell(row, column);
    filled += !is_missing(cell);
    parts.push_back(read_parts(cell));
    dates += parts.back().has_value();
    if (parts.back() && parts.back()->order == DateOrder::unknown && !ambiguous) {
      ambiguous = true;
      example = row;
    }
  }
  const auto enough = [&](std::size_t n) {
    return n > 0 && static_cast<double>(n) >= kMinShare * static_cast<double>(filled);
  };
  const auto count = [](const DateColumn& c) {
    return static_cast<std::size_t>(std::count_if(c.seconds.begin(), c.seconds.end(),
                                                  [](const auto& s) { return s.has_value(); }));
  };
  const auto finished = [&](DateColumn c) -> std::optional<DateColumn> {
    if (!enough(count(c))) return std::nullopt;
    c.with_time = std::any_of(c.seconds.begin(), c.seconds.end(),
                              [](const auto& s) { return s && *s % kDay != 0; });
    return c;
  };
  if (!enough(dates)) {
    if (!is_called_date(table.names()[column])) return std::nullopt;
    const bool years = lower(table.names()[column]).find("year") != std::string::npos;
    DateColumn c;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto number = read_number(table.cell(row, column));
      c.seconds.push_back(number ? seconds_of_number(number->value, years) : std::nullopt);
    }
    return finished(std::move(c));
  }
  std::vector<DateColumn> possible;
  for (const DateOrder o : {DateOrder::ymd, DateOrder::dmy, DateOrder::mdy}) {
    if (order != DateOrder::unknown && o != order) continue;
    DateColumn c;
    c.order = o;
    for (const auto& p : parts) c.seconds.push_back(p ? resolve(*p, o) : std::nullopt);
    if (!ambiguous) return finished(std::move(c));
    possible.push_back(std::move(c));
  }
  if (order != DateOrder::unknown) return finished(std::move(possible.front()));
  // Prefer the orders that give the most dates, and of these those in which the dates are monotone.
  std::size_t max_count = 0;
  for (const DateColumn& c : possible) max_count = std::max(max_count, count(c));
  std::erase_if(possible, [&](const DateColumn& c) { return count(c) < max_count; });
  if (possible.size() > 1 && std::any_of(possible.begin(), possible.end(),
                                         [](const auto& c) { return is_monotone(c.seconds); }))
    std::erase_if(possible, [](const DateColumn& c) { return !is_monotone(c.seconds); });
  if (!enough(max_count)) return std::nullopt;
  // With dots, the day comes first.
  const bool dots = table.cell(example, column).find('.') != std::string::npos;
  if (possible.size() > 1 && dots && parts[example]->year_last)
    std::erase_if(possible, [](const DateColumn& c) { return c.order != DateOrder::dmy; });
  // Prefer the shorter span: 24/03/04 and 24/03/31 are 27 days apart, not 27 years.
  std::int64_t shortest = INT64_MAX;
  for (const DateColumn& c : possible) shortest = std::min(shortest, span_of(c.seconds));
  constexpr std::int64_t kTimes = 100;  // larger than the ratio of months to days
  std::erase_if(possible, [&](const auto& c) {
    return span_of(c.seconds) / kTimes > std::max(shortest, kDay);
  });
  check_io(possible.size() == 1,
           "{}: dates of which day and month can be told apart were required in column {} "
           "(\"{}\"): got \"{}\" and the like; say their order: dmy, mdy or ymd",
           table.source(), column + 1, excerpt(table.names()[column]),
           excerpt(table.cell(example, column)));
  return finished(std::move(possible.front()));
}

std::optional<std::size_t> find_date_column(const Table& table, DateOrder order) {
  std::optional<std::size_t> found;
  int best = -1;
  for (std::size_t c = 0; c < table.names().size(); ++c) {
    const std::string& name = table.names()[c];
    const int rank = is_date_name(name) ? 2 : is_called_date(name) ? 1 : 0;
    if (rank <= best || !date_column(table, c, order)) continue;
    found = c;
    best = rank;
  }
  return found;
}

bool is_date_name(const std::string& name) {
  const std::string word = lower(name);
  constexpr std::array kParts{"date"sv, "timestamp"sv, "datum"sv,  "fecha"sv, "epoch"sv, "날짜"sv,
                              "일자"sv, "거래일"sv,    "기준일"sv, "日期"sv,  "日付"sv};
  return word.find("update") == std::string::npos &&
         std::any_of(kParts.begin(), kParts.end(),
                     [&](auto part) { return word.find(part) != std::string::npos; });
}

std::string date_text(std::int64_t seconds, const DateTextOptions& options) {
  const std::int64_t days = (seconds >= 0 ? seconds : seconds - kDay + 1) / kDay,
                     second = seconds - kDay * days;
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days(static_cast<int>(days)))};
  std::string day =
      fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  if (!options.with_time) return day;
  return day + fmt::format(" {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
}

}  // namespace unroll::data
