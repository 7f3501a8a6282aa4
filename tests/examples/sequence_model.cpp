// The sequence models that a program chooses by name: relations that hold for each of them.
#include "examples/common/sequence_model.h"

#include "tests/nn/random_sequences.h"

#include <unroll/nn/decode.h>
#include <unroll/nn/layers.h>
#include <unroll/nn/save.h>
#include <unroll/tensor/file.h>

#include <filesystem>

using namespace unroll;
using program::SequenceModel;
using program::SequenceOptions;

namespace {

constexpr double kClose = 2e-5;  // of f32

SequenceOptions random_options(const std::string& kind, Generator& g, bool bidirectional = false) {
  return {.kind = kind,
          .in = 1 + g.below(9),
          .hidden = 8 * (1 + g.below(3)),
          .layers = g.below(3),
          .bidirectional = bidirectional};
}

nn::Sequence random_input(const SequenceModel& model, const std::vector<Index>& lengths,
                          Generator& g) {
  return random_sequence(g, lengths, model.options().in, f32);
}

// A model of text with this layer, as a program has one.
struct Speller {
  nn::Embedding embed;
  SequenceModel layer;
  nn::Linear head;
  using State = SequenceModel::State;
  UNROLL_FIELDS(embed, layer, head)

  explicit Speller(const SequenceOptions& o)
      : embed({.vocab = 6, .dim = o.in}), layer(o), head({.in = layer.output_size(), .out = 6}) {}
  nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
    const Var h = layer.step(embed(ids), state);
    return {head(h), std::move(state)};
  }
};

}  // namespace

TEST_CASE("sequence models: single steps give what the whole sequence gives") {
  Generator g(1);
  for (const std::string& kind : program::sequence_kinds())
    for (int round = 0; round < 3; ++round) {
      CAPTURE(kind);
      const SequenceModel model(random_options(kind, g));
      const Index batch = 1 + g.below(3), steps = 1 + g.below(30);
      const nn::Sequence x = random_input(model, std::vector<Index>(batch, steps), g);
      const auto whole = model(x);
      CHECK(whole.sequence.rows.shape() == Shape{batch * steps, model.output_size()});
      SequenceModel::State state;
      Var y;
      for (Index t = 0; t < steps; ++t) {
        y = model.step(x.rows.value().narrow(0, t * batch, batch), state);
        CHECK(distance(y.value(), whole.sequence.rows.value().narrow(0, t * batch, batch)) <
              kClose);
      }
      CHECK(distance(y.value(), whole.last().value()) < kClose);
    }
}

TEST_CASE("sequence models: ragged sequences give what each gives alone, in both directions") {
  Generator g(2);
  for (const std::string& kind : program::sequence_kinds())
    for (const bool bidirectional : {false, true}) {
      CAPTURE(kind);
      const SequenceModel model(random_options(kind, g, bidirectional));
      const nn::Sequence x = random_input(model, random_lengths(g, 5, 20), g);
      const auto all = model(x);
      CHECK(all.last().shape() == Shape{5, model.output_size()});
      for (Index b = 0; b < x.size(); ++b) {
        const auto one = model(nn::Sequence::from({x.at(b)}));
        CHECK(distance(one.sequence.rows.value(), all.sequence.at(b).value()) < kClose);
        CHECK(distance(one.last().value(), all.last().value().narrow(0, b, 1)) < kClose);
      }
    }
}

TEST_CASE("sequence models: chunks with a carried state give what the whole gives") {
  Generator g(3);
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const SequenceModel model(random_options(kind, g));
    const Index steps = 24, cut = 1 + g.below(steps - 1);
    const nn::Sequence x = random_input(model, {steps, steps}, g);
    const auto part = [&](Index from, Index to) {
      return nn::Sequence(x.rows.value().narrow(0, 2 * from, 2 * (to - from)),
                          SequenceLayout::equal(2, to - from));
    };
    const Tensor whole = model(x).sequence.rows.value();
    const auto early = model(part(0, cut), {});
    const auto late = model(part(cut, steps), early.carry());
    CHECK(distance(early.sequence.rows.value(), whole.narrow(0, 0, 2 * cut)) < kClose);
    CHECK(distance(late.sequence.rows.value(), whole.narrow(0, 2 * cut, 2 * (steps - cut))) <
          kClose);
  }
}

