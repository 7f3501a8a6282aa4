// Converts dates in 15 locales to ISO 8601: "2037년 4월 6일 월요일" -> "2037-04-06".
#include "examples/common/command_line.h"
#include "examples/common/translation.h"

#include <algorithm>
#include <numeric>

namespace {

using namespace program;

// Refuses what is not a date in ISO 8601, such as the other column.
void check_iso(const std::string& human, const std::string& iso, const std::string& path,
               int line) {
  const std::string_view form = "dddd-dd-dd";
  bool good = iso.size() == form.size();
  for (std::size_t i = 0; i < form.size() && good; ++i)
    good = form[i] == 'd' ? iso[i] >= '0' && iso[i] <= '9' : iso[i] == form[i];
  unroll::check_io(good,
                   "{}:{}: a date as 2030-08-03 was required in column \"iso\": got \"{}\" for "
                   "\"{}\"; are the columns swapped?",
                   path, line, unroll::excerpt(iso), unroll::excerpt(human));
}

const Texts kTexts{.source = "human",
                   .target = "iso",
                   .source_text = {.unit = unroll::data::Unit::code_points, .nfc = true},
                   .target_text = {.unit = unroll::data::Unit::code_points},
                   .source_units = "characters",
                   .target_units = "characters",
                   .split_by_target = true,
                   .check = check_iso};

struct Tested {
  std::vector<std::string> sources, targets, locales;
};

Tested rows_of(const Pairs& pairs, const std::vector<Index>& which) {
  Tested out{picked(pairs.sources, which), picked(pairs.targets, which), {}};
  const auto& names = pairs.table.names();
  if (std::count(names.begin(), names.end(), "locale") == 1)
    out.locales = picked(pairs.table.strings("locale"), which);
  return out;
}

// Prints the share of exact matches, greedy and by beam search.
std::vector<Answer> show_figures(const Translator& translator, const Tested& t, Index beams,
                                 Report& report) {
  Table table({"search", "exact match"});
  std::vector<Answer> last;
  for (const auto& [name, width] : {std::pair("greedy", Index{1}), std::pair("beam", beams)}) {
    last = translator.best(t.sources, width);
    Index right = 0;
    for (std::size_t i = 0; i < last.size(); ++i) right += last[i].text == t.targets[i];
    const double share = static_cast<double>(right) / static_cast<double>(t.sources.size());
    report.add(fmt::format("exact_match.{}", name), share);
    table.add(name, {{fmt::format("{:.4f}", share)}},
              fmt::format("{} of {}", right, t.sources.size()));
  }
  table.print();
  Index shown = 0;
  for (std::size_t i = 0; i < last.size() && shown < 10; ++i)
    if (last[i].text != t.targets[i]) {
      if (shown++ == 0) say("\nErrors of the beam search:\n");
      say("  {}: correct {}, got {}\n", t.sources[i], t.targets[i], last[i].text);
    }
  return last;
}

// Draws a Korean and a French date, each the longest one that was answered; without locales the
// longest two of any kind.
void draw(const Translator& translator, const Tested& t, const std::vector<Answer>& answers,
          const std::string& path) {
  std::vector<std::size_t> order(t.sources.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return translator.source_units(t.sources[a]).size() >
           translator.source_units(t.sources[b]).size();
  });
  Figure figure;
  figure.title = "Attention weights of each output character";
  figure.panel_width = 1000;
  figure.panel_height = 460;
  std::vector<std::size_t> chosen;
  for (const std::string locale : {"ko-KR", "fr-FR"})
    for (const std::size_t i : order)
      if (!t.locales.empty() && t.locales[i] == locale && !answers[i].units.empty()) {
        chosen.push_back(i);
        break;
      }
  for (const std::size_t i : order)
    if (chosen.size() < 2 && !answers[i].units.empty() &&
        std::count(chosen.begin(), chosen.end(), i) == 0)
      chosen.push_back(i);
  for (const std::size_t i : chosen) figure.add(translator.panel(t.sources[i], answers[i]));
  if (!chosen.empty()) figure.draw(path);
}

void run_program(const Options& o, const TranslationChoice& choice, const std::string& date,
                 Report& report) {
  o.prepare();
  Translator::check_source("--date", date);
  // No evaluation.
  if (!o.predict.empty() || (!date.empty() && !o.load.empty() && !o.given("--json"))) {
    Translator translator(o, kTexts, choice, nullptr);
    translator.fit(o, report, nullptr);
    if (!o.predict.empty()) translator.predict(o);
    if (!date.empty()) translator.say_best(date);
    return;
  }
  const Pairs pairs = read_pairs(o.data, kTexts);
  say("{} dates: {} train, {} validate, {} test; no day is in two parts.\n", pairs.sources.size(),
      pairs.train.size(), pairs.validation.size(), pairs.test.size());
  Tested tested = rows_of(pairs, pairs.test);
  if (!o.test.empty()) {
    const Pairs other = read_pairs(o.test, kTexts);
    std::vector<Index> all(other.sources.size());
    std::iota(all.begin(), all.end(), Index{0});
    tested = rows_of(other, all);
  }
  unroll::check_io(!tested.sources.empty(), "{}: more dates were required: none is left to test",
                   o.data);
  Translator translator(o, kTexts, choice, &pairs);
  translator.fit(o, report, &pairs);
  if (interrupted()) return;
  if (!date.empty()) translator.say_best(date);
  if (!o.test.empty()) say("Figures on {}, {} dates:\n", o.test, tested.sources.size());
  const std::vector<Answer> answers = show_figures(translator, tested, choice.beams, report);
  if (!o.picture.empty() && !interrupted()) draw(translator, tested, answers, o.picture);
}

}  // namespace

int main(int argc, char** argv) {
  TranslationChoice choice;
  choice.epochs = 4;
  std::string date;
  return run(
      argc, argv,
      {.name = "dates",
       .description = "Converts dates as written in 15 locales to ISO 8601, with a sequence\n"
                      "to sequence model.",
       .pictures = {"dates.svg"},
       .takes = {.data = "Dates: a table with the columns human and iso",
                 .sample = sample("dates.tsv.gz"),
                 .test = "Test on the dates of this file, of the same form",
                 .predict = "Dates without their ISO form, one per line",
                 .resume = true}},
      [&](CLI::App& app) {
        declare(app, choice);
        app.add_option("--date", date, "Also convert this date: the three best answers");
      },
      [&](const Options& o, Report& report) { run_program(o, choice, date, report); });
}
