// Special tokens: ids that stand for no part of the text.
#pragma once

#include <string>

namespace unroll::data {

// Names of the special tokens; an empty name: there is none. They get the first ids, in this order.
struct SpecialTokens {
  std::string pad = {};       // padding
  std::string unk = "<unk>";  // every unit that is not in the vocabulary
  std::string sos = {};       // start of a sequence
  std::string eos = {};       // end of a sequence

  static SpecialTokens all() { return {"<pad>", "<unk>", "<sos>", "<eos>"}; }
  bool operator==(const SpecialTokens&) const = default;
};

// Whether encode puts <sos> before the ids and <eos> after them.
struct Ends {
  bool sos = false, eos = false;
};

}  // namespace unroll::data
