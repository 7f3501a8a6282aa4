// Saving and loading models: bit by bit, strict, and whole whatever happens.
#include "tests/support.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/recurrent.h>
#include <unroll/nn/save.h>
#include <unroll/tensor/file.h>

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace unroll;

namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("unroll_save_{}", ::getpid());
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path),
                                                  std::filesystem::directory_iterator()));
  }
};

struct Model {
  nn::Embedding embed;
  nn::LSTM lstm;
  nn::Linear head;
  explicit Model(DType dtype = f32, Index hidden = 5)
      : embed({.vocab = 6, .dim = 3, .dtype = dtype}),
        lstm({.in = 3, .hidden = hidden, .layers = 2, .bidirectional = true, .dtype = dtype}),
        head({.in = 2 * hidden, .out = 2, .dtype = dtype}) {}
  UNROLL_FIELDS(embed, lstm, head)
};

std::vector<std::string> bytes_of(const NamedParams& params) {
  std::vector<std::string> out;
  for (const NamedParam& p : params)
    dispatch(p.param->value().dtype(), [&]<class T>() {
      const Tensor x = p.param->value().contiguous();
      out.emplace_back(reinterpret_cast<const char*>(x.data<T>()),
                       sizeof(T) * static_cast<std::size_t>(x.numel()));
    });
  return out;
}
template <class M>
std::vector<std::string> bytes_of(const M& model) {
  return bytes_of(nn::parameters(model));
}

}  // namespace

TEST_CASE("save and load keep every bit, also of NaN, infinities and denormals") {
  const Folder folder;
  for (DType dtype : {f32, f64}) {
    manual_seed(1);
    const Model model(dtype);
    Tensor& bias = model.head.bias.handle()->mutable_value();
    bias.set({0}, NAN);
    bias.set({1}, -0.0);
    Tensor& weight = model.head.weight.handle()->mutable_value();
    weight.set({0, 0}, std::numeric_limits<double>::infinity());
    weight.set({0, 1}, 1e-42);
    nn::save(folder / "model", model, {{"epoch", "12"}, {"note", "a \"quoted\" ü"}});
    Model other(dtype);
    CHECK(bytes_of(other) != bytes_of(model));
    Metadata metadata;
    nn::load(folder / "model", other, {.metadata = &metadata});
    CHECK(bytes_of(other) == bytes_of(model));
    CHECK(metadata == Metadata{{"epoch", "12"}, {"note", "a \"quoted\" ü"}});
    CHECK(folder.files() == 1);
  }
}

TEST_CASE(
    "a loaded model computes what the saved one did, and optimizers still refer to its "
    "parameters") {
  const Folder folder;
  manual_seed(2);
  const Model model;
  Model other;
  const NamedParams before = nn::parameters(other);
  nn::save(folder / "model", model);
  nn::load(folder / "model", other);
  const NamedParams after = nn::parameters(other);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(before[i].param == after[i].param);
  const nn::Tokens x = nn::Tokens::from(std::vector<std::vector<Index>>{{1, 2, 3}, {4}, {5, 0}});
  CHECK(distance(model.head(model.lstm(model.embed(x)).last()).value(),
                 other.head(other.lstm(other.embed(x)).last()).value()) == 0);
}

TEST_CASE("loading converts values to the dtype of the model") {
  const Folder folder;
  const Model wide(f64);
  Model narrow(f32);
  nn::save(folder / "model", wide);
  nn::load(folder / "model", narrow);
  CHECK(narrow.head.weight.dtype() == f32);
  CHECK(distance(narrow.head.weight.value(), wide.head.weight.value()) < 1e-7);
}

TEST_CASE("a strict load names every missing, extra and misshapen name at once, changing nothing") {
  const Folder folder;
  const Param a(Tensor::ones({2})), b(Tensor::ones({3})), c(Tensor::ones({2, 2})),
      d(Tensor::ones({1}));
  nn::save(folder / "model",
           NamedParams{
               {"a", a.handle()}, {"b", b.handle()}, {"extra", c.handle()}, {"more", d.handle()}},
           {{"k", "v"}});
  const Param x(Tensor::zeros({2})), y(Tensor::zeros({4})), z(Tensor::zeros({2})),
      w(Tensor::zeros({5, 1}));
  const NamedParams into{
      {"a", x.handle()}, {"b", y.handle()}, {"lost", z.handle()}, {"gone", w.handle()}};
  Metadata metadata{{"old", "one"}};
  CHECK_THROWS_AS(nn::load(folder / "model", into), std::runtime_error);
  const std::string text =
      message_of([&] { nn::load(folder / "model", into, {.metadata = &metadata}); });
  check_says(text, folder / "model");
  check_says(text, "\"b\" has the shape [3] where [4] is required");
  check_says(text, "\"lost\" [2] is missing");
  check_says(text, "\"gone\" [5, 1] is missing");
  check_says(text, "\"extra\" [2, 2] is not in the model");
  check_says(text, "\"more\" [1] is not in the model");
  CHECK(text.find("\"a\"") == std::string::npos);
  CHECK(max(abs(x.value())).item() == 0);
  CHECK(metadata == Metadata{{"old", "one"}});

  // Not strict: what fits is taken, a shape that does not is still refused.
  CHECK_THROWS_AS(nn::load(folder / "model", into, {.strict = false}), std::runtime_error);
  CHECK(max(abs(x.value())).item() == 0);
  nn::load(folder / "model", NamedParams{{"a", x.handle()}, {"lost", z.handle()}},
           {.strict = false});
  CHECK(min(x.value()).item() == 1);
  CHECK(max(abs(z.value())).item() == 0);
}

