#include "examples/common/checkpoint.h"

#include <unroll/tensor/error.h>

#include <charconv>

namespace program {
namespace {

using unroll::check_io;
using unroll::Index;
using unroll::Tensor;

constexpr const char* kOptimizer = "optimizer.";
constexpr const char* kLast = "last.";
constexpr const char* kTrain = "train";  // the curves
constexpr const char* kValidation = "validation";
constexpr const char* kKept = "kept";  // [2]: epoch and loss
constexpr const char* kPlanned = "planned";
constexpr const char* kGenerators = "generators";  // seed and position of each

Tensor as_tensor(const std::vector<double>& values) {
  return Tensor::from(values, {static_cast<Index>(values.size())});
}
std::vector<double> as_vector(const Tensor& values) {
  std::vector<double> out;
  for (Index i = 0; i < values.numel(); ++i) out.push_back(values.at({i}));
  return out;
}

Checkpoint::Position position_of(const unroll::Generator& g) { return {g.seed(), g.position()}; }

std::vector<std::uint64_t> read_numbers(const std::string& path, const std::string& text,
                                        std::size_t count) {
  std::vector<std::uint64_t> out(count);
  const char *at = text.data(), *last = at + text.size();
  bool good = true;
  for (std::size_t i = 0; i < count && good; ++i) {
    const auto [end, error] = std::from_chars(at, last, out[i]);
    good = error == std::errc() && (i + 1 < count ? end != last && *end == ' ' : end == last);
    at = end + 1;
  }
  check_io(good, "{}: {} numbers were required of the run to resume: got \"{}\"", path, count,
           unroll::excerpt(text));
  return out;
}

}  // namespace

void record(const Training& run, const Curves& curves, const unroll::NamedParams& params) {
  if (run.checkpoint == nullptr) return;
  Checkpoint& out = *run.checkpoint;
  out.curves = curves;
  out.planned = run.epochs;
  if (run.optimizer != nullptr) out.optimizer = run.optimizer->state();
  if (run.random != nullptr) out.random = position_of(*run.random);
  out.of_default = position_of(unroll::default_generator());
  if (run.patience > 0)
    for (const unroll::NamedParam& p : params) out.last[p.name] = p.param->value().clone();
}

void restore(const Training& run, const unroll::NamedParams& params) {
  const Checkpoint& from = *run.checkpoint;
  unroll::check(run.epochs >= from.epochs(),
                "--epochs: at least {} were required, which the resumed run has done: got {}",
                from.epochs(), run.epochs);
  unroll::check(!run.fixed_epochs || run.epochs == from.planned,
                "--epochs: the {} of the resumed run were required, on which its learning rate "
                "depends: got {}",
                from.planned, run.epochs);
  if (run.optimizer != nullptr) run.optimizer->set_state(from.optimizer);
  if (run.random != nullptr) run.random->seek(from.random.seed, from.random.position);
  unroll::default_generator().seek(from.of_default.seed, from.of_default.position);
  if (from.last.empty()) return;
  for (const unroll::NamedParam& p : params) {
    const auto at = from.last.find(p.name);
    check_io(at != from.last.end(), "--resume: the last value of \"{}\" was required: got none",
             p.name);
    p.param->set_value(at->second);
  }
}

void write_checkpoint(const Checkpoint& c, const std::string& prefix, unroll::NamedTensors& values,
                      unroll::Metadata& metadata) {
  values[prefix + kTrain] = as_tensor(c.curves.train);
  values[prefix + kValidation] = as_tensor(c.curves.validation);
  values[prefix + kKept] =
      as_tensor({static_cast<double>(c.curves.kept_epoch), c.curves.kept_loss});
  for (const auto& [name, value] : c.optimizer) values[prefix + kOptimizer + name] = value;
  for (const auto& [name, value] : c.last) values[prefix + kLast + name] = value;
  metadata[prefix + kPlanned] = fmt::format("{}", c.planned);
  metadata[prefix + kGenerators] = fmt::format("{} {} {} {}", c.random.seed, c.random.position,
                                               c.of_default.seed, c.of_default.position);
}

Checkpoint read_checkpoint(const std::string& path, const std::string& prefix,
                           const unroll::NamedTensors& values, const unroll::Metadata& metadata) {
  const auto tensor = [&](const char* name, Index size) {
    const auto at = values.find(prefix + name);
    check_io(
        at != values.end() && at->second.rank() == 1 && (size < 0 || at->second.numel() == size),
        "{}: a run that can be resumed was required: got no \"{}\"", path, prefix + name);
    return as_vector(at->second);
  };
  const auto text = [&](const char* name) {
    const auto at = metadata.find(prefix + name);
    return at == metadata.end() ? std::string() : at->second;
  };
  Checkpoint c;
  c.curves.train = tensor(kTrain, -1);
  c.curves.validation = tensor(kValidation, c.epochs());
  const std::vector<double> kept = tensor(kKept, 2);
  check_io(kept[0] >= 0 && kept[0] <= static_cast<double>(c.epochs()),
           "{}: a kept epoch from 0 to {} was required: got {}", path, c.epochs(), kept[0]);
  c.curves.kept_epoch = static_cast<Index>(kept[0]), c.curves.kept_loss = kept[1];
  c.planned = static_cast<Index>(read_numbers(path, text(kPlanned), 1)[0]);
  const auto at = read_numbers(path, text(kGenerators), 4);
  c.random = {at[0], at[1]}, c.of_default = {at[2], at[3]};
  for (const auto& [name, value] : values)
    for (const auto& [part, out] :
         {std::pair{std::string(kOptimizer), &c.optimizer}, std::pair{std::string(kLast), &c.last}})
      if (name.rfind(prefix + part, 0) == 0)
        (*out)[name.substr(prefix.size() + part.size())] = value;
  return c;
}

}  // namespace program