TEST_CASE("a transformer's steps and chunks give what the whole gives, whatever its positions") {
  Generator g(10);
  for (const std::string positions : {"rotary", "sinusoidal", "none"})
    for (const Index window : {0, 5}) {
      CAPTURE(positions);
      const SequenceModel model(
          {.kind = "transformer", .in = 3, .hidden = 8, .positions = positions, .window = window});
      const std::vector<Index> lengths{4, 9, 2};
      std::vector<Tensor> prompts, rest;
      for (const Index length : lengths) {
        prompts.push_back(g.normal({length, 3}));
        rest.push_back(g.normal({12, 3}));
      }
      SequenceModel::State state = model(nn::Sequence::from(prompts), {}).state;
      std::vector<Tensor> stepped;
      for (Index t = 0; t < 12; ++t) {
        std::vector<Var> now;
        for (const Tensor& r : rest) now.push_back(r.narrow(0, t, 1));
        stepped.push_back(model.step(concat(now, 0), state).value());
      }
      for (Index b = 0; b < 3; ++b) {
        const auto at = static_cast<std::size_t>(b);
        const Tensor whole =
            model(nn::Sequence::from({concat({Var(prompts[at]), Var(rest[at])}, 0)}))
                .sequence.rows.value();
        for (Index t = 0; t < 12; ++t)
          CHECK(distance(stepped[static_cast<std::size_t>(t)].narrow(0, b, 1),
                         whole.narrow(0, lengths[at] + t, 1)) < kClose);
      }
    }
}

TEST_CASE("a transformer starts each chunk anew while a tape records") {
  Generator g(11);
  const SequenceModel model({.kind = "transformer", .in = 3, .hidden = 8});
  const nn::Sequence x = random_input(model, {6, 6}, g);
  const auto before = model(x, {});
  CHECK(!before.state.empty());
  Tape tape;
  const auto first = model(x, {});
  CHECK(first.state.empty());
  CHECK(distance(first.sequence.rows.value(), before.sequence.rows.value()) < kClose);
  check_refused([&] { model(x, before.state); },
                "transformer: an empty state was required while a tape records");
}

TEST_CASE("the last output of a transformer is its last row, or the mean if it sees all steps") {
  Generator g(12);
  for (const bool bidirectional : {false, true}) {
    const SequenceModel model(
        {.kind = "transformer", .in = 3, .hidden = 8, .bidirectional = bidirectional});
    const auto out = model(random_input(model, {4, 1, 7}, g));
    CHECK(distance(out.last().value(),
                   (bidirectional ? out.sequence.mean() : out.sequence.last()).value()) == 0);
  }
}

TEST_CASE("sequence models: a bidirectional one sees the future, one of one direction does not") {
  Generator g(4);
  for (const std::string& kind : program::sequence_kinds())
    for (const bool bidirectional : {false, true}) {
      CAPTURE(kind);
      const SequenceModel model(random_options(kind, g, bidirectional));
      const nn::Sequence x = random_input(model, {7}, g);
      Tensor changed = x.rows.value().clone();
      changed.narrow(0, 6, 1).fill_(3);
      const Tensor a = model(x).sequence.rows.value(),
                   b = model(nn::Sequence(changed, x.layout)).sequence.rows.value();
      CHECK((distance(a.narrow(0, 0, 6), b.narrow(0, 0, 6)) > 1e-6) == bidirectional);
      CHECK(distance(a.narrow(0, 6, 1), b.narrow(0, 6, 1)) > 1e-6);
    }
}

