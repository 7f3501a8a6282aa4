// .npy files: round trips, what NumPy writes, and what is damaged.
#include "naive.h"
#include "scratch.h"

#include <unroll/tensor/npy.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace unroll;

namespace {

// A file with this header and these numbers, as NumPy writes it.
std::string file_of(std::string header, const std::string& numbers, char version = 1) {
  while ((header.size() + 11 + (version > 1 ? 2 : 0)) % 64 != 0) header += ' ';
  header += '\n';
  std::string out("\x93NUMPY", 6);
  out += version;
  out += '\0';
  out += static_cast<char>(header.size() & 0xFF);
  out += static_cast<char>(header.size() >> 8);
  if (version > 1) out += std::string(2, '\0');
  return out + header + numbers;
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string out;
  for (T v : values) out.append(reinterpret_cast<const char*>(&v), sizeof(T));
  return out;
}

const auto load = [](const std::string& path) { (void)load_npy(path); };

}  // namespace

TEST_CASE("tensors of any shape, dtype and strides are saved and loaded exactly") {
  const Scratch scratch;
  const std::string path = scratch / "x.npy";
  Generator g(1);
  for (int round = 0; round < 100; ++round) {
    const Tensor x = random_strided(g, random_shape(g, 0, 5), round % 2 ? f32 : f64);
    save_npy(path, x);
    const Tensor y = load_npy(path);
    CHECK(y.dtype() == x.dtype());
    CHECK(same(y, naive_of(x)));
  }
  save_npy(path, Tensor::of({-0.0, NAN, std::numeric_limits<double>::infinity(), 5e-324}, f64));
  const auto values = load_npy(path).to_vector<double>();
  CHECK(std::signbit(values[0]));
  CHECK(std::isnan(values[1]));
  CHECK(std::isinf(values[2]));
  CHECK(values[3] == 5e-324);
}

