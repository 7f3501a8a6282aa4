// Files of piano rolls, whole and damaged.
#include "examples/lab/common/piano_rolls.h"

#include "tests/examples/run_program.h"

#include <doctest/doctest.h>

namespace {

std::string file_of(const std::string& train) {
  return R"({"train": )" + train + R"(, "valid": [[[60], [62]]], "test": [[[60], []]]})";
}

void check_message(const std::string& text, const std::string& words) {
  const Folder folder;
  const std::string path = folder.write("songs.json", text);
  CAPTURE(text);
  try {
    lab::read_piano_rolls(path);
    FAIL("accepted");
  } catch (const std::runtime_error& error) {
    const std::string message = error.what();
    CAPTURE(message);
    CHECK(message.find(words) != std::string::npos);
    CHECK(message.find(path) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("songs are read as keys, with rests, in any order of the parts") {
  const Folder folder;
  const lab::PianoRolls rolls = lab::read_piano_rolls(folder.write(
      "a.json", R"({"test": [[[21, 108], [], [60]]], "more": 1, "train": [[[60], [64, 60]],
                    [[30.0], [31], [32]]], "valid": [[[], []]]})"));
  CHECK(rolls.train.size() == 2);
  CHECK(rolls.train[0] == lab::Song{{39}, {43, 39}});
  CHECK(rolls.train[1] == lab::Song{{9}, {10}, {11}});
  CHECK(rolls.valid[0] == lab::Song{{}, {}});
  CHECK(rolls.test[0] == lab::Song{{0, 87}, {}, {39}});
}

TEST_CASE("what is not a file of piano rolls is refused with the place and what was found") {
  check_message("", "");
  check_message("[1, 2", "JSON was required: at byte 5");
  check_message(file_of("[[[60], [62]]]").substr(0, 40), "JSON was required: at byte");
  check_message("[[60]]",
                "a JSON object with \"train\", \"valid\" and \"test\" was required: got a list");
  check_message(R"({"train": [[[60], [62]]], "test": [[[60], [62]]]})", "got no \"valid\"");
  check_message(file_of("[]"), "a list of songs was required as \"train\": got an empty one");
  check_message(file_of("7"), "a list of songs was required as \"train\": got a number");
  check_message(file_of("[[[60], [62]], 5]"),
                "train, song 2: a list of steps was required: got a number");
  check_message(
      file_of("[[[60]]]"),
      "train, song 1: at least 2 steps, one to see and one to predict, were required: got 1");
  check_message(file_of("[[]]"), "were required: got 0");
  check_message(file_of("[[60, 62]]"),
                "train, song 1, step 1: a list of MIDI notes was required: got a number");
  check_message(file_of("[[[60], [20]]]"),
                "train, song 1, step 2: a whole MIDI note from 21 to 108 was required: got 20");
  check_message(file_of("[[[60], [109]]]"), "got 109");
  check_message(file_of("[[[60], [-1]]]"), "got -1");
  check_message(file_of("[[[60.5], [61]]]"), "got 60.5");
  check_message(file_of("[[[\"60\"], [61]]]"), "got a text in it");
  check_message(file_of("[[[1e300], [61]]]"), "got 1e+300");
}

TEST_CASE("a million open brackets are refused, not followed") {
  check_message(std::string(1'000'000, '['), "JSON was required");
  check_message(R"({"train": )" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}",
                "required");
}

TEST_CASE("any cut or changed byte of a file is read or refused by a sentence") {
  const Folder folder;
  const std::string whole = file_of("[[[60, 64], [], [62]], [[70], [71]]]");
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const char other : {'[', ']', '9', '"', '\0', '\xFF', '-'}) {
      std::string changed = whole;
      changed[i] = other;
      for (const std::string& text : {changed, whole.substr(0, i)}) {
        try {
          lab::read_piano_rolls(folder.write("a.json", text));
        } catch (const std::runtime_error& error) {
          CHECK(std::string(error.what()).find("a.json") != std::string::npos);
        }
      }
    }
}
