// Ids in safetensors files: 64-bit integers, exact, and aligned among other types.
#include "naive.h"
#include "scratch.h"

#include <unroll/tensor/safetensors.h>

#include <cstring>
#include <limits>

using namespace unroll;

namespace {

constexpr Index kMax = std::numeric_limits<Index>::max(), kMin = std::numeric_limits<Index>::min();

// A file of one array "x".
std::string file_of(const std::string& dtype, Index n, const std::string& bytes) {
  const std::string header =
      fmt::format(R"({{"x": {{"dtype": "{}", "shape": [{}], "data_offsets": [0, {}]}}}})", dtype, n,
                  bytes.size());
  std::string out(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(out.data(), &length, 8);
  return out + header + bytes;
}
template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(T)};
}

}  // namespace

TEST_CASE("ids are saved and loaded exactly, among tensors of any types, names and shapes") {
  const Scratch scratch;
  const std::string path = scratch / "x";
  Generator g(1);
  for (int round = 0; round < 60; ++round) {
    NamedTensors tensors;
    NamedIds ids;
    for (Index i = g.below(6); i > 0; --i) {
      const std::string name = fmt::format("{}.wört{}", g.below(1000), i);
      if (g.below(2))
        tensors[name] = random_strided(g, random_shape(g, 0, 3), g.below(2) ? f32 : f64);
      else
        ids[name] = g.integers(random_shape(g, 0, 3), g.below(2) ? kMin : -5, kMax);
    }
    save_safetensors(path, tensors, {{"round", "one"}}, ids);
    Metadata metadata;
    NamedIds found;
    const NamedTensors loaded = load_safetensors(path, &metadata, &found);
    CHECK(metadata.at("round") == "one");
    CHECK(found == ids);
    CHECK(loaded.size() == tensors.size());
    for (const auto& [name, x] : tensors) CHECK(same(loaded.at(name), naive_of(x)));
    const std::string bytes = read_file(path);
    save_safetensors(path, loaded, metadata, found);
    CHECK(read_file(path) == bytes);
  }
}

TEST_CASE("each id is where the header says, in 64 bits, at a multiple of 8 bytes") {
  const Scratch scratch;
  const std::string path = scratch / "x";
  save_safetensors(path, {{"a", Tensor::of({1, 2, 3})}, {"z", Tensor::of({4, 5}, f64)}}, {},
                   {{"m", IndexTensor({kMin, -1, kMax})}, {"b", IndexTensor({7}, {1, 1})}});
  const std::string bytes = read_file(path);
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  const std::string header = bytes.substr(8, length);
  check_says(header, R"("z":{"dtype":"F64","shape":[2],"data_offsets":[0,16]})");
  check_says(header, R"("b":{"dtype":"I64","shape":[1,1],"data_offsets":[16,24]})");
  check_says(header, R"("m":{"dtype":"I64","shape":[3],"data_offsets":[24,48]})");
  check_says(header, R"("a":{"dtype":"F32","shape":[3],"data_offsets":[48,60]})");
  CHECK(bytes.substr(8 + length + 16, 32) == bytes_of<Index>({7, kMin, -1, kMax}));
  CHECK(bytes.size() == 8 + length + 60);
}

TEST_CASE("integers and booleans of every width are ids if asked for, otherwise f64") {
  const Scratch scratch;
  const std::string path = scratch / "x";
  const auto reads = [&](const char* dtype, const std::string& bytes, std::vector<Index> expected) {
    CAPTURE(dtype);
    const auto n = static_cast<Index>(expected.size());
    write_file(path, file_of(dtype, n, bytes));
    NamedIds ids;
    CHECK(load_safetensors(path, nullptr, &ids).empty());
    CHECK(ids.at("x") == IndexTensor(expected));
    for (Index v : expected)
      if (v > Index{1} << 53 || v < -(Index{1} << 53)) return;
    CHECK(IndexTensor::from(load_safetensors(path).at("x")) == IndexTensor(expected));
  };
  reads("I8", bytes_of<std::int8_t>({-128, 127}), {-128, 127});
  reads("U8", bytes_of<std::uint8_t>({0, 255}), {0, 255});
  reads("BOOL", bytes_of<std::uint8_t>({0, 1}), {0, 1});
  reads("I16", bytes_of<std::int16_t>({-32768, 5}), {-32768, 5});
  reads("U16", bytes_of<std::uint16_t>({65535}), {65535});
  reads("I32", bytes_of<std::int32_t>({-5, 1 << 30}), {-5, 1 << 30});
  reads("U32", bytes_of<std::uint32_t>({0xFFFFFFFF}), {0xFFFFFFFF});
  reads("I64", bytes_of<Index>({kMin, kMax}), {kMin, kMax});
  reads("U64", bytes_of<std::uint64_t>({static_cast<std::uint64_t>(kMax)}), {kMax});

  NamedIds ids{{"old", IndexTensor({1})}};
  write_file(path, file_of("F32", 1, bytes_of<float>({2})));
  CHECK(load_safetensors(path, nullptr, &ids).size() == 1);
  CHECK(ids.empty());  // replaced, not added to

  ids = {{"old", IndexTensor({1})}};
  const auto load = [&](const std::string& from) { (void)load_safetensors(from, nullptr, &ids); };
  check_says(refusal(path, file_of("U64", 1, bytes_of<std::uint64_t>({~std::uint64_t{0}})), load),
             "integers that fit 64 bits with a sign were required: \"x\" has 18446744073709551615");
  CHECK(ids.contains("old"));
  check_says(refusal(path, file_of("I64", 1, bytes_of<Index>({kMax})),
                     [](const std::string& from) { (void)load_safetensors(from); }),
             "integers that f64 holds exactly were required");
}

TEST_CASE("ids that cannot be stored are refused, and the old file stays") {
  const Scratch scratch;
  const std::string path = scratch / "x";
  save_safetensors(path, {}, {}, {{"ids", IndexTensor({1, 2})}});
  const std::string bytes = read_file(path);
  check_refused(
      [&] {
        save_safetensors(path, {{"x", Tensor::of({1})}}, {}, {{"x", IndexTensor({1})}});
      },
      "names that differ were required: got \"x\" twice");
  check_refused(
      [&] {
        save_safetensors(path, {}, {}, {{"x", IndexTensor()}});
      },
      "ids were required for \"x\": got undefined ones");
  check_refused(
      [&] {
        save_safetensors(path, {}, {}, {{"__metadata__", IndexTensor({1})}});
      },
      "a name other than __metadata__ was required");
  check_refused(
      [&] {
        save_safetensors(path, {}, {}, {{"\xFF", IndexTensor({1})}});
      },
      "in UTF-8 were required");
  CHECK(read_file(path) == bytes);
}
