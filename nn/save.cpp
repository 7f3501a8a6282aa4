#include <unroll/nn/save.h>

namespace unroll::nn {

void save(const std::string& path, const NamedParams& params, const Metadata& metadata) {
  check_params("save", params);
  NamedTensors tensors;
  for (const NamedParam& p : params)
    check(tensors.emplace(p.name, p.param->value()).second,
          "save: names that differ were required: \"{}\" came twice", p.name);
  save_safetensors(path, tensors, metadata);
}

void assign(const std::string& origin, NamedTensors found, const NamedParams& params, bool strict) {
  check_params("assign", params);
  std::string wrong;
  std::vector<std::pair<const NamedParam*, Tensor>> values;
  for (const NamedParam& p : params) {
    const auto at = found.find(p.name);
    if (at == found.end()) {
      if (strict) wrong += fmt::format("; \"{}\" {} is missing", p.name, p.param->value().shape());
      continue;
    }
    if (at->second.shape() != p.param->value().shape()) {
      wrong += fmt::format("; \"{}\" has the shape {} where {} is required", p.name,
                           at->second.shape(), p.param->value().shape());
    } else {
      values.emplace_back(&p, at->second.to(p.param->value().dtype()));
    }
    found.erase(at);
  }
  if (strict)
    for (const auto& [name, tensor] : found)
      wrong += fmt::format("; \"{}\" {} is not in the model", name, tensor.shape());
  check_io(wrong.empty(), "{}: the parameters of this model were required{}", origin, wrong);
  for (const auto& [p, value] : values) p->param->set_value(value);
}

void load(const std::string& path, const NamedParams& params, const LoadOptions& o) {
  check_params("load", params);
  Metadata metadata;
  NamedTensors found = load_safetensors(path, &metadata);
  assign(path, std::move(found), params, o.strict);
  if (o.metadata) *o.metadata = std::move(metadata);
}

}  // namespace unroll::nn
