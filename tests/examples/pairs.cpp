// Pairs of texts: reading, splitting and the edit distance.
#include "examples/common/pairs.h"

#include "tests/examples/run_program.h"
#include "tests/support.h"

#include <set>

using namespace unroll;

namespace {

using Units = std::vector<std::string>;

// By recursion over all edits.
Index plain_distance(const Units& a, const Units& b, std::size_t i = 0, std::size_t j = 0) {
  if (i == a.size()) return static_cast<Index>(b.size() - j);
  if (j == b.size()) return static_cast<Index>(a.size() - i);
  if (a[i] == b[j]) return plain_distance(a, b, i + 1, j + 1);
  return 1 + std::min({plain_distance(a, b, i + 1, j), plain_distance(a, b, i, j + 1),
                       plain_distance(a, b, i + 1, j + 1)});
}

}  // namespace

TEST_CASE("the edit distance is that of all ways to edit, for random lists") {
  Generator g(1);
  const auto random_units = [&] {
    Units out;
    for (Index n = g.below(6); n > 0; --n) out.push_back(std::string(1, "abc"[g.below(3)]));
    return out;
  };
  for (int round = 0; round < 300; ++round) {
    const Units a = random_units(), b = random_units();
    CHECK(program::edit_distance(a, b) == plain_distance(a, b));
    CHECK(program::edit_distance(a, b) == program::edit_distance(b, a));
    CHECK(program::edit_distance(a, a) == 0);
  }
}

TEST_CASE("the part of a pair depends on its text alone: no text is in two parts") {
  const Folder folder;
  const program::Texts texts{.source = "word", .target = "sound", .split_by_target = true};
  std::string table = "word\tsound\n", reversed;
  for (int i = 0; i < 600; ++i) {
    const std::string row = fmt::format("w{}\ts{}\n", i, i % 200);
    table += row;
    reversed = row + reversed;
  }
  const auto parts_of = [&](const std::string& text) {
    const program::Pairs p = program::read_pairs(folder.write("pairs.tsv", text), texts);
    CHECK(p.train.size() + p.validation.size() + p.test.size() == p.sources.size());
    CHECK(p.train.size() > p.sources.size() * 7 / 10);
    CHECK(p.validation.size() > p.sources.size() / 25);
    CHECK(p.test.size() > p.sources.size() / 25);
    std::vector<std::set<std::string>> out;
    for (const auto* part : {&p.train, &p.validation, &p.test}) {
      const std::vector<std::string> targets = program::picked(p.targets, *part);
      out.emplace_back(targets.begin(), targets.end());
    }
    return out;
  };
  const auto parts = parts_of(table);
  CHECK(parts == parts_of("word\tsound\n" + reversed));
  CHECK(parts[0].size() + parts[1].size() + parts[2].size() == 200);
}

TEST_CASE("an empty text in a table of pairs is refused with its line") {
  const Folder folder;
  const program::Texts texts{.source = "word", .target = "sound"};
  const std::string path = folder.write("pairs.tsv", "word\tsound\na\tb\nc\t \n");
  CHECK_THROWS_AS(program::read_pairs(path, texts), std::runtime_error);
  check_says(message_of([&] { program::read_pairs(path, texts); }),
             "pairs.tsv:3: a text in column \"sound\" was required: got an empty one");
}
