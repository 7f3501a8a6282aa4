#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/transpose.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/strided.h>

#include <algorithm>
#include <cstdlib>

namespace unroll::detail {
namespace {

constexpr int kMaxRank = Shape::kMaxRank;

// Axes in memory order, largest stride first; without `all`, only axes with more than one element.
struct Order {
  int rank = 0;
  std::array<int, kMaxRank> axis{};
};
Order order_of(const Tensor& x, bool all) {
  Order out;
  for (int i = 0; i < x.rank(); ++i) {
    if (x.shape()[i] == 1 && !all) continue;
    int at = out.rank++;
    for (; at > 0 && std::abs(x.strides()[out.axis[at - 1]]) < std::abs(x.strides()[i]); --at)
      out.axis[at] = out.axis[at - 1];
    out.axis[at] = i;
  }
  return out;
}

// The merged axes of the result. stride[0] is the result's; the others are the operands'.
struct Walk {
  int rank = 0, operands = 0;
  std::array<Index, kMaxRank> size{};
  std::array<std::array<Index, kMaxRank>, 1 + kMaxOperands> stride{};
};

// The stride of x along an axis of the result; 0 where x is broadcast.
Index stride_along(const Tensor& x, int axis, int result_rank) {
  const int at = axis - (result_rank - x.rank());
  return at < 0 || x.shape()[at] == 1 ? 0 : x.strides()[at];
}

Walk walk_over(const Tensor& y, std::initializer_list<const Tensor*> operands) {
  Walk w;
  w.operands = static_cast<int>(operands.size());
  const Order order = order_of(y, false);
  for (int i = 0; i < order.rank; ++i) {
    const int axis = order.axis[i];
    std::array<Index, 1 + kMaxOperands> now{y.strides()[axis]};
    int k = 1;
    for (const Tensor* x : operands) now[k++] = stride_along(*x, axis, y.rank());
    const Index size = y.shape()[axis];
    bool merges = w.rank > 0;
    for (int j = 0; merges && j < k; ++j) merges = w.stride[j][w.rank - 1] == now[j] * size;
    if (merges) {
      w.size[w.rank - 1] *= size;
    } else {
      w.size[w.rank++] = size;
    }
    for (int j = 0; j < k; ++j) w.stride[j][w.rank - 1] = now[j];
  }
  if (w.rank == 0) w.size[w.rank++] = 1;
  return w;
}

// Tiles of operands that are not contiguous are gathered into a buffer.
using tuning::kTileColumns, tuning::kTileRows;

bool is_run(Index stride) { return stride == 0 || stride == 1; }

// Moves the axis along which an operand is contiguous to the second-to-last place; adds an axis if
// there is only one. Returns whether an operand must be gathered, or the result scattered.
bool arrange(Walk& w) {
  bool staged = !is_run(w.stride[0][w.rank - 1]);
  if (w.rank == 1) {
    w.rank = 2;
    w.size[1] = w.size[0], w.size[0] = 1;
    for (int k = 0; k <= w.operands; ++k) w.stride[k][1] = w.stride[k][0], w.stride[k][0] = 0;
  }
  const int last = w.rank - 1;
  int best = last - 1;
  for (int k = 1; k <= w.operands; ++k) {
    if (is_run(w.stride[k][last])) continue;
    staged = true;
    for (int axis = 0; axis < last; ++axis)
      if (w.stride[k][axis] == 1) best = axis;
  }
  std::swap(w.size[best], w.size[last - 1]);
  for (int k = 0; k <= w.operands; ++k) std::swap(w.stride[k][best], w.stride[k][last - 1]);
  return staged;
}

// Gathers rows [r, r + rows) and columns [c, c + columns) of one operand into a row-major tile.
template <class T>
void gather_tile(const T* from, Index row_stride, Index column_stride, Index rows, Index columns,
                 T* tile) {
  if (row_stride == 1)
    return kernels::transpose(from, column_stride, tile, kTileColumns, rows, columns);
  for (Index r = 0; r < rows; ++r, from += row_stride, tile += kTileColumns) {
    if (column_stride == -1) {
      kernels::reverse(from, tile, columns);
    } else {
      for (Index c = 0; c < columns; ++c) tile[c] = from[c * column_stride];
    }
  }
}

// Runs over the last two axes, rows [first, first + count), at a fixed position on the other axes.
template <class T>
void run_rows(const Walk& w, T* to, std::array<const T*, kMaxOperands> from, Index first,
              Index count, bool staged, Run<T> run, const void* f) {
  const int row = w.rank - 2, column = w.rank - 1;
  const Index n = w.size[column], to_row = w.stride[0][row], to_column = w.stride[0][column];
  to += first * to_row;
  for (int k = 0; k < w.operands; ++k) from[k] += first * w.stride[k + 1][row];
  std::array<Index, kMaxOperands> strides{};
  if (!staged) {
    for (int k = 0; k < w.operands; ++k) strides[k] = w.stride[k + 1][column];
    for (Index r = 0; r < count; ++r) {
      run(f, from.data(), strides.data(), to, n);
      to += to_row;
      for (int k = 0; k < w.operands; ++k) from[k] += w.stride[k + 1][row];
    }
    return;
  }
  T tiles[kMaxOperands][kTileRows * kTileColumns], result[kTileColumns];
  for (Index r = 0; r < count; r += kTileRows)
    for (Index c = 0; c < n; c += kTileColumns) {
      const Index rows = std::min(kTileRows, count - r), columns = std::min(kTileColumns, n - c);
      std::array<const T*, kMaxOperands> at{};
      std::array<Index, kMaxOperands> row_strides{};
      for (int k = 0; k < w.operands; ++k) {
        const Index row_stride = w.stride[k + 1][row], column_stride = w.stride[k + 1][column];
        at[k] = from[k] + r * row_stride + c * column_stride;
        if (is_run(column_stride)) {
          strides[k] = column_stride, row_strides[k] = row_stride;
        } else {
          gather_tile(at[k], row_stride, column_stride, rows, columns, tiles[k]);
          at[k] = tiles[k], strides[k] = 1, row_strides[k] = kTileColumns;
        }
      }
      for (Index i = 0; i < rows; ++i) {
        T* row_to = to + (r + i) * to_row + c * to_column;
        if (to_column == 1) {
          run(f, at.data(), strides.data(), row_to, columns);
        } else {
          run(f, at.data(), strides.data(), result, columns);
          for (Index j = 0; j < columns; ++j) row_to[j * to_column] = result[j];
        }
        for (int k = 0; k < w.operands; ++k) at[k] += row_strides[k];
      }
    }
}

}  // namespace

std::vector<int> memory_order(const Tensor& x) {
  const Order order = order_of(x, true);
  return {order.axis.begin(), order.axis.begin() + order.rank};
}

bool is_dense(const Tensor& x) {
  if (x.is_contiguous()) return true;
  const Order order = order_of(x, false);
  Index stride = 1;
  for (int i = order.rank - 1; i >= 0; --i) {
    if (x.strides()[order.axis[i]] != stride) return false;
    stride *= x.shape()[order.axis[i]];
  }
  return true;
}

bool same_order(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) return false;
  if (x.is_contiguous() && y.is_contiguous()) return true;
  for (int i = 0; i < x.rank(); ++i)
    if (x.shape()[i] != 1 && x.strides()[i] != y.strides()[i]) return false;
  return true;
}