TEST_CASE("sequence models: each is saved and loaded with its options") {
  Generator g(5);
  const std::string path = (std::filesystem::temp_directory_path() / "unroll_factory.st").string();
  for (const std::string& kind : program::sequence_kinds())
    for (const bool bidirectional : {false, true}) {
      CAPTURE(kind);
      const SequenceModel model(random_options(kind, g, bidirectional));
      const nn::Sequence x = random_input(model, {3, 9}, g);
      nn::save(path, model, nn::metadata_of(model.options()));
      SequenceModel loaded(nn::options_in<SequenceOptions>(path));
      CHECK(distance(loaded(x).last().value(), model(x).last().value()) > 1e-6);
      nn::load(path, loaded);
      CHECK(loaded.options().kind == kind);
      CHECK(distance(loaded(x).last().value(), model(x).last().value()) == 0);
    }
  std::filesystem::remove(path);
}

TEST_CASE("sequence models: a copy has its own parameters, and every parameter has a gradient") {
  Generator g(6);
  for (const std::string& kind : program::sequence_kinds())
    for (const bool bidirectional : {false, true}) {
      CAPTURE(kind);
      const SequenceModel model(random_options(kind, g, bidirectional));
      const nn::Sequence x = random_input(model, {4, 6}, g);
      const NamedParams params = nn::parameters(model);
      const auto gradients = gradients_of(
          [&] {
            const Var out = model(x).sequence.rows;
            return sum(out * g.normal(out.shape()));
          },
          params);
      for (std::size_t i = 0; i < params.size(); ++i) {
        CAPTURE(params[i].name);
        CHECK(max(abs(gradients[i])).item() > 0);
      }
      const Tensor before = model(x).last().value();
      SequenceModel copy = model;
      for (const NamedParam& p : nn::parameters(copy))
        p.param->set_value(Tensor::zeros(p.param->value().shape()));
      CHECK(distance(model(x).last().value(), before) == 0);
    }
}

TEST_CASE("sequence models: dropout acts between layers, in training only") {
  Generator g(7);
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    SequenceOptions o = random_options(kind, g);
    o.layers = 2, o.dropout = 0.5;
    const SequenceModel model(o);
    const nn::Sequence x = random_input(model, {8}, g);
    const auto twice = [&] { return distance(model(x).last().value(), model(x).last().value()); };
    CHECK(twice() == 0);
    const Training training;
    CHECK(twice() > 0);
  }
}

TEST_CASE("sequence models: a decoder of each kind generates, alone and in a batch alike") {
  Generator g(8);
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const Speller speller(random_options(kind, g));
    const auto search = [&](const IndexTensor& first) {
      return nn::beam_search(speller, {}, first, {.eos = 0, .max_length = 12, .beams = 3});
    };
    const auto both = search(IndexTensor::of({2, 4}));
    for (Index b = 0; b < 2; ++b) {
      const nn::Decoded one = search(IndexTensor::of({2 + 2 * b}))[0][0];
      CHECK(one.ids == both[static_cast<std::size_t>(b)][0].ids);
      CHECK(one.score == doctest::Approx(both[static_cast<std::size_t>(b)][0].score).epsilon(1e-4));
    }
  }
}

TEST_CASE("sequence models: a size is found for a number of parameters, within a few per cent") {
  Generator g(9);
  for (const std::string& kind : program::sequence_kinds())
    for (const Index wanted : {3000, 40000, 200000}) {
      CAPTURE(kind);
      CAPTURE(wanted);
      SequenceOptions o{.kind = kind, .in = 16, .layers = 1 + g.below(3)};
      const auto count = [](const SequenceOptions& of) {
        return program::count_parameters([&] { return Speller(of); });
      };
      const std::uint64_t before = default_generator().position();
      program::choose_size(o, {.parameters = wanted}, {}, count);
      CHECK(default_generator().position() == before);
      const Index found = nn::parameter_count(nn::parameters(Speller(o)));
      CHECK(std::abs(static_cast<double>(found - wanted)) < 0.04 * static_cast<double>(wanted));
      // As many as another kind has.
      SequenceOptions equal{.kind = kind, .in = 16};
      program::choose_size(equal, {.equal = true}, o, count);
      CHECK(std::abs(static_cast<double>(count(equal) - found)) <
            0.04 * static_cast<double>(found));
    }
}

