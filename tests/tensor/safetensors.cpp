// safetensors: round trips, the types of others, and what is damaged.
#include "naive.h"
#include "scratch.h"

#include <unroll/tensor/memory.h>
#include <unroll/tensor/safetensors.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <limits>

using namespace unroll;

namespace {

std::string file_of(const std::string& header, const std::string& numbers) {
  std::string out;
  const std::uint64_t length = header.size();
  for (int i = 0; i < 8; ++i) out += static_cast<char>(length >> (8 * i) & 0xFF);
  return out + header + numbers;
}
std::string entry(const std::string& dtype, const std::string& shape, const std::string& range) {
  return R"({"x": {"dtype": ")" + dtype + R"(", "shape": )" + shape + R"(, "data_offsets": )" +
         range + "}}";
}
template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string out;
  for (T v : values) out.append(reinterpret_cast<const char*>(&v), sizeof(T));
  return out;
}

const auto load = [](const std::string& path) { (void)load_safetensors(path); };

}  // namespace

TEST_CASE("names, dtypes, shapes, elements and metadata are saved and loaded exactly") {
  const Scratch scratch;
  const std::string path = scratch / "x.safetensors";
  Generator g(1);
  for (int round = 0; round < 50; ++round) {
    NamedTensors tensors;
    for (Index i = g.below(5); i > 0; --i)
      tensors[fmt::format("layer.{}.wört \"{}\"\n", i, round)] =
          random_strided(g, random_shape(g, 0, 4), g.below(2) ? f32 : f64);
    const Metadata metadata{{"made by", "a test"}, {"round", std::to_string(round)}};
    save_safetensors(path, tensors, metadata);
    Metadata again;
    const NamedTensors loaded = load_safetensors(path, &again);
    CHECK(again == metadata);
    CHECK(loaded.size() == tensors.size());
    for (const auto& [name, x] : tensors) {
      CHECK(loaded.at(name).dtype() == x.dtype());
      CHECK(same(loaded.at(name), naive_of(x)));
    }
    CHECK(read_file(path).at(8) == '{');
  }
  CHECK(scratch.files() == 1);
}

TEST_CASE("the types of other programs are read as f32 or f64") {
  const Scratch scratch;
  const std::string path = scratch / "x.safetensors";
  const auto read = [&](const std::string& dtype, const std::string& numbers, Index n) {
    write_file(path,
               file_of(entry(dtype, fmt::format("[{}]", n), fmt::format("[0, {}]", numbers.size())),
                       numbers));
    return load_safetensors(path).at("x");
  };
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor half = read("F16",
                           bytes_of<std::uint16_t>({0x3C00, 0xC000, 0x7BFF, 0x0001, 0x0400, 0x7C00,
                                                    0xFC00, 0x7E00, 0x8000}),
                           9);
  CHECK(half.dtype() == f32);
  const auto h = half.to_vector<double>();
  CHECK(std::vector<double>(h.begin(), h.begin() + 7) ==
        std::vector<double>{1, -2, 65504, 0x1p-24, 0x1p-14, inf, -inf});
  CHECK(std::isnan(h[7]));
  CHECK(std::signbit(h[8]));
  CHECK(read("BF16", bytes_of<std::uint16_t>({0x3F80, 0xC000, 0x7F80}), 3).to_vector<double>() ==
        std::vector<double>{1, -2, inf});
  CHECK(read("I32", bytes_of<std::int32_t>({-5, 7}), 2).to_vector<double>() ==
        std::vector<double>{-5, 7});
  CHECK(read("I64", bytes_of<std::int64_t>({-5, Index{1} << 40}), 2).dtype() == f64);
  CHECK(read("F64", bytes_of<double>({0.1}), 1).item() == 0.1);
  CHECK(read("I16", bytes_of<std::int16_t>({-5, 32767}), 2).to_vector<double>() ==
        std::vector<double>{-5, 32767});
  CHECK(read("I8", bytes_of<std::int8_t>({-128, 127}), 2).to_vector<double>() ==
        std::vector<double>{-128, 127});
  CHECK(read("U8", bytes_of<std::uint8_t>({0, 255}), 2).to_vector<double>() ==
        std::vector<double>{0, 255});
  CHECK(read("U16", bytes_of<std::uint16_t>({65535}), 1).item() == 65535);
  CHECK(read("U32", bytes_of<std::uint32_t>({4294967295U}), 1).item() == 4294967295.0);
  CHECK(read("U64", bytes_of<std::uint64_t>({std::uint64_t{1} << 63}), 1).item() == 0x1p63);
  CHECK(read("BOOL", bytes_of<std::uint8_t>({0, 1}), 2).to_vector<double>() ==
        std::vector<double>{0, 1});
  check_says(message_of([&] { read("I64", bytes_of<std::int64_t>({(Index{1} << 53) + 1}), 1); }),
             "integers that f64 holds exactly were required: \"x\" has 9007199254740993");
}

