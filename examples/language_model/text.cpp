#include "examples/language_model/text.h"

#include <unroll/tensor/error.h>

#include <algorithm>

namespace language_model {
namespace {

namespace data = unroll::data;

constexpr const char* kNames[] = {"characters", "words", "bpe"};
constexpr Index kDefaultSize = 10000;

using Coded = std::variant<data::Vocabulary, data::BytePairEncoding>;

Coded learned(const std::string& text, const UnitsOptions& o) {
  const Index size = o.max_size > 0 || o.unit == Unit::characters ? o.max_size : kDefaultSize;
  if (o.unit == Unit::bpe) return data::BytePairEncoding(text, {.size = size});
  data::TextOptions how{.unit = data::Unit::code_points};
  data::VocabularyOptions options{.max_size = size};
  if (o.unit == Unit::words) {
    how.unit = data::Unit::words;
    how.punctuation = o.tokenised ? data::Punctuation::attached : data::Punctuation::separate;
    options.special.eos = "<eos>";
  }
  return data::Vocabulary(text, how, options);
}

}  // namespace

const char* name_of(Unit unit) { return kNames[static_cast<int>(unit)]; }
const char* plural(Unit unit) { return unit == Unit::bpe ? "byte pairs" : name_of(unit); }
Unit unit_of(const std::string& name) {
  for (Unit unit : {Unit::characters, Unit::words, Unit::bpe})
    if (name == name_of(unit)) return unit;
  unroll::fail("a unit among characters, words and bpe was required: got \"{}\"",
               unroll::excerpt(name));
}

Units::Units(const std::string& text, const UnitsOptions& options)
    : Units(learned(text, options), options.unit) {}

Units Units::from_metadata(const unroll::Metadata& metadata) {
  const auto at = metadata.find("unit");
  unroll::check_io(at != metadata.end(), "a \"unit\" was required in the model's file: got none");
  const Unit unit = unit_of(at->second);
  if (unit == Unit::bpe) return {data::BytePairEncoding::from_metadata(metadata), unit};
  return {data::Vocabulary::from_metadata(metadata), unit};
}

unroll::Metadata Units::metadata() const {
  unroll::Metadata out = std::visit([](const auto& coded) { return coded.metadata(); }, coded_);
  out["unit"] = name_of(unit_);
  return out;
}

Index Units::size() const {
  return std::visit([](const auto& coded) { return coded.size(); }, coded_);
}

Index Units::unknown() const {
  const auto* vocabulary = std::get_if<data::Vocabulary>(&coded_);
  return vocabulary ? vocabulary->unknown_id() : -1;
}

Index Units::line_end() const {
  const auto* vocabulary = std::get_if<data::Vocabulary>(&coded_);
  if (unit_ == Unit::words) return vocabulary->eos_id();
  const Ids ids = encode("\n");
  return ids.size() == 1 && ids[0] != unknown() ? ids[0] : -1;
}

Index Units::start() const {
  return line_end() >= 0 ? line_end() : std::min<Index>(unknown() + 1, size() - 1);
}

std::string Units::append(const std::string& text, const Ids& ids) const {
  const std::string more = decode(ids);
  const bool joined = unit_ != Unit::words || more.empty() || text.empty() || text.back() == '\n' ||
                      more.front() == '\n';
  return text + (joined ? "" : " ") + more;
}

Ids Units::encode(const std::string& text) const {
  if (unit_ != Unit::words)
    return std::visit([&](const auto& coded) { return coded.encode(text); }, coded_);
  const auto& vocabulary = std::get<data::Vocabulary>(coded_);
  Ids out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const Ids line = vocabulary.encode(std::string_view(text).substr(begin, end - begin),
                                       {.eos = end < text.size()});
    out.insert(out.end(), line.begin(), line.end());
    begin = end + 1;
  }
  return out;
}

std::string Units::decode(const Ids& ids) const {
  if (unit_ == Unit::bpe)  // which may end within a character
    return data::normalise(
        std::get<data::BytePairEncoding>(coded_).decode(ids),
        {.unit = data::Unit::code_points, .invalid = data::InvalidUtf8::replace});
  if (unit_ == Unit::characters) return std::get<data::Vocabulary>(coded_).decode(ids);
  const auto& vocabulary = std::get<data::Vocabulary>(coded_);
  std::string out;
  bool space = false;
  for (Index id : ids) {
    if (id == vocabulary.eos_id()) {
      out += '\n', space = false;
      continue;
    }
    if (space) out += ' ';
    out += vocabulary.unit(id), space = true;
  }
  return out;
}

Index characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

Parts split(const std::string& text, Unit unit, const SplitOptions& o) {
  const auto tenths = [&](std::size_t n) {
    std::size_t at = text.size() * n / 10;
    if (unit == Unit::words) {
      at = std::min(text.find_first_of(" \n\t", at), text.size());
      at = std::min(text.find_first_not_of(" \n\t", at), text.size());
    }
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
    return at;
  };
  const std::size_t test = o.test ? tenths(9) : text.size(),
                    end = o.validation ? tenths(o.test ? 8 : 9) : test;
  Parts parts{text.substr(0, end), text.substr(end, test - end), text.substr(test)};
  unroll::check_io(
      characters(text) >= 10 && end > 0 && (!o.test || test < text.size()) &&
          (!o.validation || end < test),
      "a text of at least 10 characters was required, in several {}: got {} characters",
      plural(unit), characters(text));
  return parts;
}

}  // namespace language_model
