// Sequences that are made up, and models that know them.
#pragma once

#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

inline std::string sequence(unroll::Generator& g, unroll::Index length, const std::string& motif) {
  std::string s;
  while (static_cast<unroll::Index>(s.size()) < length)
    s += "ACGT"[static_cast<std::size_t>(g.below(4))];
  s.insert(s.size() / 2, motif);
  return s;
}

// A model of the classes "a,b" (with GTAAGTGTAAGT) and "c" (with CCCCCCCCCCCC).
inline std::string trained(const Folder& folder, const std::string& model) {
  unroll::Generator g(1);
  std::string text = "class;dna\n";
  for (int i = 0; i < 80; ++i)
    text += i % 2 ? "c;" + sequence(g, 20 + g.below(20), "CCCCCCCCCCCC") + "\n"
                  : "a,b;" + sequence(g, 20 + g.below(20), "GTAAGTGTAAGT") + "\n";
  const std::string file = folder / model;
  const Outcome result = run_program("dna_sequence", {"--data", folder.write("train.csv", text),
                                                      "--model", model, "--save", file});
  REQUIRE_MESSAGE(result.code == 0, result.err);
  return file;
}

// Sequences of `letters` with a motif in the middle, as FASTA; lengths in [least, most].
inline std::string fasta(int count, int least, int most, const std::string& letters,
                         const std::string& motif, std::uint64_t seed) {
  unroll::Generator random(seed);
  std::string text;
  for (int i = 0; i < count; ++i) {
    std::string s;
    const auto length = least + random.below(most - least + 1);
    while (static_cast<unroll::Index>(s.size()) < length)
      s += letters[static_cast<std::size_t>(
          random.below(static_cast<unroll::Index>(letters.size())))];
    s.insert(s.size() / 2, motif);
    text += fmt::format("> {}\n{}\n", i, s);
  }
  return text;
}