std::array<Index, kMaxRank> dense_strides(const Tensor& x) {
  const Order order = order_of(x, true);
  std::array<Index, kMaxRank> out{};
  Index stride = 1;
  for (int i = order.rank - 1; i >= 0; --i) {
    out[order.axis[i]] = stride;
    stride *= x.shape()[order.axis[i]];
  }
  return out;
}

bool repeats(const Tensor& x) {
  for (int i = 0; i < x.rank(); ++i)
    if (x.strides()[i] == 0 && x.shape()[i] > 1) return true;
  return false;
}

Tensor unrepeated(const Tensor& x) {
  Tensor once = x;
  for (int i = 0; i < x.rank(); ++i)
    if (x.strides()[i] == 0 && x.shape()[i] > 1) once = once.narrow(i, 0, 1);
  return once;
}

Tensor empty_for(const Shape& shape, std::initializer_list<const Tensor*> operands) {
  const Tensor* like = nullptr;
  Order order;
  for (const Tensor* x : operands) {
    if (x->shape() != shape) continue;
    if (x->is_contiguous()) return Tensor::empty(shape, x->dtype());
    if (repeats(*x)) continue;
    const Order now = order_of(*x, false);
    if (like && now.axis != order.axis) return Tensor::empty(shape, x->dtype());
    like = x, order = now;
  }
  return like ? Tensor::empty_like(*like) : Tensor::empty(shape, (*operands.begin())->dtype());
}

