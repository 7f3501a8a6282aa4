// Bags of words: how often each id occurs in a document, without its order, as sparse rows.
//
//   const data::Vocabulary words(text, {.fold_case = true});
//   std::vector<std::vector<Index>> documents;  // words.encode(..) of each
//   const SparseRows counts = data::bag_of_words(documents, words.size());
//   const data::TfIdf tf_idf(counts);
//   linear(tf_idf(counts));
#pragma once

#include <unroll/tensor/sparse.h>

namespace unroll::data {

struct BagOptions {
  bool binary = false;  // 1 instead of the count
  DType dtype = f32;
};

// Lists of ids -> [N, columns]: a row for each document, each id once in a row, ascending. Throws
// std::invalid_argument unless all ids are in [0, columns).
SparseRows bag_of_words(std::span<const std::vector<Index>> documents, Index columns,
                        const BagOptions& options = {});

// Weights words by how few documents have them: a count times log((1 + N) / (1 + n)) + 1, of N
// documents of which n have the word; then each row is scaled to length 1. As in scikit-learn.
class TfIdf {
 public:
  // From the counts of the documents to learn from.
  explicit TfIdf(const SparseRows& counts);
  // From the weights of another one [V], such as those saved with a model.
  explicit TfIdf(Tensor idf);

  // Counts [N, V] -> weighted counts [N, V]. A row without ids stays empty.
  SparseRows operator()(const SparseRows& counts) const;
  const Tensor& idf() const { return idf_; }  // [V], f64

 private:
  Tensor idf_;
};

}  // namespace unroll::data
