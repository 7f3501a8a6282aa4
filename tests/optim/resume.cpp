// Runs that are saved and resumed, and states that do not fit.
#include "kinds.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/loss.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/save.h>
#include <unroll/tensor/safetensors.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

using namespace unroll;

namespace {

struct Model {
  nn::Embedding embed{{.vocab = 9, .dim = 4}};
  nn::GRU gru{{.in = 4, .hidden = 5, .layers = 2, .dropout = 0.3}};
  nn::Linear head{{.in = 5, .out = 3}};
  UNROLL_FIELDS(embed, gru, head)
};

// A training run, with everything that it needs to go on from where it stands.
struct Run {
  Model model;
  std::unique_ptr<optim::Optimizer> optimizer;
  optim::ReduceOnPlateau schedule{{.lr = 0.05, .factor = 0.5, .patience = 1, .cooldown = 1}};
  Generator batches{11};

  explicit Run(const Make& make) : optimizer(make(nn::parameters(model))) {}

  double step() {
    const SequenceLayout layout({4, 2, 3});
    const nn::Tokens tokens(batches.integers({9}, 0, 9), layout);
    const IndexTensor target = batches.integers({3}, 0, 3);
    Tape tape;
    const Var loss = nn::cross_entropy(model.head(model.gru(model.embed(tokens)).last()), target);
    Gradients g = tape.backward(loss);
    optim::clip_norm(g, 0.5);
    optimizer->step(g);
    optimizer->lr = schedule(loss.item());
    return loss.item();
  }
};

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("unroll_optim_{}", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path / name; }
};

Metadata where(const Generator& g) {
  return {{"seed", std::to_string(g.seed())}, {"position", std::to_string(g.position())}};
}
void seek(Generator& g, const Metadata& m) {
  g.seek(std::stoull(m.at("seed")), std::stoull(m.at("position")));
}

}  // namespace

TEST_CASE("a run saved to files and resumed equals an uninterrupted one, bit by bit") {
  const Folder folder;
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    manual_seed(42);
    Run whole(kind.make);
    for (int i = 0; i < 7; ++i) whole.step();
    nn::save(folder / "model", whole.model, where(whole.batches));
    save_safetensors(folder / "optimizer", whole.optimizer->state(), where(default_generator()));
    save_safetensors(folder / "schedule", whole.schedule.state());
    std::vector<double> expected;
    for (int i = 0; i < 9; ++i) expected.push_back(whole.step());

    manual_seed(7);  // another process would begin somewhere else
    Run resumed(kind.make);
    resumed.step();
    Metadata batches, dropout;
    nn::load(folder / "model", resumed.model, {.metadata = &batches});
    resumed.optimizer->set_state(load_safetensors(folder / "optimizer", &dropout));
    resumed.schedule.set_state(load_safetensors(folder / "schedule"));
    seek(resumed.batches, batches);
    seek(default_generator(), dropout);
    CHECK(resumed.optimizer->steps() == 7);
    for (double loss : expected) CHECK(resumed.step() == loss);
    CHECK(resumed.optimizer->lr == whole.optimizer->lr);
    const NamedParams a = nn::parameters(whole.model), b = nn::parameters(resumed.model);
    for (std::size_t i = 0; i < a.size(); ++i) {
      CAPTURE(a[i].name);
      CHECK(same_bits(a[i].param->value(), b[i].param->value()));
    }
    const optim::State x = whole.optimizer->state(), y = resumed.optimizer->state();
    CHECK(x.size() == 2 + a.size() * static_cast<std::size_t>(kind.memories + 1));
    for (const auto& [name, tensor] : x) CHECK(same_bits(tensor, y.at(name)));
  }
}

TEST_CASE(
    "without the state of the optimiser, the generator or the schedule a run goes elsewhere") {
  // So the test above compares what it says it does.
  const auto losses = [&](bool optimizer, bool generator) {
    manual_seed(42);
    Run run([](NamedParams p) { return std::make_unique<optim::Adam>(std::move(p)); });
    for (int i = 0; i < 3; ++i) run.step();
    if (!optimizer) run.optimizer = std::make_unique<optim::Adam>(nn::parameters(run.model));
    if (!generator) manual_seed(1);
    double total = 0;
    for (int i = 0; i < 4; ++i) total += run.step();
    return total;
  };
  const double all = losses(true, true);
  CHECK(losses(true, true) == all);
  CHECK(losses(false, true) != all);
  CHECK(losses(true, false) != all);
}

