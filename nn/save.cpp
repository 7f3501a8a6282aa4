#include <unroll/nn/save.h>

#include <algorithm>

namespace unroll::nn {
namespace {

// Prefix of the library's own keys in the metadata.
constexpr const char* kOwnKeys = "unroll.";
constexpr const char* kLayoutKey = "unroll.weights";
constexpr const char* kLayoutHere = "in_out";

bool is_own(const std::string& key) { return key.rfind(kOwnKeys, 0) == 0; }

bool is_weight(const ParamState& p) { return p.role == Role::weight && p.value().rank() == 2; }

bool is_square_weight(const ParamState& p) {
  return is_weight(p) && p.value().size(0) == p.value().size(1) && p.value().size(0) > 1;
}

// The tensors whose names begin with the prefix, without the prefix; `others` gets the other names.
NamedTensors with_prefix(NamedTensors all, const std::string& prefix,
                         std::vector<std::string>& others) {
  if (prefix.empty()) return all;
  NamedTensors out;
  for (auto& [name, tensor] : all) {
    if (name.rfind(prefix, 0) == 0) {
      out.emplace(name.substr(prefix.size()), std::move(tensor));
    } else {
      others.push_back(name);
    }
  }
  return out;
}

}  // namespace

void save(const std::string& path, const NamedParams& params, const Metadata& metadata) {
  check_params("save", params);
  NamedTensors tensors;
  Metadata all = metadata;
  for (const auto& [key, text] : metadata)
    check(!is_own(key),
          "save: metadata without keys that begin with \"{}\" was required: got \"{}\"", kOwnKeys,
          excerpt(key));
  for (const NamedParam& p : params) {
    check(tensors.emplace(p.name, p.param->value()).second,
          "save: names that differ were required: \"{}\" came twice", p.name);
    if (is_square_weight(*p.param)) all[kLayoutKey] = kLayoutHere;
  }
  save_safetensors(path, tensors, all);
}

Loaded assign(const std::string& origin, NamedTensors given, const NamedParams& params,
              const LoadOptions& o) {
  check_params("assign", params);
  Loaded loaded;
  NamedTensors found = with_prefix(std::move(given), o.prefix, loaded.unused);
  std::string wrong;
  const char* square = nullptr;
  std::vector<std::pair<const NamedParam*, Tensor>> values;
  for (const NamedParam& p : params) {
    const auto at = found.find(p.name);
    if (at == found.end()) {
      loaded.missing.push_back(p.name);
      if (o.strict)
        wrong += fmt::format("; \"{}\" {} is missing", p.name, p.param->value().shape());
      continue;
    }
    Tensor value = at->second;
    const Shape& shape = p.param->value().shape();
    if (o.layout == WeightLayout::out_in && is_weight(*p.param) && value.rank() == 2)
      value = value.transpose();
    if (value.shape() != shape) {
      const bool transposed = is_weight(*p.param) && value.rank() == 2 &&
                              value.size(0) == shape[1] && value.size(1) == shape[0];
      wrong += fmt::format("; \"{}\" has the shape {} where {} is required{}", p.name,
                           at->second.shape(), shape,
                           transposed && o.layout == WeightLayout::unknown
                               ? " (transposed, as PyTorch has it? Then pass {.layout = "
                                 "nn::WeightLayout::out_in})"
                               : "");
    } else {
      values.emplace_back(&p, value.to(p.param->value().dtype()));
    }
    if (is_square_weight(*p.param)) square = p.name.c_str();
    found.erase(at);
  }
  for (const auto& [name, tensor] : found) {
    loaded.unused.push_back(o.prefix + name);
    if (o.strict) wrong += fmt::format("; \"{}\" {} is not in the model", name, tensor.shape());
  }
  check_io(wrong.empty(), "{}: the parameters of this model were required{}", origin, wrong);
  check_io(!values.empty() || params.empty(),
           "{}: some of the model's {} names (\"{}\" ...) were required: got none of them{}",
           origin, params.size(), params.empty() ? "" : params.front().name,
           o.prefix.empty() ? "" : fmt::format(" that begins with \"{}\"", o.prefix));
  check_io(
      !square || o.layout != WeightLayout::unknown,
      "{}: the layout of its weights was required, since \"{}\" is square and the file does not "
      "say: pass {{.layout = nn::WeightLayout::in_out}} ([in, out], as here) or "
      "{{.layout = nn::WeightLayout::out_in}} ([out, in], as PyTorch has it)",
      origin, square ? square : "");
  for (const auto& [p, value] : values) p->param->set_value(value);
  return loaded;
}

Loaded load(const std::string& path, const NamedParams& params, const LoadOptions& o) {
  check_params("load", params);
  Metadata metadata;
  NamedTensors found = load_safetensors(path, &metadata);
  LoadOptions options = o;
  const auto said = metadata.find(kLayoutKey);
  if (said != metadata.end()) {
    check_io(said->second == kLayoutHere, "{}: \"{}\" was required as \"{}\": got \"{}\"", path,
             kLayoutHere, kLayoutKey, excerpt(said->second));
    if (o.layout == WeightLayout::unknown) options.layout = WeightLayout::in_out;
  }
  Loaded loaded = assign(path, std::move(found), params, options);
  if (o.metadata) {
    std::erase_if(metadata, [](const auto& entry) { return is_own(entry.first); });
    *o.metadata = std::move(metadata);
  }
  return loaded;
}

}  // namespace unroll::nn
