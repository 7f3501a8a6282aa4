// Nearest words by embedding, and a picture of the words.
#pragma once

#include <unroll/data/text/vocabulary.h>
#include <unroll/tensor/tensor.h>

namespace representations {

using unroll::Index;
using unroll::Tensor;

struct Neighbour {
  Index id;
  double cosine;
};
// The words nearest to a word by cosine, without itself and `unknown`. table [V, D].
std::vector<Neighbour> nearest(const Tensor& table, Index id, Index count, Index unknown);

// The first two principal components of the rows of x [N, D], -> [N, 2]: the directions in which
// the centred rows vary most.
Tensor principal_components(const Tensor& x);

// Draws words by the principal components of their embeddings, each with its label. Labels that
// would overlap are moved to the next free place, at the end of a line from the word's point.
void draw_words(const std::vector<Index>& ids, const unroll::data::Vocabulary& words,
                const Tensor& table, const std::string& path);

}  // namespace representations
