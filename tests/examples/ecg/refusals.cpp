// Bad input of the program ecg: one sentence and exit code 2.
#include "tests/examples/ecg/records.h"

#include <unroll/tensor/safetensors.h>

TEST_CASE("ecg refuses recordings that are none") {
  const Folder folder;
  const auto refused = [&](const std::string& path, const std::vector<std::string>& more,
                           const std::string& words) {
    std::vector<std::string> arguments{"--data", path};
    arguments.insert(arguments.end(), more.begin(), more.end());
    check_refused("ecg", arguments, words);
  };
  const std::string raw = u16le(Heart{}.signal());
  refused(folder.write("a.u16le", ""), {}, "a signal was required: got an empty file");
  refused(folder.write("b.u16le", raw + "x"), {}, "an odd number");
  refused(folder.write("c.u16le", raw), {}, "at least 3 windows of 12000 samples");
  refused(folder / "c.u16le", {"--frequency", "10"}, "50 to 10000 samples per second");
  refused(folder / "c.u16le", {"--channel", "2"}, "a file of one channel");
  refused(folder.write("d.u16le", u16le(std::vector<double>(3000, 0.5))), {"--window", "1000"},
          "a signal that varies was required");
  refused(folder.write("e.txt", "0.1\nnan\n0.2\n"), {}, "sample 2 of 3");
  refused(folder.write("f.txt", "0.1\n0.2 0.3\n"), {}, "f.txt:2: one number was required");
  refused(folder.write("g.txt", "\n\n"), {}, "an empty file");
  refused(folder / "none", {}, "none");
  const std::string record = write_record(folder, "r", Heart{});
  refused(record, {"--frequency", "360"}, "the frequency of its header, 100, was required");
  refused(record + ".hea", {"--channel", "3"}, "a channel from 1 to 2 was required");
  folder.write("r.dat", "xy");
  refused(record, {}, "r.dat");
}

TEST_CASE("ecg refuses labelled files that do not fit, and options that would do nothing") {
  const Folder folder;
  const std::string train = folder.write("TRAIN", series(20, 1)),
                    test = folder.write("TEST", series(10, 2));
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& words) {
    check_refused("ecg", arguments, words);
  };
  refused({"--ucr", train, folder.write("a", series(10, 2, false, "3"))},
          "a: labels that the model was trained on were required: got \"3\"");
  refused({"--ucr", folder.write("b", "1,2,3\n1,3,4\n"), test}, "at least 2 classes");
  refused({"--ucr", folder.write("c", "1,2,x\n"), test}, "c");
  refused({"--ucr", folder.write("d", "1,2,NaN,3\n"), test}, "d");
  refused({"--ucr", folder.write("e", ""), test}, "e");
  refused({"--ucr", train, test, "--window", "1000"}, "a run that forecasts");
  refused({"--ucr", train, test, "--wfdb", train}, "--wfdb");
  refused({"--ucr", train, test, "--save", folder / "m", "--seeds", "2"}, "trained once");
  refused({"--ucr", train, test, "--save", train}, "no other option names");
  refused({"--seeds", "2"}, "--ucr or --wfdb");
  const std::string record = write_record(folder, "r", {.count = 20});
  refused({"--wfdb", record}, "at least 2 classes");
  refused({"--wfdb", record, "--channel", "3"}, "a channel from 1 to 2");
  folder.write("r.atr", "x");
  refused({"--wfdb", record}, "r.atr");
  refused({"--wfdb", folder / "none"}, "none");
}

TEST_CASE("ecg refuses model files whose sizes are false, before it makes such a model") {
  const Folder folder;
  const std::string raw = folder.write("a.u16le", u16le(Heart{.count = 40}.signal())),
                    train = folder.write("TRAIN", series(20, 1)),
                    test = folder.write("TEST", series(10, 2)), file = folder / "m";
  const std::vector<std::string> of_series{"--ucr", train, test},
      of_samples{"--data", raw, "--frequency", "100", "--window", "800"};
  for (const auto& task : {of_series, of_samples}) {
    std::vector<std::string> arguments{"--hidden", "8", "--epochs", "1", "--save", file};
    arguments.insert(arguments.end(), task.begin(), task.end());
    REQUIRE(run_program("ecg", arguments).code == 0);
    unroll::Metadata good;
    const unroll::NamedTensors values = unroll::load_safetensors(file, &good);
    const auto refused = [&](const std::string& key, const std::string& value,
                             const std::string& words) {
      CAPTURE(key);
      unroll::Metadata bad = good;
      REQUIRE(bad.count(key) == 1);
      bad[key] = value;
      unroll::save_safetensors(file, values, bad);
      if (task == of_series)
        check_refused("ecg", {"--load", file, "--test", test}, words);
      else
        check_refused("ecg", {"--load", file, "--predict", raw, "--frequency", "100"}, words);
    };
    const std::string of = task == of_series ? "options.reader." : "options.";
    refused(of + "hidden", "60000", "values were required");
    refused(of + "hidden", "-1", "units");
    refused(of + "layers", "1000000000000", "layers were required");
    refused(of + "kind", "lstn", "sequence model: one of");
    refused(of + "in", "1000000", "a model of ecg was required");
    if (task == of_series) refused("options.reading.samples", "1000000000000", "do not fit");
    if (task == of_series) refused("options.reading.stride", "0", "do not fit");
    if (task == of_series) refused("classes", "1", "required");
  }
}