TEST_CASE("each element stands in the file at a multiple of its size, whatever the names are") {
  const Scratch scratch;
  const std::string path = scratch / "x.safetensors";
  Generator g(3);
  for (int round = 0; round < 50; ++round) {
    NamedTensors tensors;
    const Index count = g.integers({1}, 1, 8)[0];
    for (Index i = 0; i < count; ++i)
      tensors.emplace(
          fmt::format("{}", g.integers({1}, 0, 1000)[0]),
          g.normal({g.integers({1}, 0, 6)[0]}, 0, 1, g.integers({1}, 0, 2)[0] ? f32 : f64));
    save_safetensors(path, tensors,
                     {{"key", std::string(static_cast<std::size_t>(round % 9), 'x')}});
    const std::string bytes = read_file(path);
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), 8);
    CHECK(header % 8 == 0);
    // In the header: "name":{"dtype":"F64","shape":[..],"data_offsets":[begin,end]}
    for (const auto& [name, tensor] : tensors) {
      const std::size_t entry = bytes.find("\"" + name + "\":{");
      const std::string key = "\"data_offsets\":[";
      const std::size_t offsets = bytes.find(key, entry);
      CHECK(std::stoull(bytes.substr(offsets + key.size())) % size_of(tensor.dtype()) == 0);
    }
    const NamedTensors back = load_safetensors(path);
    CHECK(back.size() == tensors.size());
    for (const auto& [name, tensor] : tensors) {
      CHECK(back.at(name).dtype() == tensor.dtype());
      CHECK(back.at(name).to_vector<double>() == tensor.to_vector<double>());
    }
  }
}

TEST_CASE("a truncated, damaged or foreign file is refused with its name") {
  const Scratch scratch;
  save_safetensors(scratch / "x", {{"a", Tensor::of({1, 2, 3})}, {"b", Tensor::ones({2, 1}, f64)}});
  const std::string valid = read_file(scratch / "x");
  check_refuses_damage(scratch, valid, load);
  const std::size_t header = valid.find("}}") + 2;
  // A bent letter in a name is a name too; nearly all else is seen.
  CHECK(flips_refused(scratch, valid, header, load) > static_cast<Index>(header * 8 - 60));
}