TEST_CASE("an optimizer state without steps per parameter counts all steps for each parameter") {
  const auto adam_of = [](const Param& w) { return optim::Adam({{"w", w.handle()}}, {.lr = 0.1}); };
  Param a(Tensor::full({2}, 1, f64)), b(Tensor::full({2}, 1, f64));
  optim::Adam whole = adam_of(a), resumed = adam_of(b);
  const auto step = [](optim::Adam& adam, const Param& w) {
    Tape tape;
    adam.step(tape.backward(sum(square(w))));
  };
  for (int i = 0; i < 5; ++i) step(whole, a);
  optim::State old = whole.state();
  CHECK(old.erase("w.steps") == 1);
  b.set_value(a.value().clone());
  resumed.set_state(old);
  step(whole, a), step(resumed, b);
  CHECK(same_bits(a.value(), b.value()));
}

TEST_CASE("a state that does not fit is refused without changing anything") {
  const Param w(random({2}, 1));
  optim::Adam adam({{"w", w.handle()}}, {.lr = 0.25});
  {
    Tape tape;
    adam.step(tape.backward(sum(w)));
  }
  const optim::State good = adam.state();
  const auto refused = [&](const std::function<void(optim::State&)>& spoil, const char* text) {
    optim::State bad = good;
    spoil(bad);
    check_says(message_of([&] { adam.set_state(bad); }), text);
    const optim::State now = adam.state();
    for (const auto& [name, tensor] : good) CHECK(same_bits(tensor, now.at(name)));
  };
  refused([](auto& s) { s.erase("w.1"); }, "optimizer state: an entry \"w.1\" was required");
  refused([](auto& s) { s["w.1"] = Tensor::ones({3}, f64); }, "\"w.1\" of shape [2] and type f64");
  refused([](auto& s) { s["w.0"] = Tensor::ones({2}, f32); }, "got [2] of f32");
  refused([](auto& s) { s["w.0"] = Tensor(); }, "\"w.0\": got an undefined one");
  refused([](auto& s) { s["x"] = Tensor::ones({2}); }, "got an unknown \"x\"");
  refused([](auto& s) { s["steps"] = Tensor::scalar(-1, f64); }, "a whole number of \"steps\"");
  refused([](auto& s) { s["steps"] = Tensor::scalar(NAN, f64); }, "got nan");
  refused([](auto& s) { s["steps"] = Tensor::scalar(1e300, f64); }, "got 1e+300");
  refused([](auto& s) { s["lr"] = Tensor::scalar(-1, f64); }, "a finite \"lr\" of at least 0");
  refused([](auto& s) { s["lr"] = Tensor::scalar(std::numeric_limits<double>::infinity(), f64); },
          "a finite \"lr\" of at least 0 was required: got inf");
  refused(
      [](auto& s) {
        s["w.1"] = Tensor::of({1, -1e-30}, f64);
      },
      "squares of at least 0 were required as \"w.1\": got -1e-30");
  refused([](auto& s) { s["w.1"] = Tensor::of({NAN, 1}, f64); }, "\"w.1\": got nan");
  refused([](auto& s) { s["w.steps"] = Tensor::scalar(2, f64); },
          "a whole number of \"w.steps\", at most the 1 of all, was required: got 2");
  refused([](auto& s) { s["w.steps"] = Tensor::scalar(0.5, f64); }, "got 0.5");
  const auto refuses_squares = [&](optim::Optimizer& o, const char* name) {
    optim::State bad = o.state();
    bad.at(name).fill_(-1);
    check_says(message_of([&] { o.set_state(bad); }), "squares of at least 0 were required");
  };
  optim::RMSprop rmsprop({{"w", w.handle()}}, {.momentum = 0.5, .centered = true});
  optim::Adagrad adagrad({{"w", w.handle()}});
  refuses_squares(rmsprop, "w.0"), refuses_squares(adagrad, "w.0");
  // What was given is copied.
  optim::State given = good;
  adam.set_state(given);
  given.at("w.0").fill_(9);
  CHECK(same_bits(adam.state().at("w.0"), good.at("w.0")) == false);
}
