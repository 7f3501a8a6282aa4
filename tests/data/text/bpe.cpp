// Byte-pair encoding.
#include <unroll/data/text/bpe.h>

#include "tests/data/text/unicode.h"
#include "tests/support.h"
#include "tests/tensor/scratch.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/save.h>

#include <map>

using namespace unroll;
using namespace unroll::data;

namespace {

using Ids = std::vector<Index>;

const std::string kText =
    "In the beginning God created the heaven and the earth. And the earth was without form, and "
    "void; and darkness was upon the face of the deep. And the Spirit of God moved upon the face "
    "of "
    "the waters.\n\n  And God said, Let there be light: and there was light 1 12 123 1234.\n";

std::string random_words(Generator& g, Index most) {
  std::string out;
  for (Index i = g.below(most + 1); i > 0; --i)
    out += "aaab bc  \n,1"[static_cast<std::size_t>(g.below(12))];
  return out;
}

}  // namespace

TEST_CASE("what byte pairs encode they decode, whatever the bytes") {
  Generator g(1);
  const BytePairEncoding bpe(kText, {.size = 400});
  CHECK(bpe.size() > 290);
  CHECK(bpe.encode("").empty());
  for (int round = 0; round < 1000; ++round)
    for (const std::string& text : {random_bytes(g, 300), random_unicode(g, 200),
                                    random_words(g, 300), kText.substr(round % 90)})
      CHECK(bpe.decode(bpe.encode(text)) == text);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1 + static_cast<std::size_t>(g.below(300)), static_cast<char>(byte));
    CHECK(bpe.decode(bpe.encode(text)) == text);
  }
}

TEST_CASE("byte pairs learn the most frequent pair first, of equal ones that of the smallest ids") {
  const BytePairEncoding bpe("low low low lower lowest", {.size = 260});
  CHECK(bpe.units()[256] == "lo");   // 5 times, as "ow", but "l" comes first
  CHECK(bpe.units()[257] == "low");  // 5 times; " low" has 4
  CHECK(bpe.units()[258] == " low");
  CHECK(bpe.units()[259] == " lowe");
  CHECK(bpe.encode("lower") == Ids{257, 'e', 'r'});
  CHECK(bpe.encode(" lowe") == Ids{259});
  CHECK(BytePairEncoding("ab ab", {.size = 400}).size() == 257);  // " ab" occurs once
}

