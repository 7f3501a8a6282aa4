// The programs for text stand any file a stranger gives them: one sentence, exit code 2, nothing
// lost. The kinds of bad input are the same for all of them.
#include "examples/common/table_file.h"
#include "tests/examples/run_program.h"
#include "tests/examples/strokes/scans.h"
#include "tests/examples/strokes/scribbles.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstring>

namespace {

struct Program {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::string> small;  // options of a quick run
  std::string text_option;         // asks for one text
};

const std::vector<Program> kTextPrograms{
    {"topics",
     {"class", "gloss"},
     {"--model", "embedding_bag", "--features", "words", "--hidden", "4"},
     "--query"},
    {"languages", {"language", "text"}, {"--hidden", "4", "--snippets", "1"}, "--text"},
    {"representations", {"text"}, {"--dim", "4"}, "--words"},
    {"language_model", {"text"}, {"--hidden", "8", "--embedding", "4"}, "--generate"},
    {"dates", {"human", "iso"}, {"--hidden", "4", "--beams", "1"}, "--date"},
    {"pronunciation", {"word", "phonemes"}, {"--hidden", "4", "--beams", "1"}, "--word"}};

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string joined(const std::vector<std::string>& cells) {
  return fmt::format("{}\n", fmt::join(cells, "\t"));
}

// A small table that the program can learn from.
std::string table_of(const Program& p) {
  std::string out = joined(p.columns);
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i + 1);
    if (p.name == "topics" || p.name == "languages")
      out += joined(
          {i % 2 ? "one" : "two", (i % 2 ? "the cat of house " : "der Hund im Haus ") + number});
    else if (p.name == "dates")
      out += joined({fmt::format("{}.{}.2030", i % 28 + 1, i % 12 + 1),
                     fmt::format("2030-{:02}-{:02}", i % 12 + 1, i % 28 + 1)});
    else if (p.name == "pronunciation")
      out += joined({fmt::format("w{}", i), i % 2 ? "W AH N" : "T UW"});
    else
      out += joined({"and it came to pass in the days of king " + number});
  }
  return out;
}

std::vector<std::string> trained(const Program& p, const std::string& data,
                                 const std::string& model) {
  return with(p.small, {"--data", data, "--epochs", "1", "--threads", "1", "--save", model});
}

std::string first_cell(const Program& p) { return p.name == "dates" ? "3.8.2030" : "king"; }

// A model file with another value for one entry of its metadata.
std::string with_entry(const std::string& file, const std::string& key, const std::string& value) {
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof size);
  rapidjson::Document header;
  header.Parse(file.substr(sizeof size, size).c_str());
  REQUIRE_FALSE(header.HasParseError());
  header["__metadata__"][key.c_str()].SetString(value.c_str(), header.GetAllocator());
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  header.Accept(writer);
  std::string out = text.GetString();
  out.resize((out.size() + 7) / 8 * 8, ' ');
  size = out.size();
  std::string begin(sizeof size, '\0');
  std::memcpy(begin.data(), &size, sizeof size);
  std::memcpy(&size, file.data(), sizeof size);
  return begin + out + file.substr(sizeof size + size);
}

}  // namespace

TEST_CASE("every program misses a model before it reads the data") {
  const Folder folder;
  const std::string data = folder.write("d", "no data of any program");
  std::vector<std::string> names{"dna_sequence", "ecg", "stock_price"};
  for (const Program& p : kTextPrograms) names.push_back(p.name);
  for (const std::string& name : names) {
    CAPTURE(name);
    const std::string option = name == "stock_price" ? "--csv" : "--data";
    check_refused(name, {option, data, "--load", folder / "absent"},
                  "--load: a file that can be read was required");
  }
}

