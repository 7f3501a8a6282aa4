#include <unroll/tensor/kernels/cumsum.h>
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/kernels/tuning.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/strided.h>

#include <algorithm>
#include <cmath>

namespace unroll {
namespace {

std::array<bool, Shape::kMaxRank> marked(const char* op, const Shape& shape, const Axes& axes) {
  std::array<bool, Shape::kMaxRank> out{};
  if (axes.empty()) out.fill(true);
  for (int axis : axes) {
    const int a = shape.axis(axis, op);
    check(!out[a], "{}: each axis once was required: axis {} of {} came twice", op, a, shape);
    out[a] = true;
  }
  return out;
}

Index row_length(const char* op, const Tensor& x) {
  check(x.rank() >= 1, "{}: at least one axis was required: got a scalar", op);
  return x.shape().back();
}

}  // namespace

Shape reduced_shape(const char* op, const Shape& shape, const Axes& axes,
                    const ReduceOptions& options) {
  const auto gone = marked(op, shape, axes);
  Shape out = shape;
  for (int i = shape.rank() - 1; i >= 0; --i)
    if (gone[i]) out = options.keepdim ? out.with(i, 1) : out.without(i);
  return out;
}

namespace {

// Reduces adjacent axes of x, seen as [outer, n, inner]. x is row-major, or a matrix with any row
// stride. y is row-major.
void reduce_row_major(kernels::Reduce op, const Tensor& x,
                      const std::array<bool, Shape::kMaxRank>& gone, Tensor& y) {
  const Shape& shape = x.shape();
  Index n = 1;  // elements per result
  int first = shape.rank(), last = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!gone[i]) continue;
    n *= shape[i];
    first = std::min(first, i), last = std::max(last, i);
  }
  // If the reduced axes are not adjacent, they are moved to the end.
  bool together = true;
  for (int i = first; i <= last; ++i) together = together && gone[i];
  Index inner = 1, stride = 1;  // stride between the elements of a sum
  Tensor source;
  if (together) {
    for (int i = last + 1; i < shape.rank(); ++i) inner *= shape[i];
    // A matrix may have any row stride.
    const bool rows = shape.rank() == 2 && last == 0 && inner > 1 && x.strides()[1] == 1;
    source = rows ? x : x.contiguous();
    stride = rows ? x.strides()[0] : inner;
  } else {
    std::vector<int> order;
    for (int i = 0; i < shape.rank(); ++i)
      if (!gone[i]) order.push_back(i);
    for (int i = 0; i < shape.rank(); ++i)
      if (gone[i]) order.push_back(i);
    source = x.permute(order).contiguous();
  }
  const Index outer = y.numel() / inner;
  constexpr Index kStrip = tuning::kStripColumns;
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = y.data<T>();
    if (inner == 1) {
      kernels::parallel_rows(outer, n, [&](Index r, Index rows) {
        kernels::reduce_rows(op, from + r * n, to + r, rows, n);
      });
    } else {
      for (Index i = 0; i < outer; ++i)
        kernels::parallel_rows(
            (inner + kStrip - 1) / kStrip, n * kStrip, [&](Index group, Index count) {
              const Index j = group * kStrip, columns = std::min(count * kStrip, inner - j);
              kernels::reduce_columns(op, from + i * n * inner + j, stride, to + i * inner + j, n,
                                      columns);
            });
    }
  });
}

