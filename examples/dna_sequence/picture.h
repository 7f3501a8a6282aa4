// Where in a sequence the prediction is decided.
#pragma once

#include "examples/dna_sequence/store.h"

namespace dna {

// Says why there will be no picture, where there will be none.
bool picture_possible(const Examples& e, Index origin, const std::string& path);

// A panel for each class, all with the same scales: how much less likely the model finds the class
// when other bases stand at a position, and, of the attention model, its mean weight there (which
// need not be where the effect is); and the bases that nearly all of the class have. Long sequences
// are drawn in bins, and sequences of several lengths by the share of their length. Positions count
// from `origin`, which is +1; 0 is the base behind the middle.
void draw_classes(const Trained& model, const Examples& e, const std::vector<Index>& which,
                  Index origin, const std::string& path);

}  // namespace dna