TEST_CASE("a table that cannot be meant is refused, and an existing model stays as it was") {
  const Folder folder;
  const std::string model = folder.write("model", "a good model");
  for (const Program& p : kTextPrograms) {
    const std::string good = table_of(p);
    const auto refused = [&](const std::string& bytes, const std::string& words) {
      check_refused(p.name, trained(p, folder.write("t.tsv", bytes), model), words);
      CHECK(unroll::read_file(model) == "a good model");
    };
    refused("", "got an empty file");
    refused("\n\n\n", "got an empty file");
    refused(joined(p.columns), "at least one row was required");
    refused("other" + good.substr(good.find('\n')),
            p.columns.size() > 1 ? "was required" : "a column \"text\"");
    refused(good + "\xFF", fmt::format("byte {} is not part of any", good.size() + 1));
    refused(good + "\xED\xA0\x80", fmt::format("byte {} is not part of any", good.size() + 1));
    refused(good + std::string(1, '\0'), "zero bytes");
    refused(good + joined(with(p.columns, {"more"})), ":102: ");
    std::vector<std::string> long_row(p.columns.size(), "a");
    long_row.back() = std::string(program::kMaxField + 1, 'x');
    refused(good + joined(long_row), ":102: a text of at most 1000000 bytes was required");
    if (p.columns.size() > 1) {
      refused(good + "\t \n", ":102: a text in column");
      std::string swapped = joined(p.columns);
      for (std::size_t at = good.find('\n') + 1; at < good.size();) {
        const std::size_t tab = good.find('\t', at), end = good.find('\n', at);
        swapped += good.substr(tab + 1, end - tab - 1) + "\t" + good.substr(at, tab - at) + "\n";
        at = end + 1;
      }
      // Each "class" and "language" of the swapped table occurs once.
      refused(swapped, p.name == "languages" ? "paragraphs of each language" : "swapped?");
    }
  }
  for (const std::string name : {"dates", "pronunciation"})
    check_refused(name, {"--data", folder / "absent"}, "absent: cannot be opened");
  check_refused("topics", {"--data", folder / ""}, "a regular file was required");
}

TEST_CASE("UTF-16 with a mark, a mark of UTF-8, and all line ends are read") {
  const Folder folder;
  const std::string text = "class\tgloss\na\tb\nc\td\n";
  std::string wide = "\xFF\xFE", crlf, cr = text;
  for (const char c : text) {
    wide += c, wide += '\0';
    crlf += c == '\n' ? "\r\n" : std::string(1, c);
  }
  std::replace(cr.begin(), cr.end(), '\n', '\r');
  for (const std::string& bytes : {wide, "\xEF\xBB\xBF" + text, crlf, cr}) {
    const auto table = program::read_table(folder.write("t", bytes), {"class", "gloss"});
    CHECK(table.strings("gloss") == std::vector<std::string>{"b", "d"});
  }
}

