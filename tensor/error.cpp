#include <unroll/tensor/error.h>

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace unroll {

std::string excerpt(std::string_view text) {
  constexpr std::size_t kMaxBytes = 60;
  std::string out;
  std::size_t end = std::min(text.size(), kMaxBytes);
  while (end < text.size() && end > 0 && (text[end] & 0xC0) == 0x80) --end;  // whole characters
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02X}", byte);
    } else {
      out += c;
    }
  }
  return end < text.size() ? out + "..." : out;
}

namespace detail {

void throw_invalid(fmt::string_view format, fmt::format_args args) {
  throw std::invalid_argument(fmt::vformat(format, args));
}

void throw_runtime(fmt::string_view format, fmt::format_args args) {
  throw std::runtime_error(fmt::vformat(format, args));
}

fmt::format_context::iterator TextFormatter::write(const std::string& text,
                                                   fmt::format_context& context) const {
  std::string formatted = text;
  if (specification.size() > 0) {
    const std::string format = "{:" + std::string(specification.begin(), specification.end()) + "}";
    formatted = fmt::vformat(format, fmt::make_format_args(text));
  }
  return std::copy(formatted.begin(), formatted.end(), context.out());
}

}  // namespace detail
}  // namespace unroll
