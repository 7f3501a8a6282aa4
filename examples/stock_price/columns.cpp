#include "examples/stock_price/columns.h"

#include <unroll/data/table/dates.h>
#include <unroll/data/table/numbers.h>
#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace stock {

using unroll::check_io;
using unroll::excerpt;
using unroll::data::Table;

namespace {

using Words = std::vector<std::string>;

// "<CLOSE>", "Close/Last" and "adj_close**" as "close", "close last" and "adj close".
std::string simplified(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '%' ||
                        static_cast<unsigned char>(c) >= 0x80;
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || letter) {
      out += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool is_one_of(const std::string& word, const Words& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Closing prices by their names, the better one first: a price adjusted for splits and dividends
// moves as its holder's money does.
const Words kCloses{"adj close",
                    "adjclose",
                    "adjusted close",
                    "close adjusted",
                    "close adj",
                    "수정종가",
                    "수정주가",
                    "close",
                    "closing price",
                    "close price",
                    "close last",
                    "last close",
                    "price close",
                    "종가",
                    "終値",
                    "收盘",
                    "收盘价",
                    "price",
                    "last",
                    "last price",
                    "px last",
                    "현재가",
                    "체결가",
                    "가격",
                    "schlusskurs",
                    "schluss",
                    "schlußkurs",
                    "kurs",
                    "cierre",
                    "último",
                    "ultimo",
                    "clôture",
                    "dernier",
                    "chiusura",
                    "prezzo",
                    "fechamento",
                    "preço",
                    "precio",
                    "prix",
                    "slotkoers",
                    "settle",
                    "settlement",
                    "nav",
                    "value",
                    "rate",
                    "mid",
                    "closeprice",
                    "지수",
                    "기준가",
                    "환율",
                    "zuletzt",
                    "letzter",
                    "终值",
                    "終値 円",
                    "最新",
                    "收市",
                    "收盘价 元",
                    "laatste",
                    "slot"};
// What stands beside closing prices.
const Words kOthers{
    "open",       "high",       "low",        "volume",     "vol",          "change",
    "change %",   "%",          "시가",       "오픈",       "고가",         "저가",
    "거래량",     "거래대금",   "변동 %",     "변동%",      "등락률",       "대비",
    "vwap",       "turnover",   "trades",     "dividends",  "stock splits", "openint",
    "per",        "time",       "year",       "month",      "day",          "no",
    "id",         "index",      "eröffnung",  "hoch",       "tief",         "volumen",
    "diff %",     "apertura",   "máximo",     "mínimo",     "등락",         "전일비",
    "bid",        "ask",        "open price", "high price", "low price",    "marketcap",
    "market cap", "volume usd", "close time", "open time",  "unix",         ""};
const Words kTickers{"ticker",   "symbol",   "tic",     "stock",  "asset",     "instrument",
                     "security", "isin",     "cusip",   "permno", "series id", "coin",
                     "pair",     "currency", "company", "종목",   "종목명",    "종목코드",
                     "코드",     "티커",     "지수명",  "name",   "ric",       "act symbol",
                     "代码",     "code",     "series"};

bool is_numeric(const Table& table, std::size_t column) {
  std::size_t numbers = 0, others = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& cell = table.cell(row, column);
    if (unroll::data::is_missing(cell)) continue;
    const auto point = unroll::data::read_number(cell, '.');
    const auto number = point ? point : unroll::data::read_number(cell, ',');
    (number && !number->percent ? numbers : others) += 1;
  }
  return numbers > 0 && others * 10 <= numbers;  // a footer or a second line of names is no number
}

std::size_t named_column(const Table& table, const std::string& name) {
  const auto& names = table.names();
  if (std::find(names.begin(), names.end(), name) != names.end()) return table.column(name);
  std::optional<std::size_t> found;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (simplified(names[c]) != simplified(name) || simplified(name).empty()) continue;
    if (found) return table.column(name);  // which lists them
    found = c;
  }
  return found ? *found : table.column(name);
}

}  // namespace

