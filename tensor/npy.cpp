#include <unroll/tensor/file.h>
#include <unroll/tensor/npy.h>

#include <algorithm>
#include <cstring>

namespace unroll {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

// What follows 'key': in the header, up to the end of the value.
std::string value_of(const std::string& path, const std::string& header, const std::string& key) {
  std::size_t at = header.find("'" + key + "'");
  check_io(at != std::string::npos, "{}: an .npy header with '{}' was required: got {}", path, key,
           header);
  at = header.find(':', at);
  check_io(at != std::string::npos, "{}: an .npy header with '{}' was required: got {}", path, key,
           header);
  const std::size_t begin = header.find_first_not_of(' ', at + 1);
  check_io(begin != std::string::npos, "{}: an .npy header with '{}' was required: got {}", path,
           key, header);
  const char close = header[begin] == '(' ? ')' : header[begin] == '\'' ? '\'' : ',';
  const std::size_t end = header.find(close, begin + 1);
  check_io(end != std::string::npos, "{}: an .npy header with '{}' was required: got {}", path, key,
           header);
  return header.substr(begin, end - begin + (close == ',' ? 0 : 1));
}

}  // namespace

void save_npy(const std::string& path, const Tensor& x) {
  const Tensor whole = x.contiguous();
  std::string shape;
  for (Index size : whole.shape()) shape += std::to_string(size) + ",";
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
  const bool wide = bytes[6] >= 2;
  const std::size_t start = wide ? 12 : 10;
  check_io(bytes.size() >= start, "{}: an .npy file was required: it ends within its header", path);
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, wide ? 4 : 2);
  check_io(length <= bytes.size() - start,
           "{}: an .npy header of {} bytes was promised: the file has {} bytes", path, length,
           bytes.size());
  const std::string header = bytes.substr(start, length);
  const std::string descr = value_of(path, header, "descr"),
                    order = value_of(path, header, "fortran_order");
  std::string sizes = value_of(path, header, "shape");
  check_io(order.rfind("False", 0) == 0 || order.rfind("True", 0) == 0,
           "{}: fortran_order True or False was required: got {}", path, order);
  const bool fortran = order[0] == 'T';
  std::vector<Index> shape;
  for (std::size_t i = 0; i < sizes.size();) {
    if (sizes[i] < '0' || sizes[i] > '9') {
      ++i;
      continue;
    }
    Index size = 0;
    for (; i < sizes.size() && sizes[i] >= '0' && sizes[i] <= '9'; ++i) {
      check_io(size < (Index{1} << 50), "{}: sizes that fit memory were required: got {}", path,
               sizes);
      size = size * 10 + (sizes[i] - '0');
    }
    shape.push_back(size);
  }
  if (fortran) std::reverse(shape.begin(), shape.end());
  const std::size_t available = bytes.size() - start - length;
  const char* data = bytes.data() + start + length;
  try {
    const Shape as{std::span<const Index>(shape)};
    const auto n = static_cast<std::size_t>(as.numel());
    const auto read = [&]<class S, class T>(S, T) {
      check_io(n <= available / sizeof(S),
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
    if (descr == "'<f4'") out = read(float{}, float{});
    if (descr == "'<f8'") out = read(double{}, double{});
    if (descr == "'<i4'") out = read(std::int32_t{}, double{});
    if (descr == "'<i8'") out = read(std::int64_t{}, double{});
    check_io(out.defined(), "{}: numbers of type <f4, <f8, <i4 or <i8 were required: got {}", path,
             descr);
    if (!fortran) return out;
    std::vector<int> axes;
    for (int i = out.rank() - 1; i >= 0; --i) axes.push_back(i);
    return out.permute(axes).contiguous();
  } catch (const std::invalid_argument& e) {
    fail_io("{}: an .npy file was required: {}", path, e.what());
  }
}

}  // namespace unroll
