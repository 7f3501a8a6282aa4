// --resume: a run that goes on equals the run that was not interrupted, to the bit.
#include "examples/common/command_line.h"
#include "examples/common/model_file.h"
#include "examples/common/training.h"
#include "tests/examples/run_program.h"

#include <unroll/unroll.h>

namespace {

namespace nn = unroll::nn;
using unroll::Index;
using unroll::Tensor;
using unroll::Var;

// A small network that learns a fixed function; its dropout and its batches are random.
struct Net {
  nn::Linear a, b;
  nn::Dropout dropout;
  Net() : a({.in = 3, .out = 8}), b({.in = 8, .out = 1}), dropout({.p = 0.3}) {}
  UNROLL_FIELDS(a, b)
  Var operator()(const Tensor& x) const { return b(dropout(unroll::tanh(a(x)))); }
};

struct Result {
  program::Curves curves;
  program::Checkpoint checkpoint;
  std::vector<Tensor> parameters;
};

constexpr Index kRows = 40;

// Trains for so many epochs from where `from` stands.
template <class Optimizer>
Result run(Index epochs, Index patience, const Result* from) {
  unroll::manual_seed(from ? 99 : 1);  // what a resumed run starts with must not matter
  Net net;
  unroll::Generator data(5), random(from ? 77 : 7);
  const Tensor x = data.normal({kRows, 3}), y = unroll::sum(x * x, 1).reshape({kRows, 1});
  Result out;
  if (from) {
    out.checkpoint = from->checkpoint;
    const auto params = nn::state(net);
    for (std::size_t i = 0; i < params.size(); ++i) params[i].param->set_value(from->parameters[i]);
  }
  Optimizer optimizer(nn::parameters(net), {.lr = 0.01});
  const unroll::optim::StepDecay schedule{.lr = 0.01, .every = 7, .factor = 0.5};
  const auto epoch = [&](program::Progress& bar) {
    return program::train_epoch(
        optimizer, schedule, 1.0, unroll::data::shuffled_batches(kRows, random, {.size = 16}), bar,
        [&](const std::vector<Index>& batch) {
          const unroll::IndexTensor at(batch);
          return unroll::mean(
              unroll::square(net(unroll::index_select(x, 0, at)) - unroll::index_select(y, 0, at)));
        });
  };
  // A loss that is best in the middle, so that early stopping has something to keep.
  const auto validate = [&] {
    return std::abs(unroll::mean(unroll::square(net(x) - Var(y))).item() -
                    (patience > 0 ? 21.5 : 0.0));
  };
  out.curves = program::train(net,
                              {.label = "net",
                               .epochs = epochs,
                               .patience = patience,
                               .optimizer = &optimizer,
                               .random = &random,
                               .checkpoint = &out.checkpoint},
                              epoch, validate);
  for (const auto& p : nn::state(net)) out.parameters.push_back(p.param->value().clone());
  return out;
}

void check_same(const Result& a, const Result& b) {
  CHECK(a.curves.train == b.curves.train);
  CHECK(a.curves.validation == b.curves.validation);
  CHECK(a.curves.kept_epoch == b.curves.kept_epoch);
  CHECK(a.curves.kept_loss == b.curves.kept_loss);
  for (std::size_t i = 0; i < a.parameters.size(); ++i)
    CHECK(a.parameters[i].to_vector<double>() == b.parameters[i].to_vector<double>());
}

// Through the form in which a file has it.
Result saved(const Result& result) {
  unroll::NamedTensors values;
  unroll::Metadata metadata;
  program::write_checkpoint(result.checkpoint, "resume.", values, metadata);
  Result out = result;
  out.checkpoint = program::read_checkpoint("file", "resume.", values, metadata);
  return out;
}

template <class Optimizer>
void check_resumed(Index patience) {
  const Result whole = run<Optimizer>(12, patience, nullptr);
  for (const Index first : {1, 5, 11, 12}) {
    CAPTURE(first);
    const Result part = saved(run<Optimizer>(first, patience, nullptr));
    check_same(run<Optimizer>(12, patience, &part), whole);
  }
}

}  // namespace

