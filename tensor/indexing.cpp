#include <unroll/tensor/indexing.h>
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/tuning.h>

#include <algorithm>
#include <bit>

namespace unroll {
namespace {

// A contiguous tensor seen as [outer, size, inner] around an axis.
struct Around {
  Index outer = 1, size = 1, inner = 1;
  Around(const Shape& shape, int axis) : size(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  }
};

// Checks an index for gather and scatter_add: same rank as x, and sizes off the axis no larger than
// x's. The ids are checked where they are used.
void check_index(const char* op, const Shape& x, int axis, const IndexTensor& index) {
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == axis || index.shape()[i] <= x[i];
  check(fits, "{}: an index of the rank of {} and no larger beside axis {} was required: got {}",
        op, x, axis, index.shape());
}

// Calls f(offset in x, offset in index) for each element of the index. Throws at the first id that
// is not in [0, x.shape()[axis]).
template <class F>
void for_each_picked(const char* op, const Tensor& x, int axis, const IndexTensor& index, F f) {
  const int last = index.rank() - 1;
  const std::span<const Index> strides = x.strides();
  const Index row = index.shape()[last], stride = strides[axis],
              next = axis == last ? 0 : strides[last], limit = x.shape()[axis];
  const Index* ids = index.data();
  std::array<Index, Shape::kMaxRank> at{};
  const auto pick_row = [&](Index base, Index flat, Index times, Index ahead) {
    bool outside = false;  // a row is checked first, while it comes into the L1 cache
    for (Index j = 0; j < row; ++j)
      outside |= static_cast<std::uint64_t>(ids[flat + j]) >= static_cast<std::uint64_t>(limit);
    if (outside) [[unlikely]]
      index.check_range(op, limit);
    for (Index j = 0; j < row; ++j) f(base + ids[flat + j] * times + j * ahead, flat + j);
  };
  for (Index flat = 0; flat < index.numel(); flat += row) {
    Index base = 0;
    for (int i = 0; i < last; ++i)
      if (i != axis) base += at[i] * strides[i];
    // Constants spare multiplications.
    if (next == 0) {
      stride == 1 ? pick_row(base, flat, 1, 0) : pick_row(base, flat, stride, 0);
    } else {
      pick_row(base, flat, stride, next);
    }
    for (int i = last - 1; i >= 0; --i) {
      if (++at[i] < index.shape()[i]) break;
      at[i] = 0;
    }
  }
}

}  // namespace

Tensor concat(std::span<const Tensor> parts, int axis) {
  check(!parts.empty(), "concat: at least one tensor was required: got none");
  const Tensor& first = parts[0];
  axis = first.shape().axis(axis, "concat");
  Index total = 0;
  for (const Tensor& part : parts) {
    check_same_dtype("concat", first, part);
    bool fits = part.rank() == first.rank();
    for (int i = 0; fits && i < first.rank(); ++i)
      fits = i == axis || part.shape()[i] == first.shape()[i];
    check(fits, "concat: shapes equal but on axis {} were required: got {} and {}", axis,
          first.shape(), part.shape());
    check(!__builtin_add_overflow(total, part.shape()[axis], &total),
          "concat: sizes whose sum fits 63 bits were required on axis {}: got {} and more", axis,
          part.shape());
  }
  Tensor out = Tensor::empty(first.shape().with(axis, total), first.dtype());
  Index start = 0;
  for (const Tensor& part : parts) {
    const Index size = part.shape()[axis];
    Tensor range = out.narrow(axis, start, size);
    range.copy_(part);
    start += size;
  }
  return out;
}

Tensor stack(std::span<const Tensor> parts, int axis) {
  check(!parts.empty(), "stack: at least one tensor was required: got none");
  const int rank = parts[0].rank();
  check(axis >= -rank - 1 && axis <= rank, "stack: an axis in [{}, {}] was required: got {}",
        -rank - 1, rank, axis);
  if (axis < 0) axis += rank + 1;
  std::vector<Tensor> rows;
  for (const Tensor& part : parts) {
    check(part.shape() == parts[0].shape(), "stack: equal shapes were required: got {} and {}",
          parts[0].shape(), part.shape());
    rows.push_back(part.unsqueeze(axis));
  }
  return concat(rows, axis);
}

Tensor flip(const Tensor& x, int axis) {
  axis = x.shape().axis(axis, "flip");
  const Index n = x.shape()[axis];
  if (x.numel() == 0) return x.clone();
  std::array<Index, Shape::kMaxRank> strides{};
  std::copy(x.strides().begin(), x.strides().end(), strides.begin());
  const Index offset = (n - 1) * strides[axis];
  strides[axis] = -strides[axis];
  Tensor out = Tensor::empty_like(x);
  out.copy_(make_view(x, x.shape(), std::span(strides).first(x.shape().span().size()), offset));
  return out;
}

Tensor pad(const Tensor& x, int axis, Index before, Index after, double value) {
  axis = x.shape().axis(axis, "pad");
  check(before >= 0 && after >= 0,
        "pad: amounts of at least 0 were required: got {} before and {} after", before, after);
  const Index n = x.shape()[axis];
  Index total = n;
  check(!__builtin_add_overflow(total, before, &total) &&
            !__builtin_add_overflow(total, after, &total),
        "pad: a size that fits 63 bits was required: got {} and {} around {}", before, after, n);
  Tensor out = Tensor::empty(x.shape().with(axis, total), x.dtype());
  out.narrow(axis, 0, before).fill_(value);
  out.narrow(axis, before, n).copy_(x);
  out.narrow(axis, before + n, after).fill_(value);
  return out;
}

Tensor gather(const Tensor& x, int axis, const IndexTensor& index) {
  axis = x.shape().axis(axis, "gather");
  check_index("gather", x.shape(), axis, index);
  Tensor out = Tensor::empty(index.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = out.data<T>();
    for_each_picked("gather", x, axis, index, [=](Index place, Index i) { to[i] = from[place]; });
  });
  return out;
}

