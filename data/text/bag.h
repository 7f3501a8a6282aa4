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

// Lists of ids -> [N, columns]: a row for each document, with distinct ascending ids. Throws
// std::invalid_argument unless all ids are in [0, columns).
SparseRows bag_of_words(std::span<const std::vector<Index>> documents, Index columns,
                        const BagOptions& options = {});

// tf-idf: count times idf, where idf = log((1 + N) / (1 + n)) + 1 if n of N documents have the
// word; then each row is divided by its L2 norm. As in scikit-learn.
class TfIdf {
 public:
  // Computes the idf of the training documents from their counts.
  explicit TfIdf(const SparseRows& counts);
  // From the idf [V] of another TfIdf, such as that saved with a model.
  explicit TfIdf(Tensor idf);

  // Counts [N, V] -> weighted counts [N, V]. A row without ids stays empty.
  SparseRows operator()(const SparseRows& counts) const;
  const Tensor& idf() const { return idf_; }  // [V], f64

 private:
  Tensor idf_;
};

}  // namespace unroll::data
