#include "examples/speech/report.h"

#include "examples/common/metrics.h"
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/speech/picture.h"
#include "examples/speech/warping.h"

#include <algorithm>
#include <map>

namespace speech {
namespace {

struct Row {
  std::string name, key;
  Accuracy accuracy;
  std::string remark;
};

std::vector<std::string> labels_of(const Words& words) {
  std::vector<std::string> out;
  for (const Word& word : words) out.push_back(word.label);
  return out;
}

std::vector<Heard> heard(const std::vector<Tensor>& logits, const Decoder& decoder) {
  std::vector<Heard> out;
  for (const Tensor& one : logits) {
    program::stop_if_interrupted();
    out.push_back(decoder(one));
  }
  return out;
}

Row row_of(const std::string& name, const std::string& key, const std::vector<Heard>& found,
           const Words& words) {
  std::vector<std::string> texts;
  for (const Heard& one : found) texts.push_back(one.text);
  return {name, key, accuracy_of(texts, labels_of(words)), ""};
}

Row baseline(const Words& known, const Words& words) {
  const NearestNeighbour nearest(known);
  program::Progress bar("nearest neighbour", 1);
  std::vector<std::string> found;
  for (const Word& word : words) {
    program::stop_if_interrupted();
    found.push_back(nearest(word));
    bar.part(static_cast<double>(found.size()) / static_cast<double>(words.size()));
  }
  bar.step("");
  return {"nearest neighbour", "nearest_neighbour", accuracy_of(found, labels_of(words)),
          "time warping"};
}

void print_rows(const std::vector<Row>& rows) {
  double best = 0, fewest = 1e9;
  for (const Row& row : rows) {
    best = std::max(best, row.accuracy.words);
    fewest = std::min(fewest, row.accuracy.character_errors);
  }
  program::Table table({"", "word accuracy", "character error rate"});
  for (const Row& row : rows)
    table.add(row.name,
              {{fmt::format("{:.4f}", row.accuracy.words), row.accuracy.words == best},
               {fmt::format("{:.4f}", row.accuracy.character_errors),
                row.accuracy.character_errors == fewest}},
              row.remark);
  table.print();
}

// The accuracy of each speaker, and the labels that are most often wrong.
std::string details(const Words& words, const std::vector<Heard>& found) {
  std::map<std::string, std::pair<int, int>> speakers;  // right, all
  std::map<std::string, int> wrong;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool right = found[i].text == words[i].label;
    speakers[words[i].speaker].first += right;
    ++speakers[words[i].speaker].second;
    if (!right)
      ++wrong[fmt::format("{} as {}", unroll::excerpt(words[i].label),
                          found[i].text.empty() ? "nothing" : unroll::excerpt(found[i].text))];
  }
  constexpr std::size_t kShown = 8;
  std::string out;
  if (speakers.size() <= kShown)
    for (const auto& [name, counts] : speakers)
      out += fmt::format("{}{}: {} of {}", out.empty() ? "By speaker: " : ", ",
                         unroll::excerpt(name), counts.first, counts.second);
  if (!out.empty()) out += ". ";
  std::vector<std::pair<int, std::string>> most;
  for (const auto& [what, count] : wrong) most.emplace_back(-count, what);
  std::sort(most.begin(), most.end());
  for (std::size_t i = 0; i < std::min<std::size_t>(3, most.size()); ++i)
    out += fmt::format("{}{} ({})", i == 0 ? "Most frequent errors: " : ", ", most[i].second,
                       -most[i].first);
  return out + (most.empty() ? "No word is wrong." : ".");
}

std::string verdict(const Row& model, const Row& nearest, program::Report& report) {
  const program::Comparison c = program::compare(model.accuracy.right, nearest.accuracy.right);
  report.add("difference", c.difference);
  report.add("difference.standard_error", c.standard_error);
  const std::string by = fmt::format("{:.4f} +- {:.4f}", std::abs(c.difference), c.standard_error);
  if (program::wins(c.difference, c.standard_error))
    return fmt::format("The network wins: it is ahead of the nearest neighbour by {}, {}.", by,
                       program::kWins);
  if (program::wins(-c.difference, c.standard_error))
    return fmt::format("The nearest neighbour wins: it is ahead of the network by {}, {}.", by,
                       program::kWins);
  return fmt::format(
      "Neither wins: the difference in word accuracy, {}, is not larger than its paired standard "
      "error.",
      by);
}

}  // namespace

void compare(const Model& model, const Letters& letters, const Decoding& how,
             const std::vector<Counted>& labels, const Tested& tested, const std::string& picture,
             program::Report& report) {
  const Words& words = tested.words;
  const std::vector<Tensor> logits = logits_of(model, words);
  std::vector<Row> rows;
  std::vector<Heard> chosen;
  const auto add = [&](const std::string& name, const std::string& key, const Decoding& decoding,
                       bool is_chosen) {
    const std::vector<Heard> found = heard(logits, Decoder(letters, decoding, labels));
    rows.push_back(row_of(name, key, found, words));
    if (is_chosen) chosen = found, std::swap(rows.front(), rows.back());
  };
  const bool greedy = how.decoder == "greedy";
  const std::string kind = model.layer.options().kind;
  add(kind + ", greedy", "greedy", {.decoder = "greedy"}, greedy);
  add(kind + ", beam search", "beam", {.beams = how.beams, .order = 0}, !greedy && how.order == 0);
  if (how.order > 0 && !greedy)
    add(fmt::format("{}, beam, {}-grams", kind, how.order), "ngrams", how, !greedy);
  const Row best = rows.front();
  if (tested.known != nullptr) rows.push_back(baseline(*tested.known, words));
  program::print(
      program::wrapped(fmt::format("{} test words: {}.", words.size(), tested.described)));
  print_rows(rows);
  report.add("words", static_cast<double>(words.size()));
  report.add("synthetic", tested.synthetic ? 1 : 0);
  report.add("word_accuracy", best.accuracy.words);
  report.add("character_error_rate", best.accuracy.character_errors);
  for (const Row& row : rows) {
    report.add("word_accuracy." + row.key, row.accuracy.words);
    report.add("character_error_rate." + row.key, row.accuracy.character_errors);
  }
  program::print(program::wrapped(details(words, chosen)));
  if (tested.known != nullptr) program::print(program::wrapped(verdict(best, rows.back(), report)));
  draw_word(picture,
            fmt::format("\"{}\" by {}, recognised as \"{}\" ({})", words[0].label, words[0].speaker,
                        chosen[0].text, tested.synthetic ? kSynthetic : "a recording"),
            log_mel(words[0].samples), logits[0], chosen[0].symbols, letters);
}

}  // namespace speech