TEST_CASE("byte pairs are those of the plain algorithm") {
  Generator g(2);
  for (int round = 0; round < 60; ++round) {
    const std::string text = random_words(g, 200);
    const BytePairEncoding bpe(text, {.size = 290, .min_count = 2});
    // Pieces as the bytes alone give them, then the most frequent pair by counting all again.
    const BytePairEncoding bytes("", {});
    std::vector<Ids> pieces;
    for (std::size_t at = 0, end; at < text.size(); at = end) {
      const auto kind = [&](std::size_t i) {
        const char c = text[i];
        return c == ' ' || c == '\n' ? 0 : c >= 'a' && c <= 'c' ? 1 : c == '1' ? 2 : 3;
      };
      const std::size_t first =
          text[at] == ' ' && at + 1 < text.size() && kind(at + 1) != 0 ? at + 1 : at;
      for (end = first + 1; end < text.size() && kind(end) == kind(first); ++end) {
      }
      if (kind(first) == 0 && end < text.size() && end - at > 1 && text[end - 1] == ' ') --end;
      pieces.push_back(bytes.encode(text.substr(at, end - at)));
    }
    for (Index id = 256; id < bpe.size() + 1; ++id) {
      std::map<std::pair<Index, Index>, Index> counts;
      for (const Ids& piece : pieces)
        for (std::size_t i = 0; i + 1 < piece.size(); ++i) ++counts[{piece[i], piece[i + 1]}];
      std::pair<Index, Index> best;
      Index most = 1;
      for (const auto& [pair, count] : counts)
        if (count > most) most = count, best = pair;
      if (id == bpe.size()) {
        CHECK((most < 2 || id == 290));
        break;
      }
      REQUIRE(most >= 2);
      CHECK(bpe.unit(id) == bpe.unit(best.first) + bpe.unit(best.second));
      for (Ids& piece : pieces)
        for (std::size_t i = 0; i + 1 < piece.size(); ++i)
          if (std::pair(piece[i], piece[i + 1]) == best) {
            piece[i] = id;
            piece.erase(piece.begin() + static_cast<std::ptrdiff_t>(i) + 1);
          }
    }
    Ids all;
    for (const Ids& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
    CHECK(bpe.encode(text) == all);
  }
}

TEST_CASE("byte pairs join nothing across words, and a long word in parts") {
  const BytePairEncoding bpe("the end of the end", {.size = 300});
  for (const std::string& unit : bpe.units()) CHECK(unit.find(' ', 1) == std::string::npos);
  Ids both = bpe.encode("the end"), other = bpe.encode(" of the");
  both.insert(both.end(), other.begin(), other.end());
  CHECK(bpe.encode("the end of the") == both);
  // Korean without spaces: cut between characters.
  std::string korean;
  for (int i = 0; i < 500; ++i) append_utf8(korean, 0xAC00 + i % 7);
  const BytePairEncoding learned(korean, {.size = 2000, .min_count = 1});
  for (Index id = 256; id < learned.size(); ++id) CHECK(learned.unit(id).size() <= 128);
  CHECK(learned.decode(learned.encode(korean)) == korean);
  CHECK(learned.encode(korean).size() < 20);
}

TEST_CASE("special tokens come before the bytes and are no part of the text") {
  const BytePairEncoding bpe("ab ab",
                             {.size = 270, .special = {.unk = "", .sos = "<s>", .eos = "</s>"}});
  CHECK(bpe.pad_id() == -1);
  CHECK(bpe.sos_id() == 0);
  CHECK(bpe.eos_id() == 1);
  CHECK(bpe.unit(2 + 'a') == "a");
  const Ids ids = bpe.encode("ab</s>", {.sos = true, .eos = true});
  CHECK(ids.front() == 0);
  CHECK(ids.back() == 1);
  CHECK(std::count(ids.begin(), ids.end(), 1) == 1);
  CHECK(bpe.decode(ids) == "ab</s>");
}

TEST_CASE("byte pairs are saved and loaded with the model, and told from another's") {
  const Scratch scratch;
  const std::string file = scratch / "model.safetensors";
  const BytePairEncoding bpe(kText, {.size = 350, .special = {.pad = "<pad>", .unk = ""}});
  nn::Embedding model({.vocab = bpe.size(), .dim = 2});
  nn::save(file, model, bpe.metadata());
  Metadata metadata;
  nn::load(file, model, {.metadata = &metadata});
  const BytePairEncoding again = BytePairEncoding::from_metadata(metadata);
  CHECK(again.units() == bpe.units());
  CHECK(again.encode(kText) == bpe.encode(kText));
  bpe.check_same(metadata);
  const BytePairEncoding other(kText, {.size = 290, .special = {.pad = "<pad>", .unk = ""}});
  check_says(message_of([&] { other.check_same(metadata); }),
             "this one 290, and the first 290 are equal");
  check_says(message_of([&] { BytePairEncoding(kText, {.size = 350}).check_same(metadata); }),
             "other special tokens");

  const std::string good = metadata.at("bpe");
  const auto refused = [](const std::string& text) {
    CHECK_THROWS_AS((void)BytePairEncoding::from_metadata({{"bpe", text}}), std::runtime_error);
  };
  for (std::size_t n = 0; n < good.size(); ++n) refused(good.substr(0, n));
  refused(good + "1\t1\n");
  refused("unroll bpe 1\n\t\t\n1\t\n0\t256\n");  // a pair of what does not exist yet
  check_says(message_of([] { (void)BytePairEncoding::from_metadata({}); }), "got none");
  std::string doubling = "unroll bpe 1\n\t\t\n60\n0\t0\n";  // units of 2^60 bytes
  for (int id = 256; id < 315; ++id) doubling += fmt::format("{0}\t{0}\n", id);
  refused(doubling);
}

TEST_CASE("byte pairs refuse sizes, ids and tokens that cannot be") {
  check_refused([] { BytePairEncoding("a", {.size = 255}); }, "a size in [256, 1073741824]");
  check_refused([] { BytePairEncoding("a", {.min_count = 0}); }, "got 8000 and 0");
  check_refused([] { BytePairEncoding("a", {.special = {}}); }, "without <unk> were required");
  check_refused([] { BytePairEncoding("a", {.special = {.unk = "", .sos = "x", .eos = "x"}}); },
                "got \"x\" twice");
  const BytePairEncoding bpe("");
  CHECK(bpe.size() == 256);
  check_refused([&] { (void)bpe.decode({256}); }, "an id in [0, 256) was required: got 256");
  check_refused([&] { (void)bpe.unit(-1); }, "got -1");
  check_refused([&] { (void)bpe.encode("a", {.eos = true}); }, "a token <eos> was required");
}

TEST_CASE("a line of 50 MB without a space is encoded") {
  std::string line;
  line.reserve(50'000'000);
  while (line.size() < 50'000'000) line += "beginning";
  const BytePairEncoding bpe(kText, {.size = 400});
  const Ids ids = bpe.encode(line);
  CHECK(bpe.decode(ids) == line);
}
