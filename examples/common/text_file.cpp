#include "examples/common/text_file.h"

#include <unroll/tensor/error.h>
#include <unroll/tensor/file.h>

#include <iconv.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <initializer_list>
#include <memory>
#include <utility>

namespace program {
namespace {

using unroll::check_io;

constexpr std::size_t kMaxText = std::size_t{1} << 30;  // bytes; a few KB of gzip can hold more

bool begins_with(std::string_view bytes, std::string_view prefix) {
  return bytes.substr(0, prefix.size()) == prefix;
}
bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// Converts the bytes. Returns false with the position of the first byte that is invalid in the
// encoding.
bool convert(std::string_view bytes, const std::string& encoding, const std::string& source,
             std::string& out, std::size_t& bad_byte) {
  if (encoding == "UTF-8") {
    out = bytes;
    bad_byte = unroll::valid_utf8(bytes);
    return bad_byte == bytes.size();
  }
  iconv_t converter = iconv_open("UTF-8", encoding.c_str());
  // iconv_open returns this value on errors.
  check_io(converter != reinterpret_cast<iconv_t>(-1),  // NOLINT(performance-no-int-to-ptr)
           "{}: an encoding that iconv knows was required (iconv -l lists them): got \"{}\"",
           source, unroll::excerpt(encoding));
  const std::unique_ptr<void, int (*)(iconv_t)> closer(converter, iconv_close);
  out.clear();
  char* in = const_cast<char*>(bytes.data());  // iconv does not write to it
  std::size_t left = bytes.size();
  char buffer[1 << 14];
  while (left > 0) {
    char* at = buffer;
    std::size_t room = sizeof buffer;
    const std::size_t result = iconv(converter, &in, &left, &at, &room);
    const int error = errno;
    out.append(buffer, static_cast<std::size_t>(at - buffer));
    check_io(out.size() <= kMaxText, "{}: at most {} bytes of text were required: got more", source,
             kMaxText);
    if (result == static_cast<std::size_t>(-1) && error != E2BIG) {
      bad_byte = bytes.size() - left;
      return false;
    }
  }
  return true;
}

// Detects UTF-16 without a byte order mark. In a table, separators, digits and line ends have a
// zero byte, always at the same position of the pair.
std::string utf16_by_zeros(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, 4096);
  std::size_t zeros[2] = {0, 0};
  for (std::size_t i = 0; i < head.size(); ++i) zeros[i % 2] += head[i] == 0;
  if (4 * (zeros[0] + zeros[1]) <= head.size()) return {};
  if (zeros[0] == 0) return "UTF-16LE";
  if (zeros[1] == 0) return "UTF-16BE";
  return {};
}

// In Korean text bytes above 127 come in pairs; in Western text most of them are single.
bool looks_korean(std::string_view bytes) {
  std::size_t pairs = 0, alone = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (!is_high(bytes[i])) continue;
    const bool pair = i + 1 < bytes.size() && is_high(bytes[i + 1]);
    (pair ? pairs : alone) += 1;
    i += pair;
  }
  return pairs > alone;
}

void refuse_other_kinds(std::string_view bytes, const std::string& path) {
  using namespace std::string_view_literals;
  for (const auto& [start, kind] : std::initializer_list<std::pair<std::string_view, const char*>>{
           {"PK\x03\x04"sv, "a ZIP archive or an Excel workbook: unpack it, or save it as CSV"},
           {"\xD0\xCF\x11\xE0"sv, "an Excel workbook: save it as CSV"},
           {"BZh"sv, "a bzip2 archive: unpack it first"},
           {"\xFD"
            "7zXZ"sv,
            "an xz archive: unpack it first"},
           {"\x28\xB5\x2F\xFD"sv, "a zstd archive: unpack it first"},
           {"\x1F\x9D"sv, "a file packed by compress: unpack it first (gzip -d)"},
           {"%PDF"sv, "a PDF document"},
           {"PAR1"sv, "a Parquet file: save it as CSV"}})
    check_io(!begins_with(bytes, start), "{}: a text file was required: got {}", path, kind);
}

