// .npy files: round trips, what NumPy writes, and what is damaged.
#include "naive.h"
#include "scratch.h"

#include <unroll/tensor/npy.h>

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

TEST_CASE("what is saved is loaded again: any shape, type and strides, bit by bit") {
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

TEST_CASE("a saved file has the bytes that NumPy's format asks for") {
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

TEST_CASE("a damaged or foreign file is refused by name, wherever it is cut or bent") {
  const Scratch scratch;
  save_npy(scratch / "x.npy", Tensor::of({{1, 2, 3}, {4, 5, 6}}));
  const std::string valid = read_file(scratch / "x.npy");
  check_refuses_damage(scratch, valid, load);
  // Only a bent space among the padding, or a bent bit that gives another valid header, may pass.
  CHECK(flips_refused(scratch, valid, 72, load) >= 72 * 8 - 8);
}

TEST_CASE("a header that promises what the file does not hold is refused before anything is made") {
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
       "7 numbers of 4 bytes were promised: the file has 24 bytes for them");
  says("'<f4'", "False", "(5,)", "5 numbers of 4 bytes were promised: the file has 24 bytes");
  says("'<f4'", "False", "(4611686018427387904,)", "4611686018427387904 numbers of 4 bytes");
  says("'<f4'", "False", "(4611686018427387904, 8)", "must fit 63 bits");
  says("'<f4'", "False", "(99999999999999999999999,)", "sizes that fit memory was required");
  says("'<f4'", "False", "(-6,)", "sizes that fit memory");
  says("'<f4'", "False", "(2x3,)", "a comma or )");
  says("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 6)", "at most 8 axes");
  says("'<f4'", "Maybe", "(6,)", "False was required");
  says("'>f4'", "False", "(6,)", "numbers of type <f4, <f8, <i4 or <i8 were required: got >f4");
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

TEST_CASE("a tensor that cannot be saved says so") {
  const Scratch scratch;
  check_says(message_of([&] { save_npy(scratch / "none/x.npy", Tensor::zeros({2})); }),
             "cannot be written");
  check_says(message_of([&] { save_npy(scratch / "x.npy", Tensor()); }), "undefined");
  CHECK(scratch.files() == 0);
}