TEST_CASE("each line of a file to predict has its row, also an empty line") {
  const Folder folder;
  for (const Program& p : kTextPrograms) {
    CAPTURE(p.name);
    const std::string data = folder.write("t.tsv", table_of(p)), model = folder / "model";
    const Outcome run = run_program(p.name, trained(p, data, model));
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    const std::string asked = first_cell(p);
    const auto predict = [&](const std::string& bytes) {
      const Outcome out = run_program(
          p.name, {"--load", model, "--predict", folder.write("asked", bytes), "--threads", "1"});
      CAPTURE(out.err);
      CHECK(out.code == 0);
      return out.out;
    };
    const std::string three = predict(asked + "\n\n" + asked + "\n"), one = predict(asked + "\n");
    const auto line = [](const std::string& text, int number) {
      std::size_t at = 0;
      for (; number > 0; --number) at = text.find('\n', at) + 1;
      return text.substr(at, text.find('\n', at) - at);
    };
    CHECK(std::count(three.begin(), three.end(), '\n') == 4);
    CHECK(line(three, 0) == line(one, 0));
    CHECK(line(three, 1) == line(one, 1));
    CHECK(line(three, 2).rfind(",", 0) == 0);
    CHECK(line(three, 2).find("nan") == std::string::npos);
    CHECK(line(three, 3) == line(one, 1));
    // The same in a table of one column.
    CHECK(predict(p.columns.back() == "iso"   ? "human\n" + asked + "\n\n" + asked + "\n"
                  : p.name == "pronunciation" ? "word\n" + asked + "\n\n" + asked + "\n"
                  : p.name == "representations"
                      ? "word\n" + asked + "\n\n" + asked + "\n"
                      : p.columns.back() + "\n" + asked + "\n\n" + asked + "\n") == three);

    // A failed run leaves the file of --out as it was.
    const std::string out = folder.write("out.csv", "precious");
    for (const std::string& bytes :
         {asked + "\n\xFF\n", asked + "\n" + std::string(program::kMaxField + 1, 'x') + "\n",
          std::string("x\ty\n1\t2\n")}) {
      check_refused(p.name,
                    {"--load", model, "--predict", folder.write("asked", bytes), "--out", out},
                    "required");
      CHECK(unroll::read_file(out) == "precious");
    }
    // Texts on the command line, refused before any work.
    for (const std::string text : {"ab\xFF", "ab\xED\xA0\x80"})
      check_refused(p.name, {p.text_option, text},
                    p.text_option + ": a text in UTF-8 was required: byte 3");
    for (const std::string word : {"한국어", "\xF0\x9F\x98\x80", "a\x01"})
      CHECK(run_program(p.name, {"--load", model, p.text_option, word}).code == 0);

    // Models that are damaged, or of another program.
    const std::string file = unroll::read_file(model);
    const auto refused = [&](const std::string& bytes, const std::string& words) {
      check_refused(p.name,
                    {"--load", folder.write("bad", bytes), "--predict", folder.write("a", asked)},
                    words);
    };
    refused(file.substr(0, file.size() / 2), "bad");
    refused(file.substr(0, 20), "bad");
    refused("", "bad");
    refused(with_entry(file, "program", "another"), "was required: got \"another\"");
    if (p.name == "dates" || p.name == "pronunciation") {
      refused(with_entry(file, "hidden", "4000"), "values were required");
      refused(with_entry(file, "hidden", "-1"), "units");
      refused(with_entry(file, "layers", "99999999999999999999"), "layers were required");
    } else if (p.name == "language_model") {
      refused(with_entry(file, "options.layer.hidden", "60000"), "values were required");
      refused(with_entry(file, "options.layer.layers", "1000000000000"), "layers");
    } else if (p.name != "representations") {
      refused(with_entry(file, "options.hidden", "4000"), "values were required");
    }
  }
}

