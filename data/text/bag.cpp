#include <unroll/data/text/bag.h>
#include <unroll/tensor/error.h>

#include <cmath>

namespace unroll::data {

SparseRows bag_of_words(std::span<const std::vector<Index>> documents, Index columns,
                        const BagOptions& o) {
  SparseRows counts = SparseRows::from(documents, columns, o.dtype).counted();
  return o.binary ? counts.with_values(Tensor::ones({counts.stored()}, o.dtype)) : counts;
}

TfIdf::TfIdf(const SparseRows& counts) {
  const SparseRows once = counts.counted();  // a document counts once for each word
  std::vector<double> idf(static_cast<std::size_t>(counts.columns()));
  for (Index id : once.ids()) ++idf[static_cast<std::size_t>(id)];
  for (double& x : idf) x = std::log((1 + static_cast<double>(counts.rows())) / (1 + x)) + 1;
  idf_ = Tensor::from(idf, {counts.columns()});
}

TfIdf::TfIdf(Tensor idf) {
  check(idf.defined() && idf.rank() == 1, "TfIdf: weights [V] were required: got {}",
        idf.defined() ? idf.shape().str() : "none");
  idf_ = idf.to(f64).contiguous();
}

SparseRows TfIdf::operator()(const SparseRows& counts) const {
  check(counts.columns() == idf_.numel(), "TfIdf: sparse rows of {} columns were required: got {}",
        idf_.numel(), counts.columns());
  const Tensor weights = idf_, given = counts.values().to(f64);
  const double *idf = weights.data<double>(), *from = given.data<double>();
  std::vector<double> values(static_cast<std::size_t>(counts.stored()));
  for (Index n = 0; n < counts.rows(); ++n) {
    const auto first = static_cast<std::size_t>(counts.starts()[n]),
               end = static_cast<std::size_t>(counts.starts()[n + 1]);
    double squares = 0;
    for (std::size_t k = first; k < end; ++k) {
      values[k] = from[k] * idf[counts.ids()[static_cast<Index>(k)]];
      squares += values[k] * values[k];
    }
    if (squares > 0)
      for (std::size_t k = first; k < end; ++k) values[k] /= std::sqrt(squares);
  }
  return counts.with_values(Tensor::from(values, {counts.stored()}, counts.dtype()));
}

}  // namespace unroll::data
