// Byte-pair encoding (Sennrich et al. 2016, over bytes as in GPT-2): frequent parts of words become
// units. Any bytes can be encoded, and are decoded exactly.
//
//   const data::BytePairEncoding bpe(text, {.size = 8000});
//   bpe.decode(bpe.encode("In the beginning")) == "In the beginning"
#pragma once

#include <unroll/data/text/special_tokens.h>
#include <unroll/data/text/string_index.h>
#include <unroll/tensor/safetensors.h>

namespace unroll::data {

struct BytePairOptions {
  Index size = 8000;    // maximal number of units: special tokens, 256 bytes, and merged pairs
  Index min_count = 2;  // pairs that occur less often are not merged
  SpecialTokens special = {.unk = ""};  // no <unk>: no text is unknown
};

// A text is first divided into pieces: a word with the space before it, a number, punctuation, or
// white space; at most 128 bytes each. Pairs are merged within a piece only.
class BytePairEncoding {
 public:
  // Merges the most frequent pair of units, repeatedly. Of equally frequent pairs the one whose
  // left unit (then right unit) has the smaller id is first. Ends early if no pair occurs min_count
  // times.
  explicit BytePairEncoding(std::string_view text, const BytePairOptions& options = {});

  Index size() const { return static_cast<Index>(units_.size()); }  // number of ids
  const SpecialTokens& special() const { return special_; }
  Index pad_id() const { return pad_; }  // -1 if there is none
  Index sos_id() const { return sos_; }
  Index eos_id() const { return eos_; }
  // By id: the special tokens, the 256 bytes, then the pairs in the order in which they were
  // merged.
  const std::vector<std::string>& units() const { return units_; }
  const std::string& unit(Index id) const;  // throws unless 0 <= id < size

  // Throws std::invalid_argument if `ends` asks for a token that does not exist.
  std::vector<Index> encode(std::string_view text, const Ends& ends = {}) const;
  // The text of some ids, without special tokens. Throws unless all ids are in [0, size).
  std::string decode(const std::vector<Index>& ids) const;

  // All of it as metadata for a model file, as one entry `key`; see Vocabulary.
  Metadata metadata(const std::string& key = "bpe") const;
  static BytePairEncoding from_metadata(const Metadata& metadata, const std::string& key = "bpe");
  void check_same(const Metadata& metadata, const std::string& key = "bpe") const;

 private:
  explicit BytePairEncoding(const SpecialTokens& special);
  void join(PairIndex::Pair pair);  // makes the next unit
  void encode_piece(std::string_view piece, std::vector<Index>& ids) const;

  SpecialTokens special_;
  Index pad_ = -1, sos_ = -1, eos_ = -1;
  std::int32_t first_byte_ = 0;  // the id of the byte 0: the number of special tokens
  std::vector<std::string> units_;
  PairIndex pairs_;  // merged pair p is unit first_byte_ + 256 + p
};

}  // namespace unroll::data
