#include "examples/language_model/report.h"

#include "examples/common/plot.h"
#include "examples/common/terminal.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace language_model {

Heldout heldout(const Units& units, const std::string& before, const std::string& text) {
  constexpr std::size_t kContext = 4096;  // bytes, far more than a model remembers
  std::size_t from = before.size() - std::min(before.size(), kContext);
  while (from < before.size() && (before[from] & 0xC0) == 0x80) ++from;
  Heldout out{text, units.encode(before.substr(from)), 0};
  if (out.ids.empty()) out.ids = {units.start()};
  out.from = static_cast<Index>(out.ids.size());
  const Ids ids = units.encode(text);
  unroll::check_io(!ids.empty(), "a text with at least one unit was required: got none");
  out.ids.insert(out.ids.end(), ids.begin(), ids.end());
  return out;
}

void show(const Units& units, const Heldout& test, const std::vector<Result>& results,
          program::Report& report) {
  const auto ids = static_cast<double>(test.ids.size()) - static_cast<double>(test.from);
  const auto letters = static_cast<double>(characters(test.text));
  std::vector<double> sums;
  for (const Result& r : results)
    sums.push_back(std::accumulate(r.nats.begin(), r.nats.end(), 0.0));
  const double best = *std::min_element(sums.begin(), sums.end());
  const auto models = std::count_if(results.begin(), results.end(),
                                    [](const Result& r) { return r.parameters > 0; });
  program::Table table(
      {"", "bits per character", "nats per character", "perplexity", "parameters", "CPU seconds"});
  for (std::size_t i = 0; i < results.size(); ++i) {
    const double sum = sums[i], bits = sum / letters / std::log(2.0);
    const Result& r = results[i];
    table.add(r.name, {{fmt::format("{:.4f}", bits), sum == best},
                       {fmt::format("{:.4f}", sum / letters), sum == best},
                       {fmt::format("{:.2f}", std::exp(sum / ids)), sum == best},
                       {r.parameters > 0 ? fmt::format("{}", r.parameters) : "-"},
                       {r.seconds > 0 ? fmt::format("{:.1f}", r.seconds) : "-"}});
    const std::string prefix = r.parameters > 0 && models == 1 ? "" : r.name + ".";
    report.add(prefix + "bits_per_character", bits);
    report.add(prefix + "nats_per_character", sum / letters);
    report.add(prefix + "perplexity", std::exp(sum / ids));
    if (r.parameters > 0) report.add(prefix + "parameters", static_cast<double>(r.parameters));
    if (r.seconds > 0) report.add(prefix + "seconds", r.seconds);
  }
  program::say("\nHeld-out text: {} characters, {} {}\n", letters, ids, plural(units.unit()));
  table.print();
  const auto unknown = std::count(test.ids.begin() + test.from, test.ids.end(), units.unknown());
  report.add("unknown", static_cast<double>(unknown) / ids);
  if (unknown > 0)
    program::say(
        "{} are not in the vocabulary ({:.2f} %). Each counts as <unk>, without its spelling,\n"
        "so results with different vocabularies cannot be compared.\n",
        unknown, 100 * static_cast<double>(unknown) / ids);
}

void draw(const std::string& path, const Units& units, const Heldout& test,
          const std::vector<Result>& results) {
  if (path.empty()) return;
  const Index count = std::min<Index>(units.unit() == Unit::characters ? 80 : 24,
                                      static_cast<Index>(test.ids.size()) - test.from);
  program::Panel panel;
  panel.title = "Surprise at each unit of the held-out text";
  panel.y.label = "bits", panel.y.low = 0;
  std::vector<double> places;
  for (Index i = 0; i < count; ++i) {
    places.push_back(static_cast<double>(i));
    std::string unit = units.decode({test.ids[static_cast<std::size_t>(test.from + i)]});
    if (unit == " ") unit = "␣";
    if (unit == "\n") unit = "↵";
    panel.x.tics.emplace_back(places.back(), unit);
  }
  const char* colours[] = {program::kGrey, program::kOrange, program::kBlue};
  for (std::size_t i = 0; i < results.size(); ++i) {
    std::vector<double> bits;
    for (Index k = 0; k < count; ++k)
      bits.push_back(results[i].nats[static_cast<std::size_t>(k)] / std::log(2.0));
    panel.line_points(places, bits, {.title = results[i].name, .colour = colours[i % 3]});
  }
  program::Figure figure;
  figure.panel_width = 1400;
  figure.add(panel).draw(path);
}

}  // namespace language_model
