#include <unroll/nn/options.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace unroll::nn {

namespace detail {

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(Index value) { return std::to_string(value); }
std::string text_of(std::uint64_t value) { return std::to_string(value); }
std::string text_of(double value) { return fmt::format("{}", value); }
std::string text_of(DType value) { return name_of(value); }

void refuse_option(const std::string& name, const std::string& text) {
  fail_io("options: a value of its type was required for \"{}\": got \"{}\"", excerpt(name),
          excerpt(text));
}

namespace {
template <class T>
void read_number(const std::string& name, const std::string& text, T& value) {
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last) refuse_option(name, text);
}
}  // namespace

void read_text(const std::string& name, const std::string& text, Index& value) {
  read_number(name, text, value);
}
void read_text(const std::string& name, const std::string& text, std::uint64_t& value) {
  read_number(name, text, value);
}
void read_text(const std::string& name, const std::string& text, double& value) {
  read_number(name, text, value);
}
void read_text(const std::string& name, const std::string& text, bool& value) {
  if (text != "true" && text != "false") refuse_option(name, text);
  value = text == "true";
}
void read_text(const std::string& name, const std::string& text, DType& value) {
  if (text != name_of(f32) && text != name_of(f64)) refuse_option(name, text);
  value = text == name_of(f32) ? f32 : f64;
}

std::string take_entry(Metadata& from, const std::string& name) {
  const auto at = from.find(name);
  check_io(at != from.end(), "options: \"{}\" was required in the metadata: got none",
           excerpt(name));
  std::string text = std::move(at->second);
  from.erase(at);
  return text;
}

Index take_count(Metadata& from, const std::string& name, Index min, Index max) {
  const std::string text = take_entry(from, name);
  Index count = 0;
  read_text(name, text, count);
  const auto left = static_cast<Index>(from.size());  // each element has at least one entry
  if (count < min || count > std::min(max, left)) refuse_option(name, text);
  return count;
}

Metadata option_entries(const Metadata& metadata) {
  Metadata out;
  const std::string prefix = std::string(kOptions) + ".";
  for (const auto& [key, text] : metadata)
    if (key.rfind(prefix, 0) == 0) out.emplace(key, text);
  return out;
}

void refuse_unknown_options(const Metadata& left) {
  for (const auto& [key, text] : left)
    fail_io("options: options that are known were required: got \"{}\" (\"{}\")", excerpt(key),
            excerpt(text));
}

}  // namespace detail

}  // namespace unroll::nn
