// The frame of the experiments: what one leaves, and the page that joins them.
#include "examples/lab/common/experiment.h"
#include "examples/lab/common/html.h"

#include "tests/examples/run_program.h"

#include <cmath>

namespace {

using lab::Experiment;

const lab::About kTiny{.name = "tiny", .number = 1, .title = "Tiny", .claim = "Claim."};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t out = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++out;
  return out;
}
bool contains(const std::string& text, const std::string& part) { return count(text, part) > 0; }

// Runs an experiment in a process of its own, in which the programs of `path` are installed (the
// usual ones if it is empty). Returns its exit code.
int run_tiny(const lab::About& about, const std::function<void(Experiment&)>& body,
             std::vector<std::string> words, const std::string& path = {}) {
  words.insert(words.begin(), about.name);
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO), dup2(nowhere, STDERR_FILENO);
    if (!path.empty()) setenv("PATH", path.c_str(), 1);
    _exit(lab::run(static_cast<int>(words.size()), argv.data(), about, body));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// An experiment with one of everything.
void everything(Experiment& e) {
  e.text("Some <text> & more.");
  e.chart({.title = "A chart",
           .x = {.label = "steps"},
           .y = {.label = "loss"},
           .at = {1, 2, 3},
           .series = {{"a < b", {1, 2.5, std::nan("")}}, {"c", {3, 4, 5}, {2, 3, 4}, {4, 5, 6}}}});
  e.heat({"A heat", {"p", "q"}, {"x", "y"}, {{0, 1}, {0.25, 0.5}}});
  e.table({"A table", {"", "n"}, {{"m", "17"}}});
  e.figure("gru.half", e.choose(1, 2, 3));
  e.figure("lstm.half", 0.5);
  e.conclude("Thus a < b.");
}

void leave(const Folder& folder, const std::string& name, int number) {
  REQUIRE(run_tiny({.name = name, .number = number, .title = "Title of " + name, .claim = "Claim."},
                   everything,
                   {"--page", folder / "", "--json", folder / (name + ".json"), "--quick"}) == 0);
}

}  // namespace

TEST_CASE("an experiment leaves a section with all that was added, and its numbers") {
  const Folder folder;
  leave(folder, "tiny", 4);
  const std::string section = unroll::read_file(folder / "tiny.html");
  for (const char* part :
       {"<section id=\"tiny\" data-number=\"4\">", "4. Title of tiny",
        "Some &lt;text&gt; &amp; more.", "a &lt; b", "<td>2.5</td>", "<td>4 (3 to 5)</td>",
        "<td>-</td>", "<td>0.25</td>", "<td>17</td>", "Thus a &lt; b.", "--quick --seed 1</code>"})
    CHECK_MESSAGE(contains(section, part), part);
  CHECK(section.find("Thus a") < section.find("Some &lt;text"));  // conclusions come first
  const Numbers numbers(folder / "tiny.json");
  CHECK(numbers["tiny.gru.half"] == 1);
  CHECK(numbers["tiny.lstm.half"] == 0.5);
}

TEST_CASE("the sizes of an experiment are those of --quick, none, and --full") {
  const Folder folder;
  const auto chosen = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all{"--json", folder / "a.json"};
    all.insert(all.end(), words.begin(), words.end());
    REQUIRE(run_tiny(kTiny, everything, all) == 0);
    return Numbers(folder / "a.json")["tiny.gru.half"];
  };
  CHECK(chosen({"--quick"}) == 1);
  CHECK(chosen({}) == 2);
  CHECK(chosen({"--full"}) == 3);
  CHECK(run_tiny(kTiny, everything, {"--full", "--quick"}) == 2);
}

TEST_CASE("an experiment whose result is not a number fails, and leaves no numbers") {
  const Folder folder;
  const auto body = [](Experiment& e) { e.figure("gru.half", std::nan("")); };
  CHECK(run_tiny(kTiny, body, {"--page", folder / "", "--json", folder / "tiny.json"}) == 2);
  CHECK_FALSE(std::filesystem::exists(folder / "tiny.html"));
  CHECK_FALSE(std::filesystem::exists(folder / "tiny.json"));
}

TEST_CASE("a chart whose lines have another length than its positions is refused") {
  const auto body = [](Experiment& e) {
    e.chart({.title = "c", .x = {}, .y = {}, .at = {1, 2}, .series = {{"a", {1}}}});
  };
  CHECK(run_tiny(kTiny, body, {}) == 2);
}