namespace {
// x[.., index, ..] += source. Throws at the first id out of range, when some elements may have been
// changed already.
void add_picked(Tensor& x, int axis, const IndexTensor& index, const Tensor& source) {
  axis = x.shape().axis(axis, "scatter_add");
  check_same_dtype("scatter_add", x, source);
  check_index("scatter_add", x.shape(), axis, index);
  if (source.shape() != index.shape()) {
    index.check_range("scatter_add", x.shape()[axis]);  // said first
    fail("scatter_add: a source of the index's shape {} was required: got {}", index.shape(),
         source.shape());
  }
  check_writable("scatter_add", x);
  const Tensor from = x.shares_storage_with(source) ? source.clone() : source.contiguous();
  dispatch(x.dtype(), [&]<class T>() {
    const T* values = from.data<T>();
    T* to = x.data<T>();
    for_each_picked("scatter_add", x, axis, index,
                    [=](Index place, Index i) { to[place] += values[i]; });
  });
}
}  // namespace

Tensor scatter_add(const Tensor& x, int axis, const IndexTensor& index, const Tensor& source) {
  Tensor out = x.clone();
  add_picked(out, axis, index, source);
  return out;
}

Tensor scatter_add(const Shape& shape, int axis, const IndexTensor& index, const Tensor& source) {
  Tensor out = Tensor::zeros(shape, source.dtype());
  add_picked(out, axis, index, source);
  return out;
}

void scatter_add_into(Tensor& x, int axis, const IndexTensor& index, const Tensor& source) {
  index.check_range("scatter_add", x.size(axis));
  add_picked(x, axis, index, source);
  x.mark_written();
}

