// Where does a gene's text get cut? Splice junctions in DNA, or classes of one's own, by recurrent
// networks, beside baselines that need none.
//
// read.h reads the sequences; counts.h counts bases and words, and baselines.h predicts by these
// alone; models.h and motifs.h have the networks; fit.h and train.h train, predict.h asks, store.h
// saves them; experiment.h compares them, report.h and picture.h show what came out; answer.h has
// --predict.
#include "examples/dna_sequence/answer.h"
#include "examples/dna_sequence/experiment.h"

using namespace dna;

int main(int argc, char** argv) {
  Choice choice;
  return program::run(
      argc, argv,
      {.name = "dna_sequence",
       .description =
           "Classifies DNA sequences, by default splice junctions, with recurrent networks\n"
           "and baselines. A trained model can classify new sequences.",
       .pictures = {"dna_attention.png"},
       .takes = {.data = "Table with a column of sequences and one of classes,\nby tabs, commas or "
                         "semicolons (default: splice junctions of\nprimates)",
                 .sample = program::sample("splice.tsv"),
                 .predict = "With --load: the class of each sequence of this file, FASTA,\nFASTQ, "
                            "a table or one a line, as CSV",
                 .resume = true}},
      [&](CLI::App& app) { declare(app, choice); },
      [&](const program::Options& o, program::Report& report) {
        check_options(choice, o);
        if (o.predict.empty())
          train_and_compare(choice, o, report);
        else
          answer(choice, o);
      });
}
