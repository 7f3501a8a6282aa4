#include "examples/common/pairs.h"

#include "examples/common/table_file.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <numeric>

namespace program {
namespace {

// FNV-1a.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash ^ (hash >> 32);
}

}  // namespace

Pairs read_pairs(const std::string& path, const Texts& texts) {
  Pairs out{read_table(path, {texts.source, texts.target}), {}, {}, {}, {}, {}};
  check_filled(out.table, {texts.source, texts.target});
  out.sources = out.table.strings(texts.source);
  out.targets = out.table.strings(texts.target);
  for (std::size_t i = 0; i < out.sources.size(); ++i) {
    for (const auto& [name, text] :
         {std::pair(texts.source, out.sources[i]), std::pair(texts.target, out.targets[i])})
      unroll::check_io(text.size() <= kMaxText,
                       "{}:{}: a text of at most {} bytes was required in column \"{}\": got {}",
                       path, out.table.line(i), kMaxText, name, text.size());
    if (texts.check) texts.check(out.sources[i], out.targets[i], path, out.table.line(i));
    const auto tenth = hash_of(texts.split_by_target ? out.targets[i] : out.sources[i]) % 10;
    (tenth < 8    ? out.train
     : tenth == 8 ? out.validation
                  : out.test)
        .push_back(static_cast<Index>(i));
  }
  return out;
}

std::vector<std::string> picked(const std::vector<std::string>& texts,
                                const std::vector<Index>& which) {
  std::vector<std::string> out;
  out.reserve(which.size());
  for (const Index i : which) out.push_back(texts[static_cast<std::size_t>(i)]);
  return out;
}

Index edit_distance(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<Index> row(b.size() + 1);  // distances of a prefix of a to all prefixes of b
  std::iota(row.begin(), row.end(), Index{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    Index diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const Index substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace program
