// Random texts for the tests of data/text.
#pragma once

#include <unroll/tensor/random.h>

#include <string>

namespace unroll {

inline std::string random_bytes(Generator& g, Index most) {
  std::string out;
  for (Index i = g.below(most + 1); i > 0; --i) out += static_cast<char>(g.below(256));
  return out;
}

inline void append_utf8(std::string& out, Index c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  out += static_cast<char>((more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0) | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
}

// Code points of all planes, and more often those where something happens: ASCII, Latin, combining
// marks, jamo, Hangul syllables, emoji and their joiners, flags.
inline std::string random_unicode(Generator& g, Index most) {
  constexpr Index kRanges[][2] = {{0, 0x80},          {0x80, 0x250},    {0x300, 0x370},
                                  {0x1100, 0x1200},   {0xAC00, 0xD7A4}, {0x1F1E6, 0x1F200},
                                  {0x1F466, 0x1F600}, {0x200B, 0x2030}, {0, 0xD800},
                                  {0xE000, 0x110000}};
  std::string out;
  for (Index i = g.below(most + 1); i > 0; --i) {
    const auto& range = kRanges[static_cast<std::size_t>(g.below(10))];
    append_utf8(out, range[0] + g.below(range[1] - range[0]));
  }
  return out;
}

}  // namespace unroll
