// FASTA and DNA: records, letters, and the other strand.
#include "tests/tensor/scratch.h"

#include <unroll/data/bio/fasta.h>

#include <algorithm>

using namespace unroll;
using namespace unroll::data;

TEST_CASE("records are read whatever their line breaks") {
  Generator g(1);
  const std::string letters = "ACGTUNRYSWKMBDHVacgtn";
  for (int round = 0; round < 200; ++round) {
    const std::string end = std::vector<std::string>{"\n", "\r\n", "\r"}[round % 3];
    std::vector<FastaRecord> expected;
    std::string text = g.below(2) ? "\xEF\xBB\xBF" : "";  // a byte order mark
    if (g.below(2)) text += "; a comment" + end;
    for (Index i = 1 + g.below(4); i > 0; --i) {
      FastaRecord record{"record " + std::to_string(i), ""};
      text += ">" + record.name + end;
      for (Index n = 1 + g.below(50); n > 0; --n) {
        const char c = letters[static_cast<std::size_t>(g.below(21))];
        text += c;
        record.sequence += static_cast<char>(std::toupper(c));
        if (g.below(10) == 0) text += g.below(2) ? end : " ";
      }
      text += end + (g.below(2) ? end : "");
      expected.push_back(record);
    }
    const auto records = parse_fasta(text);
    REQUIRE(records.size() == expected.size());
    for (std::size_t i = 0; i < records.size(); ++i) {
      CHECK(records[i].name == expected[i].name);
      CHECK(records[i].sequence == expected[i].sequence);
    }
  }
}

TEST_CASE("encode_dna maps bases to 0 to 3 and ambiguity letters to 4") {
  CHECK(encode_dna("ACGTacgtUu") == std::vector<Index>{0, 1, 2, 3, 0, 1, 2, 3, 3, 3});
  for (char c : std::string("NRYSWKMBDHVnryswkmbdhv-."))
    CHECK(encode_dna(std::string(1, c)) == std::vector<Index>{4});
  CHECK(encode_dna("").empty());
  CHECK(reverse_complement(encode_dna("AACGTN")) == encode_dna("NACGTT"));
}

TEST_CASE("the reverse complement of the reverse complement is the sequence itself") {
  Generator g(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<Index> bases;
    for (Index i = g.below(50); i > 0; --i) bases.push_back(g.below(kBases));
    const auto other = reverse_complement(bases);
    CHECK(reverse_complement(other) == bases);
    auto joined = bases, expected = other;
    joined.insert(joined.end(), {0, 1});
    expected.insert(expected.begin(), {2, 3});
    CHECK(reverse_complement(joined) == expected);
  }
}

TEST_CASE("errors say file and line") {
  const auto says = [](const std::string& text, const std::string& part) {
    check_says(message_of([&] { parse_fasta(text, "genes.fa"); }), part);
  };
  says("", "genes.fa: at least one sequence was required: got none");
  says("\n; nothing\n", "genes.fa: at least one sequence was required");
  says("ACGT\n", "genes.fa:1: a line that begins with '>' was required first: got \"ACGT\"");
  says("@r1\nACGT\n+\nIIII\n", "got \"@r1\", as FASTQ begins, which parse_fastq reads");
  says(">a\nACGT\nAC*T\n", "genes.fa:3: letters of DNA were required");
  says(">a\nACGT\nAC*T\n", "got '*'");
  says(">a\nAC\xC3\xA9T\n", "got '\xC3\xA9'");
  says("\x01" + std::string(100, 'A') + "\n", "got \"\\x01" + std::string(59, 'A') + "...\"");
  says(">a\rAC\r\rA*\r", "genes.fa:4: letters of DNA");
  says(">a\nAC\xFF\n", "genes.fa:2: letters of DNA were required");
  check_says(message_of([] { encode_dna("AXC"); }), "encode_dna: letters of DNA were required");
  check_says(message_of([] {
               reverse_complement({0, 5});
             }),
             "reverse_complement: ids in [0, 5) were required: got 5");
  check_says(message_of([] { reverse_complement({-1}); }), "got -1");
  const Scratch scratch;
  write_file(scratch / "a.fa", ">a\nAC\n");
  CHECK(read_fasta(scratch / "a.fa").size() == 1);
  check_says(message_of([&] { read_fasta(scratch / "none.fa"); }), "none.fa: cannot be opened");
}

TEST_CASE("a record without bases is an empty sequence") {
  const auto records = parse_fasta(">a\n>b\nAC\n>c\n\n");
  REQUIRE(records.size() == 3);
  CHECK(records[0].sequence.empty());
  CHECK(records[1].sequence == "AC");
  CHECK(records[2].sequence.empty());
}

TEST_CASE("FASTQ has the same records as the FASTA of its first two lines") {
  Generator g(4);
  for (int round = 0; round < 100; ++round) {
    const std::string end = std::vector<std::string>{"\n", "\r\n", "\r"}[round % 3];
    std::string fasta, fastq;
    for (Index i = 1 + g.below(4); i > 0; --i) {
      std::string bases, qualities;
      for (Index n = g.below(30); n > 0; --n) {
        bases += "ACGTN"[g.below(5)];
        qualities += "@+>!I~"[g.below(6)];  // also what begins other lines
      }
      fasta += fmt::format(">read {}{}{}{}", i, end, bases, end);
      fastq += fmt::format("@read {}{}{}{}+{}{}{}", i, end, bases, end, end, qualities, end);
    }
    const auto a = parse_fasta(fasta), b = parse_fastq(fastq);
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i].name == b[i].name);
      CHECK(a[i].sequence == b[i].sequence);
    }
  }
  const auto says = [](const std::string& text, const std::string& part) {
    check_says(message_of([&] { parse_fastq(text, "reads.fq"); }), part);
  };
  says("", "reads.fq: at least one sequence was required");
  says(">a\nAC\n", "reads.fq:1: a line that begins with '@' was required: got \">a\"");
  says("@a\nAC\n", "reads.fq:1: a line that begins with '+' was required");
  says("@a\nAC\n+\nI\n", "reads.fq:1: one quality for each of 2 bases was required: got 1");
  says("@a\nAX\n+\nII\n", "reads.fq:2: letters of DNA were required");
}

TEST_CASE("reading any text as records gives records or an error, and never crashes") {
  Generator g(3);
  const std::string letters = ">AC\n\r ;*\xFF@+";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (Index i = g.below(20); i > 0; --i) text += letters[static_cast<std::size_t>(g.below(11))];
    const std::string message = message_of([&] { parse_fasta(text); });
    if (message != "nothing was thrown") check_says(message, "text:");
    const std::string other = message_of([&] { parse_fastq(text); });
    if (other != "nothing was thrown") check_says(other, "text:");
  }
}