Tensor index_select(const Tensor& x, int axis, const IndexTensor& index) {
  axis = x.shape().axis(axis, "index_select");
  check(index.rank() == 1, "index_select: a 1-D index was required: got {}", index.shape());
  index.check_range("index_select", x.shape()[axis]);
  // A matrix may have any row stride, including 0.
  const bool strided_rows = x.rank() == 2 && axis == 0 && x.strides()[1] == 1;
  const Tensor source = strided_rows ? x : x.contiguous();
  const Around a(x.shape(), axis);
  const Index stride = strided_rows ? x.strides()[0] : a.inner;  // stride from slice to slice
  Tensor out = Tensor::empty(x.shape().with(axis, index.numel()), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = out.data<T>();
    for (Index o = 0; o < a.outer; ++o, from += a.size * a.inner) {
      if (a.inner == 1) {
        for (Index i : index) *to++ = from[i * stride];
      } else if (a.inner < tuning::kShortSlice) {
        for (Index i : index)
          for (Index j = 0; j < a.inner; ++j) *to++ = from[i * stride + j];
      } else {
        for (Index i : index) to = std::copy_n(from + i * stride, a.inner, to);
      }
    }
  });
  return out;
}

Tensor index_add(const Tensor& x, int axis, const IndexTensor& index, Index size) {
  axis = x.shape().axis(axis, "index_add");
  check(size >= 0, "index_add: a size of at least 0 was required: got {}", size);
  check(index.rank() == 1 && index.numel() == x.shape()[axis],
        "index_add: one index for each of the {} slices of {} was required: got {}",
        x.shape()[axis], x.shape(), index.shape());
  index.check_range("index_add", size);
  const Tensor source = x.contiguous();
  const Around a(x.shape().with(axis, size), axis);
  Tensor out = Tensor::zeros(x.shape().with(axis, size), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = out.data<T>();
    for (Index o = 0; o < a.outer; ++o, to += a.size * a.inner)
      for (Index i : index) {
        if (a.inner == 1) {
          to[i] += *from;
        } else if (a.inner < tuning::kShortSlice) {
          for (Index j = 0; j < a.inner; ++j) to[i * a.inner + j] += from[j];
        } else {
          kernels::add_into(to + i * a.inner, from, a.inner);
        }
        from += a.inner;
      }
  });
  return out;
}

Tensor one_hot(const IndexTensor& ids, Index classes, DType dtype) {
  check(ids.defined(), "one_hot: ids were required: got an undefined index tensor");
  check(classes >= 0, "one_hot: a number of classes of at least 0 was required: got {}", classes);
  ids.check_range("one_hot", classes);
  Tensor out = Tensor::zeros(ids.shape().inserted(ids.rank(), classes), dtype);
  dispatch(dtype, [&]<class T>() {
    T* row = out.data<T>();
    for (Index id : ids) row[id] = 1, row += classes;
  });
  return out;
}

namespace {
// A copy of x with zeros above (`lower`) or below a diagonal.
Tensor part_of(const char* op, const Tensor& x, Index diagonal, bool lower) {
  check(x.rank() >= 2, "{}: matrices [.., M, N] were required: got {}", op, x.shape());
  const Index m = x.shape()[-2], n = x.shape()[-1];
  diagonal = std::clamp(diagonal, -m, n);
  // A matrix may have any row stride, including 0.
  const bool strided_rows = x.rank() == 2 && x.strides()[1] == 1;
  Tensor out = strided_rows ? Tensor::empty(x.shape(), x.dtype()) : x.clone();
  const Index rows = n > 0 ? out.numel() / n : 0, stride = strided_rows ? x.strides()[0] : 0;
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = out.data<T>();
    for (Index row = 0; row < rows; ++row, from += stride, to += n) {
      const Index edge = std::clamp(row % m + diagonal + (lower ? 1 : 0), Index{0}, n);
      const Index begin = lower ? 0 : edge, end = lower ? edge : n;  // the columns that are kept
      std::fill(to, to + begin, T{0});
      if (strided_rows) std::copy(from + begin, from + end, to + begin);
      std::fill(to + end, to + n, T{0});
    }
  });
  return out;
}
}  // namespace

Tensor tril(const Tensor& x, Index diagonal) { return part_of("tril", x, diagonal, true); }
Tensor triu(const Tensor& x, Index diagonal) { return part_of("triu", x, diagonal, false); }

