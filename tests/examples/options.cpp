// What the common options mean together, for any program.
#include "examples/common/options.h"
#include "examples/common/command_line.h"
#include "tests/examples/run_program.h"

#include <unroll/tensor/safetensors.h>

namespace {

const program::About kAbout{.name = "tester",
                            .description = "tests",
                            .pictures = {"a.png", "b.png"},
                            .takes = {.data = "a table",
                                      .sample = "sample.tsv",
                                      .test = "a table",
                                      .predict = "inputs",
                                      .resume = true}};

struct Parsed {
  program::Options o;
  unroll::Index hidden = 8;
  std::vector<std::string> names;
  bool flag = false;
  CLI::App app;

  explicit Parsed(std::vector<std::string> words) {
    app.add_option("--hidden", hidden);
    app.add_option("--names", names)->delimiter(',');
    app.add_flag("--flag", flag);
    program::declare_common(app, o, kAbout);
    words.insert(words.begin(), "tester");
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    program::parse(app, o, static_cast<int>(argv.size()), argv.data());
  }
};

void refused(const std::vector<std::string>& words, const std::string& sentence) {
  CHECK_THROWS_WITH_AS(Parsed{words}, sentence.c_str(), std::invalid_argument);
}

}  // namespace

TEST_CASE("options that exclude each other are refused for every program") {
  const std::vector<std::string> predict{"--predict", "x", "--load", "m"};
  refused({"--predict", "x"}, "--predict: a trained model was required: add --load FILE");
  refused({"--out", "x"}, "--out: predictions were required: add --predict FILE");
  for (const std::string option :
       {"--data", "--test", "--save", "--resume", "--epochs", "--json", "--pictures"}) {
    std::vector<std::string> words = predict;
    words.insert(words.end(), {option, "1"});
    refused(words, option + ": a run without --predict was required: got --predict");
  }
  for (const std::string option : {"--save", "--resume", "--epochs"})
    refused({"--load", "m", option, "1"}, option + ": a model to train was required: got --load");
  CHECK(Parsed(predict).o.predict == "x");
  CHECK(Parsed({}).o.data == "sample.tsv");
}

TEST_CASE("--help has 80 columns, however long the text of an option is") {
  program::Options o;
  CLI::App app;
  std::string s;
  for (int words : {1, 9, 10, 11, 12, 60}) {
    std::string text;
    for (int i = 0; i < words; ++i)
      text += (i > 0 ? i % 7 == 0 ? "\n" : " " : "") + std::string("word");
    app.add_option(fmt::format("--words{}", words), s, text)->type_name("NAME");
  }
  program::declare_common(app, o, kAbout);
  const std::string help = app.help();
  for (std::size_t at = 0; at < help.size();) {
    const std::size_t end = help.find('\n', at);
    CHECK_MESSAGE(end - at <= 80, help.substr(at, end - at));
    at = end + 1;
  }
}

TEST_CASE("an input that cannot be read is refused with its option, before any work") {
  const Folder folder;
  const std::string there = folder.write("there", "x"), absent = folder / "absent";
  const auto check = [&](const std::vector<std::string>& words, const std::string& option) {
    const Parsed parsed(words);
    CHECK_THROWS_WITH_AS(
        parsed.o.prepare(),
        (option + ": a file that can be read was required: " + absent + ": cannot be opened: ")
            .append("No such file or directory")
            .c_str(),
        std::runtime_error);
  };
  check({"--data", absent}, "--data");
  check({"--test", absent}, "--test");
  check({"--load", absent, "--data", there}, "--load");
  check({"--predict", absent, "--load", there}, "--predict");
  check({"--data", absent, "--pictures", folder / "p"}, "--data");
  CHECK(folder.files() == std::vector<std::string>{"there"});
  Parsed({"--data", there, "--test", there, "--load", there}).o.prepare();
  Parsed({}).o.prepare();  // the sample is not read by every run
  // A file of a form that is named without its ending.
  program::About about = kAbout;
  about.takes.endings = {".hea"};
  folder.write("record.hea", "x");
  Parsed record({"--data", folder / "record"});
  CHECK_THROWS_AS(record.o.prepare(), std::runtime_error);
  record.o.about = &about;
  record.o.prepare();
}

TEST_CASE("no output takes the place of an input or of another output; a run may replace itself") {
  const Folder folder;
  const std::string a = folder.write("a", "x"), b = folder.write("b", "x");
  const auto check = [&](const std::vector<std::string>& words, const std::string& option) {
    const Parsed parsed(words);
    CHECK_THROWS_WITH_AS(parsed.o.prepare(),
                         doctest::Contains((option + ": a file that no other option").c_str()),
                         std::invalid_argument);
  };
  check({"--data", a, "--save", a}, "--save");
  check({"--data", a, "--json", a}, "--json");
  check({"--test", a, "--save", a}, "--save");
  check({"--predict", a, "--load", b, "--out", a}, "--out");
  check({"--predict", a, "--load", b, "--out", b}, "--out");
  check({"--save", b, "--json", b}, "--json");
  check({"--pictures", folder / "p", "--json", folder / "p/b.png"}, "--pictures");
  CHECK(folder.files() == std::vector<std::string>{"a", "b"});
  Parsed both({});
  both.o.resume = both.o.save = a;
  both.o.prepare();
  both.o.save = b, both.o.json = a;
  CHECK_THROWS_AS(both.o.prepare(), std::invalid_argument);
}

TEST_CASE("a resumed run takes its options from the file, unless they are given again") {
  const Folder folder;
  const std::string file = folder / "m";
  const Parsed before({"--hidden", "32", "--names", "a,b c", "--flag", "--seed", "7", "--epochs",
                       "5", "--save", file, "--threads", "1", "--data", "--weird--"});
  unroll::Metadata metadata = before.o.given_options();
  metadata["program"] = "tester";
  unroll::save_safetensors(file, {}, metadata);
  const Parsed same({"--resume", file});
  CHECK(same.hidden == 32);
  CHECK(same.names == std::vector<std::string>{"a", "b c"});
  CHECK(same.flag);
  CHECK(same.o.seed == 7);
  CHECK(same.o.epochs == 5);
  CHECK(same.o.data == "--weird--");
  CHECK(same.o.save.empty());
  CHECK(same.o.threads == 0);
  const Parsed more({"--epochs", "9", "--resume", file, "--names", "x", "--seed", "7"});
  CHECK(more.o.epochs == 9);
  CHECK(more.names == std::vector<std::string>{"x"});
  CHECK(more.hidden == 32);
  refused({"--resume", file, "--seed", "8"},
          "--resume: the seed of the run, 7, was required: got --seed 8");
  metadata["program"] = "other";
  unroll::save_safetensors(file, {}, metadata);
  CHECK_THROWS_WITH_AS(
      Parsed({"--resume", file}),
      (file + ": a run of tester that can be resumed was required: got a model of other").c_str(),
      std::runtime_error);
}
