// The experiment `published` in its smallest form, and with a user's files.
#include "examples/lab/common/piano_rolls.h"
#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

#include <fmt/ranges.h>

namespace {

using unroll::Index;
using Words = std::vector<std::string>;

const Words kQuick{"--quick", "--seed", "1", "--threads", "1"};
Words with(const Words& more) {
  Words out = kQuick;
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

// Songs of three-note chords that follow each other in a circle, each song in a key of its own: the
// next chord is certain, and no key is more frequent than another.
std::string songs(int count, unroll::Generator& random) {
  std::vector<std::vector<std::vector<Index>>> out;
  for (int s = 0; s < count; ++s) {
    const Index base = 40 + random.below(12);
    out.emplace_back();
    for (Index t = 0; t < 12 + random.below(12); ++t) {
      const Index root = base + 5 * t % 12;
      out.back().push_back({root, root + 4, root + 7});
    }
  }
  return fmt::format("{}", out);
}
std::string chorales() {
  unroll::Generator random(1);
  return "{\"train\": " + songs(60, random) + ", \"valid\": " + songs(10, random) +
         ", \"test\": " + songs(10, random) + "}";
}

void append(std::string& bytes, unsigned value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
}
// IDX files of `count` images: the class is the row of a bright line.
void write_digits(const Folder& folder, const std::string& name, unsigned count) {
  std::string images("\0\0\x08\x03", 4), labels("\0\0\x08\x01", 4);
  append(images, count), append(images, 8), append(images, 8), append(labels, count);
  for (unsigned i = 0; i < count; ++i) {
    const unsigned digit = i * 7 % 8;
    for (unsigned row = 0; row < 8; ++row) images += std::string(8, row == digit ? '\xFF' : '\0');
    labels += static_cast<char>(digit);
  }
  folder.write(name + "-images-idx3-ubyte", images);
  folder.write(name + "-labels-idx1-ubyte", labels);
}

}  // namespace

TEST_CASE("published: the GRU learns the adding problem, and two runs give equal numbers") {
  const Numbers n = numbers_of("lab/published", kQuick);
  CHECK(n["published.gru.adding"] < 0.02);
  CHECK(n["published.gru.adding"] < n["published.rnn.adding"]);
  for (const std::string model : {"rnn", "lstm", "gru"})
    CHECK(n["published." + model + ".mnist"] > 12);
  CHECK(n.same_metrics(numbers_of("lab/published", kQuick)));
}

TEST_CASE("published reads a user's songs: a model that reads them beats the frequencies of keys") {
  const Folder folder;
  const std::string file = folder.write("songs.json", chorales());
  const Numbers n =
      numbers_of("lab/published", with({"--task", "jsb", "--data", file, "--model", "gru"}));
  CHECK(n["published.gru.jsb"] < 0.7 * n["published.frequencies.jsb"]);
  CHECK(!n.contains("published.lstm.jsb"));
  // Songs that are not those of the paper are not compared with it.
  const Outcome run =
      run_program("lab/published", with({"--task", "jsb", "--data", file, "--epochs", "1"}));
  CHECK(run.out.find("60, 10, 10 songs, that of the paper 229, 76, 77") != std::string::npos);
  CHECK(run.out.find("from best to worst") == std::string::npos);
  // A model without a published value, and the other data set.
  const Numbers other = numbers_of("lab/published", with({"--task", "nottingham", "--data", file,
                                                          "--model", "mingru", "--epochs", "1"}));
  CHECK(other["published.mingru.nottingham"] > 0);
}

TEST_CASE(
    "published reads a user's images, in their order or a random one, with and without --test") {
  const Folder folder;
  write_digits(folder, "a", 600);
  write_digits(folder, "t", 100);
  const std::string train = folder / "a-images-idx3-ubyte", test = folder / "t-images-idx3-ubyte";
  for (const std::string task : {"mnist", "pmnist"}) {
    const Numbers n =
        numbers_of("lab/published", with({"--task", task, "--data", train, "--model", "gru"}));
    CHECK(n["published.gru." + task] >= 0);
    CHECK(n["published.gru." + task] <= 100);
  }
  const Words both{"--task", "mnist", "--data", train, "--test", test, "--model", "gru"};
  CHECK(numbers_of("lab/published", with(both))["published.gru.mnist"] <= 100);
}

TEST_CASE("published refuses files and options that do not fit, in one sentence") {
  const Folder folder;
  const std::string empty = folder.write("empty.json", ""),
                    one = folder.write("one.json", R"({"train": [[[60]]], "valid": [[[60], [61]]],
                                                       "test": [[[60], [61]]]})"),
                    low = folder.write("low.json", R"({"train": [[[60], [20]]]})");
  const auto refused = [](const Words& words, const std::string& sentence) {
    check_sentence("published", run_program("lab/published", with(words)), sentence);
  };
  refused({"--task", "jsb"}, "--data FILE, piano rolls as JSON, was required: got none");
  refused({"--task", "chess"},
          "a task (adding, mnist, pmnist, jsb, nottingham) was required: got chess");
  refused({"--data", one}, "a task that uses it (--task)");
  refused({"--task", "adding", "--data", one}, "--task adding");
  refused({"--task", "mnist", "--test", one}, "--test: --data FILE was required: got none");
  refused({"--task", "jsb", "--data", empty}, "empty.json");
  refused({"--task", "jsb", "--data", folder / "absent"}, "absent");
  refused({"--task", "jsb", "--data", one}, "at least 2 steps");
  refused({"--task", "nottingham", "--data", low}, "a whole MIDI note from 21 to 108");
  refused({"--task", "mnist", "--data", one}, "a file whose name contains \"images-idx3\"");
  refused({"--task", "jsb", "--data", one, "--json", one}, "--json");
  write_digits(folder, "few", 5);
  refused({"--task", "mnist", "--data", folder / "few-images-idx3-ubyte"},
          "a sixth is for testing, were required without --test: got 5");
}
