// Files as people have them: each is read, or refused with a sentence.
#include "tests/examples/run_program.h"

#include <unroll/tensor/random.h>

#include <sys/resource.h>
#include <zlib.h>

namespace {

const std::string kName = "dna_sequence";

struct Labelled {
  std::vector<std::string> sequences, classes;
};

// Two classes, "gene" with a motif and "none" without; all sequences differ.
Labelled some(int count, int least, int most) {
  unroll::Generator g(7);
  Labelled out;
  for (int i = 0; i < count; ++i) {
    std::string s;
    for (auto n = least + g.below(most - least + 1); n > 0; --n)
      s += "ACGT"[static_cast<std::size_t>(g.below(4))];
    if (i % 2 == 0) s.replace(s.size() / 2, 6, "TATAAT");
    out.sequences.push_back(s);
    out.classes.push_back(i % 2 == 0 ? "gene" : "none");
  }
  return out;
}

std::string table_of(const Labelled& l, const std::string& head, char separator, bool class_first) {
  std::string text = head.empty() ? "" : head + "\n";
  for (std::size_t i = 0; i < l.classes.size(); ++i)
    text += class_first ? l.classes[i] + separator + l.sequences[i] + "\n"
                        : l.sequences[i] + separator + l.classes[i] + "\n";
  return text;
}

std::string records_of(const Labelled& l, const std::string& of_class, char mark) {
  std::string text;
  for (std::size_t i = 0; i < l.classes.size(); ++i) {
    if (l.classes[i] != of_class) continue;
    text += fmt::format("{}record {}\n{}\n", mark, i, l.sequences[i]);
    if (mark == '@') text += "+\n" + std::string(l.sequences[i].size(), 'I') + "\n";
  }
  return text;
}

std::string gzipped(const std::string& text) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, text.size()) + 100, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::map<std::string, double> baselines(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--model", "none"});
  const Numbers n = numbers_of(kName, arguments);
  std::map<std::string, double> out;
  for (const char* name : {"sequences.used", "accuracy.kmer", "accuracy.markov", "mcc.kmer",
                           "auc.kmer", "macro_f1.markov"})
    out[name] = n[name];
  return out;
}

}  // namespace

TEST_CASE("the same sequences give the same results in any file format") {
  const Folder folder;
  const Labelled l = some(60, 30, 30);
  const auto expected =
      baselines({"--data", folder.write("a.tsv", table_of(l, "class\tsequence", '\t', true))});
  const auto same = [&](const std::string& name, const std::string& text) {
    CAPTURE(name);
    CHECK(baselines({"--data", folder.write(name, text)}) == expected);
  };
  same("b.csv", table_of(l, "sequence,label", ',', false));
  same("c.csv", table_of(l, "What,Is it", ',', false));
  same("d.txt", table_of(l, "Target;DNA", ';', true));
  same("e.csv", table_of(l, "", ',', true));                    // no line of names
  same("f", "\xEF\xBB\xBF" + table_of(l, "y\tx", '\t', true));  // a byte order mark
  same("g.csv.gz", gzipped(table_of(l, "seq,type", ',', false)));
  Labelled changed = l;
  for (std::string& s : changed.sequences)
    for (char& c : s) c = c == 'T' ? 'u' : static_cast<char>(std::tolower(c));
  same("h.csv", table_of(changed, "sequence,label", ',', false));
  Labelled spaced = l;
  for (std::string& s : spaced.sequences) s = "  " + s.substr(0, 10) + " " + s.substr(10) + " ";
  same("i.csv", table_of(spaced, "sequence,label", ',', false));
  Labelled windows = l;
  for (std::string& c : windows.classes) c += "\r";
  same("j.csv", table_of(windows, "sequence,label\r", ',', false));
  // As the UCI has it: class, name, sequence, and no names of columns.
  std::string uci;
  for (std::size_t i = 0; i < l.classes.size(); ++i)
    uci += fmt::format("{},HUMAN-{}, {}\n", l.classes[i], i, l.sequences[i]);
  check_refused(kName, {"--data", folder.write("uci.data", uci), "--model", "none"},
                "uci.data: one column with the classes was required: got 1, 2; say which by "
                "--columns SEQUENCE,CLASS");
  CHECK(baselines({"--data", folder / "uci.data", "--columns", "3,1"}) == expected);
}

TEST_CASE("FASTA, compressed or not, and FASTQ give the same classes") {
  const Folder folder;
  const Labelled l = some(60, 20, 50);
  const auto numbers = [&](const std::string& a, const std::string& b) {
    return baselines({"--fasta", a, "--fasta", b});
  };
  const std::string gene = records_of(l, "gene", '>'), none = records_of(l, "none", '>');
  const auto expected = numbers(folder.write("gene.fa", gene), folder.write("none.fasta", none));
  CHECK(numbers(folder.write("gene.fa.gz", gzipped(gene)),
                folder.write("none.fna.gz", gzipped(none))) == expected);
  CHECK(numbers(folder.write("gene.fastq", records_of(l, "gene", '@')),
                folder.write("none.fq.gz", gzipped(records_of(l, "none", '@')))) == expected);
  CHECK(numbers(folder.write("gene.txt", ">empty\n" + gene + ">\n"),
                folder.write("none.txt", none)) == expected);
  const auto metrics = numbers_of(
      kName, {"--fasta", folder / "gene.txt", "--fasta", folder / "none.txt", "--model", "none"});
  CHECK(metrics["sequences.empty"] == 2);
  CHECK(metrics["sequences.given"] == 62);
  CHECK(metrics.contains("confusion.kmer.gene.none"));  // named after their files
  const Outcome result = run_program(kName, {"--fasta", folder / "gene.fa.gz", "--fasta",
                                             folder / "none.fna.gz", "--model", "none"});
  CHECK(result.out.find("the classes gene, none.") != std::string::npos);
}