TEST_CASE("a resumed run equals the uninterrupted one to the bit, with any optimizer") {
  check_resumed<unroll::optim::SGD>(0);
  check_resumed<unroll::optim::Adam>(0);
  check_resumed<unroll::optim::AdamW>(0);
  check_resumed<unroll::optim::RMSprop>(0);
}

TEST_CASE("a resumed run goes on from the last parameters and keeps the best ones so far") {
  for (const Index patience : {1, 2, 4, 20}) {
    CAPTURE(patience);
    check_resumed<unroll::optim::Adam>(patience);
  }
}

TEST_CASE("a run cannot be resumed to fewer epochs, nor to others if its rate depends on them") {
  const Result part = run<unroll::optim::Adam>(4, 0, nullptr);
  CHECK_THROWS_WITH_AS(run<unroll::optim::Adam>(3, 0, &part),
                       "--epochs: at least 4 were required, which the resumed run has done: got 3",
                       std::invalid_argument);
  program::Checkpoint checkpoint = part.checkpoint;
  CHECK_THROWS_AS(
      program::restore(
          {.label = "net", .epochs = 5, .checkpoint = &checkpoint, .fixed_epochs = true}, {}),
      std::invalid_argument);
}

TEST_CASE("a damaged run is refused with a sentence") {
  const Result part = run<unroll::optim::Adam>(2, 0, nullptr);
  unroll::NamedTensors values;
  unroll::Metadata metadata;
  program::write_checkpoint(part.checkpoint, "resume.", values, metadata);
  for (const char* name : {"resume.train", "resume.validation", "resume.kept"}) {
    auto less = values;
    less.erase(name);
    CHECK_THROWS_WITH_AS(
        program::read_checkpoint("file", "resume.", less, metadata),
        fmt::format("file: a run that can be resumed was required: got no \"{}\"", name).c_str(),
        std::runtime_error);
  }
  for (const char* text : {"", "1 2 3", "1 2 3 x", "1 2 3 4 5", "-1 2 3 4"}) {
    auto other = metadata;
    other["resume.generators"] = text;
    CHECK_THROWS_AS(program::read_checkpoint("file", "resume.", values, other), std::runtime_error);
  }
}

TEST_CASE("the file of a resumed run is that of the uninterrupted one, byte for byte") {
  const Folder folder;
  const program::About about{
      .name = "tester", .description = "", .takes = {.predict = "inputs", .resume = true}};
  // Runs as a program does, with these options, and returns the file.
  const auto file_of = [&](std::vector<std::string> words) {
    program::Options o;
    CLI::App app;
    program::declare_common(app, o, about);
    words.insert(words.begin(), "tester");
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    program::parse(app, o, static_cast<int>(argv.size()), argv.data());
    o.prepare();
    unroll::manual_seed(o.seed);
    Net net;
    const Tensor x = unroll::Generator(5).normal({kRows, 3});
    program::Report report;
    program::load_or_train(
        o, net, {{"program", "tester"}, {"model", "net"}}, "net", report,
        [&](program::Checkpoint& checkpoint) {
          unroll::optim::Adam adam(nn::parameters(net), {.lr = 0.01});
          const auto epoch = [&] {
            unroll::Tape tape;
            const Var loss = unroll::mean(unroll::square(net(x) - 1.0));
            adam.step(tape.backward(loss));
            return loss.item();
          };
          return program::train(
              net,
              {.label = "net", .epochs = o.epochs, .optimizer = &adam, .checkpoint = &checkpoint},
              epoch, [] { return std::nan(""); });
        });
    return o.save.empty() ? "" : unroll::read_file(o.save);
  };
  const std::string whole = folder / "whole", part = folder / "part";
  const std::string bytes = file_of({"--epochs", "6", "--seed", "3", "--save", whole});
  file_of({"--epochs", "2", "--seed", "3", "--save", part});
  CHECK(file_of({"--resume", part, "--epochs", "6", "--save", part}) == bytes);
  CHECK(file_of({"--resume", part, "--save", part}) == bytes);  // it was finished
  file_of({"--load", part});
  CHECK_THROWS_AS(file_of({"--resume", part, "--epochs", "5"}), std::invalid_argument);
}
