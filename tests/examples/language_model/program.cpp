// The program as a user runs it.
#include "tests/examples/run_program.h"

#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/safetensors.h>

namespace {

const std::string kName = "language_model";

// A text that repeats itself, so that a small network learns it in a second.
std::string counting(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) text += "one two three four five\nsix seven eight\n";
  return text;
}

std::vector<std::string> small(const std::string& text, std::vector<std::string> more = {}) {
  std::vector<std::string> all{"--text", text,        "--hidden", "24",      "--streams",
                               "8",      "--threads", "1",        "--steps", "16"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool same_parameters(const std::string& a, const std::string& b) {
  const unroll::NamedTensors x = unroll::load_safetensors(a), y = unroll::load_safetensors(b);
  if (x.size() != y.size()) return false;
  for (const auto& [name, value] : x)
    if (!y.count(name) || y.at(name).shape() != value.shape() ||
        !unroll::allclose(y.at(name), value, {.relative = 0, .absolute = 0, .equal_nan = true}))
      return false;
  return true;
}

}  // namespace

TEST_CASE("a network learns a text, and its figures say so in three ways") {
  const Folder folder;
  const std::string text = folder.write("text", counting(200));
  for (const char* layer : {"rnn", "lstm", "gru"}) {
    const Numbers n =
        numbers_of(kName, small(text, {"--model", layer, "--epochs", "12", "--lr", "0.01"}));
    CAPTURE(layer);
    CHECK(n["perplexity"] < 1.2);
    CHECK(n["nats_per_character"] == doctest::Approx(std::log(n["perplexity"])));
    CHECK(n["bits_per_character"] == doctest::Approx(n["nats_per_character"] / std::log(2.0)));
    CHECK(n["ngram.perplexity"] > 1);
    CHECK(n["unknown"] == 0);
  }
}

TEST_CASE("words and byte pairs have figures per character too") {
  const Folder folder;
  const std::string text = folder.write("text", counting(100));
  const Numbers words = numbers_of(
      kName, small(text, {"--unit", "words", "--epochs", "2", "--tied", "--layers", "2"}));
  // Per line end, 24 + 16 characters are 8 words and 2 line ends.
  CHECK(words["nats_per_character"] ==
        doctest::Approx(std::log(words["perplexity"]) * 10 / 40).epsilon(0.02));
  const Numbers pairs =
      numbers_of(kName, small(text, {"--unit", "bpe", "--vocabulary", "300", "--epochs", "2",
                                     "--dropout", "0.1", "--variational"}));
  CHECK(pairs["nats_per_character"] < std::log(pairs["perplexity"]));
}

TEST_CASE("a resumed run equals one that was not interrupted, to the bit") {
  const Folder folder;
  const std::string text = folder.write("text", counting(60));
  const auto path = [&](const char* name) { return folder / name; };
  const auto run = [&](std::vector<std::string> more) {
    const Outcome result = run_program(kName, more);
    REQUIRE_MESSAGE(result.code == 0, result.err);
  };
  const std::vector<std::string> options{"--optimizer", "sgd",       "--lr", "1",      "--constant",
                                         "1",           "--dropout", "0.2",  "--seed", "5"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), options.begin(), options.end());
    return small(text, more);
  };
  run(with({"--epochs", "4", "--save", path("whole")}));
  run(with({"--epochs", "2", "--save", path("half")}));
  CHECK(!same_parameters(path("whole"), path("half")));
  run({"--resume", path("half"), "--epochs", "4", "--save", path("resumed"), "--threads", "1"});
  CHECK(same_parameters(path("whole"), path("resumed")));
}

TEST_CASE("an interrupted run with a rate that falls to the end can be resumed") {
  const Folder folder;
  const std::string text = folder.write("text", counting(300)), whole = folder / "whole",
                    cut = folder / "cut";
  const std::vector<std::string> run = small(text, {"--epochs", "30"});
  const auto to = [&](const std::string& file) {
    std::vector<std::string> all = run;
    all.insert(all.end(), {"--save", file});
    return all;
  };
  REQUIRE(run_program(kName, to(whole)).code == 0);
  for (int after = 150; !std::filesystem::exists(cut); after *= 2)
    (void)run_program(kName, to(cut), after);
  REQUIRE(run_program(kName, {"--resume", cut, "--save", cut, "--threads", "1"}).code == 0);
  CHECK(same_parameters(whole, cut));
}