std::vector<std::size_t> price_columns(const Table& table, const Words& wanted,
                                       std::optional<std::size_t> date_column, Words& others) {
  std::vector<std::size_t> out;
  for (const std::string& name : wanted) {
    out.push_back(named_column(table, name));
    check_io(std::count(out.begin(), out.end(), out.back()) == 1,
             "--columns: names of columns that differ were required: got {}",
             fmt::join(wanted, ","));
  }
  if (!out.empty()) return out;
  const auto possible = [&](std::size_t c) {
    return (!date_column || c != *date_column) && is_numeric(table, c);
  };
  for (const std::string& close : kCloses)
    for (std::size_t c = 0; c < table.names().size(); ++c)
      if (simplified(table.names()[c]) == close && possible(c)) {
        if (out.empty()) {
          out.push_back(c);
          continue;
        }
        check_io(simplified(table.names()[c]) != simplified(table.names()[out[0]]),
                 "{}: one column \"{}\" was required: got several of this name", table.source(),
                 excerpt(table.names()[c]));
        others.push_back(table.names()[c]);
      }
  if (!out.empty()) return out;
  Words candidates;
  for (std::size_t c = 0; c < table.names().size(); ++c)
    if (possible(c) && !is_one_of(simplified(table.names()[c]), kOthers)) {
      out.push_back(c);
      candidates.push_back(excerpt(table.names()[c]));
    }
  check_io(!out.empty(), "{}: a column with prices was required: got the columns {}",
           table.source(), excerpt(fmt::format("{}", fmt::join(table.names(), ", "))));
  const std::size_t shown = std::min<std::size_t>(candidates.size(), 20);
  check_io(out.size() == 1,
           "{}: one column with closing prices was required: got {}{}; add --columns with one or "
           "more of them, A,B",
           table.source(), fmt::join(candidates.begin(), candidates.begin() + shown, ", "),
           shown < candidates.size() ? ", ..." : "");
  return out;
}

Table rows_of_ticker(const Table& table, const std::string& ticker) {
  std::optional<std::size_t> column;
  for (std::size_t c = 0; c < table.names().size() && !column; ++c) {
    if (ticker.empty() && is_one_of(simplified(table.names()[c]), kTickers)) {
      std::set<std::string> found;
      for (std::size_t row = 0; row < table.rows(); ++row)
        if (!table.cell(row, c).empty()) found.insert(table.cell(row, c));
      if (found.size() > 1 && found.size() * 2 <= table.rows()) column = c;
    }
    for (std::size_t row = 0; !ticker.empty() && row < table.rows() && !column; ++row)
      if (table.cell(row, c) == ticker) column = c;
  }
  check_io(ticker.empty() || column, "{}: rows of --ticker {} were required: got none",
           table.source(), excerpt(ticker));
  if (!column) return table;
  std::vector<std::size_t> rows;
  Words tickers;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& cell = table.cell(row, *column);
    if (cell == ticker) rows.push_back(row);
    if (tickers.size() < 10 && !cell.empty() && !is_one_of(excerpt(cell), tickers))
      tickers.push_back(excerpt(cell));
  }
  check_io(!ticker.empty(),
           "{}: prices of one ticker were required: got {} and maybe more in column \"{}\"; add "
           "--ticker {}",
           table.source(), fmt::join(tickers, ", "), excerpt(table.names()[*column]), tickers[0]);
  return table.select(rows);
}

std::string telling_column(const Table& table, std::size_t row, std::size_t other) {
  for (std::size_t c = 0; c < table.names().size(); ++c)
    if (table.cell(row, c) != table.cell(other, c) && !is_numeric(table, c) &&
        !unroll::data::is_date_name(table.names()[c]))
      return fmt::format(" (they differ in column \"{}\": {} and {}; --ticker takes one)",
                         excerpt(table.names()[c]), excerpt(table.cell(row, c)),
                         excerpt(table.cell(other, c)));
  return {};
}

}  // namespace stock
