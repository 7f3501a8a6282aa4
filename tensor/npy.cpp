#include <unroll/tensor/file.h>
#include <unroll/tensor/npy.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace unroll {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

// Goes through the header's text, {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, and
// says what was required where it is another.
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

}  // namespace

void save_npy(const std::string& path, const Tensor& x) {
  const Tensor whole = x.contiguous();
  const std::string shape =
      fmt::format("{}{}", fmt::join(whole.shape(), ", "), whole.rank() == 1 ? "," : "");
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   whole.dtype() == f32 ? "<f4" : "<f8", shape);
  header.append((64 - (header.size() + 11) % 64) % 64, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += '\x01';
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  dispatch(whole.dtype(), [&]<class T>() {
    bytes.append(reinterpret_cast<const char*>(whole.data<T>()),
                 static_cast<std::size_t>(whole.numel()) * sizeof(T));
  });
  write_file(path, bytes);
}

Tensor load_npy(const std::string& path) {
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
  const bool fortran = header.fortran;
  std::vector<Index> shape = header.shape;
  if (fortran) std::reverse(shape.begin(), shape.end());
  const std::size_t available = bytes.size() - start - length;
  const char* data = bytes.data() + start + length;
  try {
    const Shape as{std::span<const Index>(shape)};
    const auto n = static_cast<std::size_t>(as.numel());
    const auto read = [&]<class S, class T>(S, T) {
      check_io(available % sizeof(S) == 0 && n == available / sizeof(S),
               "{}: {} numbers of {} bytes were promised: the file has {} bytes for them", path, n,
               sizeof(S), available);
      Tensor out = Tensor::empty(as, dtype_of<T>);
      for (std::size_t i = 0; i < n; ++i) {
        S value;
        std::memcpy(&value, data + i * sizeof(S), sizeof(S));
        out.data<T>()[i] = static_cast<T>(value);
      }
      return out;
    };
    Tensor out;
    if (header.descr == "<f4") out = read(float{}, float{});
    if (header.descr == "<f8") out = read(double{}, double{});
    if (header.descr == "<i4") out = read(std::int32_t{}, double{});
    if (header.descr == "<i8") out = read(std::int64_t{}, double{});
    check_io(out.defined(), "{}: numbers of type <f4, <f8, <i4 or <i8 were required: got {}", path,
             excerpt(header.descr));
    if (!fortran) return out;
    std::vector<int> axes;
    for (int i = out.rank() - 1; i >= 0; --i) axes.push_back(i);
    return out.permute(axes).contiguous();
  } catch (const std::invalid_argument& e) {
    fail_io("{}: an .npy file was required: {}", path, e.what());
  }
}

}  // namespace unroll
