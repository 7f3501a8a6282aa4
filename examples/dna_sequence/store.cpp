#include "examples/dna_sequence/store.h"

#include "examples/common/sequence_size.h"

#include <charconv>

namespace dna {
namespace {

constexpr const char *kSeen = "seen", *kKmers = "counts.kmers", *kPositions = "counts.positions";

std::string class_key(std::size_t c) { return fmt::format("class {}", c + 1); }

// A whole number in [min, max] from the file's metadata.
Index number(const std::string& path, const unroll::Metadata& metadata, const std::string& key,
             Index min, Index max) {
  const auto at = metadata.find(key);
  const std::string text = at == metadata.end() ? "" : at->second;
  Index value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  unroll::check_io(error == std::errc() && end == last && value >= min && value <= max,
                   "{}: a whole number from {} to {} was required for \"{}\": got \"{}\"", path,
                   min, max, key, unroll::excerpt(text));
  return value;
}

// Removes a tensor from the file's values. It must have this rank and contain whole numbers >= 0.
Tensor counted(const std::string& path, unroll::NamedTensors& values, const std::string& name,
               int rank) {
  const auto at = values.find(name);
  unroll::check_io(at != values.end(), "{}: \"{}\" was required: the file lacks it", path, name);
  Tensor out = at->second;
  values.erase(at);
  unroll::check_io(out.rank() == rank && out.numel() > 0 && min(out).item() >= 0,
                   "{}: counts of rank {} were required in \"{}\": got {}", path, rank, name,
                   out.shape());
  return out;
}

Motifs read_motifs(const std::string& path, const unroll::Metadata& m, unroll::NamedTensors& values,
                   Index classes) {
  const Motifs::Options o{.classes = classes,
                          .pool = number(path, m, "pool", 1, 1 << 20),
                          .aligned = number(path, m, "aligned", 0, 1) == 1};
  const Index k = number(path, m, "k", 1, 12);
  const Tensor words = counted(path, values, kKmers, 2);
  unroll::check_io(words.shape() == unroll::Shape({Index{1} << (2 * k), classes}),
                   "{}: counts of words of {} bases for {} classes were required: got {}", path, k,
                   classes, words.shape());
  const Kmers kmers(words, {.k = k,
                            .chain = number(path, m, "chain", 0, 1) == 1,
                            .prior = 0.001 * static_cast<double>(number(path, m, "prior", 1, 1000)),
                            .both_strands = number(path, m, "both strands", 0, 1) == 1});
  std::optional<Positions> positions;
  if (o.aligned) {
    const Tensor bases = counted(path, values, kPositions, 3);
    unroll::check_io(bases.shape()[1] == unroll::data::kBases && bases.shape()[2] == classes,
                     "{}: counts of 5 bases for {} classes were required: got {}", path, classes,
                     bases.shape());
    positions.emplace(bases);
  }
  return Motifs(o, kmers, positions);
}

}  // namespace

Probabilities Trained::ask(const std::vector<Bases>& sequences, const std::vector<Index>& which,
                           int strands) const {
  return std::visit(
      [&](const auto& model) {
        return strands == 2 ? both_strands(model, sequences, which)
                            : probabilities(model, sequences, which);
      },
      network);
}

void check_saveable(const std::vector<std::string>& classes) {
  unroll::Metadata metadata;
  for (const std::string& name : classes) metadata["classes"] += (name + ", ");
  program::check_metadata(metadata);
}

void save(const std::string& path, const Trained& model, const unroll::Metadata& options) {
  if (!program::worth_saving(model.curves, path)) return;
  unroll::Metadata metadata{{"program", "dna_sequence"},
                            {"model", model.name},
                            {"classes", fmt::format("{}", model.classes.size())}};
  for (std::size_t c = 0; c < model.classes.size(); ++c) metadata[class_key(c)] = model.classes[c];
  metadata.merge(unroll::Metadata(options));
  program::remember(model.curves, metadata);
  unroll::NamedParams values =
      std::visit([](const auto& network) { return nn::parameters(network); }, model.network);
  const auto add = [&](const char* name, const Tensor& value) {
    values.push_back({name, std::make_shared<unroll::ParamState>(value)});
  };
  const std::vector<double> seen(model.seen.begin(), model.seen.end());
  add(kSeen, Tensor::from(seen, {static_cast<Index>(seen.size())}));
  std::visit(
      [&](const auto& network) {
        if constexpr (requires { network.reader; }) metadata.merge(nn::metadata_of(network.reader));
      },
      model.network);
  if (const auto* motifs = std::get_if<Motifs>(&model.network)) {
    const Kmers::Options& k = motifs->kmers().options();
    metadata["pool"] = fmt::format("{}", motifs->options().pool);
    metadata["aligned"] = motifs->options().aligned ? "1" : "0";
    metadata["k"] = fmt::format("{}", k.k);
    metadata["chain"] = k.chain ? "1" : "0";
    metadata["prior"] = fmt::format("{:.0f}", 1000 * k.prior);
    metadata["both strands"] = k.both_strands ? "1" : "0";
    add(kKmers, motifs->kmers().counts());
    if (motifs->positions()) add(kPositions, motifs->positions()->counts());
  }
  if (model.checkpoint.epochs() > 0) {
    unroll::NamedTensors run;
    program::write_checkpoint(model.checkpoint, program::kRun, run, metadata);
    for (const auto& [name, value] : run)
      values.push_back({name, std::make_shared<unroll::ParamState>(value)});
  }
  nn::save(path, values, metadata);
  program::say("Model: {}\n", path);
}

Trained load(const std::string& path, bool run) {
  program::ModelFile file = program::read_model(path, "dna_sequence");
  const auto name = file.metadata.find("model");
  const Index classes = number(path, file.metadata, "classes", 2, 1 << 24);
  std::vector<std::string> names;
  for (Index c = 0; c < classes; ++c) {
    const auto at = file.metadata.find(class_key(static_cast<std::size_t>(c)));
    unroll::check_io(at != file.metadata.end(), "{}: the name of class {} was required: got none",
                     path, c + 1);
    names.push_back(at->second);
  }
  const Tensor seen = counted(path, file.values, kSeen, 1);
  const auto of_name = [&]() -> std::variant<Junction, Attentive, Motifs> {
    const std::string model = name == file.metadata.end() ? "" : name->second;
    // Files of earlier versions have no options of the readers.
    const ReaderOptions reader = file.metadata.count("options.kind") == 1
                                     ? nn::options_in<ReaderOptions>(file.metadata)
                                     : ReaderOptions();
    if (model == "junction") {
      const program::SequenceOptions each = reader.of(false);
      program::check_sizes(path, file, each, program::parameters_of(each));
      return Junction(classes, reader);
    }
    if (model == "attention") {
      program::check_sizes(path, file, reader.of(true));
      return Attentive(classes, reader);
    }
    unroll::check_io(model == "motifs",
                     "{}: a model junction, attention or motifs was required: got \"{}\"", path,
                     unroll::excerpt(model));
    return read_motifs(path, file.metadata, file.values, classes);
  };
  Trained out{file.metadata["model"], std::move(names), of_name(),
              program::remembered(path, file.metadata)};
  if (run) out.checkpoint = program::read_checkpoint(path, program::kRun, file.run, file.metadata);
  for (Index i = 0; i < seen.numel(); ++i) out.seen.insert(seen.at({i}));
  std::visit(
      [&](auto& network) {
        nn::assign(path, std::move(file.values), nn::state(network),
                   {.layout = nn::WeightLayout::in_out});
      },
      out.network);
  return out;
}

}  // namespace dna
