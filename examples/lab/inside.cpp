// What is inside: the attention of a decoder on a date, the gates of a GRU and an LSTM along a
// sentence, and the gradient that reaches each of its steps.
#include "examples/common/program.h"
#include "examples/common/terminal.h"
#include "examples/lab/common/dates.h"
#include "examples/lab/common/gates.h"
#include "examples/lab/common/letters.h"

#include <unroll/nn/loss.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <sstream>

namespace {

using lab::Index;
using lab::Letters;
using lab::Network;
using lab::Numbers;
namespace nn = lab::nn;

struct Size {
  lab::DatesOptions dates;
  Index steps, parameters, seeds, read;  // of the letters; `read` of them are read afterwards
};
constexpr Index kShown = 40;  // letters

double mean(const std::vector<double>& values) { return program::mean_and_std(values).mean; }

// The attention weights of the decoder.
void attention(lab::Experiment& e, const lab::DatesOptions& options) {
  const std::vector<lab::ReadDate> dates = lab::read_dates(e.options(), options);
  std::vector<double> right, on_year, equally;
  for (const lab::ReadDate& date : dates) {
    right.push_back(date.right());
    if (std::isnan(date.on_year())) continue;
    on_year.push_back(date.on_year()), equally.push_back(date.on_year_equally());
  }
  e.figure("attention.exact_match", mean(right));
  e.figure("attention.on_year", mean(on_year));
  e.figure("attention.on_year_equally", mean(equally));
  for (const std::string locale : {"fr-FR", "ko-KR"}) {
    const auto found = std::find_if(dates.begin(), dates.end(), [&](const lab::ReadDate& date) {
      return date.locale == locale && date.right();
    });
    if (found != dates.end()) e.heat(found->heat());
  }
  e.conclude(fmt::format(
      "Attention: while the model writes the four digits of a year, {:.0f} % of its attention is "
      "on these digits in the text; with equal weights it would be {:.0f} %. {} ({:.0f} % of {} "
      "dates of unseen days are right.)",
      100 * mean(on_year), 100 * mean(equally),
      mean(on_year) > 2 * mean(equally) ? "So the weights show what is read."
                                        : "So the weights do not show what is read.",
      100 * mean(right), dates.size()));
}

// The mean value of a gate at spaces and at letters.
struct Opening {
  std::vector<double> at_space, at_letter;  // one for each seed
  void add(const Numbers& open, const std::vector<Index>& text) {
    std::vector<double> space, letter;
    for (std::size_t t = 0; t < text.size(); ++t) {
      const std::string shown = Letters::shown(text[t]);
      if (shown == "␣") space.push_back(open[t]);
      if (shown >= "a" && shown <= "z") letter.push_back(open[t]);
    }
    at_space.push_back(mean(space)), at_letter.push_back(mean(letter));
  }
};

// The norm of the gradient of the last loss with respect to the state after each step, by hooks.
Numbers gradients(const Network& network, const std::vector<Index>& text, Index next) {
  unroll::Tape tape;
  const lab::Gates gates = lab::gates_along(network, text);
  Numbers out(text.size());
  for (std::size_t t = 0; t < out.size(); ++t)
    gates.states[t].hook([&out, t](const unroll::Tensor& gradient) {
      out[t] = std::sqrt(unroll::sum_of_squares(gradient).item());
      return unroll::Tensor();  // unchanged
    });
  (void)tape.backward(
      nn::cross_entropy(network.head(gates.states.back()), std::vector<Index>{next}));
  return out;
}

// What a tape recorded, as text: one line for each value.
lab::Table recorded(const Network& network) {
  unroll::Tape tape;
  const lab::Gates gates = lab::gates_along(network, Letters::ids("i"));
  const unroll::Var loss = nn::cross_entropy(network.head(gates.states.back()), Letters::ids("n"));
  lab::Table out{"tape.dump() of one step of a GRU and its loss", {"value", "computed by"}, {}};
  std::istringstream lines(tape.dump());
  for (std::string line; std::getline(lines, line);) {
    line = line.substr(0, line.find("  #"));
    const std::size_t sign = line.find(" = ");
    out.rows.push_back(
        {line.substr(0, sign), sign == std::string::npos ? "" : line.substr(sign + 3)});
  }
  return out;
}

void letters(lab::Experiment& e, const Size& size) {
  const Letters data;
  const std::vector<Index> held_out = data.held_out();
  const std::vector<Index> text(held_out.begin(), held_out.begin() + size.read),
      shown(text.begin(), text.begin() + kShown);
  lab::Chart gates{"How far the gates are open along a sentence",
                   {.label = "letter that is read"},
                   {.label = "mean over the units"},
                   {},
                   {}};
  for (std::size_t t = 0; t < shown.size(); ++t) {
    gates.at.push_back(static_cast<double>(t));
    gates.x.tics.emplace_back(static_cast<double>(t), Letters::shown(shown[t]));
  }
  lab::Chart gradient = gates;
  gradient.title = "Gradient of the last loss, at the state after each letter";
  gradient.y = {.label = "norm", .logarithmic = true};
  Opening update, forget;
  lab::Table recording;
  for (const std::string kind : {"gru", "lstm"})
    for (Index i = 0; i < size.seeds; ++i) {
      const Network network({.reader = {.kind = kind},
                             .ids = Letters::kIds,
                             .outputs = Letters::kIds,
                             .parameters = size.parameters,
                             .seed = e.seed(i)});
      const auto task = [&](unroll::Generator& random) { return data.batch(16, 64, random); };
      lab::learn(network, task, {.steps = size.steps, .seed = e.seed(i), .label = kind});
      const lab::Gates of = lab::gates_along(network, text);
      (kind == "gru" ? update : forget).add(of.open[1], text);
      if (i > 0) continue;
      gates.series.push_back(
          {kind + " " + of.names[1], {of.open[1].begin(), of.open[1].begin() + kShown}});
      gradient.series.push_back({kind, gradients(network, shown, text[kShown])});
      if (kind == "gru") recording = recorded(network);
    }
  e.chart(gates), e.chart(gradient), e.table(recording);
  const auto part = [&](const Opening& of, const std::string& name, const std::string& says,
                        bool more) {
    e.figure(name + "_space", mean(of.at_space));
    e.figure(name + "_letter", mean(of.at_letter));
    const bool so = (mean(of.at_space) > mean(of.at_letter)) == more;
    return fmt::format("{} is {} open at a space and {} at a letter ({})", says,
                       lab::with_spread(of.at_space), lab::with_spread(of.at_letter),
                       so ? "as claimed" : "not as claimed");
  };
  e.conclude(
      "Gates: " +
      part(update, "gru.update", "the update gate of the GRU, which replaces the state,", true) +
      "; " + part(forget, "lstm.forget", "the forget gate of the LSTM, which keeps it,", false) +
      ".");
  std::vector<std::string> reaches;
  for (const lab::Series& line : gradient.series) {
    const Numbers& norms = line.values;
    const auto below = std::find_if(norms.rbegin(), norms.rend(),
                                    [&](double norm) { return norm < norms.back() / 100; });
    const auto reach = static_cast<double>(below - norms.rbegin());  // letters
    e.figure(line.name + ".reach", reach);
    reaches.push_back(fmt::format("{:.0f} letters in the {} ({} letters back: {:.0e} of it)", reach,
                                  line.name, kShown - 1, norms.front() / norms.back()));
  }
  e.conclude(fmt::format("Gradient: it stays above 1 % of its value at the last letter for {}.",
                         fmt::join(reaches, " and ")));
}

}  // namespace

