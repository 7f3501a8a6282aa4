#include "examples/common/model_file.h"

#include <unroll/tensor/file.h>

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <memory>

namespace program {
namespace {

constexpr const char* kLoss = "validation";
constexpr const char* kEpoch = "epoch";

}  // namespace

void check_one_model(const Options& o, const std::string& model, const std::string& models,
                     const std::string& option, unroll::Index times) {
  if (o.save.empty() && o.load.empty()) return;
  unroll::check(!model.empty(), "--save and --load: one model was required: add --model {}",
                models);
  unroll::check(times <= 1, "--save and --load: a model trained once was required: got {} {}",
                option, times);
}

void check_metadata(const unroll::Metadata& metadata) {
  for (const auto& [key, text] : metadata)
    unroll::check(unroll::valid_utf8(text) == text.size(),
                  "--save: {} in UTF-8 were required: got \"{}\"", key, unroll::excerpt(text));
}

void remember(const Curves& curves, unroll::Metadata& metadata) {
  if (std::isnan(curves.kept_loss)) return;
  metadata[kLoss] = fmt::format("{}", curves.kept_loss);  // exact
  metadata[kEpoch] = fmt::format("{}", curves.kept_epoch);
}

Curves remembered(const std::string& path, const unroll::Metadata& metadata) {
  Curves curves;
  const auto read = [&](const char* key, auto& number) {
    const auto at = metadata.find(key);
    if (at == metadata.end()) return;
    const std::string& text = at->second;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, number);
    unroll::check_io(error == std::errc() && end == last,
                     "{}: a number was required for \"{}\": got \"{}\"", path, key,
                     unroll::excerpt(text));
  };
  read(kLoss, curves.kept_loss);
  read(kEpoch, curves.kept_epoch);
  return curves;
}

void check_expected(const std::string& path, const unroll::Metadata& found,
                    const unroll::Metadata& expected) {
  for (const auto& [key, value] : expected) {
    const auto at = found.find(key);
    const std::string got = at == found.end() ? "" : at->second;
    unroll::check_io(got == value, "{}: a model with {} \"{}\" was required: got \"{}\"", path, key,
                     unroll::excerpt(value), unroll::excerpt(got));
  }
}

ModelFile read_model(const std::string& path, const std::string& program) {
  ModelFile file;
  file.values = unroll::load_safetensors(path, &file.metadata);
  for (auto at = file.values.begin(); at != file.values.end();) {
    const auto next = std::next(at);
    if (at->first.rfind(kRun, 0) == 0) file.run.insert(file.values.extract(at));
    at = next;
  }
  check_expected(path, file.metadata, {{"program", program}});
  for (const auto& [name, value] : file.values)
    unroll::check_io(unroll::all_finite(value),
                     "{}: finite values were required in \"{}\": got others", path,
                     unroll::excerpt(name));
  return file;
}

void check_values(const std::string& path, const ModelFile& file, double at_least) {
  double values = 0;
  for (const auto& [name, value] : file.values) values += static_cast<double>(value.numel());
  unroll::check_io(values >= at_least,
                   "{}: at least {:.0f} values were required, as many as a model of the sizes that "
                   "it names has: got {:.0f}",
                   path, at_least, values);
}

bool worth_saving(const Curves& curves, const std::string& path) {
  if (!interrupted() || curves.kept_epoch > 0) return true;
  say("No model {}: interrupted before anything was learned; the file is as it was.\n", path);
  return false;
}

void save_model(const std::string& path, const unroll::NamedParams& model, const Curves& curves,
                const Checkpoint& checkpoint, unroll::Metadata metadata) {
  if (!worth_saving(curves, path)) return;
  remember(curves, metadata);
  unroll::NamedParams params = model;
  unroll::NamedTensors run;
  if (checkpoint.epochs() > 0) write_checkpoint(checkpoint, kRun, run, metadata);
  for (const auto& [name, value] : run)
    params.push_back({name, std::make_shared<unroll::ParamState>(value)});
  unroll::nn::save(path, params, metadata);
  say("Model: {}\n", path);
}

void report_origin(const Curves& curves, const std::string& name, Report& report) {
  if (std::isnan(curves.kept_loss)) return;
  report.add(name + ".validation", curves.kept_loss);
  report.add(name + ".epoch", static_cast<double>(curves.kept_epoch));
}

}  // namespace program