TEST_CASE("an empty sequence in a table is skipped and reported") {
  const Folder folder;
  Labelled l = some(60, 30, 30);
  l.sequences[4].clear();
  l.sequences[8] = "   ";
  const Outcome result = run_program(
      kName,
      {"--data", folder.write("t.csv", table_of(l, "seq,label", ',', false)), "--model", "none"});
  CHECK(result.code == 0);
  CHECK(result.out.find("and 2 records without a sequence, 58 remain") != std::string::npos);
}

TEST_CASE("tables without a DNA column are refused with their name") {
  const Folder folder;
  const Labelled l = some(60, 30, 30);
  const std::string fa = folder.write("g.fa", records_of(l, "gene", '>'));
  check_refused(kName, {"--data", fa},
                "g.fa: a table with sequences and classes was required: got FASTA");
  check_refused(kName, {"--data", folder.write("g.fq", records_of(l, "gene", '@'))},
                "got FASTQ; give one file for each class, by --fasta");
  check_refused(kName, {"--data", folder.write("p.csv", "price,day\n1.5,2\n2.5,3\n")},
                "p.csv: a column with sequences of DNA was required: none of price, day has them");
  check_refused(kName, {"--data", folder.write("one.csv", "sequence\nACGT\n")},
                "got no column beside the sequences");
  check_refused(kName, {"--data", folder.write("two.csv", "sequence,a,b\nACGT,x,y\n")},
                "got a, b; say which by --columns");
  check_refused(kName, {"--data", folder.write("empty", "")}, "empty");
  check_refused(kName, {"--data", folder / "two.csv", "--columns", "sequence,c"},
                "a column \"c\" was required: got the columns sequence, a, b");
  check_refused(kName, {"--data", folder / "two.csv", "--columns", "sequence"}, "--columns");
  check_refused(kName, {"--fasta", fa, "--fasta", folder.write("prot.fa", ">p\nMKVL\n")},
                "prot.fa:2: letters of DNA were required");
  check_refused(kName, {"--fasta", fa, "--fasta", folder.write("t.csv", "a,b\nACGT,c\n")},
                "t.csv:1: a line that begins with '>' was required first");
  check_refused(kName, {"--fasta", fa, "--fasta", fa, "--columns", "a,b"}, "--columns");
}

TEST_CASE("files of one name in two folders are two classes") {
  const Folder folder;
  const Labelled l = some(60, 30, 30);
  for (const char* c : {"gene", "none"}) {
    std::filesystem::create_directory(folder / c);
    folder.write(std::string(c) + "/dna.fa", records_of(l, c, '>'));
  }
  const auto metrics = numbers_of(kName, {"--fasta", folder / "gene/dna.fa", "--fasta",
                                          folder / "none/dna.fa", "--model", "none"});
  CHECK(metrics["sequences.used"] == 60);
}

TEST_CASE("mouse promoters, if the files exist, are classified by k-mer counts") {
  const std::string data = UNROLL_SOURCE_DIR "/../shared/data/local/promoters_mouse";
  if (!std::filesystem::exists(data + ".fa.gz")) return;
  const auto metrics = numbers_of(
      kName, {"--fasta", data + ".fa.gz", "--fasta", data + "_non.fa.gz", "--model", "none"});
  CHECK(metrics["sequences.used"] == 4782);
  CHECK(metrics["sequences.repeats"] == 3);
  CHECK(metrics["mcc.kmer"] > 0.55);
  CHECK(metrics["mcc.naive_bayes"] > 0.65);
}

TEST_CASE("as many classes as sequences are refused at once") {
  const Folder folder;
  std::string text = "sequence,label\n";
  unroll::Generator g(1);
  for (int i = 0; i < 80000; ++i) {
    std::string s;
    for (int b = 0; b < 20; ++b) s += "ACGT"[static_cast<std::size_t>(g.below(4))];
    text += fmt::format("{},class{}\n", s, i);
  }
  const auto cpu_seconds = [] {
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    return static_cast<double>(used.ru_utime.tv_sec);
  };
  const double before = cpu_seconds();
  check_refused(kName, {"--data", folder.write("many.csv", text)},
                "at least 5 different sequences of class \"class0\"");
  CHECK(cpu_seconds() - before < 30);  // with the square of the classes it was 97 s
}

TEST_CASE("a hundred classes are trained and reported without their confusion matrix") {
  const Folder folder;
  std::string text = "sequence,label\n";
  unroll::Generator g(1);
  for (int i = 0; i < 700; ++i) {
    std::string s;
    for (int b = 0; b < 20; ++b) s += "ACGT"[static_cast<std::size_t>(g.below(4))];
    text += fmt::format("{},class{}\n", s, i % 100);
  }
  const std::string file = folder.write("many.csv", text);
  const Outcome result =
      run_program(kName, {"--data", file, "--epochs", "1", "--model", "motifs", "--pictures",
                          folder / "p", "--json", folder / "n.json"});
  CHECK(result.code == 0);
  CHECK(result.out.find("100 classes") != std::string::npos);
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') < 60);
  const Numbers n(folder / "n.json");
  CHECK(n.contains("macro_f1.motifs"));
  CHECK_FALSE(n.contains("auc.motifs"));
  CHECK_FALSE(n.contains("confusion.motifs.class0.class1"));
  // Said before training.
  const std::size_t no_picture = result.out.find("No picture"), bar = result.out.find("1/1");
  CHECK(no_picture < bar);
}
