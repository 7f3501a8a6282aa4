#include <unroll/tensor/file.h>
#include <unroll/tensor/joined.h>
#include <unroll/tensor/npy.h>
#include <unroll/tensor/stored.h>

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace unroll {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

// Parses the header, {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, and throws with
// what was required if it is different.
class Header {
 public:
  std::string descr;
  bool fortran = false;
  std::vector<Index> shape;

  Header(const std::string& path, std::string_view text) : path_(path), all_(text), rest_(text) {
    require("{");
    bool has_descr = false, has_order = false, has_shape = false;
    while (!take("}")) {
      const std::string key = quoted();
      require(":");
      if (key == "descr" && !has_descr) {
        descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        fortran = take("True");
        if (!fortran) require("False");
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        tuple();
        has_shape = true;
      } else {
        refuse("the keys descr, fortran_order and shape, each once");
      }
      if (!take(",") && (rest_.empty() || rest_[0] != '}')) refuse("a comma or }");
    }
    if (!has_descr || !has_order || !has_shape)
      refuse("the keys descr, fortran_order and shape, each once");
    if (!rest_.empty()) refuse("nothing after }");
  }

 private:
  [[noreturn]] void refuse(const char* what) const {
    fail_io("{}: an .npy header with {} was required: got {}", path_, what, excerpt(all_));
  }
  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    if (rest_.substr(0, token.size()) != token) return false;
    rest_.remove_prefix(token.size());
    skip_space();
    return true;
  }
  void require(const char* token) {
    if (!take(token)) refuse(token);
  }
  std::string quoted() {
    const std::size_t end = rest_.find('\'', 1);
    if (rest_.empty() || rest_[0] != '\'' || end == std::string_view::npos) refuse("a quoted text");
    std::string out(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    skip_space();
    return out;
  }
  void tuple() {
    require("(");
    while (!take(")")) {
      Index size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc() || size < 0) refuse("sizes that fit memory");
      shape.push_back(size);
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      skip_space();
      if (!take(",") && (rest_.empty() || rest_[0] != ')')) refuse("a comma or )");
    }
  }

  const std::string& path_;
  std::string_view all_, rest_;
};

// Parses a type as NumPy writes it, such as <f4; empty if it is not supported.
std::optional<Stored> stored_type(const std::string& descr) {
  if (descr.size() != 3 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
    return {};
  const auto bytes = static_cast<std::size_t>(descr[2] - '0');
  const bool whole = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
  const bool big = descr[0] == '>';
  if (descr[0] == '|' && bytes != 1) return {};
  switch (descr[1]) {
    case 'f':
      if (!whole || bytes == 1) return {};
      return Stored{Kind::floating, bytes, big};
    case 'i':
      if (!whole) return {};
      return Stored{Kind::integer, bytes, big};
    case 'u':
      if (!whole) return {};
      return Stored{Kind::unsigned_integer, bytes, big};
    case 'b':
      if (bytes != 1) return {};
      return Stored{Kind::boolean, bytes, big};
    default:
      return {};
  }
}

// Reads a file: read(type, shape, bytes) makes a tensor of its elements. For a Fortran array, whose
// shape is reversed, order(tensor) then brings the elements into row-major order.
template <class Read, class Order>
auto load(const std::string& path, Read read, Order order) {
  const std::string bytes = read_file(path);
  check_io(bytes.size() >= 10 && std::string_view(bytes).substr(0, 6) == kMagic,
           "{}: an .npy file was required: it does not begin as one", path);
  check_io(bytes[6] >= 1 && bytes[6] <= 3 && bytes[7] == 0,
           "{}: an .npy file of version 1.0, 2.0 or 3.0 was required: got {}.{}", path,
           static_cast<unsigned char>(bytes[6]), static_cast<unsigned char>(bytes[7]));
  const bool wide = bytes[6] >= 2;
  const std::size_t start = wide ? 12 : 10;
  check_io(bytes.size() >= start, "{}: an .npy file was required: it ends within its header", path);
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, wide ? 4 : 2);
  check_io(length <= bytes.size() - start,
           "{}: an .npy header of {} bytes was promised: the file has {} bytes", path, length,
           bytes.size());
  const Header header(path, std::string_view(bytes).substr(start, length));
  const std::optional<Stored> type = stored_type(header.descr);
  check_io(type.has_value(),
           "{}: elements of type f2, f4, f8, i1 to i8, u1 to u8 or b1 were required: got {}", path,
           excerpt(header.descr));
  std::vector<Index> sizes = header.shape;
  if (header.fortran) std::reverse(sizes.begin(), sizes.end());
  const std::size_t available = bytes.size() - start - length;
  try {
    const Shape shape{std::span<const Index>(sizes)};
    const auto n = static_cast<std::size_t>(shape.numel());
    check_io(available % type->bytes == 0 && n == available / type->bytes,
             "{}: {} elements of {} bytes were promised: the file has {} bytes for them", path, n,
             type->bytes, available);
    auto out = read(*type, shape, bytes.data() + start + length);
    return header.fortran ? order(out) : out;
  } catch (const std::invalid_argument& e) {
    fail_io("{}: an .npy file was required: {}", path, e.what());
  }
}