TEST_CASE("a saved file has the bytes of NumPy's format") {
  const Scratch scratch;
  save_npy(scratch / "x.npy", Tensor::of({{1, 2, 3}, {4, 5, 6}}));
  const std::string bytes = read_file(scratch / "x.npy");
  CHECK(bytes.size() == 128 + 24);
  CHECK(bytes.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(bytes.substr(10, 61) == "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  ");
  CHECK(bytes[127] == '\n');
  CHECK(bytes.substr(128) == bytes_of<float>({1, 2, 3, 4, 5, 6}));
  save_npy(scratch / "x.npy", Tensor::zeros({5}, f64));
  check_says(read_file(scratch / "x.npy"),
             "{'descr': '<f8', 'fortran_order': False, 'shape': (5,), }");
  save_npy(scratch / "x.npy", Tensor::scalar(5));
  check_says(read_file(scratch / "x.npy"), "'shape': (), }");
}

TEST_CASE(
    "what NumPy writes is read: integers, Fortran's order, later versions, any order of keys") {
  const Scratch scratch;
  const auto read = [&](const std::string& bytes) {
    write_file(scratch / "x.npy", bytes);
    return load_npy(scratch / "x.npy");
  };
  const Tensor rows = Tensor::of({{1, 2, 3}, {4, 5, 6}}, f64);
  const std::string shape = "'shape': (2, 3), }";
  CHECK(distance(read(file_of("{'descr': '<i4', 'fortran_order': False, " + shape,
                              bytes_of<std::int32_t>({1, 2, 3, 4, 5, 6}))),
                 rows) == 0);
  CHECK(distance(read(file_of("{'descr': '<i8', 'fortran_order': False, " + shape,
                              bytes_of<std::int64_t>({1, 2, 3, 4, 5, 6}))),
                 rows) == 0);
  CHECK(distance(read(file_of("{'descr': '<f8', 'fortran_order': True, " + shape,
                              bytes_of<double>({1, 4, 2, 5, 3, 6}))),
                 rows) == 0);
  for (char version : {'\x01', '\x02', '\x03'})
    CHECK(distance(read(file_of("{'shape': (2, 3), 'fortran_order': False, 'descr': '<f8'}",
                                bytes_of<double>({1, 2, 3, 4, 5, 6}), version)),
                   rows) == 0);
  CHECK(read(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }", "")).shape() ==
        Shape{0, 7});
}

namespace {

// A file of the values as elements of S, in either order of bytes and of elements.
template <class S>
std::string stored_file(const char* descr, const std::vector<double>& values, const Shape& shape,
                        bool big, bool fortran) {
  std::string numbers;
  std::vector<Index> at(static_cast<std::size_t>(shape.rank()), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::size_t from = i;
    if (fortran) {  // element i of the file is that of the reversed index
      Index rest = static_cast<Index>(i);
      for (int axis = 0; axis < shape.rank(); ++axis)
        at[axis] = rest % shape[axis], rest /= shape[axis];
      Index flat = 0;
      for (int axis = 0; axis < shape.rank(); ++axis) flat = flat * shape[axis] + at[axis];
      from = static_cast<std::size_t>(flat);
    }
    std::string one = bytes_of<S>({static_cast<S>(values[from])});
    if (big) std::reverse(one.begin(), one.end());
    numbers += one;
  }
  return file_of(fmt::format("{{'descr': '{}{}', 'fortran_order': {}, 'shape': ({}{}), }}",
                             sizeof(S) == 1 ? '|'
                             : big          ? '>'
                                            : '<',
                             descr, fortran ? "True" : "False", fmt::join(shape, ", "),
                             shape.rank() == 1 ? "," : ""),
                 numbers);
}

}  // namespace

TEST_CASE("every type of number that NumPy writes is read, in either order of bytes and elements") {
  const Scratch scratch;
  const std::string path = scratch / "x.npy";
  Generator g(5);
  const auto round_trip = [&]<class S>(S, const char* descr, double least, double most,
                                       DType dtype) {
    for (const Shape& shape :
         {Shape{}, Shape{4}, Shape{2, 3}, Shape{2, 3, 2}, Shape{3, 0, 2}, Shape{1, 5}})
      for (bool big : {false, true})
        for (bool fortran : {false, true}) {
          std::vector<double> values;
          for (Index i = 0; i < shape.numel(); ++i)
            values.push_back(i % 3 == 0   ? least
                             : i % 3 == 1 ? most
                                          : static_cast<double>(g.integers({1}, 0, 100)[0]));
          write_file(path, stored_file<S>(descr, values, shape, big, fortran));
          CAPTURE(descr);
          const Tensor x = load_npy(path);
          CHECK(x.dtype() == dtype);
          CHECK(x.shape() == shape);
          CHECK(x.to_vector<double>() == values);
          if (descr[0] == 'f') {
            check_says(message_of([&] { load_npy_ids(path); }),
                       "integers or booleans were required");
            continue;
          }
          const IndexTensor ids = load_npy_ids(path);
          CHECK(ids.shape() == shape);
          for (Index i = 0; i < ids.numel(); ++i) CHECK(ids[i] == static_cast<Index>(values[i]));
        }
  };
  round_trip(std::int8_t{}, "i1", -128, 127, f64);
  round_trip(std::uint8_t{}, "u1", 0, 255, f64);
  round_trip(std::int16_t{}, "i2", -32768, 32767, f64);
  round_trip(std::uint16_t{}, "u2", 0, 65535, f64);
  round_trip(std::int32_t{}, "i4", -2147483648.0, 2147483647, f64);
  round_trip(std::uint32_t{}, "u4", 0, 4294967295.0, f64);
  round_trip(std::int64_t{}, "i8", -0x1p53, 0x1p53, f64);
  round_trip(std::uint64_t{}, "u8", 0, 0x1p62, f64);
  round_trip(float{}, "f4", -0x1p-149, 0x1p127, f32);
  round_trip(double{}, "f8", -5e-324, 1e308, f64);
}

TEST_CASE("half precision and booleans are read as in NumPy") {
  const Scratch scratch;
  const std::string path = scratch / "x.npy";
  const auto read = [&](const char* descr, int n, const std::string& numbers) {
    write_file(path,
               file_of(fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}",
                                   descr, n),
                       numbers));
    return load_npy(path);
  };
  const double inf = std::numeric_limits<double>::infinity();
  for (const bool big : {false, true}) {
    std::string bytes;
    for (const int half :
         {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x0400, 0x7C00, 0xFC00, 0x7E00, 0x8000}) {
      const char low = static_cast<char>(half & 0xFF), high = static_cast<char>(half >> 8);
      bytes += big ? std::string{high, low} : std::string{low, high};
    }
    const Tensor x = read(big ? ">f2" : "<f2", 9, bytes);
    CHECK(x.dtype() == f32);
    const auto h = x.to_vector<double>();
    CHECK(std::vector<double>(h.begin(), h.begin() + 7) ==
          std::vector<double>{1, -2, 65504, 0x1p-24, 0x1p-14, inf, -inf});
    CHECK(std::isnan(h[7]));
    CHECK(std::signbit(h[8]));
  }
  CHECK(read("|b1", 3, std::string("\x00\x01\x01", 3)).to_vector<double>() ==
        std::vector<double>{0, 1, 1});
  CHECK(load_npy_ids(path) == IndexTensor::of({0, 1, 1}));
}