// x with other strides: its axes are put into memory order, and an element repeated by stride 0 is
// read once.
Tensor reduce_any(kernels::Reduce op, const Tensor& x,
                  const std::array<bool, Shape::kMaxRank>& gone) {
  const Tensor once = detail::unrepeated(x);
  double repeated = 1;  // how often each element occurs in a sum
  for (int i = 0; i < x.rank(); ++i)
    if (gone[i] && once.shape()[i] != x.shape()[i]) repeated *= static_cast<double>(x.shape()[i]);
  const std::vector<int> order = detail::memory_order(once);
  std::array<bool, Shape::kMaxRank> gone_now{};
  std::vector<int> kept, back;  // axes of x; positions among the kept axes
  for (std::size_t i = 0; i < order.size(); ++i) {
    gone_now[i] = gone[order[i]];
    if (!gone_now[i]) kept.push_back(order[i]);
  }
  const Tensor source = once.permute(order);
  Shape narrow, full;
  for (int axis : kept) narrow = narrow.inserted(narrow.rank(), once.shape()[axis]);
  Tensor y = Tensor::empty(narrow, x.dtype());
  reduce_row_major(op, source, gone_now, y);
  if (op == kernels::Reduce::sum && repeated != 1) y = mul(y, repeated);
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (gone[axis]) continue;
    back.push_back(static_cast<int>(std::find(kept.begin(), kept.end(), axis) - kept.begin()));
    full = full.inserted(full.rank(), x.shape()[axis]);
  }
  return y.permute(back).expand(full).contiguous();
}

Tensor reduce(kernels::Reduce op, const Tensor& x, const Axes& axes, const ReduceOptions& options) {
  static constexpr const char* kNames[] = {"sum", "max", "min"};
  const char* name = kNames[static_cast<int>(op)];
  const Shape& shape = x.shape();
  const auto gone = marked(name, shape, axes);
  const Shape out_shape = reduced_shape(name, shape, axes, options);
  Tensor y = Tensor::empty(out_shape, x.dtype());
  if (y.numel() == 0) return y;
  check(x.numel() > 0 || op == kernels::Reduce::sum,
        "{}: at least one element to reduce was required: got the shape {}", name, shape);
  if (!x.is_contiguous() && x.numel() > 0) return reduce_any(op, x, gone).reshape(out_shape);
  reduce_row_major(op, x, gone, y);
  return y;
}

}  // namespace

Tensor sum(const Tensor& x, const Axes& axes, const ReduceOptions& options) {
  return reduce(kernels::Reduce::sum, x, axes, options);
}
Tensor max(const Tensor& x, const Axes& axes, const ReduceOptions& options) {
  return reduce(kernels::Reduce::max, x, axes, options);
}
Tensor min(const Tensor& x, const Axes& axes, const ReduceOptions& options) {
  return reduce(kernels::Reduce::min, x, axes, options);
}
Tensor mean(const Tensor& x, const Axes& axes, const ReduceOptions& options) {
  (void)reduced_shape("mean", x.shape(), axes, options);  // throws with the name of this op
  Tensor total = sum(x, axes, options);
  if (total.numel() == 0) return total;
  check(x.numel() > 0, "mean: at least one element was required: got the shape {}", x.shape());
  return div(total, Tensor::scalar(static_cast<double>(x.numel() / total.numel()), x.dtype()));
}

namespace {

// x as rows of n adjacent elements, one for each result, if its axes lie in memory like this.
struct ResultRows {
  Index rows = 0, n = 0;
  explicit operator bool() const { return rows > 0; }
};
ResultRows result_rows(const Tensor& x, const std::array<bool, Shape::kMaxRank>& gone) {
  if (x.numel() == 0) return {};
  bool all = true, last = true;  // whether all axes are reduced, and only the last ones
  Index n = 1;
  for (int i = x.rank() - 1; i >= 0; --i) {
    if (gone[i] && !all) last = false;
    all = all && gone[i];
    if (gone[i]) n *= x.shape()[i];
  }
  if (all ? detail::is_dense(x) : last && x.is_contiguous()) return {x.numel() / n, n};
  return {};
}

}  // namespace

Tensor sum_of_squares(const Tensor& x, const Axes& axes, const ReduceOptions& options) {
  const ResultRows of = result_rows(x, marked("sum_of_squares", x.shape(), axes));
  if (!of) return sum(square(x), axes, options);
  Tensor y = Tensor::empty(reduced_shape("sum_of_squares", x.shape(), axes, options), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.data<T>();
    kernels::parallel_rows(of.rows, of.n, [&](Index first, Index count) {
      for (Index r = first; r < first + count; ++r)
        to[r] = static_cast<T>(kernels::sum_of_squares(from + r * of.n, of.n, 1.0));
    });
  });
  return y;
}