template <class T>
void for_each_run(Tensor& y, std::initializer_list<const Tensor*> operands, Run<T> run,
                  const void* f) {
  if (y.numel() == 0) return;
  T* to = y.data<T>();
  std::array<const T*, kMaxOperands> from{};
  std::array<Index, kMaxOperands> strides{};
  const std::size_t number = operands.size();
  const Tensor* const* x = operands.begin();
  bool flat = y.is_contiguous();  // one run: the most frequent case, so it is looked for first
  for (std::size_t k = 0; k < number; ++k) {
    from[k] = x[k]->data<T>();
    strides[k] = 1;
    flat = flat && x[k]->is_contiguous() && x[k]->shape() == y.shape();
  }
  if (!flat) {
    flat = is_dense(y);
    for (std::size_t k = 0; k < number; ++k) {
      strides[k] = x[k]->numel() == 1 ? 0 : 1;
      flat = flat && (x[k]->numel() == 1 || same_order(*x[k], y));
    }
  }
  if (flat && y.numel() <= tuning::kTaskElements) {
    const kernels::FlushDenormals flush;
    return run(f, from.data(), strides.data(), to, y.numel());
  }
  if (flat)
    return kernels::parallel_rows(y.numel(), 1, [&](Index i, Index n) {
      std::array<const T*, kMaxOperands> at = from;
      for (std::size_t k = 0; k < number; ++k) at[k] += i * strides[k];
      run(f, at.data(), strides.data(), to + i, n);
    });
  Walk w = walk_over(y, operands);
  const bool staged = arrange(w);
  // Work is split into blocks of rows, for each position on the axes before the last two.
  const Index rows = w.size[w.rank - 2], n = w.size[w.rank - 1];
  const Index each = staged ? kTileRows : std::max<Index>(1, tuning::kPassElements / n);
  const Index blocks = (rows + each - 1) / each;
  Index outer = 1;
  for (int axis = 0; axis < w.rank - 2; ++axis) outer *= w.size[axis];
  kernels::parallel_rows(outer * blocks, std::min(each, rows) * n, [&](Index first, Index count) {
    for (Index unit = first; unit < first + count; ++unit) {
      T* to_place = to;
      std::array<const T*, kMaxOperands> place = from;
      Index left = unit / blocks;
      for (int axis = w.rank - 3; axis >= 0; --axis) {
        const Index index = left % w.size[axis];
        left /= w.size[axis];
        to_place += index * w.stride[0][axis];
        for (int k = 0; k < w.operands; ++k) place[k] += index * w.stride[k + 1][axis];
      }
      const Index row = unit % blocks * each;
      run_rows(w, to_place, place, row, std::min(each, rows - row), staged, run, f);
    }
  });
}

template void for_each_run<float>(Tensor&, std::initializer_list<const Tensor*>, Run<float>,
                                  const void*);
template void for_each_run<double>(Tensor&, std::initializer_list<const Tensor*>, Run<double>,
                                   const void*);

}  // namespace unroll::detail