TEST_CASE("integers that f64 would round are refused, and read exactly as ids") {
  const Scratch scratch;
  const std::string path = scratch / "x.npy";
  const Index limit = Index{1} << 53, most = std::numeric_limits<Index>::max();
  for (const Index v :
       {limit + 1, -limit - 1, most, most - 1, Index{1} << 60, std::numeric_limits<Index>::min()}) {
    const IndexTensor ids({v, 3, -4, 5}, {2, 2});
    save_npy(path, ids);
    CHECK(load_npy_ids(path) == ids);
    const auto exact =
        static_cast<long double>(static_cast<double>(v)) == static_cast<long double>(v);
    if (exact) {
      CHECK(load_npy(path).at({0, 0}) == static_cast<double>(v));
    } else {
      const std::string text = message_of([&] { load_npy(path); });
      check_says(text, fmt::format("integers that f64 holds exactly were required: got {}", v));
      check_says(text, "load_npy_ids");
    }
  }
  const auto unsigned_file = [&](std::uint64_t v) {
    write_file(path, file_of("{'descr': '<u8', 'fortran_order': False, 'shape': (), }",
                             bytes_of<std::uint64_t>({v})));
  };
  unsigned_file(std::uint64_t{1} << 63);
  CHECK(load_npy(path).item() == 0x1p63);
  check_says(message_of([&] { load_npy_ids(path); }),
             "ids below 2^63 were required: got 9223372036854775808");
  unsigned_file(~std::uint64_t{0});
  check_says(message_of([&] { load_npy(path); }), "got 18446744073709551615");
  // Ids of any shape go to a file and come back.
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{0}, Shape{3, 2, 2}}) {
    const IndexTensor ids = Generator(2).integers(shape, -most / 2, most / 2);
    save_npy(path, ids);
    CHECK(load_npy_ids(path) == ids);
  }
}

TEST_CASE("a truncated, damaged or foreign file is refused with its name") {
  const Scratch scratch;
  save_npy(scratch / "x.npy", Tensor::of({{1, 2, 3}, {4, 5, 6}}));
  const std::string valid = read_file(scratch / "x.npy");
  check_refuses_damage(scratch, valid, load);
  // Only a bent space among the padding, or a bent bit that gives another valid header (such as
  // >f4), may pass.
  CHECK(flips_refused(scratch, valid, 72, load) >= 72 * 8 - 10);
}

TEST_CASE(
    "a header that describes more than the file contains is refused before tensors are allocated") {
  const Scratch scratch;
  const std::string path = scratch / "x.npy", numbers(24, '\0');
  const auto says = [&](const std::string& descr, const std::string& order,
                        const std::string& shape, const std::string& part) {
    check_says(refusal(path,
                       file_of("{'descr': " + descr + ", 'fortran_order': " + order +
                                   ", 'shape': " + shape + ", }",
                               numbers),
                       load),
               part);
  };
  says("'<f4'", "False", "(7,)",
       "7 elements of 4 bytes were promised: the file has 24 bytes for them");
  says("'<f4'", "False", "(5,)", "5 elements of 4 bytes were promised: the file has 24 bytes");
  says("'<f4'", "False", "(4611686018427387904,)", "4611686018427387904 elements of 4 bytes");
  says("'<f4'", "False", "(4611686018427387904, 8)", "must fit 63 bits");
  says("'<f4'", "False", "(99999999999999999999999,)", "sizes that fit memory was required");
  says("'<f4'", "False", "(-6,)", "sizes that fit memory");
  says("'<f4'", "False", "(2x3,)", "a comma or )");
  says("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 6)", "at most 8 axes");
  says("'<f4'", "Maybe", "(6,)", "False was required");
  for (const char* descr :
       {"<f3", "<f1", "<i3", "<u16", "<b2", "|i2", "<c8", "f4", "<f", "!f4", "<f44"})
    says(fmt::format("'{}'", descr), "False", "(6,)",
         fmt::format("elements of type f2, f4, f8, i1 to i8, u1 to u8 or b1 were required: got {}",
                     descr));
  says("'|O'", "False", "(6,)", "got |O");
  says("[('a', '<f4')]", "False", "(6,)", "a quoted text was required");
  const auto whole = [&](const std::string& header, const std::string& part) {
    check_says(refusal(path, file_of(header, numbers), load), part);
  };
  whole("{'descr': '<f4', 'fortran_order': False, }",
        "the keys descr, fortran_order and shape, each once");
  whole("{'descr': '<f4', 'descr': '<f4', 'shape': (6,), }", "each once");
  whole("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'more': 1}", "each once");
  whole("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } more", "nothing after }");
  whole("{'descr\x01" + std::string(1000, 'x'),
        "a quoted text was required: got {'descr\\x01" + std::string(52, 'x') + "...");
  says("'\x02" + std::string(100, 'x') + "'", "False", "(6,)",
       "got \\x02" + std::string(59, 'x') + "...");
  whole("", "an .npy header with { was required");
  std::string long_header =
      file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", numbers, 2);
  long_header[11] = '\x7F';
  check_says(refusal(path, long_header, load), "bytes was promised: the file has");
  long_header[6] = '\x09';
  check_says(refusal(path, long_header, load), "version 1.0, 2.0 or 3.0 was required: got 9.0");
}

TEST_CASE("a tensor that cannot be saved is refused with a message") {
  const Scratch scratch;
  check_says(message_of([&] { save_npy(scratch / "none/x.npy", Tensor::zeros({2})); }),
             "cannot be written");
  check_says(message_of([&] { save_npy(scratch / "x.npy", Tensor()); }), "undefined");
  CHECK(scratch.files() == 0);
}