Deviations deviations(const Tensor& x, const Tensor& centre, const Axes& axes) {
  const ResultRows of = result_rows(x, marked("deviations", x.shape(), axes));
  if (!of || !centre.is_contiguous()) {
    const Tensor e = sub(x, centre);
    return {sum(e, axes, {.keepdim = true}), sum_of_squares(e, axes, {.keepdim = true})};
  }
  Deviations out{Tensor::empty(centre.shape(), x.dtype()),
                 Tensor::empty(centre.shape(), x.dtype())};
  dispatch(x.dtype(), [&]<class T>() {
    const T *from = x.data<T>(), *c = centre.data<T>();
    T *sum_to = out.sum.data<T>(), *squares_to = out.squares.data<T>();
    kernels::parallel_rows(of.rows, of.n, [&](Index first, Index count) {
      constexpr Index kNear = tuning::kNearElements;
      T e[kNear], part;
      for (Index r = first; r < first + count; ++r) {
        double sum = 0, squares = 0;
        for (Index i = 0; i < of.n; i += kNear) {
          const Index n = std::min(kNear, of.n - i);
          kernels::binary(kernels::Binary::sub, from + r * of.n + i, 1, c + r, 0, e, n);
          kernels::reduce_rows(kernels::Reduce::sum, e, &part, 1, n);
          sum += static_cast<double>(part);
          squares += kernels::sum_of_squares(e, n, 1.0);
        }
        sum_to[r] = static_cast<T>(sum), squares_to[r] = static_cast<T>(squares);
      }
    });
  });
  return out;
}

IndexTensor argmax(const Tensor& x, int axis) {
  axis = x.shape().axis(axis, "argmax");
  const Index n = x.shape()[axis];
  const Shape shape = x.shape().without(axis);
  check(n > 0 || shape.numel() == 0,
        "argmax: at least one element was required on axis {}: got the shape {}", axis, x.shape());
  Index inner = 1;
  for (int i = axis + 1; i < x.rank(); ++i) inner *= x.shape()[i];
  const Tensor source = x.contiguous();
  std::vector<Index> out(static_cast<std::size_t>(shape.numel()));
  dispatch(x.dtype(), [&]<class T>() {
    // NaN counts as the largest.
    const auto above = [](T now, T max) {
      return now > max || (std::isnan(now) && !std::isnan(max));
    };
    const T* block = source.data<T>();
    std::vector<T> maxima(static_cast<std::size_t>(inner));
    Index* best = out.data();
    for (const T* end = block + x.numel(); block < end; block += n * inner, best += inner) {
      std::copy_n(block, inner, maxima.begin());
      for (Index i = 1; i < n; ++i)
        for (Index j = 0; j < inner; ++j) {
          const T now = block[i * inner + j];
          if (above(now, maxima[j])) maxima[j] = now, best[j] = i;
        }
    }
  });
  return {std::move(out), shape};
}

IndexTensor argmin(const Tensor& x, int axis) {
  check(x.rank() > 0, "argmin: an axis was required: got a scalar");
  return argmax(neg(x), axis);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  std::vector<int> axes;
  const int extra = x.rank() - shape.rank();
  bool fits = extra >= 0;
  for (int i = 0; fits && i < shape.rank(); ++i)
    fits = shape[i] == 1 || shape[i] == x.shape()[i + extra];
  check(fits, "sum_to: a shape that broadcasts to {} was required: got {}", x.shape(), shape);
  for (int i = 0; i < x.rank(); ++i)
    if (i < extra || (shape[i - extra] == 1 && x.shape()[i] != 1)) axes.push_back(i);
  if (axes.empty()) return x.reshape(shape);
  return sum(x, axes, {.keepdim = true}).reshape(shape);
}

