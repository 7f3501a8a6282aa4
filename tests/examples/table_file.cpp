#include "examples/common/table_file.h"
#include "examples/common/options.h"
#include "tests/examples/gzipped.h"
#include "tests/examples/run_program.h"

TEST_CASE("each sample table is read, with all of its rows") {
  struct Sample {
    const char *file, *column;
    std::size_t rows;
  };
  for (const Sample& s : {Sample{"dates.tsv.gz", "iso", 20000},
                          {"glosses.tsv.gz", "gloss", 24000},
                          {"kjv_verses.tsv.gz", "text", 31102},
                          {"languages.tsv.gz", "text", 2802},
                          {"pronunciation.tsv.gz", "phonemes", 40000}}) {
    const auto table = program::read_table(program::sample(s.file), {s.column});
    CHECK(table.rows() == s.rows);
    for (const std::string& text : table.strings(s.column)) REQUIRE_FALSE(text.empty());
  }
}

TEST_CASE("a table has tabs and plain quotes, or else it is CSV, compressed or not") {
  const Folder folder;
  const std::string tabs = "class\tgloss\r\n\nact\ta \"b\", c\nart\t\"d\n";
  for (const std::string& bytes : {tabs, gzipped(tabs)}) {
    const auto table = program::read_table(folder.write("t", bytes), {"gloss", "class"});
    CHECK(table.strings("gloss") == std::vector<std::string>{"a \"b\", c", "\"d"});
    CHECK(table.line(0) == 3);
  }
  const auto csv = program::read_table(folder.write("c",
                                                    "\xEF\xBB\xBF"
                                                    "class,gloss\nact,\"a \"\"b\"\", c\"\n"),
                                       {"class"});
  CHECK(csv.strings("gloss") == std::vector<std::string>{"a \"b\", c"});
  const auto lines = program::read_table(folder.write("l", "text\nhello, world\n"), {"text"});
  CHECK(lines.strings("text") == std::vector<std::string>{"hello, world"});
}

TEST_CASE("a table that cannot be meant is refused with its line") {
  const Folder folder;
  const auto refused = [&](const std::string& text, const std::string& words) {
    const std::string path = folder.write("t", text);
    CHECK_THROWS_WITH_AS(program::read_table(path, {"a", "b"}), (path + words).c_str(),
                         std::runtime_error);
  };
  const std::string cure = " (another encoding is converted by iconv -f NAME -t UTF-8)";
  refused("", ": text was required: got an empty file");
  refused("\n\n", ": text was required: got an empty file");
  refused("a\tb\n", ": at least one row was required: got none");
  refused("a\tb\n1\t2\n\n1\t2\t3\n", ":4: 2 fields were required: got 3");
  refused("a\tc\n1\t2\n", ": a column \"b\" was required: got the columns a, c");
  refused("a\tb\n1\t\xff\n", ": text in UTF-8 was required: byte 7 is not part of any" + cure);
  refused("a\tb\n1\t\xed\xa0\x80\n",
          ": text in UTF-8 was required: byte 7 is not part of any" + cure);
}

TEST_CASE("inputs to predict are a table, or one on each line") {
  const Folder folder;
  const auto inputs = [&](const std::string& text) {
    return program::read_inputs(folder.write("t", text), {"gloss"}).strings("gloss");
  };
  const std::vector<std::string> two{"a cat, large", "a \"dog\""};
  CHECK(inputs("gloss\na cat, large\na \"dog\"\n") == two);
  CHECK(inputs("a cat, large\na \"dog\"\n") == two);
  const std::vector<std::string> gap{two[0], "", two[1]};
  CHECK(inputs("a cat, large\n\na \"dog\"\n") == gap);
  CHECK(inputs("gloss\na cat, large\n\na \"dog\"\n") == gap);
  CHECK_THROWS_AS(inputs("x\ty\n1\t2\n"), std::runtime_error);  // a table of something else
  CHECK(inputs("class\tgloss\nx\ta cat, large\ny\ta \"dog\"\n") == two);
  CHECK(inputs("class,gloss\nx,\"a cat, large\"\ny,\"a \"\"dog\"\"\"\n") == two);
}