void save(const std::string& path, const char* descr, const Shape& of, const void* data,
          std::size_t size) {
  const std::string shape =
      fmt::format("{}{}", detail::joined(of.span()), of.rank() == 1 ? "," : "");
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  header.append((64 - (header.size() + 11) % 64) % 64, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += '\x01';
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(static_cast<const char*>(data), size);
  write_file(path, bytes);
}

std::vector<int> axes_reversed(int rank) {
  std::vector<int> axes;
  for (int i = rank - 1; i >= 0; --i) axes.push_back(i);
  return axes;
}

}  // namespace

void save_npy(const std::string& path, const Tensor& x) {
  const Tensor whole = x.contiguous();
  dispatch(whole.dtype(), [&]<class T>() {
    save(path, sizeof(T) == 4 ? "<f4" : "<f8", whole.shape(), whole.data<T>(),
         static_cast<std::size_t>(whole.numel()) * sizeof(T));
  });
}

void save_npy(const std::string& path, const IndexTensor& ids) {
  check(ids.defined(), "save_npy: ids were required: got undefined ones");
  save(path, "<i8", ids.shape(), ids.data(), static_cast<std::size_t>(ids.numel()) * sizeof(Index));
}

Tensor load_npy(const std::string& path) {
  return load(
      path,
      [&](const Stored& type, const Shape& shape, const char* bytes) {
        return read_stored(type, shape, bytes, [&](const std::string& element) {
          fail_io(
              "{}: integers that f64 holds exactly were required: got {}; load_npy_ids reads them "
              "as an IndexTensor",
              path, element);
        });
      },
      [](const Tensor& x) { return x.permute(axes_reversed(x.rank())).contiguous(); });
}

IndexTensor load_npy_ids(const std::string& path) {
  return load(
      path,
      [&](const Stored& type, const Shape& shape, const char* bytes) {
        check_io(type.kind != Kind::floating,
                 "{}: integers or booleans were required as ids: got f{}; load_npy reads them",
                 path, type.bytes);
        return read_stored_ids(type, shape, bytes, [&](const std::string& element) {
          fail_io("{}: ids below 2^63 were required: got {}", path, element);
        });
      },
      [](const IndexTensor& x) {
        // The position of each element in the transposed array.
        std::vector<Index> sizes(x.shape().begin(), x.shape().end());
        std::reverse(sizes.begin(), sizes.end());
        const Shape shape{std::span<const Index>(sizes)};
        std::vector<Index> out(static_cast<std::size_t>(x.numel())), at(sizes.size(), 0);
        for (Index& to : out) {
          Index from = 0;
          for (std::size_t i = sizes.size(); i-- > 0;) from = from * sizes[i] + at[i];
          to = x[from];
          for (std::size_t i = sizes.size(); i-- > 0;) {
            if (++at[i] < sizes[i]) break;
            at[i] = 0;
          }
        }
        return IndexTensor(std::move(out), shape);
      });
}

}  // namespace unroll
