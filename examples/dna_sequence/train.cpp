#include "examples/dna_sequence/train.h"

#include "examples/dna_sequence/baselines.h"

#include <optional>

namespace dna {
namespace {

// The readers of a model, as large as the options say.
template <class Model>
ReaderOptions sized(const Settings& s, Index classes) {
  const auto with = [&](const program::SequenceOptions& of) {
    return ReaderOptions{of.kind, of.hidden, of.feed_forward};
  };
  program::SequenceOptions out = s.reader.of(false);
  program::choose_size(out, s.size, ReaderOptions().of(false),
                       [&](const program::SequenceOptions& of) {
                         return program::count_parameters([&] { return Model(classes, with(of)); });
                       });
  return with(out);
}

std::variant<Junction, Attentive, Motifs> make(const std::string& name, const Examples& e,
                                               const unroll::data::Split& split,
                                               const Settings& settings) {
  const auto classes = static_cast<Index>(e.classes.size());
  if (name == "junction") return Junction(classes, sized<Junction>(settings, classes));
  if (name == "attention") return Attentive(classes, sized<Attentive>(settings, classes));
  std::optional<Positions> positions;
  if (e.one_length()) {
    positions.emplace(classes, e.longest());
    positions->learn(e, split.train);
  }
  const Kmers kmers = best_kmers(e, split.train, false, settings.reverse_complement);
  Motifs motifs(
      {.classes = classes, .pool = Motifs::pool_for(e.longest()), .aligned = e.one_length()}, kmers,
      positions);
  motifs.start_from(calibrate(kmers, e, split.train));
  return motifs;
}

}  // namespace

Trained train(const std::string& name, const Examples& e, const unroll::data::Split& split,
              const Settings& settings, const std::string& label, std::uint64_t seed,
              const Trained* resumed) {
  unroll::manual_seed(seed);
  Trained out{name, e.classes, make(name, e, split, settings), {}};
  if (resumed != nullptr) out.checkpoint = resumed->checkpoint;
  out.curves = std::visit(
      [&](auto& network) {
        using Model = std::remove_cvref_t<decltype(network)>;
        Run<Model> run{&out.checkpoint, {}};
        if (resumed != nullptr)
          run.take_kept = [&](Model& model) {
            const auto from = unroll::nn::state(std::get<Model>(resumed->network)),
                       to = unroll::nn::state(model);
            for (std::size_t i = 0; i < to.size(); ++i)
              to[i].param->set_value(from[i].param->value());
          };
        return fit(network, e, split, settings, label, seed + 77, run);
      },
      out.network);
  for (const Index i : learned_from(split))
    out.seen.insert(hash_of(e.sequences[static_cast<std::size_t>(i)]));
  return out;
}

}  // namespace dna
