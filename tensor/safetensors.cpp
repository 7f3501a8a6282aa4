#include <unroll/tensor/file.h>
#include <unroll/tensor/safetensors.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace unroll {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::size_t kLargestHeader = 100'000'000;  // as the reference implementation has it

float from_half(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000U) << 16, exponent = (h >> 10) & 0x1F, fraction = h & 0x3FF;
  if (exponent == 0) {  // zero or denormal
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return sign ? -value : value;
  }
  const std::uint32_t bits =
      sign | (exponent == 31 ? 0x7F800000U : (exponent + 112) << 23) | (fraction << 13);
  return std::bit_cast<float>(bits);
}

template <class S, class T, class F>
void convert(const char* from, T* to, Index n, F f) {
  for (Index i = 0; i < n; ++i) {
    S s;
    std::memcpy(&s, from + i * static_cast<Index>(sizeof(S)), sizeof(S));
    to[i] = f(s);
  }
}

struct Type {
  const char* name;
  std::size_t bytes;
  DType as;
};
constexpr Type kTypes[] = {{"F32", 4, f32},  {"F64", 8, f64}, {"F16", 2, f32},
                           {"BF16", 2, f32}, {"I32", 4, f64}, {"I64", 8, f64}};

Tensor read_numbers(const Type& type, const Shape& shape, const char* from) {
  Tensor out = Tensor::empty(shape, type.as);
  const Index n = out.numel();
  const std::string_view name = type.name;
  if (name == "F32") std::memcpy(out.data<float>(), from, static_cast<std::size_t>(n) * 4);
  if (name == "F64") std::memcpy(out.data<double>(), from, static_cast<std::size_t>(n) * 8);
  if (name == "F16") convert<std::uint16_t>(from, out.data<float>(), n, from_half);
  if (name == "BF16")
    convert<std::uint16_t>(from, out.data<float>(), n, [](std::uint16_t b) {
      return std::bit_cast<float>(std::uint32_t{b} << 16);
    });
  if (name == "I32")
    convert<std::int32_t>(from, out.data<double>(), n,
                          [](auto v) { return static_cast<double>(v); });
  if (name == "I64")
    convert<std::int64_t>(from, out.data<double>(), n,
                          [](auto v) { return static_cast<double>(v); });
  return out;
}

}  // namespace

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::string numbers;
  for (const auto& [name, tensor] : tensors) {
    check(name != "__metadata__", "save_safetensors: a name other than __metadata__ was required");
    const Tensor whole = tensor.contiguous();
    const std::size_t begin = numbers.size();
    dispatch(whole.dtype(), [&]<class T>() {
      numbers.append(reinterpret_cast<const char*>(whole.data<T>()),
                     static_cast<std::size_t>(whole.numel()) * sizeof(T));
    });
    header[name] = {{"dtype", whole.dtype() == f32 ? "F32" : "F64"},
                    {"shape", std::vector<Index>(whole.shape().begin(), whole.shape().end())},
                    {"data_offsets", {begin, numbers.size()}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    fail("save_safetensors: names in UTF-8 were required for {}", path);
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  write_file(path, bytes + text + numbers);
}

NamedTensors load_safetensors(const std::string& path, Metadata* metadata) {
  const std::string bytes = read_file(path);
  check_io(bytes.size() >= 8,
           "{}: a safetensors file was required: got {} bytes, too few for the length of a header",
           path, bytes.size());
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), 8);
  check_io(length <= kLargestHeader && length <= bytes.size() - 8,
           "{}: a safetensors file was required: got a header of {} bytes in a file of {} "
           "(truncated, or another format)",
           path, length, bytes.size());
  const char* data = bytes.data() + 8 + length;
  const std::size_t available = bytes.size() - 8 - length;
  NamedTensors out;
  std::vector<std::array<std::uint64_t, 2>> ranges;
  try {
    const auto header = nlohmann::json::parse(
        bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
    check_io(header.is_object(), "{}: a safetensors header that is a JSON object was required",
             path);
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        auto texts = entry.get<Metadata>();
        if (metadata) *metadata = std::move(texts);
        continue;
      }
      const auto dtype = entry.at("dtype").get<std::string>();
      const Type* type = nullptr;
      for (const Type& t : kTypes)
        if (dtype == t.name) type = &t;
      check_io(type != nullptr,
               "{}: a type among F32, F64, F16, BF16, I32, I64 was required for \"{}\": got {}",
               path, name, dtype);
      const auto sizes = entry.at("shape").get<std::vector<Index>>();
      const auto offsets = entry.at("data_offsets").get<std::array<std::uint64_t, 2>>();
      const Shape shape{std::span<const Index>(sizes)};
      const auto want = static_cast<std::uint64_t>(shape.numel());
      check_io(offsets[0] <= offsets[1] && offsets[1] <= available && want <= available &&
                   offsets[1] - offsets[0] == want * type->bytes,
               "{}: \"{}\" of shape {} and type {} needs {} x {} bytes: its range [{}, {}) in {} "
               "bytes of numbers does not fit (the file is truncated or damaged)",
               path, name, shape, dtype, want, type->bytes, offsets[0], offsets[1], available);
      ranges.push_back(offsets);
      out.emplace(name, read_numbers(*type, shape, data + offsets[0]));
    }
  } catch (const nlohmann::json::exception& e) {
    fail_io("{}: a safetensors file was required: its header is not what it should be: {}", path,
            e.what());
  } catch (const std::invalid_argument& e) {
    fail_io("{}: a safetensors file was required: {}", path, e.what());
  }
  // Every byte belongs to one tensor.
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t end = 0;
  for (const auto& range : ranges) {
    check_io(range[0] == end, "{}: numbers without gaps were required: got a range at {} after {}",
             path, range[0], end);
    end = range[1];
  }
  check_io(end == available, "{}: {} bytes of numbers were promised: the file has {}", path, end,
           available);
  return out;
}

}  // namespace unroll
