#include "examples/stock_price/seeds.h"

#include <unroll/tensor/error.h>

#include <charconv>

namespace stock {

std::string prefix_of(std::size_t seed, std::size_t seeds) {
  return seeds == 1 ? "" : fmt::format("seed{}.", seed + 1);
}

std::pair<std::size_t, std::uint64_t> seeds_in(const std::string& path,
                                               const unroll::Metadata& metadata) {
  const auto number = [&](const char* key, std::uint64_t low, std::uint64_t high) {
    const auto at = metadata.find(key);
    if (at == metadata.end()) return std::uint64_t{1};  // of earlier versions
    const char *begin = at->second.data(), *last = begin + at->second.size();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(begin, last, value);
    unroll::check_io(error == std::errc() && end == last && value >= low && value <= high,
                     "{}: a number from {} to {} was required as \"{}\": got \"{}\"", path, low,
                     high, key, unroll::excerpt(at->second));
    return value;
  };
  return {number("seeds", 1, 100), number("first_seed", 0, ~std::uint64_t{0})};
}

program::SequenceOptions layer_in(const unroll::Metadata& metadata) {
  if (metadata.count("options.kind") == 0) return Settings().layer(metadata.at("model"));
  return nn::options_in<program::SequenceOptions>(metadata);
}

unroll::Metadata metadata_of_seed(const unroll::Metadata& metadata, const std::string& prefix) {
  unroll::Metadata out;
  for (const auto& [key, text] : metadata)
    if (key.rfind(prefix, 0) == 0) out[key.substr(prefix.size())] = text;
  return out;
}

}  // namespace stock
