#include <unroll/data/table/records.h>
#include <unroll/tensor/error.h>

#include <algorithm>

namespace unroll::data::detail {
namespace {

class Reader {
 public:
  Reader(std::string_view text, const std::string& source, char separator, Blanks blanks)
      : text_(text), source_(source), separator_(separator), trims_(blanks == Blanks::trimmed) {}

  bool ended() const { return at_ >= text_.size(); }

  // Reads the next record; sets `empty` if the line has no characters, not even quotes.
  Record record(bool& empty) {
    Record record{{}, line_};
    bool quoted = false;
    do {
      skip_blanks();
      record.fields.emplace_back();
      if (!ended() && text_[at_] == '"') {
        quoted = true;
        record.fields.back() = quoted_field(record.fields.size());
      } else {
        record.fields.back() = plain_field();
      }
    } while (skip(separator_));
    if (!ended()) end_line();
    empty = record.fields.size() == 1 && record.fields[0].empty() && !quoted;
    return record;
  }

 private:
  bool at_end_of_line() const { return ended() || text_[at_] == '\n' || text_[at_] == '\r'; }
  bool skip(char c) {
    const bool there = !ended() && text_[at_] == c;
    at_ += there;
    return there;
  }
  void skip_blanks() {
    while (trims_ && !ended() && (text_[at_] == ' ' || text_[at_] == '\t') &&
           text_[at_] != separator_)
      ++at_;
  }
  void end_line() {
    at_ += text_.substr(at_, 2) == "\r\n" ? 2 : 1;
    ++line_;
  }
  std::string plain_field() {
    const std::size_t begun = at_;
    while (!at_end_of_line() && text_[at_] != separator_) ++at_;
    std::string field(text_.substr(begun, at_ - begun));
    while (trims_ && !field.empty() && (field.back() == ' ' || field.back() == '\t'))
      field.pop_back();
    return field;
  }
  std::string quoted_field(std::size_t column) {
    const int opened = line_;
    std::string field;
    for (++at_;; ++at_) {
      check_io(!ended(),
               "{}:{}: a closing quote was required for the field that opens here, column {}",
               source_, opened, column);
      if (text_[at_] == '"' && text_.substr(at_, 2) != "\"\"") break;
      at_ += text_[at_] == '"';
      line_ += text_[at_] == '\n';
      field += text_[at_];
    }
    ++at_;
    skip_blanks();
    check_io(at_end_of_line() || text_[at_] == separator_,
             "{}:{}: a separator was required after the closing quote in column {}: got '{}'",
             source_, line_, column, excerpt(text_.substr(std::min(at_, text_.size()), 1)));
    return field;
  }

  std::string_view text_;
  const std::string& source_;
  char separator_;
  bool trims_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<Record> read_records(std::string_view text, const std::string& source, char separator,
                                 Blanks blanks) {
  std::vector<Record> records;
  Reader reader(text, source, separator, blanks);
  while (!reader.ended()) {
    bool empty = false;
    Record record = reader.record(empty);
    if (!empty) records.push_back(std::move(record));
  }
  return records;
}

}  // namespace unroll::data::detail
