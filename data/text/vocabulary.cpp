#include <unroll/data/text/saved_text.h>
#include <unroll/data/text/vocabulary.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <limits>

namespace unroll::data {
namespace {

constexpr std::string_view kKind = "vocabulary";
constexpr Index kMaxCount = std::numeric_limits<Index>::max();

std::vector<std::string> names_of(const SpecialTokens& special) {
  return {special.pad, special.unk, special.sos, special.eos};
}

void check_special(const SpecialTokens& special) {
  const std::vector<std::string> names = names_of(special);
  for (std::size_t i = 0; i < names.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      check(names[i].empty() || names[i] != names[j],
            "vocabulary: special tokens that differ were required: got \"{}\" twice",
            excerpt(names[i]));
}

// Whether a text divided like this can have the unit.
bool can_occur(const std::string& unit, const TextOptions& how) {
  const std::vector<std::string> parts = divide(unit, how);
  return parts.size() == 1 && parts[0] == unit;
}

}  // namespace

void Vocabulary::add(std::string_view unit, Index count) {
  (void)units_.add(unit);
  counts_.push_back(count);
}

void Vocabulary::find_special() {
  const auto find = [this](const std::string& name) {
    return name.empty() ? -1 : units_.find(name);
  };
  pad_ = find(special_.pad), unknown_ = find(special_.unk);
  sos_ = find(special_.sos), eos_ = find(special_.eos);
}

Vocabulary::Vocabulary(const Counts& counts, const VocabularyOptions& o)
    : Vocabulary(counts.how(), o.special) {
  check(o.min_count >= 1 && o.max_size >= 0,
        "vocabulary: a min_count of at least 1 and a max_size of at least 0 were required: got {} "
        "and {}",
        o.min_count, o.max_size);
  check_special(special_);
  for (const std::string& name : names_of(special_))
    if (!name.empty()) add(name, 0);
  check(o.max_size == 0 || o.max_size >= size(),
        "vocabulary: a max_size with room for {} special tokens was required: got {}", size(),
        o.max_size);
  for (const auto& [unit, count] : counts.most_common()) {
    if (count < o.min_count || (o.max_size > 0 && size() >= o.max_size)) break;
    if (units_.find(unit) < 0) add(unit, count);
  }
  find_special();
}

Vocabulary::Vocabulary(std::string_view text, const TextOptions& how, const VocabularyOptions& o)
    : Vocabulary(Counts(text, how), o) {}

Vocabulary Vocabulary::from_units(const std::vector<std::string>& units, const TextOptions& how,
                                  const SpecialTokens& special) {
  check_special(special);
  Vocabulary out(how, special);
  const std::vector<std::string> names = names_of(special);
  for (const std::string& unit : units) {
    const bool named = !unit.empty() && std::find(names.begin(), names.end(), unit) != names.end();
    check(named || can_occur(unit, how),
          "vocabulary: units that a text divided into {} can have were required: got \"{}\"",
          name_of(how.unit), excerpt(unit));
    check(out.units_.find(unit) < 0,
          "vocabulary: units that differ were required: got \"{}\" twice", excerpt(unit));
    out.add(unit, 0);
  }
  for (const std::string& name : names)
    check(name.empty() || out.units_.find(name) >= 0,
          "vocabulary: the special token \"{}\" was required among the {} units: got none (name "
          "another one in SpecialTokens, or \"\" for none)",
          excerpt(name), units.size());
  out.find_special();
  return out;
}

Index Vocabulary::count(Index id) const {
  (void)unit(id);
  return counts_[static_cast<std::size_t>(id)];
}

Index Vocabulary::id(std::string_view unit) const {
  const Index found = units_.find(unit);
  return found < 0 ? unknown_ : found;
}

std::vector<Index> Vocabulary::encode(std::string_view text, const Ends& ends) const {
  check(!ends.sos || sos_ >= 0, "vocabulary: a token <sos> was required: this vocabulary has none");
  check(!ends.eos || eos_ >= 0, "vocabulary: a token <eos> was required: this vocabulary has none");
  std::vector<Index> out;
  if (ends.sos) out.push_back(sos_);
  for_each_unit(text, how_, [&](std::string_view unit) {
    const Index found = id(unit);
    check(found >= 0,
          "vocabulary: units that it has were required, since it has no token for unknown ones: "
          "got \"{}\"",
          excerpt(unit));
    out.push_back(found);
  });
  if (ends.eos) out.push_back(eos_);
  return out;
}

std::string Vocabulary::decode(const std::vector<Index>& ids) const {
  std::string out;
  bool first = true;
  for (Index id : ids) {
    const std::string& text = unit(id);
    if (omitted(id)) continue;
    if (how_.unit == Unit::words && !first) out += ' ';
    first = false;
    out += text;
  }
  return how_.jamo ? compose_jamo(out) : out;
}

const std::string& Vocabulary::unit(Index id) const {
  check(id >= 0 && id < size(), "vocabulary: an id in [0, {}) was required: got {}", size(), id);
  return units_[id];
}

// The line of options, the names of the special tokens, the number of units; then a unit and its
// count in each line.
Metadata Vocabulary::metadata(const std::string& key) const {
  SavedText out(kKind);
  for (const Index option :
       {static_cast<Index>(how_.unit), static_cast<Index>(how_.punctuation), Index{how_.nfc},
        Index{how_.fold_case}, Index{how_.jamo}, static_cast<Index>(how_.invalid)})
    out.field(option);
  out.end_line();
  for (const std::string& name : names_of(special_)) out.field(name);
  out.end_line();
  out.field(size());
  out.end_line();
  for (Index i = 0; i < size(); ++i) {
    out.field(unit(i));
    out.field(count(i));
    out.end_line();
  }
  return {{key, out.text()}};
}

Vocabulary Vocabulary::from_metadata(const Metadata& metadata, const std::string& key) {
  SavedReader in(metadata, key, kKind);
  TextOptions how;
  how.unit = static_cast<Unit>(in.number(0, 3));
  how.punctuation = static_cast<Punctuation>(in.number(0, 2));
  how.nfc = in.number(0, 1) != 0, how.fold_case = in.number(0, 1) != 0;
  how.jamo = in.number(0, 1) != 0;
  how.invalid = static_cast<InvalidUtf8>(in.number(0, 1));
  in.end_line();
  SpecialTokens special;
  for (std::string* name : {&special.pad, &special.unk, &special.sos, &special.eos})
    *name = in.field();
  in.end_line();
  Vocabulary out(how, special);
  const Index size = in.number(0, kMaxCount);
  in.end_line();
  for (Index i = 0; i < size; ++i) {
    const std::string unit = in.field();
    if (out.units_.find(unit) >= 0) in.refuse("a unit that differs from those before it");
    out.add(unit, in.number(0, kMaxCount));
    in.end_line();
  }
  if (!in.at_end()) in.refuse("the end");
  out.find_special();
  for (const std::string& name : names_of(special))
    if (!name.empty() && out.units_.find(name) < 0)
      in.refuse(fmt::format("the special token \"{}\" among the units", excerpt(name)));
  return out;
}

void Vocabulary::check_same(const Metadata& metadata, const std::string& key) const {
  const Vocabulary saved = from_metadata(metadata, key);
  check_io(saved.how_ == how_ && saved.special_ == special_,
           "{}: the vocabulary of the model was required: got one that divides text otherwise, or "
           "has other special tokens (the model's has {} of {} units, this one {} of {})",
           key, name_of(saved.how_.unit), saved.size(), name_of(how_.unit), size());
  for (Index i = 0; i < std::max(size(), saved.size()); ++i) {
    const std::string here = i < size() ? unit(i) : "nothing",
                      there = i < saved.size() ? saved.unit(i) : "nothing";
    check_io(i < size() && i < saved.size() && here == there,
             "{}: the vocabulary of the model was required: it has {} units, this one {}; id {} is "
             "\"{}\" there and \"{}\" here",
             key, saved.size(), size(), i, excerpt(there), excerpt(here));
  }
}

}  // namespace unroll::data