TEST_CASE("Ctrl-C is heeded in a search, and the file of --out stays as it was") {
  const Folder folder;
  for (const Program& p : kTextPrograms) {
    if (p.name != "dates" && p.name != "language_model") continue;
    CAPTURE(p.name);
    const std::string data = folder.write("t.tsv", table_of(p)), model = folder / "model",
                      out = folder.write("out.csv", "precious");
    REQUIRE(run_program(p.name, trained(p, data, model)).code == 0);
    const auto stopped = [&](const std::vector<std::string>& more) {
      const Outcome result =
          run_program(p.name, with({"--load", model, "--threads", "1"}, more), 1000);
      CHECK(result.code == 128 + SIGINT);
      CHECK(result.err.find("interrupted") != std::string::npos);
      CHECK(result.cpu_after_interrupt < 1);
    };
    std::string many;  // of minutes
    for (int i = 0; i < 300'000; ++i) many += fmt::format("{} {}\n", first_cell(p), i);
    std::vector<std::string> asked{"--predict", folder.write("asked", many), "--out", out};
    if (p.name == "dates") asked = with(asked, {"--beams", "100"});
    stopped(asked);
    CHECK(unroll::read_file(out) == "precious");
    if (p.name == "language_model")
      for (const std::vector<std::string>& how :
           {std::vector<std::string>{"--beams", "8"}, {"--top-k", "3"}})
        stopped(with({"--generate", "king", "--length", "1000000000"}, how));
  }
}

TEST_CASE("strokes refuses drawings, images and models that cannot be meant; files stay") {
  const Folder folder;
  const std::string model = folder.write("model", "a good model"), data = pairs_file(60),
                    images = write_scans(folder, 60);
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& words) {
    check_refused(
        "strokes",
        with({"--task", "strokes", "--hidden", "4", "--epochs", "1", "--save", model}, arguments),
        words);
    CHECK(unroll::read_file(model) == "a good model");
  };
  const auto drawings = [&](const std::string& bytes) { return folder.write("d", bytes); };
  refused({"--data", drawings("")}, "empty file");
  refused({"--data", drawings("x,y\n")}, "were required: got \"x,y\"");
  refused({"--data", drawings(data + "1,2,nan,3,1\n")}, ":61: a number");
  refused({"--data", drawings(data + "1,2,1\n")}, ":61: a drawing with two different points");
  refused({"--data", drawings(data + "1,2,1,2,1\n")}, "got equal points only");
  refused({"--data", drawings(data.substr(0, data.find('\n')))}, "at least 10 drawings");
  refused({"--data", drawings(pairs_file(60, 1, false))}, ":1: a drawing with a class");
  refused({"--data", drawings(data), "--test", folder.write("t", "1,2,3,4,alpha\n")},
          "t:1: one of the 3 classes that are learned (0 to 2) was required: got \"alpha\"");
  refused({"--data", drawings(data), "--test", folder.write("t", ".SEGMENT DIGIT 0 ? \"1\"\n")},
          "t:1: a drawing with a stroke");
  refused({"--data", folder / "absent"}, "cannot be opened");
  refused({"--data", images}, "text in UTF-8");
  refused({"--fonts", folder / "absent"}, "hershey-fonts-data");
  refused({"--data", drawings(data), "--alphabet", "lower"}, "synthetic drawings");
  refused({"--images", images}, "--task rows or pixels");
  const auto scans_refused = [&](const std::string& path, const std::string& words) {
    check_refused("strokes", {"--images", path}, words);
  };
  scans_refused(drawings(data), "\"images-idx3\"");
  scans_refused(folder.write("a-images-idx3", ""), "empty file");
  scans_refused(folder.write("a-images-idx3", data), "two zero bytes");
  scans_refused(folder.write("a-images-idx3", unroll::read_file(images).substr(0, 500)),
                "as its header states");
  scans_refused(folder.write("b-images-idx3-ubyte", unroll::read_file(images)), "cannot be opened");
  scans_refused(write_scans(folder, 8, "few"), "at least 40 images");

  // Models that are damaged, or asked about files that they cannot read.
  REQUIRE(run_program("strokes", {"--task", "strokes", "--data", drawings(data), "--hidden", "4",
                                  "--epochs", "1", "--save", model})
              .code == 0);
  const std::string file = unroll::read_file(model), out = folder.write("out.csv", "precious"),
                    asked = folder.write("asked", pairs_file(3, 2, false));
  const auto load_refused = [&](const std::string& bytes, const std::string& path,
                                const std::string& words) {
    check_refused("strokes",
                  {"--load", folder.write("bad", bytes), "--predict", path, "--out", out}, words);
    CHECK(unroll::read_file(out) == "precious");
  };
  load_refused(file.substr(0, file.size() / 2), asked, "bad");
  load_refused("", asked, "bad");
  load_refused(with_entry(file, "program", "another"), asked, "got \"another\"");
  load_refused(with_entry(file, "task", "another"), asked, "without its task");
  load_refused(with_entry(file, "task", "rows"), asked, "sizes do not fit");
  load_refused(with_entry(file, "classes", "1"), asked, "sizes do not fit");
  load_refused(with_entry(file, "options.hidden", "4000"), asked, "values were required");
  load_refused(with_entry(file, "options.kind", "x"), asked, "sizes do not fit");
  load_refused(file, images, "text in UTF-8");
  load_refused(file, folder.write("none", "1,1,1,1\n"), "equal points only");
  check_refused("strokes", {"--load", model}, "--test or --predict was required");
}
