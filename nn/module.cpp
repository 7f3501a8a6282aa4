#include <unroll/nn/module.h>

#include <fmt/format.h>

#include <algorithm>

namespace unroll::nn {

std::string detail::next_name(std::string_view& names) {
  const std::size_t comma = std::min(names.find(','), names.size());
  std::string_view name = names.substr(0, comma);
  names.remove_prefix(std::min(comma + 1, names.size()));
  while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
  while (!name.empty() && (name.back() == ' ' || name.back() == '_')) name.remove_suffix(1);
  return std::string(name);
}

void check_params(const char* op, const NamedParams& params) {
  for (const NamedParam& p : params)
    check(p.param != nullptr, "{}: parameters with a value were required: got an undefined \"{}\"",
          op, p.name);
}

Index parameter_count(const NamedParams& params) {
  check_params("parameter_count", params);
  Index count = 0;
  for (const NamedParam& p : params)
    if (p.param->trainable) count += p.param->value().numel();
  return count;
}

std::string summary(const NamedParams& params) {
  check_params("summary", params);
  std::size_t width = 9;
  for (const NamedParam& p : params) width = std::max(width, p.name.size());
  std::string text =
      fmt::format("{:<{}}  {:<16} {:<5} {:>12}\n", "parameter", width, "shape", "type", "elements");
  Index numbers = 0, bytes = 0;
  for (const NamedParam& p : params) {
    const Tensor& value = p.param->value();
    text += fmt::format("{:<{}}  {:<16} {:<5} {:>12}{}\n", p.name, width, value.shape().str(),
                        name_of(value.dtype()), value.numel(),
                        p.param->role == Role::buffer ? "  buffer"
                        : p.param->trainable          ? ""
                                                      : "  frozen");
    numbers += value.numel();
    bytes += value.numel() * static_cast<Index>(size_of(value.dtype()));
  }
  return text + fmt::format("{} parameters, {} elements, {} of them trainable, {:.1f} KiB\n",
                            params.size(), numbers, parameter_count(params),
                            static_cast<double>(bytes) / 1024);
}

}  // namespace unroll::nn
