#include "examples/strokes/identity.h"

#include "examples/strokes/choice.h"
#include "examples/strokes/drawing.h"
#include "examples/strokes/raster.h"

#include <unroll/nn/options.h>
#include <unroll/tensor/error.h>

#include <algorithm>

namespace strokes {
namespace {

constexpr const char *kTask = "task", *kClasses = "classes", *kData = "data", *kTimed = "timed",
                     *kSynthetic = "synthetic", *kReal = "real";

// Names of classes have no line ends.
std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : "\n") + name;
  return out;
}
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text)
    if (c == '\n')
      out.emplace_back();
    else
      out.back() += c;
  return out;
}

Index inputs_of(const Identity& id) {
  if (id.reading == Reading::image) return kImageSide;
  if (reads_drawings(id.reading)) return kFeatures;
  return id.reading == Reading::pixels ? 1 : id.width;
}

}  // namespace

unroll::Metadata metadata_of(const Identity& id) {
  unroll::Metadata out = nn::metadata_of(id.options);
  out["program"] = kProgram;
  out[kTask] = name_of(id.reading);
  out[kClasses] = joined(id.classes);
  out[kData] = id.synthetic ? kSynthetic : kReal;
  out[kTimed] = id.timed ? "yes" : "no";
  out["height"] = std::to_string(id.height), out["width"] = std::to_string(id.width);
  return out;
}

Identity identity_of(const program::ModelFile& file, const std::string& path) {
  unroll::Metadata found = file.metadata;
  Identity id;
  const auto& names = reading_names();
  const bool known = std::find(names.begin(), names.end(), found[kTask]) != names.end();
  unroll::check_io(known, "{}: a model of {} was required: got one without its task", path,
                   kProgram);
  id.reading = reading_of(found[kTask]);
  id.classes = lines_of(found[kClasses]);
  id.synthetic = found[kData] == kSynthetic, id.timed = found[kTimed] == "yes";
  id.options = nn::options_in<program::SequenceOptions>(found);
  const auto size_in = [&](const char* key) {
    const std::string& text = found[key];
    return text.size() < 6 && text.find_first_not_of("0123456789") == std::string::npos
               ? static_cast<Index>(std::strtol(text.c_str(), nullptr, 10))
               : Index{-1};
  };
  id.height = size_in("height"), id.width = size_in("width");
  const auto& kinds = program::sequence_kinds();
  unroll::check_io(
      std::find(kinds.begin(), kinds.end(), id.options.kind) != kinds.end() &&
          id.options.hidden >= 1 && id.options.hidden <= program::kMaxHidden &&
          id.options.bidirectional && id.options.in == inputs_of(id) && id.classes.size() >= 2 &&
          (reads_drawings(id.reading) || (id.height >= 1 && id.width >= 1)),
      "{}: a model of {} was required: got one whose sizes do not fit", path, kProgram);
  program::check_values(path, file,
                        static_cast<double>(id.options.hidden) *
                            static_cast<double>(id.options.in + std::ssize(id.classes)));
  return id;
}

}  // namespace strokes
