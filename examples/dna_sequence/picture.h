// A picture of the positions that decide the prediction.
#pragma once

#include "examples/dna_sequence/store.h"

namespace dna {

// Explains why there will be no picture, if there will be none.
bool picture_possible(const Examples& e, Index origin, const std::string& path);

// A panel for each class, all with the same scales. It shows, for each position, how much the
// probability of the class falls if the base is replaced; the mean attention weight of the
// attention model, which may be high elsewhere; and bases that nearly all sequences of the class
// share. Long sequences are drawn in bins, sequences of different lengths by relative position.
// Positions count from `origin`, which is +1; 0 means the base after the middle.
void draw_classes(const Trained& model, const Examples& e, const std::vector<Index>& which,
                  Index origin, const std::string& path);

}  // namespace dna
