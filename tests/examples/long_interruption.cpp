// What becomes of a model when a run is interrupted or nobody reads its output. Both programs.
#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

namespace {

// Sequences so long that an epoch takes seconds.
std::string long_sequences(std::uint64_t seed) {
  unroll::Generator g(seed);
  std::string text;
  for (int i = 0; i < 60; ++i) {
    text += fmt::format(">{}\n", i);
    for (int b = 0; b < 30'000; ++b) text += "ACGT"[static_cast<std::size_t>(g.below(4))];
    text += "\n";
  }
  return text;
}

std::string program_path(const std::string& name) { return UNROLL_BUILD_DIR "/examples/" + name; }

}  // namespace

TEST_CASE("Ctrl-C before anything was learned leaves an existing model file unchanged") {
  const Folder folder;
  const std::string a = folder.write("a.fa", long_sequences(1)),
                    b = folder.write("b.fa", long_sequences(2)),
                    model = folder.write("model", "a good model");
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const Outcome result = run_program("dna_sequence",
                                       {"--fasta", a, "--fasta", b, "--model", "motifs", "--epochs",
                                        "1000", "--threads", "1", "--save", model},
                                       400, signal);
    CHECK(result.code != 0);
    CHECK(unroll::read_file(model) == "a good model");
    CHECK(folder.files() == std::vector<std::string>{"a.fa", "b.fa", "model"});
  }
}

TEST_CASE("the model is saved although the reader of the output has closed the pipe") {
  const Folder folder;
  for (const std::string name : {"dna_sequence --model junction --epochs 2",
                                 "stock_price --model gru --seeds 1 --epochs 2"}) {
    CAPTURE(name);
    const std::string file = folder / "model";
    const std::string command = fmt::format("{} --save {} | head -n 0", program_path(name), file);
    CHECK(std::system(command.c_str()) == 0);
    REQUIRE(std::filesystem::exists(file));
    const std::string model = name.find("gru") != std::string::npos ? "gru" : "junction";
    CHECK(run_program(name.substr(0, name.find(' ')), {"--load", file, "--model", model}).code ==
          0);
    std::filesystem::remove(file);
  }
}

TEST_CASE("without an output file, a run ends when its reader closes the pipe") {
  // 100,000 epochs would not end in time.
  const std::string command =
      program_path("dna_sequence") + " --model junction --epochs 100000 | head -n 1 > /dev/null";
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("a path that cannot be written is refused before training") {
  const Folder folder;
  std::filesystem::create_symlink("absent/model", folder / "dangling");
  std::filesystem::create_directory(folder / "folder");
  const std::vector<std::string> dna{"--model", "junction", "--epochs", "100000"},
      stock{"--model", "gru", "--seeds", "1", "--epochs", "100000"};
  for (const std::string target : {"dangling", "folder", "absent/model"})
    for (const std::string name : {"dna_sequence", "stock_price"}) {
      std::vector<std::string> arguments = name == "dna_sequence" ? dna : stock;
      arguments.insert(arguments.end(), {"--save", folder / target});
      check_refused(name, arguments, "--save: a file that can be written was required");
    }
  CHECK(folder.files() == std::vector<std::string>{"dangling", "folder"});
}
