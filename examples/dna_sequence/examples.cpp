#include "examples/dna_sequence/examples.h"

#include <algorithm>
#include <unordered_map>

namespace dna {

Bases other_strand(const Bases& s) {
  Bases out(s.rbegin(), s.rend());
  for (auto& base : out) base = base < 4 ? static_cast<std::uint8_t>(3 - base) : base;
  return out;
}

double hash_of(const Bases& s) {
  // FNV-1a, and a last mixing (MurmurHash3's), so that the low bits depend on every base.
  std::uint64_t h = 14695981039346656037U;
  for (const auto base : s) h = (h ^ (base + 1U)) * 1099511628211U;
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdU;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53U;
  return static_cast<double>((h ^ (h >> 33)) >> 12);  // 52 bits: exact in a double
}

bool Examples::one_length() const {
  return std::all_of(sequences.begin(), sequences.end(),
                     [&](const Bases& s) { return s.size() == sequences[0].size(); });
}

Index Examples::longest() const {
  std::size_t most = 0;
  for (const Bases& s : sequences) most = std::max(most, s.size());
  return static_cast<Index>(most);
}

}  // namespace dna
