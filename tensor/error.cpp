#include <unroll/tensor/error.h>

#include <fmt/format.h>

#include <stdexcept>

namespace unroll::detail {

void throw_invalid(fmt::string_view format, fmt::format_args args) {
  throw std::invalid_argument(fmt::vformat(format, args));
}

void throw_runtime(fmt::string_view format, fmt::format_args args) {
  throw std::runtime_error(fmt::vformat(format, args));
}

fmt::format_context::iterator TextFormatter::write(const std::string& text,
                                                   fmt::format_context& context) const {
  return format(text, context);
}

}  // namespace unroll::detail
