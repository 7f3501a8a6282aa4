// How bad input is refused: with a sentence, `op: what was required: what was given`, thrown before
// anything is done.
#pragma once

#include <fmt/core.h>

namespace unroll {

namespace detail {
[[noreturn]] void throw_invalid(fmt::string_view format, fmt::format_args args);
[[noreturn]] void throw_runtime(fmt::string_view format, fmt::format_args args);
}  // namespace detail

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