TEST_CASE(
    "a header that describes more than the file contains is refused before tensors are allocated") {
  const Scratch scratch;
  const std::string path = scratch / "x", numbers(24, '\0');
  const auto says = [&](const std::string& header, const std::string& part) {
    check_says(refusal(path, file_of(header, numbers), load), part);
  };
  says(entry("F32", "[7]", "[0, 28]"), "does not fit (the file is truncated or damaged)");
  says(entry("F32", "[6]", "[0, 20]"), "\"x\" of shape [6] and type F32 needs 6 x 4 bytes");
  says(entry("F32", "[6]", "[24, 0]"), "does not fit");
  says(entry("F32", "[6]", "[-24, 0]"), "does not fit");
  says(entry("F32", "[4611686018427387904]", "[0, 24]"), "does not fit");
  says(entry("F32", "[4611686018427387904, 4611686018427387904]", "[0, 24]"), "must fit 63 bits");
  says(entry("F32", "[-6]", "[0, 24]"), "must not be negative");
  says(entry("F32", "[1,1,1,1,1,1,1,1,6]", "[0, 24]"), "at most 8 axes");
  says(entry("F32", "[5]", "[0, 20]"), "20 bytes of elements were promised: the file has 24");
  says(entry("F32", "[5]", "[4, 24]"), "elements without gaps were required");
  says(entry("C64", "[3]", "[0, 24]"),
       "a type among F64, F32, F16, BF16, I8 to I64, U8 to U64 and BOOL was required for \"x\": "
       "got C64");
  for (const char* shape : {"\"six\"", "[6.0]", "[1.5, 4]", "[\"6\"]", "[[6]]", "{}", "[1e1]",
                            "[18446744073709551615]"})
    says(entry("F32", shape, "[0, 24]"),
         "a list of whole numbers was required as \"shape\" of \"x\"");
  says(entry("F32", "[6]", "[0.0, 24.0]"), "a list of whole numbers was required as \"data_off");
  says(entry("F32", "[6]", "[0]"), "two data_offsets were required for \"x\": got 1");
  says(entry("F32", "[6]", "[0, 24, 24]"), "two data_offsets were required for \"x\": got 3");
  says(R"({"x": {"dtype": "F32", "shape": [6]}})", "\"data_offsets\" was required for \"x\"");
  says(R"({"x": {"dtype": 5, "shape": [6], "data_offsets": [0, 24]}})", "for \"x\": got no text");
  const std::string x = R"("x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]})",
                    y = R"("x": {"dtype": "F32", "shape": [3], "data_offsets": [12, 24]})";
  says("{" + x + ", " + y + "}", "names that differ were required: got \"x\" twice");
  says(R"({"x": 5})", "a JSON object was required for \"x\"");
  says(R"({"__metadata__": 5})", "a JSON object was required for \"__metadata__\"");
  says(R"({"__metadata__": {"a": 5}})", "text was required for \"a\" of the metadata");
  says(R"({"__metadata__": {"a": "1", "a": "2"}})", "keys that differ were required");
  says("[1, 2]", "a safetensors header that is a JSON object was required");
  says("not json", "its header is not JSON");
  says("{\"\xFF\xFE\": 1}", "its header is not JSON: Invalid encoding in string. (byte 2)");
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  says("[[[[[[[[]]]]]]]]", "a safetensors header that is a JSON object was required");
  says(std::string(100'000, '['), "its header nests more than 8 levels (byte 8)");
  says(deep, "its header nests more than 8 levels");
  says("{\"x\": " + deep + "}", "its header nests more than 8 levels");
  says(entry("F32", deep, "[0, 24]"), "its header nests more than 8 levels");
  says(R"({"x\"[[[[[[[[[": 5})", "a JSON object was required for \"x\"[[[[[[[[[\"");
  std::string zeros = "[0";
  for (int i = 1; i < 64; ++i) zeros += ",0";
  says(entry("F32", zeros + "]", "[0, 24]"), "at most 8 axes are supported: got 64");
  says(entry("F32", zeros + ",0]", "[0, 24]"), "its header has a list of more than 64");
  for (const char* length : {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "\x00\xE1\xF5\x06\x00\x00\x00\x00",
                             "\x21\x00\x00\x00\x00\x00\x00\x00"})
    check_says(refusal(path, std::string(length, 8) + std::string(32, ' '), load), "a header of");
  check_says(refusal(path, "short", load), "got 5 bytes, too few for the length of a header");
}

TEST_CASE("entries that share their bytes are refused before any of them is made") {
  const Scratch scratch;
  const std::string path = scratch / "x", numbers(1 << 20, '\0');
  std::string header = "{";
  for (int i = 0; i < 1000; ++i)
    header +=
        fmt::format("{}\"{}\": {{\"dtype\": \"F32\", \"shape\": [{}], \"data_offsets\": [0, {}]}}",
                    i ? ", " : "", i, numbers.size() / 4, numbers.size());
  write_file(path, file_of(header + "}", numbers));
  memory::reset_peak();
  const Index before = memory::stats().in_use;
  check_says(message_of([&] { load(path); }),
             "elements without gaps were required: got a range at 0 after 1048576");
  CHECK(memory::stats().peak - before < 1 << 20);
}

TEST_CASE(
    "names the format cannot store are refused, and a failed save leaves the old file unchanged") {
  const Scratch scratch;
  const std::string path = scratch / "x";
  save_safetensors(path, {{"a", Tensor::of({1})}});
  const std::string old = read_file(path);
  check_says(message_of([&] {
               save_safetensors(path, {{"__metadata__", Tensor::of({1})}});
             }),
             "a name other than __metadata__ was required");
  check_says(message_of([&] {
               save_safetensors(path, {{"a\xFF", Tensor::of({1})}});
             }),
             "names in UTF-8 were required");
  check_says(message_of([&] { save_safetensors(path, {{"a", Tensor()}}); }), "undefined");
  CHECK(read_file(path) == old);
  CHECK(scratch.files() == 1);
  check_says(message_of([&] { save_safetensors(scratch / "none/x", {}); }),
             "none/x: cannot be written: No such file");
}

