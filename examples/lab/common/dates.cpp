#include "examples/lab/common/dates.h"

#include <algorithm>
#include <cmath>

namespace lab {
namespace {

const program::Texts kTexts{.source = "human",
                            .target = "iso",
                            .source_text = {.unit = unroll::data::Unit::code_points, .nfc = true},
                            .target_text = {.unit = unroll::data::Unit::code_points},
                            .source_units = "characters",
                            .target_units = "characters",
                            .split_by_target = true};

std::vector<std::string> characters(const std::string& text) {
  return unroll::data::divide(text, kTexts.source_text);
}

// Where the year is in the text; -1 if it is not there in the digits of the answer.
Index year_in(const ReadDate& date) {
  const std::vector<std::string> text = characters(date.text), wanted = characters(date.wanted);
  const auto found = std::search(text.begin(), text.end(), wanted.begin(), wanted.begin() + 4);
  return found == text.end() ? -1 : found - text.begin();
}

}  // namespace

double ReadDate::on_year() const {
  const Index at = year_in(*this);
  if (at < 0 || answer.attention.shape()[0] < 4) return std::nan("");
  return unroll::sum(answer.attention.narrow(0, 0, 4).narrow(1, at, 4)).item() / 4;
}
double ReadDate::on_year_equally() const {
  return year_in(*this) < 0 ? std::nan("") : 4 / static_cast<double>(characters(text).size());
}

Heat ReadDate::heat() const {
  Heat out{text + " → " + answer.text, answer.units, characters(text), {}};
  std::replace(out.column_labels.begin(), out.column_labels.end(), std::string(" "),
               std::string("␣"));
  for (Index i = 0; i < static_cast<Index>(answer.units.size()); ++i)
    out.rows.push_back(answer.attention.select(0, i).to_vector<double>());
  return out;
}

std::vector<ReadDate> read_dates(const program::Options& o, const DatesOptions& options) {
  program::Pairs pairs = program::read_pairs(program::sample("dates.tsv.gz"), kTexts);
  if (options.dates > 0) pairs.train.resize(static_cast<std::size_t>(options.dates));
  pairs.validation.clear();
  pairs.test.resize(std::min(pairs.test.size(), static_cast<std::size_t>(options.tested)));
  program::TranslationChoice choice;
  choice.hidden = options.hidden, choice.epochs = options.epochs;
  program::Translator translator(o, kTexts, choice, &pairs);
  program::Report unused;  // of the training
  translator.fit(o, unused, &pairs);
  program::stop_if_interrupted();
  const std::vector<std::string> texts = program::picked(pairs.sources, pairs.test),
                                 wanted = program::picked(pairs.targets, pairs.test),
                                 locales =
                                     program::picked(pairs.table.strings("locale"), pairs.test);
  const std::vector<program::Answer> answers = translator.best(texts, 1);
  std::vector<ReadDate> out;
  for (std::size_t i = 0; i < texts.size(); ++i)
    out.push_back({locales[i], texts[i], wanted[i], answers[i]});
  return out;
}

}  // namespace lab