TEST_CASE("a file of a model with other sizes is refused with the names that differ") {
  const Folder folder;
  nn::save(folder / "model", Model(f32, 5));
  Model other(f32, 4);
  const auto before = bytes_of(other);
  const std::string text = message_of([&] { nn::load(folder / "model", other); });
  check_says(text, "\"head.weight\" has the shape [10, 2] where [8, 2] is required");
  check_says(text, "\"lstm.reverse.1.wh\" has the shape [5, 20] where [4, 16] is required");
  CHECK(text.find("embed.weight") == std::string::npos);
  CHECK(bytes_of(other) == before);
}

TEST_CASE("a failed save leaves the old file unchanged and no other file") {
  const Folder folder;
  manual_seed(3);
  const Model old;
  nn::save(folder / "model", old, {{"k", "old"}});
  const std::string bytes = read_file(folder / "model");
  // A disk that is full after some of the bytes, as a limit on the size of files.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{static_cast<rlim_t>(bytes.size() / 2), before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string text = message_of([&] { nn::save(folder / "model", Model()); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  check_says(text, folder / "model");
  check_says(text, "cannot be written: File too large");
  CHECK(read_file(folder / "model") == bytes);
  CHECK(folder.files() == 1);
  check_says(message_of([&] { nn::save(folder / "no/such/folder", old); }), "cannot be written");
  check_says(message_of([&] { nn::load(folder / "nothing", nn::parameters(old)); }),
             "nothing: cannot be opened");
}

TEST_CASE("a file truncated or damaged anywhere is refused, and nothing is changed") {
  const Folder folder;
  manual_seed(4);
  const nn::Linear small({.in = 2, .out = 3});
  nn::save(folder / "model", small);
  const std::string bytes = read_file(folder / "model");
  nn::Linear into({.in = 2, .out = 3});
  const auto before = bytes_of(into);
  const auto refused = [&](const std::string& content) {
    std::ofstream(folder / "bad", std::ios::binary) << content;  // without waiting for the disk
    try {
      nn::load(folder / "bad", into);
    } catch (const std::runtime_error& e) {
      check_says(e.what(), folder / "bad");
      return true;
    }
    return false;
  };
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK(refused(bytes.substr(0, n)));
  CHECK(refused(""));
  CHECK(refused(std::string(100, '\0')));
  CHECK(refused(std::string(8, '\xff') + bytes.substr(8)));
  CHECK(refused("\x89PNG\r\n\x1a\n" + bytes));
  CHECK(bytes_of(into) == before);
  // A flipped byte of the header is refused, or changes a name, which strict loading tells.
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  for (std::size_t i = 8; i < 8 + header; ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    if (!refused(bad)) CHECK(bytes[i] == ' ');
  }
  Generator g(5);
  for (int trial = 0; trial < 200; ++trial) {
    std::string garbage;
    for (Index n = g.below(200); n > 0; --n) garbage += static_cast<char>(g.below(256));
    CHECK(refused(garbage));
  }
  nn::load(folder / "model", into);
  CHECK(bytes_of(into) == bytes_of(small));
}

TEST_CASE("two parameters of one name are refused before anything is written") {
  const Folder folder;
  const Param a(Tensor::ones({2}));
  check_says(message_of([&] {
               nn::save(folder / "model", NamedParams{{"w", a.handle()}, {"w", a.handle()}});
             }),
             "save: names that differ were required: \"w\" came twice");
  const NamedParams none{{"a", nullptr}};
  check_refused([&] { nn::save(folder / "model", none); },
                "save: parameters with a value were required: got an undefined \"a\"");
  CHECK(folder.files() == 0);
  nn::save(folder / "model", NamedParams{{"a", a.handle()}});
  check_refused([&] { nn::load(folder / "model", none); },
                "load: parameters with a value were required: got an undefined \"a\"");
}

namespace {

struct Square {
  nn::Linear mix{{.in = 3, .out = 3}};
  nn::Embedding table{{.vocab = 3, .dim = 3}};
  nn::Buffer mean{Tensor::of({1, 2, 3})};
  UNROLL_FIELDS(mix, table, mean)
};

NamedTensors tensors_of(const NamedParams& params) {
  NamedTensors out;
  for (const NamedParam& p : params) out.emplace(p.name, p.param->value());
  return out;
}

}  // namespace

