// A trained model is asked about new sequences.
#include "tests/examples/dna_sequence/sequences.h"

#include <unroll/data/table/csv.h>

namespace {

const std::string kName = "dna_sequence";

}  // namespace

TEST_CASE("--predict says what it left out and what the model knows already") {
  const Folder folder;
  const std::string file = trained(folder, "motifs");
  const Outcome known = run_program(kName, {"--load", file, "--predict", folder / "train.csv"});
  CHECK(known.code == 0);
  CHECK(known.err == "80 sequences by motifs; 68 of them the model was trained on.\n");
  const Outcome gaps = run_program(
      kName,
      {"--load", file, "--predict", folder.write("gaps.fa", ">a\n>b\nACGTN\n>c\n\n>d\nn\n")});
  CHECK(gaps.code == 0);
  CHECK(gaps.err == "2 sequences by motifs; 2 records without a sequence left out.\n");
  CHECK(std::count(gaps.out.begin(), gaps.out.end(), '\n') == 3);
}

TEST_CASE("--predict refuses options and files it cannot use") {
  const Folder folder;
  const std::string file = trained(folder, "junction"), input = folder.write("x.fa", ">a\nACGT\n");
  check_refused(kName, {"--predict", input},
                "--predict: a trained model was required: add --load FILE");
  for (const std::string option : {"--data", "--json", "--save", "--pictures"})
    check_refused(kName, {"--predict", input, "--load", file, option, folder / "y"},
                  option + ": a run without --predict was required: got --predict");
  check_refused(kName, {"--predict", input, "--load", file, "--out", input},
                "--out: a file that no");
  check_refused(kName, {"--predict", input, "--load", file, "--out", folder / "no/x"},
                "--out: a file that can be written was required");
  check_refused(kName, {"--predict", input, "--load", input}, "x.fa");
  check_refused(kName, {"--predict", folder / "none.fa", "--load", file},
                "none.fa: cannot be opened");
  check_refused(kName, {"--predict", folder.write("e.fa", ">a\n>b\n"), "--load", file},
                "e.fa: at least one sequence was required: got none");
  check_refused(kName, {"--predict", input, "--load", file, "--model", "motifs"},
                "a model with model \"motifs\" was required: got \"junction\"");
  CHECK(unroll::read_file(input) == ">a\nACGT\n");
}
