// Errors are sentences, `op: what was required: what was given`, thrown before anything is changed.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace unroll {

namespace detail {
[[noreturn]] void throw_invalid(fmt::string_view format, fmt::format_args args);
[[noreturn]] void throw_runtime(fmt::string_view format, fmt::format_args args);

// A base for fmt::formatter<T> of a type that has str(). It accepts a string's format specification
// (fill, alignment, width) and only stores its text, so that neither the library nor a program that
// prints our types has to compile more of fmt than <fmt/core.h>.
struct TextFormatter {
  fmt::string_view specification;
  constexpr const char* parse(fmt::format_parse_context& context) {
    const char *begin = context.begin(), *end = begin;
    while (end != context.end() && *end != '}') ++end;
    specification = {begin, static_cast<std::size_t>(end - begin)};
    return end;
  }
  fmt::format_context::iterator write(const std::string& text, fmt::format_context& context) const;
};
template <class T>
struct StrFormatter : TextFormatter {
  auto format(const T& value, fmt::format_context& context) const {
    return write(value.str(), context);
  }
};
}  // namespace detail

// Bytes from outside as shown in messages: control characters as \xNN, at most 60 bytes.
std::string excerpt(std::string_view text);

// Throws std::invalid_argument, for a wrong argument.
template <class... A>
[[noreturn]] void fail(fmt::format_string<A...> format, A&&... args) {
  detail::throw_invalid(format, fmt::make_format_args(args...));
}
template <class... A>
void check(bool ok, fmt::format_string<A...> format, A&&... args) {
  if (!ok) [[unlikely]]
    fail(format, std::forward<A>(args)...);
}

// Throws std::runtime_error, for a problem with a file or the environment.
template <class... A>
[[noreturn]] void fail_io(fmt::format_string<A...> format, A&&... args) {
  detail::throw_runtime(format, fmt::make_format_args(args...));
}
template <class... A>
void check_io(bool ok, fmt::format_string<A...> format, A&&... args) {
  if (!ok) [[unlikely]]
    fail_io(format, std::forward<A>(args)...);
}

}  // namespace unroll
