// The number of parameters that a sequence model's options state, and model files of false sizes.
#include "examples/common/sequence_size.h"

#include "tests/support.h"

#include <unroll/tensor/file.h>

using namespace unroll;
using program::SequenceOptions;

namespace {

SequenceOptions random_options(const std::string& kind, Generator& g) {
  SequenceOptions out{.kind = kind,
                      .in = 1 + g.below(20),
                      .hidden = 8 * (1 + g.below(5)),
                      .layers = g.below(4),
                      .bidirectional = g.below(2) == 1};
  if (program::attends(kind)) out.feed_forward = g.below(2) * (1 + g.below(50));
  return out;
}

}  // namespace

TEST_CASE("the parameters that options state are those of the model, for every kind") {
  Generator g(1);
  for (const std::string& kind : program::sequence_kinds())
    for (int round = 0; round < 12; ++round) {
      SequenceOptions o = random_options(kind, g);
      if (round == 0) o.in = o.hidden;  // needs no input layer
      CAPTURE(kind);
      CAPTURE(o.in);
      CAPTURE(o.hidden);
      CAPTURE(o.layers);
      CAPTURE(o.bidirectional);
      const auto counted = program::count_parameters([&] { return program::SequenceModel(o); });
      CHECK(program::parameters_of(o) == static_cast<double>(counted));
    }
}

TEST_CASE("a model file is refused unless it has the values that its options state") {
  Generator g(2);
  for (const std::string& kind : program::sequence_kinds()) {
    const SequenceOptions good = random_options(kind, g);
    const auto size = static_cast<Index>(program::parameters_of(good));
    program::ModelFile file;
    file.values = {{"a", Tensor::zeros({size - 3})}, {"b", Tensor::zeros({5})}};
    program::check_sizes("f", file, good, 2);
    const auto refused = [&](const SequenceOptions& o, double others, const std::string& words) {
      CAPTURE(kind);
      CHECK_THROWS_WITH_AS(program::check_sizes("f", file, o, others),
                           doctest::Contains(words.c_str()), std::runtime_error);
    };
    refused(good, 3, "values were required, as many as a model of the sizes that it names has");
    const auto with = [&](Index SequenceOptions::*size_of, Index value) {
      SequenceOptions o = good;
      o.*size_of = value;
      return o;
    };
    refused(with(&SequenceOptions::hidden, program::kMaxHidden), 0, "values were required");
    refused(with(&SequenceOptions::hidden, program::kMaxHidden + 1), 0, "units");
    refused(with(&SequenceOptions::hidden, 0), 0, "units");
    refused(with(&SequenceOptions::layers, 1'000'000'000'000), 0, "layers were required");
    refused(with(&SequenceOptions::layers, -1), 0, "layers were required");
    refused(with(&SequenceOptions::in, Index{1} << 60), 0, "values were required");
    refused(with(&SequenceOptions::in, -1), 0, "inputs of at least 1");
    if (program::attends(kind))
      refused(with(&SequenceOptions::feed_forward, Index{1} << 60), 0, "values were required");
  }
}
