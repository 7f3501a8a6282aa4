#include <unroll/data/text/saved_text.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <algorithm>
#include <charconv>

namespace unroll::data {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

std::string first_line(std::string_view kind) { return fmt::format("unroll {} 1", kind); }

}  // namespace

SavedText::SavedText(std::string_view kind) : text_(first_line(kind) + "\n") {}

void SavedText::field(std::string_view field) {
  if (!first_) text_ += '\t';
  first_ = false;
  std::size_t valid = valid_utf8(field);
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto byte = static_cast<unsigned char>(field[i]);
    const bool invalid = i == valid;
    if (invalid) valid = i + 1 + valid_utf8(field.substr(i + 1));
    if (invalid || byte < 0x20 || byte == 0x7F || byte == '\\') {
      text_ += '\\';
      text_ += kHex[byte >> 4];
      text_ += kHex[byte & 15];
    } else {
      text_ += field[i];
    }
  }
}

void SavedText::field(Index value) { field(fmt::format("{}", value)); }

void SavedText::end_line() {
  text_ += '\n';
  first_ = true;
}

SavedReader::SavedReader(const Metadata& metadata, const std::string& key, std::string_view kind)
    : key_(key) {
  const auto found = metadata.find(key);
  check_io(found != metadata.end(),
           "{}: an entry \"{}\" in the metadata was required: got none (the file was saved without "
           "it, or belongs to another kind of model)",
           kind, key);
  text_ = found->second;
  const std::string first = first_line(kind) + "\n";
  if (text_.substr(0, first.size()) != first) refuse(fmt::format("\"{}\"", first_line(kind)));
  at_ = first.size();
  ++line_;
}

std::string SavedReader::field() {
  const std::size_t end = std::min(text_.find_first_of("\t\n", at_), text_.size());
  std::string out;
  for (std::size_t i = at_; i < end; ++i) {
    if (text_[i] != '\\') {
      out += text_[i];
      continue;
    }
    const bool whole = i + 2 < end;
    const std::size_t high = whole ? kHex.find(text_[i + 1]) : kHex.npos,
                      low = whole ? kHex.find(text_[i + 2]) : kHex.npos;
    if (high == kHex.npos || low == kHex.npos) refuse("two hexadecimal digits after a backslash");
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  at_ = end;
  if (at_ < text_.size() && text_[at_] == '\t') ++at_;
  return out;
}

Index SavedReader::number(Index min, Index max) {
  const std::string text = field();
  Index value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
    refuse(fmt::format("a whole number in [{}, {}]", min, max));
  return value;
}

void SavedReader::end_line() {
  if (at_ >= text_.size() || text_[at_] != '\n') refuse("the end of the line");
  ++at_;
  ++line_;
}

void SavedReader::refuse(const std::string& required) const {
  const std::size_t end = std::min(text_.find('\n', at_), text_.size());
  fail_io("{}: {} was required in line {} of this metadata: got \"{}\"", key_, required, line_,
          excerpt(text_.substr(at_, end - at_)));
}

}  // namespace unroll::data
