// How bad input is refused: with a sentence, `op: what was required: what was given`, thrown before
// anything is done.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace unroll {

namespace detail {
[[noreturn]] void throw_invalid(fmt::string_view format, fmt::format_args args);
[[noreturn]] void throw_runtime(fmt::string_view format, fmt::format_args args);

// The formatter of a type that has str(): a base for fmt::formatter<T>. It keeps the specification
// (that of a string: fill, alignment, width) as text until it writes, so that neither the library
// nor a program that prints our types compiles more of fmt than <fmt/core.h>.
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

// What a message shows of bytes from outside: control characters as \xNN, and no more than 60.
std::string excerpt(std::string_view text);

// Throws std::invalid_argument: an argument is wrong.
template <class... A>
[[noreturn]] void fail(fmt::format_string<A...> format, A&&... args) {
  detail::throw_invalid(format, fmt::make_format_args(args...));
}
template <class... A>
void check(bool ok, fmt::format_string<A...> format, A&&... args) {
  if (!ok) [[unlikely]]
    fail(format, std::forward<A>(args)...);
}

// Throws std::runtime_error: a file or the environment is wrong.
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
