#include "examples/lab/common/letters.h"

#include "examples/common/options.h"
#include "examples/common/table_file.h"

namespace lab {
namespace {

constexpr Index kSpace = 26, kComma = 27, kStop = 28, kOther = 29;

}  // namespace

std::vector<Index> Letters::ids(const std::string& text) {
  std::vector<Index> out;
  for (const char c : text)
    out.push_back(c >= 'a' && c <= 'z'   ? c - 'a'
                  : c >= 'A' && c <= 'Z' ? c - 'A'
                  : c == ' '             ? kSpace
                  : c == ','             ? kComma
                  : c == '.'             ? kStop
                                         : kOther);
  return out;
}

std::string Letters::shown(Index id) {
  if (id < kSpace) return std::string(1, static_cast<char>('a' + id));
  return id == kSpace ? "␣" : id == kComma ? "," : id == kStop ? "." : "*";
}

Letters::Letters() {
  for (const std::string& verse :
       program::read_table(program::sample("kjv_verses.tsv.gz"), {"text"}).strings("text")) {
    const std::vector<Index> more = ids(verse + " ");
    text_.insert(text_.end(), more.begin(), more.end());
  }
  train_ = static_cast<Index>(text_.size()) / 10 * 9;
}

Batch Letters::batch(Index sequences, Index steps, unroll::Generator& random) const {
  std::vector<std::vector<Index>> read, next;
  for (Index b = 0; b < sequences; ++b) {
    const auto from = text_.begin() + random.below(train_ - steps);
    read.emplace_back(from, from + steps);
    next.emplace_back(from + 1, from + steps + 1);
  }
  Batch out;
  out.ids = nn::Tokens::from(read);
  out.targets = nn::Tokens::from(next).ids;
  std::vector<Index> all(static_cast<std::size_t>(out.targets.numel()));
  for (std::size_t n = 0; n < all.size(); ++n) all[n] = static_cast<Index>(n);
  out.scored = all;
  return out;
}

}  // namespace lab
