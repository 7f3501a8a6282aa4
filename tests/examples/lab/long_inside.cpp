// Inside: gates and gradients by the step equal those of the fused layer; and the experiment in its
// smallest form.
#include "examples/lab/common/dates.h"
#include "examples/lab/common/gates.h"
#include "examples/lab/common/letters.h"

#include "tests/examples/run_program.h"
#include "tests/support.h"

namespace {

using lab::Letters;
using lab::Network;

Network network_of(const std::string& kind) {
  return Network({.reader = {.kind = kind, .hidden = 7},
                  .ids = Letters::kIds,
                  .outputs = Letters::kIds,
                  .seed = 3});
}

lab::ReadDate read_date() {
  lab::ReadDate date{"en-GB", "5 May 2015", "2015-05-05", {}};
  date.answer.text = date.wanted;
  for (const char c : date.wanted) date.answer.units.emplace_back(1, c);
  // Nine tenths on the year, from the seventh character on.
  std::vector<double> weights;
  for (int row = 0; row < 10; ++row)
    for (int column = 0; column < 10; ++column)
      weights.push_back(column < 6 ? 0.1 / 6 : row < 4 ? 0.9 / 4 : 0.1);
  date.answer.attention = unroll::Tensor::from(weights, {10, 10}, unroll::f32);
  return date;
}

}  // namespace

TEST_CASE("a GRU and an LSTM by the step in plain ops equal the layer") {
  const std::vector<unroll::Index> text = Letters::ids("In the beginning God created");
  for (const char* kind : {"gru", "lstm"}) {
    CAPTURE(kind);
    const Network network = network_of(kind);
    const lab::Gates gates = lab::gates_along(network, text);
    const unroll::Tensor rows =
        network.reader((*network.embed)(lab::nn::Tokens::from({text}))).sequence.rows.value();
    REQUIRE(gates.states.size() == text.size());
    for (std::size_t t = 0; t < text.size(); ++t)
      CHECK(unroll::distance(gates.states[t].value(),
                             rows.narrow(0, static_cast<unroll::Index>(t), 1)) < 1e-5);
    for (const lab::Numbers& gate : gates.open) {
      REQUIRE(gate.size() == text.size());
      for (const double open : gate) CHECK((open > 0 && open < 1));
    }
  }
}

TEST_CASE("the gradient that a hook sees at a step is that of the loss with respect to its state") {
  const Network network = network_of("gru");
  unroll::Tape tape;
  const lab::Gates gates = lab::gates_along(network, Letters::ids("letter"));
  const unroll::Var loss = sum(gates.states.back() * gates.states.back());
  std::vector<unroll::Tensor> seen(6);
  for (std::size_t t = 0; t < 6; ++t)
    gates.states[t].hook([&seen, t](const unroll::Tensor& gradient) {
      seen[t] = gradient.clone();
      return unroll::Tensor();
    });
  const std::vector<unroll::Var> wanted = grad(loss, gates.states);
  for (std::size_t t = 0; t < 6; ++t) CHECK(unroll::distance(seen[t], wanted[t].value()) < 1e-6);
}

TEST_CASE("gates of a model without such gates are refused") {
  unroll::check_refused(
      [] {
        lab::gates_along(network_of("rnn"), {1, 2});
      },
      "one layer of kind gru or lstm that reads ids was required: got rnn");
}

TEST_CASE("letters are a to z, space, comma, full stop, and all else as one") {
  std::string shown;
  for (const unroll::Index id : Letters::ids("Ab z,.?1")) shown += Letters::shown(id);
  CHECK(shown == "ab␣z,.**");
}

TEST_CASE("the weight on the year is that of its four characters, as the year is written") {
  const lab::ReadDate date = read_date();
  CHECK(date.right());
  CHECK(date.on_year() == doctest::Approx(0.9));
  CHECK(date.on_year_equally() == doctest::Approx(0.4));
  lab::ReadDate other = date;
  other.text = "5 May '15!";
  CHECK(std::isnan(other.on_year()));
  CHECK(std::isnan(other.on_year_equally()));
  const lab::Heat heat = date.heat();
  CHECK(heat.column_labels[1] == "␣");
  CHECK(heat.rows.size() == 10);
  CHECK(heat.rows[0][9] == doctest::Approx(0.225));
}

TEST_CASE("attention is on what is written, and gates make room at a word's end") {
  const Numbers of = numbers_of("lab/inside", {"--quick", "--seed", "1"});
  CHECK(of["inside.attention.exact_match"] > 0.9);
  CHECK(of["inside.attention.on_year"] > 2 * of["inside.attention.on_year_equally"]);
  CHECK(of["inside.gru.update_space"] > of["inside.gru.update_letter"]);
  CHECK(of["inside.lstm.forget_space"] < of["inside.lstm.forget_letter"]);
  for (const char* kind : {"gru", "lstm"}) {
    CHECK(of[fmt::format("inside.{}.reach", kind)] >= 1);
    CHECK(of[fmt::format("inside.{}.reach", kind)] < 40);
  }
}
