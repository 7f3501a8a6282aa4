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

const IndexTensor& IndexBuffer::value() const {
  check(defined(), "IndexBuffer: ids were required: got none (default constructed or moved from)");
  return param_.handle()->ids();
}

void IndexBuffer::set_value(const IndexTensor& ids) {
  check(defined(), "IndexBuffer: ids were required: got none (default constructed or moved from)");
  param_.handle()->set_ids(ids);
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
  Index elements = 0, bytes = 0;
  for (const NamedParam& p : params) {
    const bool ids = p.param->role == Role::ids;
    const Shape& shape = p.param->shape();
    text += fmt::format("{:<{}}  {:<16} {:<5} {:>12}{}\n", p.name, width, shape.str(),
                        ids ? "i64" : name_of(p.param->value().dtype()), shape.numel(),
                        p.param->role == Role::buffer || ids ? "  buffer"
                        : p.param->trainable                 ? ""
                                                             : "  frozen");
    elements += shape.numel();
    bytes +=
        shape.numel() * static_cast<Index>(ids ? sizeof(Index) : size_of(p.param->value().dtype()));
  }
  return text + fmt::format("{} parameters, {} elements, {} of them trainable, {:.1f} KiB\n",
                            params.size(), elements, parameter_count(params),
                            static_cast<double>(bytes) / 1024);
}

}  // namespace unroll::nn
