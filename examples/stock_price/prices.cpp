#include "examples/stock_price/prices.h"

#include "examples/common/text_file.h"
#include "examples/stock_price/columns.h"

#include <unroll/data/table/numbers.h>
#include <unroll/data/table/sniff.h>
#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace stock {

using unroll::check_io;
using unroll::excerpt;
namespace data = unroll::data;

namespace {

constexpr Index kEnded = 10;  // days without a price at the end: no gap any more
// Of a price. Beyond, squares and forecasts would leave the range of numbers.
constexpr double kLowest = 1e-30, kHighest = 1e30;

std::string count_of(std::size_t n, const std::string& one, const std::string& many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

class Reader {
 public:
  explicit Reader(const Source& source) : source_(source), table_(source.path, {}, {}) {}

  Prices read() {
    out_.path = source_.path;
    read_table();
    const auto date = data::find_date_column(table_, source_.date_order);
    std::vector<std::string> others;
    columns_ = price_columns(table_, source_.columns, date, others);
    for (const std::size_t c : columns_) out_.names.push_back(table_.names()[c]);
    table_ = rows_of_ticker(table_, source_.ticker);
    if (source_.columns.empty())
      notice("Prices are taken from column \"{}\"{}.", excerpt(out_.names[0]),
             others.empty() ? ""
                            : fmt::format("; there are also {} (--columns)",
                                          excerpt(fmt::format("{}", fmt::join(others, ", ")))));
    if (date) {
      read_dates(*date);
    } else {
      refuse_unread_dates();
      notice("No column has dates: the rows are taken in the order of the file, oldest first.");
    }
    read_numbers();
    drop_rows_without_price();
    if (date) sort();
    drop_early_rows();
    check_end();
    return std::move(out_);
  }

 private:
  template <class... A>
  void notice(fmt::format_string<A...> format, A&&... args) {
    out_.notices.push_back(fmt::format(format, std::forward<A>(args)...));
  }
  bool missing(std::size_t row) const {  // in every column
    return std::all_of(columns_.begin(), columns_.end(),
                       [&](std::size_t c) { return data::is_missing(table_.cell(row, c)); });
  }

  void read_table() {
    const program::TextFile file = program::read_text_file(source_.path, source_.encoding);
    if (file.encoding != "UTF-8") notice("The file was read as {}.", file.encoding);
    data::SniffedTable sniffed = data::sniff_table(file.text, source_.path);
    if (sniffed.before > 0)
      notice("{} above the names of the columns {} left out.",
             count_of(sniffed.before, "line", "lines"), sniffed.before == 1 ? "was" : "were");
    separator_ = sniffed.separator;
    table_ = std::move(sniffed.table);
    check_io(table_.rows() > 0, "{}: rows with prices were required: got names of columns only",
             source_.path);
  }

  // Not to take rows in the order of the file where dates say another one.
  void refuse_unread_dates() const {
    for (std::size_t c = 0; c < table_.names().size(); ++c)
      for (std::size_t row = 0; row < table_.rows() && data::is_date_name(table_.names()[c]); ++row)
        check_io(data::is_missing(table_.cell(row, c)),
                 "{}:{}: a date such as 2024-11-01 was required in column \"{}\": got \"{}\"",
                 source_.path, table_.line(row), excerpt(table_.names()[c]),
                 excerpt(table_.cell(row, c)));
  }

  // A row without a date is a second line of names or a remark, unless it has a price.
  void read_dates(std::size_t column) {
    const auto dates = data::date_column(table_, column, source_.date_order);
    check_io(dates.has_value(), "{}: dates were required in column \"{}\": got others",
             source_.path, excerpt(table_.names()[column]));
    out_.with_time = dates->with_time;
    std::vector<std::size_t> kept;
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      if (dates->seconds[row]) {
        kept.push_back(row);
        out_.dates.push_back(*dates->seconds[row]);
        continue;
      }
      const bool priced = std::any_of(columns_.begin(), columns_.end(), [&](std::size_t c) {
        return data::read_number(table_.cell(row, c), '.') ||
               data::read_number(table_.cell(row, c), ',');
      });
      check_io(!priced, "{}:{}: a date was required in column \"{}\": got \"{}\"", source_.path,
               table_.line(row), excerpt(table_.names()[column]),
               excerpt(table_.cell(row, column)));
    }
    const std::size_t dropped = table_.rows() - kept.size();
    if (dropped > 0)
      notice("{} without date and price left out.", count_of(dropped, "row", "rows"));
    table_ = table_.select(kept);
  }

  void read_numbers() {
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      data::NumberColumn numbers = data::number_column(table_, columns_[j], source_.decimal);
      // 1.234 between commas has a decimal point, and 1,234 between semicolons a decimal comma.
      const bool comma = numbers.doubtful.find(',') != std::string::npos;
      if (!numbers.doubtful.empty() && comma && separator_ == ';')
        numbers = data::number_column(table_, columns_[j], ',');
      if (!numbers.doubtful.empty() && (comma || separator_ != ','))
        notice("\"{}\" was read as {}: --decimal says otherwise.", excerpt(numbers.doubtful),
               data::read_number(numbers.doubtful, numbers.decimal)->value);
      check_io(!numbers.percent, "{}: prices were required in column \"{}\": got percentages",
               source_.path, excerpt(out_.names[j]));
      for (std::size_t row = 0; row < numbers.values.size(); ++row) {
        const double price = numbers.values[row];
        const auto required = [&](bool ok, const std::string& what) {
          check_io(ok || std::isnan(price), "{}:{}: {} was required in column \"{}\": got {}",
                   source_.path, table_.line(row), what, excerpt(out_.names[j]), price);
        };
        required(price > 0, "a price above 0");
        required(price >= kLowest && price <= kHighest,
                 fmt::format("a price from {} to {}", kLowest, kHighest));
      }
      out_.values.push_back(std::move(numbers.values));
    }
  }