TEST_CASE("a square weight from elsewhere is refused unless its layout is given") {
  const Folder folder;
  manual_seed(6);
  const Square model;
  Square into;
  // As PyTorch would write it: the weight is [out, in], the embedding's table as here.
  NamedTensors theirs = tensors_of(nn::state(model));
  theirs["mix.weight"] = theirs["mix.weight"].transpose().contiguous();
  save_safetensors(folder / "theirs", theirs, {{"format", "pt"}});
  const auto before = bytes_of(nn::state(into));
  const std::string text = message_of([&] { nn::load(folder / "theirs", into); });
  check_says(text, "the layout of its weights was required, since \"mix.weight\" is square");
  check_says(text, "WeightLayout::out_in");
  CHECK_THROWS_AS(nn::load(folder / "theirs", into), std::runtime_error);
  CHECK_THROWS_AS(nn::assign("theirs", theirs, nn::state(into)), std::runtime_error);
  CHECK(bytes_of(nn::state(into)) == before);
  nn::load(folder / "theirs", into, {.layout = nn::WeightLayout::out_in});
  CHECK(bytes_of(nn::state(into)) == bytes_of(nn::state(model)));
  nn::load(folder / "theirs", into, {.layout = nn::WeightLayout::in_out});
  CHECK(distance(into.mix.weight.value(), model.mix.weight.value().transpose()) == 0);
  // What save wrote says of itself how it stands.
  nn::save(folder / "ours", model);
  nn::load(folder / "ours", into);
  CHECK(bytes_of(nn::state(into)) == bytes_of(nn::state(model)));
  save_safetensors(folder / "strange", theirs, {{"unroll.weights", "sideways"}});
  check_says(message_of([&] { nn::load(folder / "strange", into); }), "got \"sideways\"");
  check_refused(
      [&] {
        nn::save(folder / "ours", model, {{"unroll.note", "x"}});
      },
      "metadata without keys that begin with \"unroll.\"");
}

TEST_CASE("weights that are not square show their layout, and the message says what to pass") {
  const Folder folder;
  const nn::Linear model({.in = 2, .out = 3});
  nn::Linear into({.in = 2, .out = 3});
  NamedTensors theirs = tensors_of(nn::parameters(model));
  theirs["weight"] = theirs["weight"].transpose().contiguous();
  save_safetensors(folder / "theirs", theirs);
  check_says(
      message_of([&] { nn::load(folder / "theirs", into); }),
      "\"weight\" has the shape [3, 2] where [2, 3] is required (transposed, as PyTorch has it?");
  nn::load(folder / "theirs", into, {.layout = nn::WeightLayout::out_in});
  CHECK(bytes_of(into) == bytes_of(model));
}

TEST_CASE("buffers are saved and loaded with the parameters") {
  const Folder folder;
  Square model, into;
  model.mean.set_value(Tensor::of({7, 8, 9}));
  nn::save(folder / "model", model);
  nn::load(folder / "model", into);
  CHECK(distance(into.mean.value(), Tensor::of({7, 8, 9})) == 0);
  CHECK(!into.mean.trainable());
  nn::save(folder / "less", nn::parameters(model));
  check_says(message_of([&] { nn::load(folder / "less", into); }), "\"mean\" [3] is missing");
}

TEST_CASE("part of a larger file is loaded by a prefix, and unused names are reported") {
  const Folder folder;
  manual_seed(7);
  const Model whole;
  nn::save(folder / "model", whole);
  nn::Linear head({.in = 10, .out = 2});
  const nn::Loaded loaded = nn::load(folder / "model", head, {.prefix = "head."});
  CHECK(bytes_of(head) == bytes_of(whole.head));
  CHECK(loaded.missing.empty());
  CHECK(loaded.unused.size() == nn::parameters(whole).size() - 2);
  CHECK(loaded.unused.front() == "embed.weight");
  nn::GRU other({.in = 3, .hidden = 5});
  CHECK_THROWS_AS(nn::load(folder / "model", other, {.prefix = "lstm."}), std::runtime_error);
  // Without strict the rest may be missing, but not everything.
  struct Tail {
    nn::Linear head{{.in = 10, .out = 2}}, extra{{.in = 2, .out = 1}};
  };
  Tail tail;
  NamedParams params = nn::parameters(tail.head);
  for (NamedParam& p : params) p.name = "head." + p.name;
  params.push_back({"extra.bias", tail.extra.bias.handle()});
  const nn::Loaded some = nn::load(folder / "model", params, {.strict = false});
  CHECK(some.missing == std::vector<std::string>{"extra.bias"});
  CHECK(some.unused.size() == nn::parameters(whole).size() - 2);
  CHECK(bytes_of(tail.head) == bytes_of(whole.head));
  const std::string text =
      message_of([&] { nn::load(folder / "model", head, {.strict = false, .prefix = "tail."}); });
  check_says(text,
             "some of the model's 2 names (\"weight\" ...) were required: got none of them that "
             "begins with \"tail.\"");
}
