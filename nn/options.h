// Options of a model stored in the metadata of its file, so that a program can load the model
// without knowing them.
//
//   struct TaggerOptions {
//     Index classes = 2;
//     double dropout = 0.1;
//     nn::LSTM::Options lstm = {};
//     UNROLL_OPTIONS(classes, dropout, lstm)
//   };
//   nn::save("tagger", model, nn::metadata_of(options));
//   ...
//   Tagger model(nn::options_in<TaggerOptions>("tagger"));
//   nn::load("tagger", model);
//
// An option may be a bool, an integer, a floating-point number, a string, a DType, an enumeration
// (stored as its number), a struct with UNROLL_OPTIONS ("lstm.hidden"), such as the options of the
// library's own layers, or a vector, array or optional of these ("sizes": the number of elements,
// "sizes.0": the first one).
#pragma once

#include <unroll/nn/fields.h>
#include <unroll/tensor/safetensors.h>

#include <cmath>
#include <limits>

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
                  "enumerations, structs with UNROLL_OPTIONS, and vectors, arrays and optionals of "
                  "them were required");
    return static_cast<double>(value);
  }
}

template <class T>
concept Elements = requires(const T& list) {
  list.size();
  list.begin();
}
&&!std::is_same_v<T, std::string>;
template <class T>
concept Resizable = requires(T& list) {
  list.clear();
  list.emplace_back();
};
template <class T>
concept Optional = requires(const T& value) {
  value.has_value();
};

template <class T>
void write_option(Metadata& out, const std::string& name, const T& value) {
  if constexpr (Options<const T>) {
    value.visit_options(
        [&](const std::string& part, const auto& v) { write_option(out, name + "." + part, v); });
  } else if constexpr (Optional<T>) {
    out[name] = text_of(Index{value.has_value()});
    if (value.has_value()) write_option(out, name + ".0", *value);
  } else if constexpr (Elements<T>) {
    out[name] = text_of(static_cast<Index>(value.size()));
    Index i = 0;
    for (const typename T::value_type& v : value)
      write_option(out, name + "." + std::to_string(i++), v);
  } else {
    out[name] = text_of(written(value));
  }
}

// Removes an entry and returns it. Throws if there is none.
std::string take_entry(Metadata& from, const std::string& name);
// Removes the entry with the number of elements. Throws unless it is in [min, max] and there are as
// many entries.
Index take_count(Metadata& from, const std::string& name, Index min, Index max);

// Removes the entries it reads from `from`.
template <class T>
void read_option(Metadata& from, const std::string& name, T& value) {
  if constexpr (Options<T>) {
    value.visit_options(
        [&](const std::string& part, auto& v) { read_option(from, name + "." + part, v); });
  } else if constexpr (Optional<T>) {
    value.reset();
    if (take_count(from, name, 0, 1) == 1) read_option(from, name + ".0", value.emplace());
  } else if constexpr (Resizable<T>) {
    value.clear();
    const Index count = take_count(from, name, 0, std::numeric_limits<Index>::max());
    for (Index i = 0; i < count; ++i) {
      typename T::value_type v{};
      read_option(from, name + "." + std::to_string(i), v);
      value.push_back(std::move(v));
    }
  } else if constexpr (Elements<T>) {
    const auto size = static_cast<Index>(value.size());
    Index i = take_count(from, name, size, size) - size;
    for (auto& v : value) read_option(from, name + "." + std::to_string(i++), v);
  } else {
    const std::string text = take_entry(from, name);
    auto read = written(value);
    read_text(name, text, read);
    const T converted = static_cast<T>(read);
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>)
      if (written(converted) != read) refuse_option(name, text);
    value = converted;
  }
}

// Only the entries that are options.
Metadata option_entries(const Metadata& metadata);
void refuse_unknown_options(const Metadata& left);

}  // namespace detail

inline constexpr const char* kOptions = "options";

// One entry per option, named "options." and the option's name.
template <class O>
Metadata metadata_of(const O& options) {
  Metadata out;
  detail::write_option(out, kOptions, options);
  return out;
}

// Reads the options from metadata. Throws std::runtime_error if one is missing, unknown to O, or
// not a value of its type.
template <class O>
O options_in(const Metadata& metadata) {
  O out{};
  Metadata left = detail::option_entries(metadata);
  detail::read_option(left, kOptions, out);
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
