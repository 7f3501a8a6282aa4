// Options of a model in the metadata of its file: the library's own, and a user's.
#include "tests/support.h"
#include "tests/tensor/scratch.h"

#include <unroll/nn/options.h>
#include <unroll/nn/positions.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/save.h>
#include <unroll/nn/transformer.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

using namespace unroll;

namespace {

// Every option gets a random value of its type.
struct Randomise {
  Generator& g;

  void set(bool& value) const { value = g.below(2) == 1; }
  void set(Index& value) const { value = g.below(1000) - 100; }
  void set(double& value) const { value = g.below(5) == 0 ? 0 : g.uniform() / 3 - 0.1; }
  void set(DType& value) const { value = g.below(2) == 1 ? f64 : f32; }
  void set(nn::AttentionKind& value) const { value = static_cast<nn::AttentionKind>(g.below(3)); }
  void set(nn::Rotary& value) const { value = static_cast<nn::Rotary>(g.below(3)); }
  void set(nn::FeedForward& value) const { value = static_cast<nn::FeedForward>(g.below(3)); }
  void set(nn::NormKind& value) const { value = static_cast<nn::NormKind>(g.below(2)); }
  void set(std::optional<bool>& value) const {
    value.reset();
    if (g.below(2) == 1) set(value.emplace());
  }
  template <class O>
  requires requires(O& o) {
    o.visit_options([](const std::string&, const auto&) {});
  }
  void set(O& options) const {
    options.visit_options([this](const std::string&, auto& value) { this->set(value); });
  }
};

// The number of members of a struct, to notice a field that UNROLL_OPTIONS leaves out.
struct AnyValue {
  template <class T>
  operator T() const {
    std::abort();
  }  // never called
};
template <class O, class... Values>
constexpr std::size_t field_count() {
  if constexpr (requires { O{Values{}..., AnyValue{}}; })
    return field_count<O, Values..., AnyValue>();
  else
    return sizeof...(Values);
}

template <class O>
void check_round_trips(const std::string& name, const Scratch& scratch) {
  CAPTURE(name);
  Generator g(7);
  std::size_t listed = 0;
  O().visit_options([&](const std::string&, const auto&) { ++listed; });
  CHECK(listed == field_count<O>());
  for (int round = 0; round < 40; ++round) {
    O options{};
    if (round > 0) Randomise{g}.set(options);
    const Metadata written = nn::metadata_of(options);
    CHECK(nn::metadata_of(nn::options_in<O>(written)) == written);
    if (round % 10 != 0) continue;
    const std::string path = scratch / "options";
    nn::save(path, nn::Linear({.in = 1, .out = 1}), written);
    const O read = nn::options_in<O>(path);
    CHECK(nn::metadata_of(read) == written);
    // Without one of the options, or with a name that is not one, the file is refused.
    for (const auto& [key, text] : written) {
      Metadata less = written;
      less.erase(key);
      CHECK_THROWS_AS((void)nn::options_in<O>(less), std::runtime_error);
      Metadata more = written;
      more[key + "x"] = text;
      CHECK_THROWS_AS((void)nn::options_in<O>(more), std::runtime_error);
    }
  }
}

}  // namespace

TEST_CASE("the options of every layer and cell can be stored in a file and read back") {
  const Scratch scratch;
  check_round_trips<nn::Linear::Options>("Linear", scratch);
  check_round_trips<nn::Embedding::Options>("Embedding", scratch);
  check_round_trips<nn::Embedding::TableOptions>("Embedding of a table", scratch);
  check_round_trips<nn::LayerNorm::Options>("LayerNorm", scratch);
  check_round_trips<nn::RMSNorm::Options>("RMSNorm", scratch);
  check_round_trips<nn::Dropout::Options>("Dropout", scratch);
  check_round_trips<nn::RNNCell::Options>("RNNCell", scratch);
  check_round_trips<nn::LSTMCell::Options>("LSTMCell", scratch);
  check_round_trips<nn::GRUCell::Options>("GRUCell", scratch);
  check_round_trips<nn::RNN::Options>("RNN", scratch);
  check_round_trips<nn::LSTM::Options>("LSTM", scratch);
  check_round_trips<nn::GRU::Options>("GRU", scratch);
  check_round_trips<nn::LayerOptions<nn::LSTMCell>>("layers of a cell", scratch);
  check_round_trips<nn::MultiHeadAttention::Options>("MultiHeadAttention", scratch);
  check_round_trips<nn::TransformerOptions>("TransformerOptions", scratch);
  check_round_trips<nn::SinusoidalPositions::Options>("SinusoidalPositions", scratch);
  check_round_trips<nn::LearnedPositions::Options>("LearnedPositions", scratch);
  check_round_trips<nn::AdditiveAttention::Options>("AdditiveAttention", scratch);
}

TEST_CASE("a model is loaded from its file alone, by the options stored there") {
  const Scratch scratch;
  const nn::LSTM::Options options{.in = 3,
                                  .hidden = 5,
                                  .layers = 2,
                                  .bidirectional = true,
                                  .forget_bias = 1,
                                  .projection = 4,
                                  .dtype = f64};
  const nn::LSTM lstm(options);
  nn::save(scratch / "lstm", lstm, nn::metadata_of(options));
  nn::LSTM again(nn::options_in<nn::LSTM::Options>(scratch / "lstm"));
  nn::load(scratch / "lstm", again);
  const auto x = nn::Sequence::from({random({4, 3}, 1), random({2, 3}, 2)});
  CHECK(distance(again(x).last().value(), lstm(x).last().value()) == 0);
}

