// The implementation of UNROLL_FIELDS, explained in module.h, and of UNROLL_OPTIONS, explained in
// options.h.
#pragma once

#include <unroll/autograd/param.h>

#include <array>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

// UNROLL_EACH(f, a, b, ...) expands to f(a) f(b) ..., by repeated expansion of a macro that refers
// to itself.
#define UNROLL_PARENTHESES ()
#define UNROLL_EXPAND(...) \
  UNROLL_EXPAND3(UNROLL_EXPAND3(UNROLL_EXPAND3(UNROLL_EXPAND3(__VA_ARGS__))))
#define UNROLL_EXPAND3(...) \
  UNROLL_EXPAND2(UNROLL_EXPAND2(UNROLL_EXPAND2(UNROLL_EXPAND2(__VA_ARGS__))))
#define UNROLL_EXPAND2(...) \
  UNROLL_EXPAND1(UNROLL_EXPAND1(UNROLL_EXPAND1(UNROLL_EXPAND1(__VA_ARGS__))))
#define UNROLL_EXPAND1(...) __VA_ARGS__
#define UNROLL_EACH(f, ...) __VA_OPT__(UNROLL_EXPAND(UNROLL_EACH_STEP(f, __VA_ARGS__)))
#define UNROLL_EACH_STEP(f, a, ...) \
  f(a) __VA_OPT__(UNROLL_EACH_AGAIN UNROLL_PARENTHESES(f, __VA_ARGS__))
#define UNROLL_EACH_AGAIN() UNROLL_EACH_STEP

#define UNROLL_CHECK_FIELD(field)                                                                \
  static_assert(::unroll::nn::detail::is_field<decltype(field)>(),                               \
                "UNROLL_FIELDS: \"" #field                                                       \
                "\" is no part of a model: a Param, a Buffer, an IndexBuffer, a module (a "      \
                "struct with UNROLL_FIELDS), or a vector, array, tuple or optional of them was " \
                "required (a Tensor that is to be saved is a Buffer, ids are an IndexBuffer)");

#define UNROLL_VISIT(constant, base_first, ...)                                            \
  template <class Visitor>                                                                 \
  void visit_fields(Visitor&& visitor) constant {                                          \
    UNROLL_EACH(UNROLL_CHECK_FIELD, __VA_ARGS__)                                           \
    base_first ::unroll::nn::detail::visit_named(visitor,                                  \
                                                 #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__); \
  }

// The conversion operator to Fields<..> is inherited and never hidden. So a struct with two of them
// has a base with its own UNROLL_FIELDS, whose parts its own line would hide.
#define UNROLL_FIELDS_TAGS(with_base, ...)                                                        \
  static constexpr bool unroll_fields_with_base = with_base;                                      \
  auto unroll_fields_owner() const->const std::remove_cvref_t<decltype(*this)>& { return *this; } \
  operator ::unroll::nn::detail::Fields<::unroll::nn::detail::fields_number(#__VA_ARGS__,         \
                                                                            __LINE__)>() const {  \
    return {};                                                                                    \
  }

#define UNROLL_OPTIONS(...)                                                              \
  template <class Visitor>                                                               \
  void visit_options(Visitor&& visitor) {                                                \
    ::unroll::nn::detail::visit_named(visitor, #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__); \
  }                                                                                      \
  template <class Visitor>                                                               \
  void visit_options(Visitor&& visitor) const {                                          \
    ::unroll::nn::detail::visit_named(visitor, #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__); \
  }

namespace unroll::nn {

class Buffer;
class IndexBuffer;

namespace detail {

// Removes and returns the first name of "a, b, c".
std::string next_name(std::string_view& names);

template <class Visitor, class... Parts>
void visit_named(Visitor&& visitor, [[maybe_unused]] std::string_view names, Parts&... parts) {
  (visitor(next_name(names), parts), ...);
}

struct AnyVisitor {
  template <class T>
  void operator()(const std::string&, T&) const {}
};

template <class T>
concept Module = requires(T& module) {
  module.visit_fields(AnyVisitor{});
};

struct AnyFields {};
template <std::uint64_t number>
struct Fields : AnyFields {};
constexpr std::uint64_t fields_number(std::string_view names, int line) {  // FNV-1a
  std::uint64_t hash = 14695981039346656037U + static_cast<std::uint64_t>(line);
  for (const char c : names) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return hash;
}

// True unless T has a base module whose parts T's own UNROLL_FIELDS leaves out.
template <class T>
inline constexpr bool kHasPartsOfBase =
    T::unroll_fields_with_base || std::is_convertible_v<const T&, const AnyFields&>;

// True unless T adds members to a base module whose UNROLL_FIELDS it inherits, which cannot list
// them.
template <class T>
inline constexpr bool kHasOwnParts =
    sizeof(T) ==
    sizeof(std::remove_cvref_t<decltype(std::declval<const T&>().unroll_fields_owner())>);

template <class T>
inline constexpr bool is_leaf =
    std::is_same_v<T, Param> || std::is_same_v<T, Buffer> || std::is_same_v<T, IndexBuffer>;

template <class T>
constexpr bool is_field() {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (is_leaf<Plain> || Module<Plain>) {
    return true;
  } else if constexpr (requires(Plain & part) { part.has_value(), *part; }) {
    return is_field<decltype(*std::declval<Plain&>())>();
  } else if constexpr (requires(Plain & part) { *part.begin(); }) {
    return is_field<decltype(*std::declval<Plain&>().begin())>();
  } else if constexpr (requires { std::tuple_size<Plain>::value; }) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (is_field<std::tuple_element_t<I, Plain>>() && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<Plain>>());
  } else {
    return false;
  }
}

// Calls f(name, part) for each Param, Buffer and IndexBuffer in `part`, in the order of the
// UNROLL_FIELDS lines.
template <class T, class F>
void for_each_param(const std::string& name, T& part, F& f) {
  const auto below = [&](const auto& child) {
    return name.empty() ? std::string(child) : name + "." + child;
  };
  using Plain = std::remove_const_t<T>;
  if constexpr (is_leaf<Plain>) {
    if (part.defined()) f(name, part);
  } else if constexpr (Module<T>) {
    static_assert(
        kHasPartsOfBase<Plain>,
        "UNROLL_FIELDS: a struct that derives from a module lists the module's parts too: "
        "UNROLL_FIELDS_WITH(Base, ...) was required");
    static_assert(kHasOwnParts<Plain>,
                  "UNROLL_FIELDS: a struct that derives from a module and adds members says which "
                  "of them are parts: UNROLL_FIELDS_WITH(Base, ...) was required");
    part.visit_fields(
        [&](const std::string& child, auto& value) { for_each_param(below(child), value, f); });
  } else if constexpr (requires { part.has_value(); }) {
    if (part.has_value()) for_each_param(name, *part, f);
  } else if constexpr (requires { part.begin(); }) {
    std::size_t i = 0;
    for (auto& value : part) for_each_param(below(std::to_string(i++)), value, f);
  } else if constexpr (requires { std::tuple_size<Plain>::value; }) {
    std::apply(
        [&](auto&... value) {
          std::size_t i = 0;
          (for_each_param(below(std::to_string(i++)), value, f), ...);
        },
        part);
  } else {
    static_assert(is_field<Plain>(), "a model was required: a struct with UNROLL_FIELDS");
  }
}

}  // namespace detail
}  // namespace unroll::nn
