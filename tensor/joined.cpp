#include <unroll/tensor/joined.h>

#include <fmt/core.h>

namespace unroll::detail {
namespace {

template <class T>
std::string join(std::span<const T> values, const char* separator) {
  std::string text;
  for (const T& value : values) text += fmt::format("{}{}", text.empty() ? "" : separator, value);
  return text;
}

}  // namespace

std::string joined(std::span<const Index> values, const char* separator) {
  return join(values, separator);
}
std::string joined(std::span<const double> values, const char* separator) {
  return join(values, separator);
}

}  // namespace unroll::detail