TEST_CASE(
    "sequence models: a state is the values in it, which carry gradients from chunk to chunk") {
  Generator g(11);
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    const SequenceModel model(random_options(kind, g));
    const nn::Sequence a = random_input(model, {4}, g), b = random_input(model, {3}, g);
    const SequenceModel::State empty;
    CHECK(empty.parts().empty());
    Tape tape;
    const SequenceModel::State first = model(a, empty).state;
    if (program::attends(kind)) {
      CHECK(first.parts().empty());  // it starts each chunk without context
      continue;
    }
    const std::vector<Var> parts = first.parts();
    CHECK_FALSE(parts.empty());
    const Var expected = model(b, first).last();
    CHECK(distance(model(b, first.detach().with_parts(parts)).last().value(), expected.value()) ==
          0);
    std::vector<Var> watched;
    for (const Var& part : parts) watched.push_back(tape.watch(part.value()));
    const Var again = model(b, first.with_parts(watched)).last();
    const Gradients gradients = tape.backward(sum(square(again)));
    // The last output, which is part of a state too, has no influence on the next one.
    CHECK(std::any_of(watched.begin(), watched.end(), [&](const Var& part) {
      return gradients.has(part) && sum(square(gradients[part])).item() > 0;
    }));
    check_refused([&] { first.with_parts({}); }, "with_parts: more values were required");
    watched.push_back(watched[0]);
    check_refused([&] { first.with_parts(watched); }, "with_parts");
  }
}

TEST_CASE("sequence models: what does not fit is refused with a sentence") {
  const auto count = [](const SequenceOptions& of) {
    return program::count_parameters([&] { return SequenceModel(of); });
  };
  check_refused([] { SequenceModel({.kind = "lstn", .in = 2, .hidden = 3}); },
                "sequence model: one of rnn, lstm, gru, mingru, minlstm, rglru, mamba, "
                "transformer, linear-attention");
  check_refused(
      [] { SequenceModel({.kind = "transformer", .in = 2, .hidden = 8, .positions = "x"}); },
      "transformer: positions rotary, sinusoidal or none were required: got \"x\"");
  check_refused(
      [] {
        SequenceModel({.kind = "linear-attention", .in = 2, .hidden = 8, .positions = "rotary"});
      },
      "linear-attention: positions sinusoidal or none were required: got rotary");
  for (const char* kind : {"rglru", "mamba", "transformer", "linear-attention"})
    check_refused(
        [&] { SequenceModel({.kind = kind, .in = 2, .hidden = 8, .variational_dropout = 0.1}); },
        "no variational dropout was required");
  SequenceOptions small{.kind = "lstm", .in = 16};
  check_refused([&] { program::choose_size(small, {.parameters = 20}, {}, count); },
                "--parameters: a number of parameters that lstm can have was required: got 20, the "
                "nearest is");
  for (const std::string& kind : program::sequence_kinds()) {
    CAPTURE(kind);
    check_refused([&] { SequenceModel({.kind = kind, .in = 2}); },
                  kind + ": sizes .in and .hidden");
    check_refused([&] { SequenceModel({.kind = kind, .in = 2, .hidden = 8, .layers = -1}); },
                  kind + ": sizes .in and .hidden");
    const SequenceModel both({.kind = kind, .in = 2, .hidden = 8, .bidirectional = true});
    SequenceModel::State state;
    check_refused(
        [&] {
          both.step(Tensor::zeros({1, 2}), state);
        },
        kind + ": a model of one direction was required to step through a stream");
    const SequenceModel model({.kind = kind, .in = 2, .hidden = 8}),
        other({.kind = kind == "rnn" ? "gru" : "rnn", .in = 2, .hidden = 8});
    model.step(Tensor::zeros({1, 2}), state);
    check_refused(
        [&] {
          other.step(Tensor::zeros({1, 2}), state);
        },
        "a state of this kind was required: got one of another");
    check_refused([&] { model.step(Tensor::zeros({1, 3}), state); }, "[1, 3]");
    model.step(Tensor::zeros({1, 2}), state);  // still good
    const nn::Sequence x(Tensor::zeros({3, 2}), SequenceLayout::equal(1, 3));
    check_refused([&] { both(x, state); },
                  kind + ": a model of one direction was required to read chunks with a state");
  }
}
