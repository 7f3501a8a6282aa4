// Reads text files of any kind: compressed by gzip or not, in UTF-8 or another encoding.
#pragma once

#include <string>
#include <string_view>

namespace program {

struct TextFile {
  std::string text;      // UTF-8, without a byte order mark
  std::string encoding;  // detected or given: "UTF-8", "UTF-16LE", "CP949", ...
  bool compressed = false;
};

// Reads a whole text file. gzip is detected by its first bytes, not by the file's name. An encoding
// that is not given is detected: by a byte order mark; UTF-16 without one by its zero bytes; UTF-8
// if the text is valid UTF-8; otherwise CP949 (which contains EUC-KR) or CP1252, whichever fits
// better. Throws std::runtime_error if the file cannot be read, is another kind of
// archive, is not text, is damaged, or has more than 1 GiB of text.
TextFile read_text_file(const std::string& path, const std::string& encoding = {});

// Reads a text that must be UTF-8, compressed by gzip or not; UTF-16 and UTF-32 need a byte order
// mark. No other encoding is guessed, so that a damaged byte is found. Throws std::runtime_error as
// read_text_file does; for invalid UTF-8 with the position of the byte.
std::string read_utf8_file(const std::string& path);

// The two steps of read_text_file; `source` names the text in errors.
std::string gunzip(std::string_view bytes, const std::string& source);
std::string to_utf8(std::string_view bytes, const std::string& encoding, const std::string& source);

}  // namespace program
