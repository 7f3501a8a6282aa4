#include <unroll/nn/save.h>

#include <algorithm>

namespace unroll::nn {
namespace {

// Prefix of the library's own keys in the metadata.
constexpr const char* kOwnKeys = "unroll.";
constexpr const char* kLayoutKey = "unroll.weights";
constexpr const char* kLayoutHere = "in_out";

bool is_own(const std::string& key) { return key.rfind(kOwnKeys, 0) == 0; }

bool is_weight(const ParamState& p) { return p.role == Role::weight && p.shape().rank() == 2; }

bool is_square_weight(const ParamState& p) {
  return is_weight(p) && p.shape()[0] == p.shape()[1] && p.shape()[0] > 1;
}

// An array of a file: values, or integers.
struct Array {
  Tensor values;
  IndexTensor ids;  // defined unless `values` is

  const Shape& shape() const { return ids.defined() ? ids.shape() : values.shape(); }
};
using Arrays = std::map<std::string, Array>;

// The arrays whose names begin with the prefix, without the prefix; `others` gets the other names.
Arrays with_prefix(NamedTensors tensors, NamedIds ids, const std::string& prefix,
                   std::vector<std::string>& others) {
  Arrays out;
  const auto add = [&](const std::string& name, Array array) {
    if (name.rfind(prefix, 0) != 0) return others.push_back(name);
    check(out.emplace(name.substr(prefix.size()), std::move(array)).second,
          "assign: names that differ were required: \"{}\" came twice", name);
  };
  for (auto& [name, tensor] : tensors) add(name, {std::move(tensor), {}});
  for (auto& [name, array] : ids) add(name, {{}, std::move(array)});
  return out;
}

// What a parameter gets: a Tensor of its dtype, or ids. Throws std::invalid_argument if the array
// cannot be converted exactly.
Array converted(const Array& array, const ParamState& param, bool transposed) {
  if (param.role == Role::ids)
    return {{}, array.ids.defined() ? array.ids : IndexTensor::from(array.values)};
  const Tensor values = array.ids.defined() ? array.ids.to(f64) : array.values;
  return {(transposed ? values.transpose() : values).to(param.value().dtype()), {}};
}

}  // namespace

void save(const std::string& path, const NamedParams& params, const Metadata& metadata) {
  check_params("save", params);
  NamedTensors tensors;
  NamedIds ids;
  Metadata all = metadata;
  for (const auto& [key, text] : metadata)
    check(!is_own(key),
          "save: metadata without keys that begin with \"{}\" was required: got \"{}\"", kOwnKeys,
          excerpt(key));
  for (const NamedParam& p : params) {
    const bool fresh = p.param->role == Role::ids
                           ? ids.emplace(p.name, p.param->ids()).second
                           : tensors.emplace(p.name, p.param->value()).second;
    check(fresh, "save: names that differ were required: \"{}\" came twice", p.name);
    if (is_square_weight(*p.param)) all[kLayoutKey] = kLayoutHere;
  }
  save_safetensors(path, tensors, all, ids);
}

Loaded assign(const std::string& origin, NamedTensors given, const NamedParams& params,
              const LoadOptions& o, NamedIds ids) {
  check_params("assign", params);
  Loaded loaded;
  Arrays found = with_prefix(std::move(given), std::move(ids), o.prefix, loaded.unused);
  std::string wrong;
  const char* square = nullptr;
  std::vector<std::pair<const NamedParam*, Array>> values;
  for (const NamedParam& p : params) {
    const auto at = found.find(p.name);
    const Shape& shape = p.param->shape();
    if (at == found.end()) {
      loaded.missing.push_back(p.name);
      if (o.strict) wrong += fmt::format("; \"{}\" {} is missing", p.name, shape);
      continue;
    }
    const Shape& stored = at->second.shape();
    const bool matrix = is_weight(*p.param) && stored.rank() == 2,
               transposed = matrix && o.layout == WeightLayout::out_in;
    if ((transposed ? stored.swapped(0, 1) : stored) != shape) {
      wrong +=
          fmt::format("; \"{}\" has the shape {} where {} is required{}", p.name, stored, shape,
                      matrix && stored.swapped(0, 1) == shape && o.layout == WeightLayout::unknown
                          ? " (transposed, as PyTorch has it? Then pass {.layout = "
                            "nn::WeightLayout::out_in})"
                          : "");
    } else {
      try {
        values.emplace_back(&p, converted(at->second, *p.param, transposed));
      } catch (const std::invalid_argument& e) {
        wrong += fmt::format("; \"{}\": {}", p.name, e.what());
      }
    }
    if (is_square_weight(*p.param)) square = p.name.c_str();
    found.erase(at);
  }
  for (const auto& [name, array] : found) {
    loaded.unused.push_back(o.prefix + name);
    if (o.strict) wrong += fmt::format("; \"{}\" {} is not in the model", name, array.shape());
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
  for (const auto& [p, array] : values) {
    if (p->param->role == Role::ids)
      p->param->set_ids(array.ids);
    else
      p->param->set_value(array.values);
  }
  return loaded;
}

Loaded load(const std::string& path, const NamedParams& params, const LoadOptions& o) {
  check_params("load", params);
  Metadata metadata;
  NamedIds ids;
  NamedTensors found = load_safetensors(path, &metadata, &ids);
  LoadOptions options = o;
  const auto said = metadata.find(kLayoutKey);
  if (said != metadata.end()) {
    check_io(said->second == kLayoutHere, "{}: \"{}\" was required as \"{}\": got \"{}\"", path,
             kLayoutHere, kLayoutKey, excerpt(said->second));
    if (o.layout == WeightLayout::unknown) options.layout = WeightLayout::in_out;
  }
  Loaded loaded = assign(path, std::move(found), params, options, std::move(ids));
  if (o.metadata) {
    std::erase_if(metadata, [](const auto& entry) { return is_own(entry.first); });
    *o.metadata = std::move(metadata);
  }
  return loaded;
}

}  // namespace unroll::nn
