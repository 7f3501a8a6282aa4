// A network by its name: made for the data, and trained.
#pragma once

#include "examples/dna_sequence/fit.h"
#include "examples/dna_sequence/store.h"

namespace dna {

// Trains junction, attention or motifs on a split. `label` names the run in the progress line. The
// network's initial parameters and batches come from the seed. A run that is given, of the same
// kind and classes, is resumed: it has the parameters that it kept, and a checkpoint.
Trained train(const std::string& name, const Examples& e, const unroll::data::Split& split,
              const Settings& settings, const std::string& label, std::uint64_t seed,
              const Trained* resumed = nullptr);

}  // namespace dna
