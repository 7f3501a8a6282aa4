// Text files as people have them: gzip, encodings, and what is no text.
#include "examples/common/text_file.h"
#include "tests/examples/gzipped.h"
#include "tests/examples/run_program.h"

using program::read_text_file;
using namespace std::string_literals;

namespace {

const std::string kText = "날짜,종가\n2020년 08월 31일,307.14\nSchlußkurs,1\n";

// In an encoding whose units have two bytes, all of which fit here.
std::string utf16(const std::string& ascii, bool big) {
  std::string out;
  for (const char c : ascii) out += big ? "\0"s + c : c + "\0"s;
  return out;
}

std::string message_of(const std::string& path) {
  try {
    read_text_file(path);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE(
    "UTF-8 is read unchanged, without a byte order mark, compressed or not, whatever the file "
    "name") {
  const Folder folder;
  for (const std::string mark : {"", "\xEF\xBB\xBF"})
    for (const bool compressed : {false, true}) {
      const std::string bytes = mark + kText;
      const auto file =
          read_text_file(folder.write("any.name", compressed ? gzipped(bytes) : bytes));
      CHECK(file.text == kText);
      CHECK(file.encoding == "UTF-8");
      CHECK(file.compressed == compressed);
    }
}

TEST_CASE("UTF-16 is recognised in both orders, with a mark or without") {
  const Folder folder;
  const std::string text = "Date,Close\n2020-01-02,100.5\n";
  for (const bool big : {false, true})
    for (const bool marked : {false, true}) {
      const std::string mark = !marked ? "" : big ? "\xFE\xFF" : "\xFF\xFE";
      const auto file = read_text_file(folder.write("a.csv", mark + utf16(text, big)));
      CHECK(file.text == text);
      CHECK(file.encoding == (big ? "UTF-16BE" : "UTF-16LE"));
    }
}

TEST_CASE("Korean and Western bytes are told apart, and an encoding can be named") {
  const Folder folder;
  const std::string korean = "\xB3\xAF\xC2\xA5,\xC1\xBE\xB0\xA1\n2020,1\n";  // 날짜,종가
  CHECK(read_text_file(folder.write("k.csv", korean)).text == "날짜,종가\n2020,1\n");
  CHECK(read_text_file(folder.write("k.csv", korean)).encoding == "CP949");
  const std::string western = "Datum,Schlu\xDFkurs,\xC4nderung\n";
  CHECK(read_text_file(folder.write("w.csv", western)).text == "Datum,Schlußkurs,Änderung\n");
  CHECK(read_text_file(folder.write("e.csv", "price \x80\n")).text == "price €\n");
  CHECK(read_text_file(folder.write("j.csv", "\x93\xFA\x95\x74\n"), "SHIFT_JIS").text == "日付\n");
  CHECK(message_of(folder.write("n.csv", "a \x81 b\n")).find("got another encoding") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(read_text_file(folder / "k.csv", "NONSENSE"),
                       doctest::Contains("an encoding that iconv knows was required"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(read_text_file(folder / "k.csv", "ASCII"),
                       doctest::Contains("text in ASCII was required: byte 1 is not part of any"),
                       std::runtime_error);
}

TEST_CASE("every member of a gzip file is read, and a damaged one is refused") {
  const Folder folder;
  CHECK(read_text_file(folder.write("two.gz", gzipped("one\n") + gzipped("two\n"))).text ==
        "one\ntwo\n");
  CHECK(read_text_file(folder.write("padded.gz", gzipped("one\n") + "\0\0\0"s)).text == "one\n");
  CHECK(read_text_file(folder.write("none.gz", gzipped(""))).text.empty());
  std::string long_text;
  for (int i = 0; i < 50000; ++i) long_text += fmt::format("{}\n", i * 7919 % 10007);
  const std::string whole = gzipped(long_text);
  CHECK(read_text_file(folder.write("long.gz", whole)).text == long_text);
  for (const std::size_t length : {3UL, 12UL, whole.size() / 2, whole.size() - 1})
    CHECK(message_of(folder.write("cut.gz", whole.substr(0, length)))
              .find("a whole gzip file was required") != std::string::npos);
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 0x55;
  CHECK(message_of(folder.write("damaged.gz", damaged)).find("was required") != std::string::npos);
}

TEST_CASE("binary and damaged text files are refused with their name") {
  const Folder folder;
  CHECK(message_of(folder.write("a.xlsx", "PK\x03\x04 more")).find("an Excel workbook") !=
        std::string::npos);
  CHECK(message_of(folder.write("a.xls", "\xD0\xCF\x11\xE0 more")).find("save it as CSV") !=
        std::string::npos);
  CHECK(message_of(folder.write("a.pdf", "%PDF-1.4")).find("a PDF document") != std::string::npos);
  CHECK(message_of(folder.write("zero", "a,b\n1,\0002\n"s)).find("zero bytes") !=
        std::string::npos);
  CHECK(message_of(folder / "absent").find("absent: cannot be opened") != std::string::npos);
}
