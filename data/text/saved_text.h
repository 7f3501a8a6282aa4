// The text form in which vocabularies are saved: lines of fields separated by tabs, which can hold
// any bytes. Private to data/text.
#pragma once

#include <unroll/tensor/safetensors.h>
#include <unroll/tensor/types.h>

#include <string>
#include <string_view>

namespace unroll::data {

class SavedText {
 public:
  // Begins with the line "unroll KIND 1", where 1 is the version.
  explicit SavedText(std::string_view kind);

  void field(std::string_view text);  // escaped: valid UTF-8 without tabs and line ends
  void field(Index value);
  void end_line();
  Metadata as(const std::string& key) const;  // one entry

 private:
  std::string text_;
  bool first_ = true;
};

// Reads what SavedText wrote. Throws std::runtime_error with the key of the metadata if it is
// anything else.
class SavedReader {
 public:
  SavedReader(const Metadata& metadata, const std::string& key, std::string_view kind);

  bool at_end() const { return at_ == text_.size(); }
  std::string field();
  Index number(Index min, Index max);
  void end_line();
  [[noreturn]] void refuse(const std::string& required) const;

 private:
  std::string key_;
  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace unroll::data
