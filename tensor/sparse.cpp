#include <unroll/tensor/error.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/sparse.h>

#include <algorithm>

namespace unroll {
namespace {

// to[rows[k]] += values[k] from[ids[k]] for all k; to [R, D], from [S, D], values [K].
void add_products(Tensor& to, const IndexTensor& rows, const Tensor& values, const Tensor& from,
                  const IndexTensor& ids) {
  const Index each =
      std::max<Index>(1, tuning::kGatheredElements / std::max<Index>(1, from.size(1)));
  for (Index k = 0; k < ids.numel(); k += each) {
    const Index n = std::min(each, ids.numel() - k);
    const Tensor gathered = take_rows(from, ids.narrow(0, k, n));  // [n, D]
    add_rows_into(to, rows.narrow(0, k, n), mul(gathered, values.narrow(0, k, n).reshape({n, 1})));
  }
}

}  // namespace

SparseRows::SparseRows(IndexTensor starts, IndexTensor ids, Tensor values, Index columns)
    : starts_(std::move(starts)),
      ids_(std::move(ids)),
      values_(std::move(values)),
      columns_(columns) {
  check(starts_.rank() == 1 && starts_.numel() >= 1 && ids_.rank() == 1 && values_.defined() &&
            values_.shape() == ids_.shape() && columns >= 0,
        "SparseRows: starts [N + 1], ids [K] and values [K] were required: got {}, {} and {}",
        starts_.shape(), ids_.shape(), values_.defined() ? values_.shape().str() : "none");
  check(std::is_sorted(starts_.begin(), starts_.end()) && starts_[0] == 0 &&
            starts_[starts_.numel() - 1] == ids_.numel(),
        "SparseRows: starts that ascend from 0 to the number of ids, {}, were required: got {}",
        ids_.numel(), starts_);
  ids_.check_range("SparseRows", columns);
  values_ = values_.contiguous();
}

SparseRows SparseRows::from(std::span<const std::vector<Index>> lists, Index columns, DType dtype) {
  std::vector<Index> starts{0}, ids;
  for (const std::vector<Index>& list : lists) {
    ids.insert(ids.end(), list.begin(), list.end());
    starts.push_back(static_cast<Index>(ids.size()));
  }
  Tensor ones = Tensor::ones({static_cast<Index>(ids.size())}, dtype);
  return {std::move(starts), std::move(ids), std::move(ones), columns};
}

IndexTensor SparseRows::row_of_values() const {
  std::vector<Index> out;
  for (Index n = 0; n < rows(); ++n) out.resize(static_cast<std::size_t>(starts_[n + 1]), n);
  return out;
}

SparseRows SparseRows::with_values(Tensor values) const {
  return {starts_, ids_, std::move(values), columns_};
}

Tensor SparseRows::dense() const {
  std::vector<Index> places;
  const IndexTensor row = row_of_values();
  for (Index k = 0; k < stored(); ++k) places.push_back(row[k] * columns_ + ids_[k]);
  Tensor out = Tensor::zeros({rows() * columns_, 1}, dtype());
  add_rows_into(out, std::move(places), values_.reshape({stored(), 1}));
  return out.reshape({rows(), columns_});
}

Tensor SparseRows::sums() const {
  Tensor out = Tensor::zeros({rows(), 1}, dtype());
  add_rows_into(out, row_of_values(), values_.reshape({stored(), 1}));
  return out.reshape({rows()});
}

SparseRows SparseRows::select(std::span<const Index> wanted) const {
  std::vector<Index> starts{0}, places;
  for (Index n : wanted) {
    check(n >= 0 && n < rows(), "SparseRows::select: rows in [0, {}) were required: got {}", rows(),
          n);
    for (Index k = starts_[n]; k < starts_[n + 1]; ++k) places.push_back(k);
    starts.push_back(static_cast<Index>(places.size()));
  }
  std::vector<Index> ids;
  for (Index k : places) ids.push_back(ids_[k]);
  return {std::move(starts), std::move(ids),
          index_select(values_, 0, IndexTensor(std::move(places))), columns_};
}

SparseRows SparseRows::counted() const {
  // Sorted by row, then by column; equal ones stay in order.
  const IndexTensor row = row_of_values();
  std::vector<Index> order = counted_indices("SparseRows::counted", stored());
  std::sort(order.begin(), order.end(), [&](Index a, Index b) {
    if (row[a] != row[b]) return row[a] < row[b];
    return ids_[a] != ids_[b] ? ids_[a] < ids_[b] : a < b;
  });
  std::vector<Index> starts(static_cast<std::size_t>(rows() + 1)), ids, places(order.size());
  Index last = -1;  // the element before this one in the order
  for (Index k : order) {
    if (last < 0 || row[last] != row[k] || ids_[last] != ids_[k]) ids.push_back(ids_[k]);
    const auto kept = static_cast<Index>(ids.size());
    places[static_cast<std::size_t>(k)] = kept - 1;
    starts[static_cast<std::size_t>(row[k] + 1)] = kept;
    last = k;
  }
  for (std::size_t n = 1; n < starts.size(); ++n) starts[n] = std::max(starts[n], starts[n - 1]);
  Tensor sums = Tensor::zeros({static_cast<Index>(ids.size()), 1}, dtype());
  add_rows_into(sums, std::move(places), values_.reshape({stored(), 1}));
  sums = sums.flatten();
  return {std::move(starts), std::move(ids), std::move(sums), columns_};
}

Tensor matmul(const SparseRows& x, const Tensor& w) {
  check(w.defined() && w.rank() == 2 && w.size(0) == x.columns(),
        "matmul: a matrix [{}, D] was required for sparse rows of {} columns: got {}", x.columns(),
        x.columns(), w.defined() ? w.shape().str() : "none");
  check_same_dtype("matmul", x.values(), w);
  Tensor y = Tensor::zeros({x.rows(), w.size(1)}, w.dtype());
  add_products(y, x.row_of_values(), x.values(), w, x.ids());
  return y;
}

TransposedProduct transposed_matmul(const SparseRows& x, const Tensor& g) {
  check(g.defined() && g.rank() == 2 && g.size(0) == x.rows(),
        "transposed_matmul: a matrix [{}, D] was required for {} sparse rows: got {}", x.rows(),
        x.rows(), g.defined() ? g.shape().str() : "none");
  check_same_dtype("transposed_matmul", x.values(), g);
  Distinct used = distinct("transposed_matmul", {&x.ids(), 1}, x.columns());
  Tensor rows = Tensor::zeros({static_cast<Index>(used.ids.size()), g.size(1)}, g.dtype());
  add_products(rows, std::move(used.places), x.values(), g, x.row_of_values());
  return {std::move(used.ids), std::move(rows)};
}

}  // namespace unroll