Tensor take_rows(const Tensor& table, const IndexTensor& ids) {
  check(table.rank() == 2, "embedding: a table [V, D] was required: got {}", table.shape());
  ids.check_range("embedding", table.shape()[0]);
  const Index dim = table.shape()[1];
  // The table may have any row stride, including 0.
  const Tensor source = dim <= 1 || table.strides()[1] != 1 ? table.contiguous() : table;
  const Index stride = source.strides()[0];
  Tensor out = Tensor::empty(ids.shape().inserted(ids.rank(), dim), table.dtype());
  dispatch(table.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = out.data<T>();
    for (Index id : ids) {
      std::copy_n(from + id * stride, dim, to);
      to += dim;
    }
  });
  return out;
}

Distinct distinct(const char* op, std::span<const IndexTensor> parts, Index limit) {
  Index total = 0;
  for (const IndexTensor& part : parts) part.check_range(op, limit), total += part.numel();
  Distinct out;
  out.places.reserve(static_cast<std::size_t>(total));
  if (limit / 64 > total) {
    for (const IndexTensor& part : parts) out.ids.insert(out.ids.end(), part.begin(), part.end());
    std::sort(out.ids.begin(), out.ids.end());
    out.ids.erase(std::unique(out.ids.begin(), out.ids.end()), out.ids.end());
    for (const IndexTensor& part : parts)
      for (Index id : part)
        out.places.push_back(std::lower_bound(out.ids.begin(), out.ids.end(), id) -
                             out.ids.begin());
    return out;
  }
  // A bitmap of the ids that occur gives them in order without sorting.
  std::vector<std::uint64_t> seen(static_cast<std::size_t>(limit / 64 + 1));
  for (const IndexTensor& part : parts)
    for (Index id : part) seen[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << id % 64;
  std::vector<Index> before;  // number of ids before each 64-bit word
  for (std::size_t w = 0; w < seen.size(); ++w) {
    before.push_back(static_cast<Index>(out.ids.size()));
    for (std::uint64_t bits = seen[w]; bits != 0; bits &= bits - 1)
      out.ids.push_back(static_cast<Index>(w * 64) + std::countr_zero(bits));
  }
  for (const IndexTensor& part : parts)
    for (Index id : part) {
      const auto w = static_cast<std::size_t>(id) / 64;
      const std::uint64_t lower = (std::uint64_t{1} << id % 64) - 1;
      out.places.push_back(before[w] + std::popcount(seen[w] & lower));
    }
  return out;
}

void add_rows_into(Tensor& table, const IndexTensor& ids, const Tensor& rows) {
  const Index dim = table.rank() == 2 ? table.shape()[1] : 0;
  check(table.rank() == 2 && table.is_contiguous() && rows.numel() == ids.numel() * dim,
        "add_rows_into: a table [V, D] and rows [{}, D] were required: got {} and {}", ids.numel(),
        table.shape(), rows.shape());
  check_same_dtype("add_rows_into", table, rows);
  ids.check_range("add_rows_into", table.shape()[0]);
  // Rows of a wider matrix are read in place.
  const bool strided_rows = rows.shape() == Shape({ids.numel(), dim}) && rows.strides()[1] == 1;
  const Tensor source = strided_rows ? rows : rows.contiguous();
  const Index stride = strided_rows ? rows.strides()[0] : dim;
  // Each thread has its own column blocks, so that rows with equal ids are added in a fixed order.
  constexpr Index kBlock = tuning::kAddedColumns;
  const Index blocks = (dim + kBlock - 1) / kBlock;
  kernels::parallel_rows(blocks, kBlock * ids.numel(), [&](Index first, Index count) {
    const Index begin = first * kBlock, columns = std::min(count * kBlock, dim - begin);
    dispatch(table.dtype(), [&]<class T>() {
      const T* from = source.data<T>() + begin;
      T* to = table.data<T>() + begin;
      for (Index id : ids) {
        kernels::add_into(to + id * dim, from, columns);
        from += stride;
      }
    });
  });
  table.mark_written();
}

}  // namespace unroll