// Removes a byte order mark. Returns its encoding, empty if there is none.
std::string drop_mark(std::string_view& text) {
  using namespace std::string_view_literals;
  for (const auto& [mark, encoding] :
       std::initializer_list<std::pair<std::string_view, const char*>>{
           {"\xEF\xBB\xBF"sv, "UTF-8"},
           {"\xFF\xFE\0\0"sv, "UTF-32LE"},  // before UTF-16LE, whose mark it begins with
           {"\0\0\xFE\xFF"sv, "UTF-32BE"},
           {"\xFF\xFE"sv, "UTF-16LE"},
           {"\xFE\xFF"sv, "UTF-16BE"}})
    if (begins_with(text, mark)) {
      text.remove_prefix(mark.size());
      return encoding;
    }
  return {};
}

// The bytes of a file, decompressed if necessary.
std::string read_bytes(const std::string& path, bool& compressed) {
  std::string bytes = unroll::read_file(path);
  compressed = begins_with(bytes, "\x1F\x8B");
  if (compressed) bytes = gunzip(bytes, path);
  refuse_other_kinds(bytes, path);
  return bytes;
}

// Converts the text of a file to UTF-8.
std::string converted(std::string_view text, const std::string& encoding, const std::string& path) {
  std::string out = to_utf8(text, encoding, path);
  out.erase(0, out.size() - unroll::without_mark(out).size());
  check_io(out.find('\0') == std::string::npos,
           "{}: a text file was required: got one with zero bytes", path);
  return out;
}

}  // namespace

std::string gunzip(std::string_view bytes, const std::string& source) {
  z_stream stream{};
  constexpr int kGzip = 16;
  check_io(inflateInit2(&stream, MAX_WBITS + kGzip) == Z_OK,
           "{}: memory to decompress was required: there is none", source);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, inflateEnd);
  std::string out;
  char buffer[1 << 15];
  std::string_view rest = bytes;
  while (!rest.empty()) {  // a file may have several gzip members
    const auto given = static_cast<uInt>(std::min<std::size_t>(rest.size(), UINT_MAX));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest.data()));
    stream.avail_in = given;
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
    rest.remove_prefix(given - stream.avail_in);
    check_io(out.size() <= kMaxText, "{}: at most {} bytes of text were required: got more", source,
             kMaxText);
    if (result == Z_STREAM_END) {
      if (!begins_with(rest, "\x1F\x8B")) return out;  // trailing zeros are padding
      inflateReset(&stream);
      continue;
    }
    check_io(result == Z_OK, "{}: a whole gzip file was required: this one is damaged ({})", source,
             stream.msg != nullptr ? stream.msg : "its data end too early");
  }
  unroll::fail_io("{}: a whole gzip file was required: this one ends too early", source);
}

std::string to_utf8(std::string_view bytes, const std::string& encoding,
                    const std::string& source) {
  std::string out;
  std::size_t bad = 0;
  const bool good = convert(bytes, encoding, source, out, bad);
  check_io(good, "{}: text in {} was required: byte {} is not part of any{}", source, encoding,
           bad + 1,
           encoding == "UTF-8" ? " (another encoding is converted by iconv -f NAME -t UTF-8)" : "");
  return out;
}

TextFile read_text_file(const std::string& path, const std::string& encoding) {
  TextFile file;
  const std::string bytes = read_bytes(path, file.compressed);
  std::string_view text = bytes;
  std::size_t bad = 0;
  if (!encoding.empty()) {
    file.encoding = encoding;
  } else if (file.encoding = drop_mark(text); !file.encoding.empty()) {
  } else if (file.encoding = utf16_by_zeros(text); !file.encoding.empty()) {
  } else if (convert(text, "UTF-8", path, file.text, bad)) {
    file.encoding = "UTF-8";
  } else if (looks_korean(text) && convert(text, "CP949", path, file.text, bad)) {
    file.encoding = "CP949";
  } else {
    file.encoding = "CP1252";
    check_io(convert(text, file.encoding, path, file.text, bad),
             "{}: text in UTF-8, UTF-16, CP949 or CP1252 was required: got another encoding; "
             "convert it first (iconv -f NAME -t UTF-8)",
             path);
  }
  file.text = converted(text, file.encoding, path);
  return file;
}

std::string read_utf8_file(const std::string& path) {
  bool compressed = false;
  const std::string bytes = read_bytes(path, compressed);
  std::string_view text = bytes;
  const std::string marked = drop_mark(text);
  // With the mark of UTF-8, which converted() drops, positions are those in the file.
  return marked.empty() || marked == "UTF-8" ? converted(bytes, "UTF-8", path)
                                             : converted(text, marked, path);
}

}  // namespace program