namespace {

struct Part {
  Index size = 1;
  std::optional<double> rate = {};
  UNROLL_OPTIONS(size, rate)
};
struct Lists {
  std::vector<Index> sizes = {64, 32};
  std::array<double, 2> range = {0, 1};
  std::vector<std::string> names = {};
  std::vector<bool> flags = {true};
  std::vector<Part> parts = {};
  std::optional<Part> last = {};
  UNROLL_OPTIONS(sizes, range, names, flags, parts, last)
};

}  // namespace

TEST_CASE("options may be vectors, arrays and optionals, also of structs") {
  Generator g(3);
  for (int round = 0; round < 50; ++round) {
    Lists o;
    o.sizes.resize(static_cast<std::size_t>(g.below(4)));
    for (Index& size : o.sizes) size = g.below(100);
    o.range = {g.uniform(), 1e300 * g.uniform()};
    for (Index i = g.below(3); i > 0; --i) o.names.push_back(std::string(1, "a.0"[i]));
    o.flags.assign(static_cast<std::size_t>(g.below(3)), g.below(2) == 1);
    for (Index i = g.below(3); i > 0; --i) {
      Part part{.size = i};
      if (i == 1) part.rate = 0.5;
      o.parts.push_back(part);
    }
    if (g.below(2)) o.last = Part{.rate = 0.25};
    const Lists read = nn::options_in<Lists>(nn::metadata_of(o));
    CHECK(nn::metadata_of(read) == nn::metadata_of(o));
    CHECK(read.sizes == o.sizes);
    CHECK(read.range == o.range);
    CHECK(read.names == o.names);
    CHECK(read.flags == o.flags);
    CHECK(read.parts.size() == o.parts.size());
    CHECK(read.last.has_value() == o.last.has_value());
  }
  const Metadata whole = nn::metadata_of(Lists());
  CHECK(whole.at("options.sizes") == "2");
  CHECK(whole.at("options.sizes.1") == "32");
  const auto refused = [&](const char* key, const char* text) {
    Metadata bad = whole;
    bad[key] = text;
    check_says(message_of([&] { (void)nn::options_in<Lists>(bad); }), key);
    CHECK_THROWS_AS((void)nn::options_in<Lists>(bad), std::runtime_error);
  };
  refused("options.sizes", "-1");
  refused("options.sizes", "1");  // sizes.1 is left
  refused("options.sizes", "9000000000000000000");
  refused("options.range", "3");
  refused("options.last", "2");
  refused("options.sizes.0", "x");
}

namespace {

enum class Kind { small = 3, large = 7 };

struct CellOptions {
  Index hidden = 8;
  DType dtype = f32;
  UNROLL_OPTIONS(hidden, dtype)
};
struct TaggerOptions {
  Index classes = 2;
  int layers = 1;
  std::size_t vocab = 10;
  double dropout = 0.1;
  float rate = 0.5F;
  bool residual = false;
  std::string name = "tagger";
  Kind kind = Kind::small;
  CellOptions cell = {};
  UNROLL_OPTIONS(classes, layers, vocab, dropout, rate, residual, name, kind, cell)
};

}  // namespace

TEST_CASE("options of a model are written to the file's metadata and read back") {
  const Scratch folder;
  const TaggerOptions o{.classes = -5,
                        .layers = 3,
                        .vocab = 123456,
                        .dropout = 1.0 / 3,
                        .rate = 0.1F,
                        .residual = true,
                        .name = "a \"name\" ü\n",
                        .kind = Kind::large,
                        .cell = {.hidden = 64, .dtype = f64}};
  const nn::Linear model({.in = 2, .out = 2});
  Metadata metadata = nn::metadata_of(o);
  CHECK(metadata.at("options.cell.hidden") == "64");
  metadata["note"] = "mine";
  nn::save(folder / "model", model, metadata);
  const auto read = nn::options_in<TaggerOptions>(folder / "model");
  CHECK(nn::metadata_of(read) == nn::metadata_of(o));
  CHECK(read.dropout == o.dropout);
  CHECK(read.rate == o.rate);
  CHECK(read.kind == Kind::large);
  CHECK(read.cell.dtype == f64);
  CHECK(read.name == o.name);

  const auto refused = [&](const char* key, const char* text, const char* why) {
    Metadata bad = nn::metadata_of(o);
    bad[key] = text;
    CHECK_THROWS_AS((void)nn::options_in<TaggerOptions>(bad), std::runtime_error);
    check_says(message_of([&] { (void)nn::options_in<TaggerOptions>(bad); }), why);
  };
  refused("options.classes", "2.5", "a value of its type was required for \"options.classes\"");
  refused("options.classes", "", "got \"\"");
  refused("options.layers", "3000000000", "got \"3000000000\"");
  refused("options.vocab", "-1", "got \"-1\"");
  refused("options.residual", "yes", "got \"yes\"");
  refused("options.dropout", "0.1x", "got \"0.1x\"");
  refused("options.cell.dtype", "f16", "got \"f16\"");
  refused("options.unknown", "1", "options that are known were required: got \"options.unknown\"");
  Metadata less = nn::metadata_of(o);
  less.erase("options.cell.hidden");
  check_says(message_of([&] { (void)nn::options_in<TaggerOptions>(less); }),
             "\"options.cell.hidden\" was required in the metadata: got none");
}
