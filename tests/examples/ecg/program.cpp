// The program ecg on small files that the tests write.
#include "examples/common/sequence_model.h"
#include "tests/examples/ecg/records.h"

namespace {

// Arguments of a quick run, and more.
std::vector<std::string> quick(const std::vector<std::string>& more) {
  std::vector<std::string> out{"--threads", "1", "--hidden", "8", "--window", "1000"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}
std::vector<std::string> small(const std::vector<std::string>& more) {
  std::vector<std::string> out{"--threads", "1", "--hidden", "8"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace

TEST_CASE("ecg: a saved forecast has the same figures, and scores the beats of another file") {
  const Folder folder;
  const Heart heart;
  const std::string raw = folder.write("a.u16le", u16le(heart.signal())), model = folder / "m";
  const Numbers trained = numbers_of("ecg", quick({"--data", raw, "--frequency", "100", "--epochs",
                                                   "5", "--save", model, "--checkpoint", "300"}));
  CHECK(trained["beats"] == 60);
  CHECK(trained["nll.lstm"] < trained["nll.ar"]);
  CHECK(trained["rmse.ar"] < trained["rmse.persistence"]);
  CHECK(trained["megabytes.recomputed"] < trained["megabytes.saved"]);
  const Numbers loaded = numbers_of("ecg", {"--data", raw, "--frequency", "100", "--window", "1000",
                                            "--load", model, "--threads", "1"});
  for (const char* name : {"nll.persistence", "nll.ar", "nll.lstm", "rmse.lstm", "score.highest"})
    CHECK(trained[name] == loaded[name]);
  // The other forms of the same signal.
  const std::string text = folder.write("b.txt", "# mV\n" + lines(heart.signal()) + "\n"),
                    record = write_record(folder, "r", heart);
  for (const std::vector<std::string>& source :
       {std::vector<std::string>{text, "--frequency", "100"}, std::vector<std::string>{record},
        std::vector<std::string>{record + ".hea", "--channel", "1"}}) {
    std::vector<std::string> arguments{"--load", model, "--threads", "1", "--predict"};
    arguments.insert(arguments.end(), source.begin(), source.end());
    const Outcome predicted = run_program("ecg", arguments);
    CAPTURE(predicted.err);
    REQUIRE(predicted.code == 0);
    CHECK(predicted.out.rfind("second,score\n0.5", 0) == 0);
    CHECK(std::count(predicted.out.begin(), predicted.out.end(), '\n') == 61);
  }
  CHECK(numbers_of("ecg", {"--data", raw, "--frequency", "100", "--window", "1000", "--load", model,
                           "--test", text, "--threads", "1"})
            .contains("nll.lstm"));
  check_refused("ecg", {"--load", model, "--predict", raw}, "100 samples per second");
  check_refused("ecg", {"--load", model, "--ucr", raw, raw}, "--load");
}

TEST_CASE("ecg: a resumed forecast equals an uninterrupted one") {
  const Folder folder;
  const std::string data = folder.write("a.txt", lines(Heart{}.signal()));
  const std::vector<std::string> common{"--data", data, "--frequency", "100"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), common.begin(), common.end());
    return quick(more);
  };
  const std::string whole = folder / "whole", half = folder / "half";
  REQUIRE(run_program("ecg", with({"--epochs", "4", "--save", whole})).code == 0);
  REQUIRE(run_program("ecg", with({"--epochs", "2", "--save", half})).code == 0);
  REQUIRE(run_program("ecg", {"--resume", half, "--epochs", "4", "--save", half}).code == 0);
  const auto scores = [&](const std::string& model) {
    return run_program("ecg", {"--load", model, "--predict", data, "--frequency", "100"}).out;
  };
  const std::string expected = scores(whole);
  CHECK(expected.size() > 500);
  CHECK(scores(half) == expected);
}

TEST_CASE("ecg: a signal without beats, and its picture") {
  const Folder folder;
  unroll::Generator g(1);
  std::vector<double> flat(3000, 0.0);
  for (double& v : flat) v = 0.2;
  for (std::size_t t = 0; t < flat.size(); ++t) flat[t] += 1e-3 * std::sin(0.001 * t);
  const Outcome run = run_program("ecg", quick({"--data", folder.write("a.txt", lines(flat)),
                                                "--epochs", "1", "--pictures", folder / "p"}));
  CAPTURE(run.err);
  CHECK(run.code == 0);
}

TEST_CASE("ecg classifies series in UCR format, ragged too, and answers a file of them") {
  const Folder folder;
  for (const bool ragged : {false, true}) {
    CAPTURE(ragged);
    const std::string train = folder.write("TRAIN.tsv", series(60, 1, ragged)),
                      test = folder.write("TEST.tsv", series(40, 2, ragged));
    const std::string json = folder / "o.json";
    const Outcome run =
        run_program("ecg", small({"--ucr", train, test, "--epochs", "60", "--seeds", "2",
                                  "--class-weights", "equal", "--json", json}));
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    const Numbers numbers(json);
    CHECK(numbers["accuracy"] > 0.9);
    CHECK(numbers["macro_recall"] > 0.9);
    CHECK(numbers["macro_f1"] > 0.9);
    CHECK(numbers["accuracy.nearest_neighbour"] > 0.9);
    CHECK((run.out.find("resampled to") != std::string::npos) == ragged);
    CHECK(run.out.find("the nearest neighbour") != std::string::npos);
  }
  const std::string train = folder / "TRAIN.tsv", test = folder / "TEST.tsv", model = folder / "m";
  const Numbers trained =
      numbers_of("ecg", small({"--ucr", train, test, "--epochs", "4", "--save", model}));
  const Numbers loaded = numbers_of("ecg", {"--load", model, "--test", test, "--threads", "1"});
  CHECK(trained["accuracy"] == loaded["accuracy"]);
  CHECK(trained["macro_f1"] == loaded["macro_f1"]);
  const Outcome predicted = run_program("ecg", {"--load", model, "--predict", test});
  REQUIRE(predicted.code == 0);
  CHECK(predicted.out.rfind("series,label,class,probability\n1,1,", 0) == 0);
  CHECK(std::count(predicted.out.begin(), predicted.out.end(), '\n') == 41);
  const std::string half = folder / "half";
  REQUIRE(run_program("ecg", small({"--ucr", train, test, "--epochs", "2", "--save", half})).code ==
          0);
  const Outcome resumed = run_program("ecg", {"--resume", half, "--epochs", "4", "--save", half});
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(run_program("ecg", {"--load", half, "--predict", test}).out == predicted.out);
}

TEST_CASE("ecg classifies the beats of annotated records, split by record") {
  const Folder folder;
  std::vector<std::string> arguments{"--wfdb"};
  for (int i = 0; i < 4; ++i)
    arguments.push_back(write_record(
        folder, fmt::format("r{}", i),
        {.count = 40, .other = 4 + i, .seed = static_cast<std::uint64_t>(i), .noise = 0.05}));
  arguments.insert(arguments.end(),
                   {"--epochs", "40", "--class-weights", "equal", "--save", folder / "m"});
  const std::string json = folder / "o.json";
  arguments.insert(arguments.end(), {"--json", json});
  const Outcome run = run_program("ecg", small(arguments));
  CAPTURE(run.err);
  REQUIRE(run.code == 0);
  CHECK(run.out.find("2 train, 1 validates, the last 1 tests") != std::string::npos);
  const Numbers numbers(json);
  CHECK(numbers["accuracy"] > 0.9);
  CHECK(numbers["macro_f1"] > 0.8);
  const Outcome predicted =
      run_program("ecg", {"--load", folder / "m", "--predict", folder / "r3.hea"});
  CAPTURE(predicted.err);
  REQUIRE(predicted.code == 0);
  CHECK(predicted.out.rfind("second,label,class,probability\n0.56", 0) == 0);
  CHECK(predicted.out.find(",V,V,") != std::string::npos);
  // One record is split by time, and that is said.
  const Outcome one =
      run_program("ecg", small({"--wfdb", folder / "r0", "--epochs", "1", "--seeds", "1"}));
  CAPTURE(one.err);
  CHECK(one.code == 0);
  CHECK(one.out.find("of the same patient") != std::string::npos);
}

TEST_CASE("ecg forecasts and classifies with every kind of model that can, and loads it") {
  const Folder folder;
  const std::string raw = folder.write("a.u16le", u16le(Heart{.count = 40}.signal())),
                    train = folder.write("TRAIN", series(30, 1)),
                    test = folder.write("TEST", series(20, 2)), model = folder / "m";
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const Numbers trained = numbers_of(
        "ecg", small({"--ucr", train, test, "--model", kind, "--epochs", "1", "--save", model}));
    const Numbers loaded = numbers_of("ecg", {"--load", model, "--test", test, "--threads", "1"});
    CHECK(trained["accuracy"] == loaded["accuracy"]);
    const std::vector<std::string> data{"--data", raw, "--frequency", "100", "--window", "800"};
    std::vector<std::string> forecast{"--threads", "1",        "--hidden", "8",      "--model",
                                      kind,        "--epochs", "1",        "--save", model};
    forecast.insert(forecast.end(), data.begin(), data.end());
    if (kind == "linear-attention") {
      check_refused("ecg", forecast, "a recording of any length was required");
      continue;
    }
    const Numbers forecasts = numbers_of("ecg", forecast);
    std::vector<std::string> load{"--load", model, "--threads", "1"};
    load.insert(load.end(), data.begin(), data.end());
    CHECK(numbers_of("ecg", load)["nll." + kind] == forecasts["nll." + kind]);
    CHECK(forecasts.contains("megabytes.recomputed") == !program::attends(kind));
    if (program::attends(kind)) {
      forecast.insert(forecast.end(), {"--checkpoint", "100"});
      check_refused("ecg", forecast, "--checkpoint: a model with a state was required");
    }
  }
}