Tensor cumsum(const Tensor& x, int axis, const CumsumOptions& options) {
  const bool reverse = options.reverse;
  axis = x.shape().axis(axis, "cumsum");
  const Tensor source = x.contiguous();
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (y.numel() == 0) return y;
  const Index n = x.shape()[axis];
  Index inner = 1;
  for (int i = axis + 1; i < x.rank(); ++i) inner *= x.shape()[i];
  const Index outer = y.numel() / (n * inner);
  constexpr Index kStrip = tuning::kStripColumns;
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = y.data<T>();
    if (inner == 1) {
      kernels::parallel_rows(outer, n, [&](Index r, Index rows) {
        kernels::cumsum_rows(from + r * n, to + r * n, rows, n, reverse);
      });
    } else if (outer > 1) {
      kernels::parallel_rows(outer, n * inner, [&](Index first, Index count) {
        for (Index i = first; i < first + count; ++i)
          kernels::cumsum_columns(from + i * n * inner, to + i * n * inner, inner, n, inner,
                                  reverse);
      });
    } else {
      kernels::parallel_rows((inner + kStrip - 1) / kStrip, n * kStrip, [&](Index g, Index count) {
        const Index j = g * kStrip, columns = std::min(count * kStrip, inner - j);
        kernels::cumsum_columns(from + j, to + j, inner, n, columns, reverse);
      });
    }
  });
  return y;
}

namespace {
Tensor softmax_of(const char* op, const Tensor& x, bool logarithm) {
  const Index n = row_length(op, x);
  const Tensor source = x.contiguous();
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  if (y.numel() == 0) return y;
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = y.data<T>();
    kernels::parallel_rows(x.numel() / n, n, [&](Index r, Index rows) {
      kernels::softmax_rows(from + r * n, to + r * n, rows, n, logarithm);
    });
  });
  return y;
}

Tensor softmax_gradient_of(const char* op, const Tensor& g, const Tensor& y, bool logarithm) {
  const Index n = row_length(op, y);
  check_same_dtype(op, g, y);
  check(g.shape() == y.shape(), "{}: a gradient of the shape {} was required: got {}", op,
        y.shape(), g.shape());
  const Tensor gc = g.contiguous(), yc = y.contiguous();
  Tensor dx = Tensor::empty(y.shape(), y.dtype());
  if (dx.numel() == 0) return dx;
  dispatch(y.dtype(), [&]<class T>() {
    const T *pg = gc.data<T>(), *py = yc.data<T>();
    T* to = dx.data<T>();
    kernels::parallel_rows(y.numel() / n, n, [&](Index r, Index rows) {
      kernels::softmax_rows_gradient(pg + r * n, py + r * n, to + r * n, rows, n, logarithm);
    });
  });
  return dx;
}
}  // namespace

Tensor softmax(const Tensor& x) { return softmax_of("softmax", x, false); }
Tensor log_softmax(const Tensor& x) { return softmax_of("log_softmax", x, true); }

Tensor softmax_gradient(const Tensor& g, const Tensor& y) {
  return softmax_gradient_of("softmax", g, y, false);
}
Tensor log_softmax_gradient(const Tensor& g, const Tensor& y) {
  return softmax_gradient_of("log_softmax", g, y, true);
}

LogSumExp logsumexp_parts(const Tensor& x) {
  const Index n = row_length("logsumexp", x);
  const Shape shape = x.shape().without(x.rank() - 1);
  LogSumExp out{Tensor::empty(shape, x.dtype()), Tensor::empty(shape, x.dtype())};
  if (shape.numel() == 0) return out;
  check(n > 0, "logsumexp: at least one element to reduce was required: got the shape {}",
        x.shape());
  const Tensor source = x.contiguous();
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T *top = out.top.data<T>(), *log_sum = out.log_sum.data<T>();
    kernels::parallel_rows(shape.numel(), n, [&](Index r, Index rows) {
      kernels::logsumexp_rows(from + r * n, top + r, log_sum + r, rows, n);
    });
  });
  return out;
}

Tensor logsumexp_last(const Tensor& x) {
  const LogSumExp parts = logsumexp_parts(x);
  return add(parts.top, parts.log_sum);
}

}  // namespace unroll
