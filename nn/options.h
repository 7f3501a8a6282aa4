// Options of a model stored in the metadata of its file, so that a program can load the model
// without knowing them.
//
//   struct TaggerOptions {
//     Index hidden = 64;
//     double dropout = 0.1;
//     UNROLL_OPTIONS(hidden, dropout)
//   };
//   nn::save("tagger", model, nn::metadata_of(options));
//   ...
//   Tagger model(nn::options_in<TaggerOptions>("tagger"));
//   nn::load("tagger", model);
//
// An option may be a bool, an integer, a floating-point number, a string, a DType, an enumeration
// (stored as its number), or a struct with UNROLL_OPTIONS ("lstm.hidden").
#pragma once

#include <unroll/nn/fields.h>
#include <unroll/tensor/safetensors.h>

#include <limits>

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

namespace detail {

template <class T>
concept Options = requires(T& options) {
  options.visit_options(AnyVisitor{});
};

std::string text_of(bool value);
std::string text_of(Index value);
std::string text_of(std::uint64_t value);
std::string text_of(double value);  // exact: read_text gives the same value
std::string text_of(DType value);
inline std::string text_of(const std::string& value) { return value; }

// Parse a value. Throw std::runtime_error, naming the option, if the text is not of that type.
void read_text(const std::string& name, const std::string& text, bool& value);
void read_text(const std::string& name, const std::string& text, Index& value);
void read_text(const std::string& name, const std::string& text, std::uint64_t& value);
void read_text(const std::string& name, const std::string& text, double& value);
void read_text(const std::string& name, const std::string& text, DType& value);
inline void read_text(const std::string&, const std::string& text, std::string& value) {
  value = text;
}
[[noreturn]] void refuse_option(const std::string& name, const std::string& text);

// Converts a value to the type in which it is stored.
template <class T>
auto written(const T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, DType> ||
                std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_enum_v<T>) {
    return static_cast<Index>(value);
  } else if constexpr (std::is_unsigned_v<T>) {
    return static_cast<std::uint64_t>(value);
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<Index>(value);
  } else {
    static_assert(std::is_floating_point_v<T>,
                  "UNROLL_OPTIONS: bools, integers, floating-point numbers, strings, DTypes, "
                  "enumerations and structs with UNROLL_OPTIONS were required");
    return static_cast<double>(value);
  }
}

template <class O>
void write_options(Metadata& out, const std::string& prefix, const O& options) {
  options.visit_options([&]<class T>(const std::string& name, const T& value) {
    if constexpr (Options<const T>) {
      write_options(out, prefix + name + ".", value);
    } else {
      out[prefix + name] = text_of(written(value));
    }
  });
}

// Removes the entries it reads from `from`.
template <class O>
void read_options(Metadata& from, const std::string& prefix, O& options) {
  options.visit_options([&]<class T>(const std::string& name, T& value) {
    if constexpr (Options<T>) {
      read_options(from, prefix + name + ".", value);
    } else {
      const auto at = from.find(prefix + name);
      check_io(at != from.end(), "options: \"{}\" was required in the metadata: got none",
               prefix + name);
      auto read = written(value);
      read_text(at->first, at->second, read);
      const T converted = static_cast<T>(read);
      if constexpr (std::is_integral_v<T>)
        if (written(converted) != read) refuse_option(at->first, at->second);
      value = converted;
      from.erase(at);
    }
  });
}

// Only the entries that are options.
Metadata option_entries(const Metadata& metadata);
void refuse_unknown_options(const Metadata& left);

}  // namespace detail

inline constexpr const char* kOptionsPrefix = "options.";

// One entry per option, named "options." and the option's name.
template <class O>
Metadata metadata_of(const O& options) {
  Metadata out;
  detail::write_options(out, kOptionsPrefix, options);
  return out;
}

// Reads the options from metadata. Throws std::runtime_error if one is missing, unknown to O, or
// not a value of its type.
template <class O>
O options_in(const Metadata& metadata) {
  O out{};
  Metadata left = detail::option_entries(metadata);
  detail::read_options(left, kOptionsPrefix, out);
  detail::refuse_unknown_options(left);
  return out;
}
// Reads the options from the metadata of a file.
template <class O>
O options_in(const std::string& path) {
  Metadata metadata;
  (void)load_safetensors(path, &metadata);
  return options_in<O>(metadata);
}

}  // namespace unroll::nn
