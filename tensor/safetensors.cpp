#include <unroll/tensor/file.h>
#include <unroll/tensor/json.h>
#include <unroll/tensor/safetensors.h>
#include <unroll/tensor/stored.h>

#include <rapidjson/error/en.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace unroll {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::size_t kLargestHeader = 100'000'000;  // bytes, as the reference implementation
// Limits on the JSON header, which is an object of objects with lists of up to 8 sizes. Parsed
// values take many times the memory of their text.
constexpr std::size_t kDeepest = 8, kLongestList = 64;

struct Type {
  const char* name;
  Stored stored;
};
constexpr Type kTypes[] = {
    {"F64", {Kind::floating, 8}},         {"F32", {Kind::floating, 4}},
    {"F16", {Kind::floating, 2}},         {"BF16", {Kind::bfloat, 2}},
    {"I64", {Kind::integer, 8}},          {"I32", {Kind::integer, 4}},
    {"I16", {Kind::integer, 2}},          {"I8", {Kind::integer, 1}},
    {"U64", {Kind::unsigned_integer, 8}}, {"U32", {Kind::unsigned_integer, 4}},
    {"U16", {Kind::unsigned_integer, 2}}, {"U8", {Kind::unsigned_integer, 1}},
    {"BOOL", {Kind::boolean, 1}}};

std::string text_of(const json::Value& v) { return {v.GetString(), v.GetStringLength()}; }

// Refuses headers that would take much memory to parse, or are not UTF-8.
void check_header(const std::string& path, std::string_view text) {
  const std::size_t valid = valid_utf8(text);
  check_io(valid == text.size(),
           "{}: a safetensors file was required: its header is not JSON: {} (byte {})", path,
           rapidjson::GetParseError_En(rapidjson::kParseErrorStringInvalidEncoding), valid);
  struct Level {
    bool list = false;
    std::size_t commas = 0;
  };
  std::array<Level, kDeepest + 1> levels;
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      quoted = c != '"';
      continue;
    }
    quoted = c == '"';
    if (c == '[' || c == '{') {
      check_io(
          depth < kDeepest,
          "{}: a safetensors file was required: its header nests more than {} levels (byte {})",
          path, kDeepest, at);
      levels[++depth] = {c == '[', 0};
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (c == ',' && levels[depth].list) {
      check_io(
          ++levels[depth].commas < kLongestList,
          "{}: a safetensors file was required: its header has a list of more than {} (byte {})",
          path, kLongestList, at);
    }
  }
}

}  // namespace

void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const Metadata& metadata, const NamedIds& ids) {
  json::Text text_buffer;
  rapidjson::Writer<json::Text, rapidjson::UTF8<>, rapidjson::UTF8<>, json::Allocator> header(
      text_buffer);
  bool valid = header.StartObject();
  const auto write = [&](const std::string& words, const char* what = "names") {
    const std::size_t good = valid_utf8(words);
    check(good == words.size(),
          "save_safetensors: {} in UTF-8 were required for {}: got \"{}\" (byte {})", what, path,
          excerpt(words), good);
    return header.String(words.data(), static_cast<rapidjson::SizeType>(words.size()));
  };
  if (!metadata.empty()) {
    valid = valid && write("__metadata__") && header.StartObject();
    for (const auto& [key, words] : metadata)
      valid = valid && write(key, "metadata") && write(words, "metadata");
    valid = valid && header.EndObject();
  }
  std::string elements;
  const auto append = [&](const std::string& name, const char* type, const Shape& shape,
                          const void* data, std::size_t bytes) {
    check(name != "__metadata__", "save_safetensors: a name other than __metadata__ was required");
    const std::size_t begin = elements.size();
    if (bytes > 0) elements.append(static_cast<const char*>(data), bytes);
    valid = valid && write(name) && header.StartObject() && write("dtype") && write(type) &&
            write("shape") && header.StartArray();
    for (const Index size : shape) valid = valid && header.Int64(size);
    valid = valid && header.EndArray() && write("data_offsets") && header.StartArray() &&
            header.Uint64(begin) && header.Uint64(elements.size()) && header.EndArray() &&
            header.EndObject();
  };
  const auto append_tensors = [&](DType dtype) {
    for (const auto& [name, tensor] : tensors) {
      if (tensor.dtype() != dtype) continue;
      const Tensor whole = tensor.contiguous();
      const std::string& key = name;
      dispatch(dtype, [&]<class T>() {
        append(key, dtype == f32 ? "F32" : "F64", whole.shape(), whole.data<T>(),
               static_cast<std::size_t>(whole.numel()) * sizeof(T));
      });
    }
  };
  // Wider types first, so that each element is aligned to its size, as other readers require.
  append_tensors(f64);
  for (const auto& [name, array] : ids) {
    check(array.defined(), "save_safetensors: ids were required for \"{}\": got undefined ones",
          excerpt(name));
    check(!tensors.contains(name),
          "save_safetensors: names that differ were required: got \"{}\" twice", excerpt(name));
    append(name, "I64", array.shape(), array.data(),
           static_cast<std::size_t>(array.numel()) * sizeof(Index));
  }
  append_tensors(f32);
  valid = valid && header.EndObject();
  check(valid, "save_safetensors: a header that is JSON was required for {}", path);
  std::string text(text_buffer.GetString(), text_buffer.GetSize());
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  write_file(path, bytes + text + elements);
}

