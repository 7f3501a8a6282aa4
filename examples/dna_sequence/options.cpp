#include "examples/dna_sequence/options.h"

#include "examples/common/command_line.h"

#include <unroll/tensor/error.h>

namespace dna {

void declare(CLI::App& app, Choice& choice) {
  app.add_option("--columns", choice.columns,
                 "Their names, where they cannot be told: SEQUENCE,CLASS")
      ->type_name("NAMES")
      ->delimiter(',')
      ->expected(1, 2);
  app.add_option("--fasta", choice.fasta,
                 "FASTA or FASTQ file of one class; once for each class.\nAny of the files may be "
                 "compressed (.gz)")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  program::add_number(app, "--folds", choice.folds, 1, 50,
                      "Cross-validate with so many folds (default: one split)");
  app.add_option("--model", choice.model,
                 "One model only: junction, attention, motifs, or none\n(baselines); default: by "
                 "the length of the sequences")
      ->type_name("NAME")
      ->check(CLI::IsMember({"junction", "attention", "motifs", "none"}).description(""));
  program::declare_kind(
      app, choice.reader,
      {.name = "--reader", .help = "What reads the bases in junction and attention"});
  program::declare_size(app, choice.size, "--reader gru");
  app.add_flag("--reverse-complement", choice.reverse_complement,
               "Train on a random strand of each sequence")
      ->disable_flag_override();
  app.add_flag("--both-strands", choice.both_strands, "Average the predictions for both strands")
      ->disable_flag_override();
  program::add_number(app, "--origin", choice.origin, 1, 1000000000,
                      "In pictures, count positions from this base, which is +1\n(default: the "
                      "one after the middle)");
}

void check_options(const Choice& choice, const program::Options& o) {
  const bool predicts = !o.predict.empty();
  unroll::check(choice.columns.empty() || choice.columns.size() == 2 || predicts,
                "--columns: two names were required, SEQUENCE,CLASS: got one");
  if (!choice.fasta.empty()) o.refuse({"--data", "--columns"}, "a run without --fasta", "--fasta");
  if (predicts)
    o.refuse({"--fasta", "--folds", "--reverse-complement", "--seed", "--origin"},
             "a run without --predict", "--predict");
  if (choice.model == "none")
    o.refuse({"--save", "--load", "--resume", "--epochs", "--pictures"},
             "a model to train or to load", "--model none");
  unroll::check(o.save.empty() || !choice.model.empty(),
                "--save: one model was required: add --model junction, attention or motifs");
  unroll::check(choice.folds <= 1 || (o.save.empty() && o.load.empty()),
                "--save and --load: a model trained once was required: got --folds {}",
                choice.folds);
  program::check_size(choice.size, o);
  const auto no_reader = [&](const std::string& required, const std::string& got) {
    o.refuse({"--reader", "--parameters", "--equal-parameters"}, required, got);
  };
  if (choice.model == "none" || choice.model == "motifs")
    no_reader("junction or attention", "--model " + choice.model);
  if (!o.load.empty()) {
    o.refuse({"--reverse-complement"}, "a model to train", "--load");
    no_reader("a model to train", "--load");
  }
  if (o.pictures.empty()) o.refuse({"--origin"}, "--pictures", "none");
  o.prepare(choice.fasta);
}

}  // namespace dna