  // Keeps these rows, in this order.
  void select(const std::vector<std::size_t>& rows) {
    const auto pick = [&](auto& list) {
      auto all = std::move(list);
      list.clear();
      for (const std::size_t row : rows) list.push_back(all[row]);
    };
    for (auto& values : out_.values) pick(values);
    if (!out_.dates.empty()) pick(out_.dates);
    table_ = table_.select(rows);
  }

  void drop_rows_without_price() {
    std::vector<std::size_t> kept;
    for (std::size_t row = 0; row < table_.rows(); ++row)
      if (!missing(row)) kept.push_back(row);
    out_.closed = static_cast<Index>(table_.rows() - kept.size());
    if (out_.closed > 0)
      notice("{} without any price left out.",
             count_of(static_cast<std::size_t>(out_.closed), "row", "rows"));
    select(kept);
  }

  void sort() {
    const auto& dates = out_.dates;
    if (!std::is_sorted(dates.begin(), dates.end())) {
      if (std::is_sorted(dates.rbegin(), dates.rend()))
        notice("The rows run from the newest to the oldest: they were turned round.");
      else
        notice("The rows were not in the order of time: they were sorted by date.");
      std::vector<std::size_t> order(dates.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return dates[a] < dates[b]; });
      select(order);
    }
    const auto twice = std::adjacent_find(dates.begin(), dates.end());
    if (twice == dates.end()) return;
    const auto row = static_cast<std::size_t>(twice - dates.begin());
    unroll::fail_io("{}: one row for each day was required: got two of {}, in lines {} and {}{}",
                    source_.path, data::date_text(*twice, {.with_time = out_.with_time}),
                    std::min(table_.line(row), table_.line(row + 1)),
                    std::max(table_.line(row), table_.line(row + 1)),
                    telling_column(table_, row, row + 1));
  }

  // Before every column has begun, what they have in common cannot be learned.
  void drop_early_rows() {
    std::size_t first = 0;
    for (const auto& values : out_.values) {
      const auto begun = std::find_if(values.begin(), values.end(),
                                      [](double price) { return !std::isnan(price); });
      first = std::max(first, static_cast<std::size_t>(begun - values.begin()));
    }
    std::vector<std::size_t> kept;
    for (std::size_t row = first; row < table_.rows(); ++row) kept.push_back(row);
    out_.early = static_cast<Index>(table_.rows() - kept.size());
    if (out_.early > 0)
      notice("{} before every column had begun left out.",
             count_of(static_cast<std::size_t>(out_.early), "row", "rows"));
    select(kept);
  }

  void check_end() {
    check_io(out_.days() >= source_.min_days,
             "{}: at least {} days with a price in every column were required: got {}",
             source_.path, source_.min_days, out_.days());
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      const auto& values = out_.values[j];
      const auto last = std::find_if(values.rbegin(), values.rend(),
                                     [](double price) { return !std::isnan(price); });
      const auto at_end = static_cast<Index>(last - values.rbegin());
      check_io(
          at_end < kEnded,
          "{}: prices up to the end were required in column \"{}\": got none on the last {} days",
          source_.path, excerpt(out_.names[j]), at_end);
      out_.missing +=
          std::count_if(values.begin(), values.end(), [](double p) { return std::isnan(p); });
    }
    if (out_.missing > 0)
      notice("{} missing in one column of {}: not learned from, and not scored.",
             count_of(static_cast<std::size_t>(out_.missing), "price is", "prices are"),
             columns_.size());
  }

  const Source& source_;
  Prices out_;
  data::Table table_;
  char separator_ = ',';
  std::vector<std::size_t> columns_;
};

}  // namespace

std::string Prices::day(Index t) const {
  if (dates.empty()) return fmt::format("day {}", t + 1);
  return data::date_text(dates[static_cast<std::size_t>(t)], {.with_time = with_time});
}

Prices read_prices(const Source& source) { return Reader(source).read(); }

}  // namespace stock