NamedTensors load_safetensors(const std::string& path, Metadata* metadata, NamedIds* ids) {
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
  check_header(path, std::string_view(bytes).substr(8, length));
  json::Document parsed;
  parsed.Parse<rapidjson::kParseIterativeFlag>(bytes.data() + 8, length);
  check_io(!parsed.HasParseError(),
           "{}: a safetensors file was required: its header is not JSON: {} (byte {})", path,
           rapidjson::GetParseError_En(parsed.GetParseError()), parsed.GetErrorOffset());
  const json::Value& header = parsed;
  check_io(header.IsObject(), "{}: a safetensors header that is a JSON object was required", path);
  // All entries are checked before any tensor is allocated: a small file could describe many large
  // tensors.
  struct Entry {
    const Type* type;
    Shape shape;
    std::uint64_t begin, end;
  };
  std::map<std::string, Entry> entries;
  Metadata words_found;
  for (const auto& member : header.GetObject()) {
    const std::string name = text_of(member.name);
    const json::Value& entry = member.value;
    check_io(entry.IsObject(), "{}: a JSON object was required for \"{}\"", path, excerpt(name));
    if (name == "__metadata__") {
      for (const auto& [key, words] : entry.GetObject()) {
        check_io(words.IsString(), "{}: text was required for \"{}\" of the metadata", path,
                 excerpt(text_of(key)));
        check_io(words_found.emplace(text_of(key), text_of(words)).second,
                 "{}: keys that differ were required in the metadata: got \"{}\" twice", path,
                 excerpt(text_of(key)));
      }
      continue;
    }
    const auto find = [&](const char* key) -> const json::Value& {
      const auto at = entry.FindMember(key);
      check_io(at != entry.MemberEnd(), "{}: \"{}\" was required for \"{}\"", path, key,
               excerpt(name));
      return at->value;
    };
    const auto whole_numbers = [&](const char* key) {
      const json::Value& list = find(key);
      std::vector<Index> read;
      bool right = list.IsArray();
      for (rapidjson::SizeType i = 0; right && i < list.Size(); ++i) {
        right = list[i].IsInt64();
        if (right) read.push_back(list[i].GetInt64());
      }
      check_io(right, "{}: a list of whole numbers was required as \"{}\" of \"{}\"", path, key,
               excerpt(name));
      return read;
    };
    const json::Value& type_name = find("dtype");
    const std::string dtype = type_name.IsString() ? text_of(type_name) : "no text";
    const Type* type = nullptr;
    for (const Type& t : kTypes)
      if (dtype == t.name) type = &t;
    check_io(type != nullptr,
             "{}: a type among F64, F32, F16, BF16, I8 to I64, U8 to U64 and BOOL was required for "
             "\"{}\": got {}",
             path, excerpt(name), excerpt(dtype));
    const std::vector<Index> sizes = whole_numbers("shape"), range = whole_numbers("data_offsets");
    check_io(range.size() == 2, "{}: two data_offsets were required for \"{}\": got {}", path,
             excerpt(name), range.size());
    Shape shape;
    try {
      shape = Shape{std::span<const Index>(sizes)};
    } catch (const std::invalid_argument& e) {
      fail_io("{}: a safetensors file was required: \"{}\": {}", path, excerpt(name), e.what());
    }
    const auto begin = static_cast<std::uint64_t>(range[0]),
               end = static_cast<std::uint64_t>(range[1]),
               want = static_cast<std::uint64_t>(shape.numel());
    check_io(range[0] >= 0 && begin <= end && end <= available && want <= available &&
                 end - begin == want * type->stored.bytes,
             "{}: \"{}\" of shape {} and type {} needs {} x {} bytes: its range [{}, {}) in {} "
             "bytes of elements does not fit (the file is truncated or damaged)",
             path, excerpt(name), shape, dtype, want, type->stored.bytes, range[0], range[1],
             available);
    check_io(entries.emplace(name, Entry{type, shape, begin, end}).second,
             "{}: names that differ were required: got \"{}\" twice", path, excerpt(name));
  }
  // Every byte must belong to exactly one tensor.
  std::vector<std::array<std::uint64_t, 2>> ranges;
  for (const auto& [name, entry] : entries) ranges.push_back({entry.begin, entry.end});
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t end = 0;
  for (const auto& range : ranges) {
    check_io(range[0] == end, "{}: elements without gaps were required: got a range at {} after {}",
             path, range[0], end);
    end = range[1];
  }
  check_io(end == available, "{}: {} bytes of elements were promised: the file has {}", path, end,
           available);
  NamedTensors out;
  NamedIds found_ids;
  for (const auto& found : entries) {
    const Entry& entry = found.second;
    const Stored& stored = entry.type->stored;
    const bool as_ids = ids && stored.kind != Kind::floating && stored.kind != Kind::bfloat;
    const auto refuse = [&](const std::string& element) {
      fail_io("{}: integers that {} were required: \"{}\" has {}", path,
              as_ids ? "fit 64 bits with a sign" : "f64 holds exactly", excerpt(found.first),
              element);
    };
    const char* bytes_of = data + entry.begin;
    if (as_ids)
      found_ids.emplace(found.first, read_stored_ids(stored, entry.shape, bytes_of, refuse));
    else
      out.emplace(found.first, read_stored(stored, entry.shape, bytes_of, refuse));
  }
  if (ids) *ids = std::move(found_ids);
  if (metadata) *metadata = std::move(words_found);
  return out;
}

}  // namespace unroll