TEST_CASE("without gnuplot a sentence stands for each picture, and its numbers are open") {
  const Folder folder, empty;
  REQUIRE(run_tiny(kTiny, everything, {"--page", folder / ""}, empty / "") == 0);
  const std::string section = unroll::read_file(folder / "tiny.html");
  CHECK(count(section, "No picture: gnuplot is not installed.") == 2);
  CHECK(count(section, "<details open>") == 2);
  CHECK(contains(section, "<td>2.5</td>"));
  CHECK_FALSE(contains(section, "<svg"));
  CHECK(folder.files() == std::vector<std::string>{"tiny.html"});
}

TEST_CASE("a picture on a page keeps its names apart and has the page's colours") {
  const std::string svg =
      "<?xml version=\"1.0\"?>\n<svg width=\"460\" height=\"300\" viewBox=\"0 0 460 300\">"
      "<filter id='textbox'/><g filter='url(#textbox)'/><filter id='greybox'/>"
      "<rect fill=\"#ffffff\"/><g id=\"gnuplot_plot_1\"/><use xlink:href='#gpPt0' "
      "stroke='black'/></svg>";
  const std::string part = lab::html::inlined(svg, "cost-2");
  CHECK(part.rfind("<svg viewBox=\"0 0 460 300\"", 0) == 0);
  CHECK(contains(part, "id=\"cost-2_plot_1\""));
  CHECK(contains(part, "href='#cost-2_gpPt0'"));
  CHECK(contains(part, "<filter id='cost-2_textbox'/><g filter='url(#cost-2_textbox)'/>"));
  CHECK(contains(part, "<filter id='cost-2_greybox'/>"));
  CHECK(contains(part, "var(--text)"));
  CHECK_FALSE(contains(part, "#ffffff"));
}

TEST_CASE("the page has the sections by their numbers, and lab.json has the numbers of all") {
  const Folder folder;
  leave(folder, "second", 2), leave(folder, "ninth", 9), leave(folder, "first", 1);
  const Outcome run = run_program("lab/page", {folder / "", "ninth", "second", "first"});
  REQUIRE_MESSAGE(run.code == 0, run.err);
  const std::string page = unroll::read_file(folder / "index.html");
  const std::size_t first = page.find("<section id=\"first\""),
                    second = page.find("<section id=\"second\""),
                    ninth = page.find("<section id=\"ninth\"");
  CHECK((first < second && second < ninth && ninth < page.size()));
  CHECK(contains(page, "<li value=\"9\"><a href=\"#ninth\">Title of ninth</a></li>"));
  CHECK(count(page, "failed") == count(lab::html::page({}, {}), "failed"));  // only in the style
  const Numbers numbers(folder / "lab.json");
  for (const char* name : {"first", "second", "ninth"}) {
    CHECK(numbers[std::string(name) + ".gru.half"] == 1);
    CHECK(numbers[std::string(name) + ".lstm.half"] == 0.5);
  }
}

TEST_CASE("a failed experiment is shown with its last words, and the others are not affected") {
  const Folder folder;
  leave(folder, "good", 3);
  leave(folder, "bad", 1);
  std::filesystem::remove(folder / "bad.json");
  std::string log;
  for (int line = 1; line <= 40; ++line) log += fmt::format("line <{}>\n", line);
  folder.write("bad.log", log);
  const Outcome run = run_program("lab/page", {folder / "", "bad", "good", "absent"});
  REQUIRE_MESSAGE(run.code == 0, run.err);
  const std::string page = unroll::read_file(folder / "index.html");
  CHECK(contains(page, "<section id=\"good\""));
  CHECK(count(page, "This experiment failed.") == 2);
  for (const char* name : {"bad", "absent"})
    CHECK(contains(page, fmt::format("<a href=\"#{0}\">{0} (failed)</a>", name)));
  CHECK(contains(page, "line &lt;40&gt;"));  // escaped
  CHECK_FALSE(contains(page, "line &lt;20&gt;"));
  CHECK(page.find("<section id=\"good\"") < page.find("<section id=\"bad\""));
  const Numbers numbers(folder / "lab.json");
  CHECK(numbers.contains("good.gru.half"));
  CHECK_FALSE(numbers.contains("bad.gru.half"));
}

TEST_CASE("numbers that are not an experiment's are refused") {
  const Folder folder;
  leave(folder, "good", 3);
  folder.write("good.json", "{\"metrics\": {\"a\": \"b\"}}");
  check_sentence("page", run_program("lab/page", {folder / "", "good"}), "a number was required");
}