TEST_CASE("a saved model writes, judges other texts and continues lines") {
  const Folder folder;
  const std::string text = folder.write("text", counting(200)), model = folder / "model";
  const Numbers trained =
      numbers_of(kName, small(text, {"--epochs", "12", "--lr", "0.01", "--save", model}));
  const Numbers again = numbers_of(kName, {"--load", model, "--text", text, "--threads", "1"});
  CHECK(again["perplexity"] == trained["perplexity"]);
  CHECK(!again.contains("ngram.perplexity"));
  const Numbers other = numbers_of(kName, {"--load", model, "--test", text});
  CHECK(other["perplexity"] < 1.2);

  const Outcome written = run_program(
      kName, {"--load", model, "--generate", "one two", "--length", "60", "--temperature", "0"});
  CHECK(written.code == 0);
  CHECK(written.out.find("one two three four five\nsix seven eight\none two ") !=
        std::string::npos);
  const auto sampled = [&](const char* seed) {
    return run_program(kName, {"--load", model, "--generate", "six", "--temperature", "1.5",
                               "--top-k", "20", "--top-p", "0.99", "--seed", seed})
        .out;
  };
  CHECK(sampled("1") == sampled("1"));
  CHECK(sampled("1") != sampled("2"));

  const std::string lines = folder.write("lines", "one two three\nsix\nxyz\n");
  const std::string out = folder / "out.csv";
  REQUIRE(run_program(kName, {"--load", model, "--predict", lines, "--out", out}).code == 0);
  const std::string csv = unroll::read_file(out);
  CHECK(csv.rfind("text,bits_per_character,continuation,log_probability\n", 0) == 0);
  CHECK(csv.find("one two three,0.") != std::string::npos);
  CHECK(csv.find(", four five,-0.") != std::string::npos);
  CHECK(csv.find(", seven eight,-0.") != std::string::npos);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);
}

TEST_CASE("recipes set the options that were not given") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 30; ++i) text += "the <unk> said N , a b c d e f g h i j k\n";
  const std::string words = folder.write("words", text), model = folder / "model";
  const auto metadata = [&] {
    unroll::Metadata m;
    (void)unroll::load_safetensors(model, &m);
    return m;
  };
  REQUIRE(run_program(kName, {"--text", words, "--recipe", "zaremba-small", "--epochs", "1",
                              "--save", model, "--threads", "1"})
              .code == 0);
  unroll::Metadata m = metadata();
  CHECK(m["unit"] == "words");
  CHECK(m["options.layer.kind"] == "lstm");
  CHECK(m["options.layer.hidden"] == "200");
  CHECK(m["options.dim"] == "200");
  CHECK(m["options.layer.layers"] == "2");
  CHECK(m["options.init"] == "0.1");
  REQUIRE(run_program(kName, {"--text", words, "--recipe", "small-cpu", "--hidden", "16",
                              "--budget", "2000", "--save", model, "--threads", "1"})
              .code == 0);
  m = metadata();
  CHECK(m["unit"] == "characters");
  CHECK(m["options.layer.hidden"] == "16");
}

TEST_CASE("bad input to the language model is refused with a sentence") {
  const Folder folder;
  const std::string text = folder.write("text", counting(20)), model = folder / "model";
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& words) {
    check_refused(kName, arguments, words);
  };
  refused({"--text", folder.write("empty", "")}, "a text was required");
  refused({"--text", folder.write("short", "ab")}, "a text of at least 10 characters");
  refused({"--text", folder / "missing"}, "missing");
  refused({"--text", text, "--streams", "1000"}, "streams");
  refused({"--text", text, "--data", text}, "--text: no --data was required: got both");
  refused({"--data", text}, "text");
  refused(small(text, {"--model", "lstn"}), "--model: one of rnn, lstm, gru");
  refused(small(text, {"--parameters", "9000"}), "--hidden: a size to be chosen was required");
  refused({"--text", text, "--model", "all", "--save", model}, "a single model was required");
  refused(small(text, {"--tied", "--embedding", "8"}), "--tied: an --embedding as large as");
  refused(small(text, {"--budget", "10", "--epochs", "2"}), "--budget: no --epochs was required");
  refused(small(text, {"--dropout", "1"}), "a probability in [0, 0.99] was required: got 1");
  refused(small(text, {"--lr", "x"}), "a rate in [1e-9, 1000] was required: got x");
  refused(small(text, {"--constant", "1"}), "--optimizer sgd was required");
  refused(small(text, {"--variational"}), "a --dropout above 0 was required");
  refused(small(text, {"--tokenised"}), "--unit words was required");
  refused(small(text, {"--validation", text}), "--patience N was required");
  refused(small(text, {"--temperature", "1"}), "--generate TEXT was required");
  refused(small(text, {"--generate", "a", "--beams", "2", "--top-k", "3"}),
          "--top-k: sampling was required");
  refused({"--load", folder.write("junk", "junk")}, "junk");
  REQUIRE(run_program(kName, small(text, {"--epochs", "1", "--save", model})).code == 0);
  refused({"--load", model, "--hidden", "8"}, "--hidden: a model to train was required");
  refused({"--load", model, "--recipe", "small-cpu"}, "a model to train was required");
  refused({"--load", model, "--predict", folder.write("none", "")}, "none");
}
