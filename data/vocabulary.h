// Text to ids and back.
#pragma once

#include <unroll/tensor/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace unroll::data {

enum class Unit { bytes, words };  // a word: what stands between white space

class Vocabulary {
 public:
  // Every unit of the text that comes at least `least` times, the most frequent first (ties in
  // alphabetical order). Id 0 is <unknown>. With `most` above 0 there are at most so many ids, that
  // one included.
  Vocabulary(std::string_view text, Unit unit, Index least = 1, Index most = 0);

  Index size() const { return static_cast<Index>(units_.size()); }
  std::vector<Index> encode(std::string_view text) const;  // what is not known is 0
  std::string decode(const std::vector<Index>& ids) const;
  const std::string& unit(Index id) const;

 private:
  Unit unit_;
  std::vector<std::string> units_;
  std::map<std::string, Index, std::less<>> ids_;
};

}  // namespace unroll::data