int main(int argc, char** argv) {
  return lab::run(
      argc, argv,
      {.name = "inside",
       .number = 9,
       .title = "Inside",
       .claim = "Attention is on what is being translated, gates open and close at the "
                "boundaries of words, and the gradient shows which steps matter."},
      [](lab::Experiment& e) {
        const Size size = e.choose(
            Size{{.dates = 6000, .tested = 100}, 300, 20'000, 1, 1000},
            Size{{.epochs = 3, .tested = 500}, 1500, 30'000, 3, 5000},
            Size{{.hidden = 128, .epochs = 6, .tested = 2000}, 10'000, 100'000, 5, 20'000});
        e.text(fmt::format(
            "Attention: the decoder of a sequence to sequence model (GRU, additive attention) "
            "learns to write dates as year-month-day, from texts in 15 languages. Gates: a GRU and "
            "an LSTM of about {} parameters learn to predict the next letter of the King James "
            "text in {} steps, and read {} held-out letters; their gates are computed from the "
            "parameters in plain ops. The update gate is shown as the share of the state that is "
            "replaced; the claim is that it is larger at a space, and the forget gate of the LSTM "
            "smaller. Gradient: of the last loss, by a hook at the state of each step.",
            size.parameters, size.steps, size.read));
        attention(e, size.dates);
        letters(e, size);
      });
}