namespace {

// Every way to end or to damage a text in UTF-8: a piece of valid text, then some random bytes.
std::string random_bytes(Generator& g) {
  static const std::vector<std::string> pieces = {
      "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\"", "\\"};
  std::string out;
  for (Index i = g.below(4); i > 0; --i) out += pieces[static_cast<std::size_t>(g.below(6))];
  const std::string leads = "\x80\xC0\xC1\xC2\xDF\xE0\xE1\xED\xEF\xF0\xF4\xF5\xFF";
  if (g.below(2) == 0)
    out += leads[static_cast<std::size_t>(g.below(static_cast<Index>(leads.size())))];
  for (Index i = g.below(4); i > 0; --i) out += static_cast<char>(0x80 + g.below(0x41));
  return out;
}

// The same by the definition of RFC 3629: each code point has one shortest form.
std::size_t valid_by_definition(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size()) {
    bool found = false;
    for (std::size_t n = 1; n <= 4 && at + n <= text.size() && !found; ++n) {
      unsigned point = static_cast<unsigned char>(text[at]);
      if (n == 1) {
        found = point < 0x80;
      } else {
        const unsigned mark = (0xF00U >> n) & 0xFFU;  // 110..., 1110..., 11110...
        if ((point & (mark | (0x80U >> n))) != mark) continue;
        point &= 0x7FU >> n;
        bool whole = true;
        for (std::size_t i = 1; i < n; ++i) {
          const unsigned next = static_cast<unsigned char>(text[at + i]);
          whole = whole && (next & 0xC0U) == 0x80;
          point = point << 6 | (next & 0x3FU);
        }
        const unsigned least = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
        found = whole && point >= least && point < 0x110000 && (point < 0xD800 || point > 0xDFFF);
      }
      if (found) at += n;
    }
    if (!found) break;
  }
  return at;
}

}  // namespace

TEST_CASE("names and metadata are saved exactly where they are UTF-8, wherever they end") {
  const Scratch scratch;
  const std::string path = scratch / "x";
  Generator g(1);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_bytes(g);
    const std::size_t valid = valid_by_definition(text);
    CHECK(valid_utf8(text) == valid);
    if (round % 10 != 0) continue;
    // On the heap and as long as its block, so that AddressSanitizer sees a byte read beyond it.
    const std::string exact = std::string(64, 'a') + text;
    for (const bool as_name : {true, false}) {
      const auto save = [&] {
        if (as_name) {
          save_safetensors(path, {{exact, Tensor::of({1})}});
        } else {
          save_safetensors(path, {{"a", Tensor::of({1})}}, {{"key", exact}});
        }
      };
      if (valid < text.size()) {
        check_refused(save, fmt::format("(byte {})", 64 + valid));
        ++refused;
      } else {
        save();
        Metadata metadata;
        const NamedTensors back = load_safetensors(path, &metadata);
        CHECK((as_name ? back.begin()->first : metadata.at("key")) == exact);
      }
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("a header of many brackets is refused without allocating more than the file") {
#if defined(__linux__)
  if (!memory::caching()) return;  // AddressSanitizer has its own ideas of memory
  const Scratch scratch;
  const std::string path = scratch / "x";
  for (const std::string& part :
       {std::string("["), std::string("{\"a\":"), std::string("[[],"), std::string("0,")}) {
    std::string header = part == "0," ? "[" : "";
    while (header.size() < 20'000'000) header += part;
    write_file(path, file_of(header, ""));
    const pid_t child = ::fork();
    if (child == 0) {  // what there is and 60 MB more: the file, and nothing like a tree of it
      std::size_t pages = 0;
      std::ifstream("/proc/self/statm") >> pages;
      const rlim_t bytes = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + 60'000'000;
      const rlimit limit{bytes, bytes};
      ::setrlimit(RLIMIT_AS, &limit);
      try {
        load_safetensors(path);
      } catch (const std::runtime_error& e) {
        ::_exit(std::string(e.what()).find("its header") != std::string::npos ? 3 : 4);
      } catch (...) {
        ::_exit(5);
      }
      ::_exit(6);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 3));
  }
#endif
}

TEST_CASE("saving and loading with little memory throws, and ends no process") {
#if defined(__linux__)
  if (!memory::caching()) return;
  const Scratch scratch;
  const std::string path = scratch / "x", other = scratch / "y";
  NamedTensors many;
  for (int i = 0; i < 40'000; ++i) many.emplace(fmt::format("tensor.{}", i), Tensor());
  for (auto& [name, tensor] : many) tensor = Tensor::of({1});
  save_safetensors(path, many);
  for (int megabytes = 0; megabytes < 40; megabytes += 2) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::size_t pages = 0;
      std::ifstream("/proc/self/statm") >> pages;
      const rlim_t bytes = (pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) +
                           (static_cast<rlim_t>(megabytes) << 20);
      const rlimit limit{bytes, bytes};
      ::setrlimit(RLIMIT_AS, &limit);
      for (const bool saves : {true, false}) {
        try {
          if (saves) {
            save_safetensors(other, many);
          } else {
            (void)load_safetensors(path);
          }
        } catch (const std::exception&) {
        }
      }
      ::_exit(3);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 3));
  }
#endif
}
