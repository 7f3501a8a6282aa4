#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/math.h>

#include <algorithm>

namespace unroll {
namespace {

// x itself where it is contiguous, else a copy that `keep` holds.
const Tensor& as_contiguous(const Tensor& x, Tensor& keep) {
  return x.is_contiguous() ? x : keep = x.contiguous();
}

// The shape that two operands broadcast to, with the strides of both, as few axes as possible.
struct Walk {
  int rank = 0;
  std::array<Index, Shape::kMaxRank> size{}, a{}, b{};
};

Walk walk_of(const Shape& shape, const Tensor& a, const Tensor& b) {
  const Tensor ea = a.expand(shape), eb = b.expand(shape);
  Walk w;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    const Index sa = ea.strides()[i], sb = eb.strides()[i];
    const int last = w.rank - 1;
    if (w.rank > 0 && w.a[last] == sa * shape[i] && w.b[last] == sb * shape[i]) {
      w.size[last] *= shape[i];
      w.a[last] = sa, w.b[last] = sb;
    } else {
      w.size[w.rank] = shape[i], w.a[w.rank] = sa, w.b[w.rank] = sb;
      ++w.rank;
    }
  }
  if (w.rank == 0) w.size[w.rank++] = 1;
  return w;
}

// A run with a step other than 0 or 1 is gathered first, so many elements at a time.
constexpr Index kStage = 512;

template <class T>
void staged(kernels::Binary op, const T* a, Index sa, const T* b, Index sb, T* y, Index n) {
  if (sa <= 1 && sb <= 1 && sa >= 0 && sb >= 0) return kernels::binary(op, a, sa, b, sb, y, n);
  T left[kStage], right[kStage];
  for (Index from = 0; from < n; from += kStage) {
    const Index m = std::min(kStage, n - from);
    for (Index i = 0; i < m; ++i) left[i] = a[(from + i) * sa], right[i] = b[(from + i) * sb];
    kernels::binary(op, left, 1, right, 1, y + from, m);
  }
}

Tensor combine(kernels::Binary op, const char* name, const Tensor& a, const Tensor& b) {
  check_same_dtype(name, a, b);
  return dispatch(a.dtype(), [&]<class T>() {
    if (a.shape() == b.shape() && a.is_contiguous() && b.is_contiguous()) {
      Tensor y = Tensor::empty(a.shape(), a.dtype());
      T* to = y.data<T>();
      const T *pa = a.data<T>(), *pb = b.data<T>();
      kernels::parallel_rows(y.numel(), 1, [&](Index i, Index n) {
        kernels::binary(op, pa + i, 1, pb + i, 1, to + i, n);
      });
      return y;
    }
    const Shape shape = broadcast(name, a.shape(), b.shape());
    Tensor y = Tensor::empty(shape, a.dtype());
    if (y.numel() == 0) return y;
    const Walk w = walk_of(shape, a, b);
    const int last = w.rank - 1;
    T* to = y.data<T>();
    const T *pa = a.data<T>(), *pb = b.data<T>();
    std::array<Index, Shape::kMaxRank> index{};
    while (true) {
      staged(op, pa, w.a[last], pb, w.b[last], to, w.size[last]);
      to += w.size[last];
      int axis = last - 1;
      for (; axis >= 0; --axis) {
        pa += w.a[axis], pb += w.b[axis];
        if (++index[axis] < w.size[axis]) break;
        pa -= w.a[axis] * w.size[axis], pb -= w.b[axis] * w.size[axis];
        index[axis] = 0;
      }
      if (axis < 0) return y;
    }
  });
}

}  // namespace

#define UNROLL_DEFINE(name, ...)                        \
  Tensor name(const Tensor& a, const Tensor& b) {       \
    return combine(kernels::Binary::name, #name, a, b); \
  }
UNROLL_BINARY_OPS(UNROLL_DEFINE)
#undef UNROLL_DEFINE

namespace {
const char* name_of(kernels::Unary op) {
#define UNROLL_STRING(name, ...) #name,
  static constexpr const char* kNames[] = {UNROLL_UNARY_OPS(UNROLL_STRING)};
#undef UNROLL_STRING
  return kNames[static_cast<std::size_t>(op)];
}
}  // namespace

Tensor apply(kernels::Unary op, const Tensor& x, double p, double q) {
  Tensor keep;
  const Tensor& source = as_contiguous(x, keep);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = y.data<T>();
    kernels::parallel_rows(x.numel(), 1, [&](Index i, Index n) {
      kernels::unary(op, from + i, to + i, n, static_cast<T>(p), static_cast<T>(q));
    });
  });
  return y;
}

void apply_gradient_into(Tensor& dx, kernels::Unary op, const Tensor& g, const Tensor& saved,
                         double p, double q) {
  check_same_dtype(name_of(op), g, saved);
  check_same_dtype(name_of(op), g, dx);
  check(g.shape() == saved.shape(), "{}: a gradient of the shape {} was required: got {}",
        name_of(op), saved.shape(), g.shape());
  check(dx.shape() == g.shape() && dx.is_contiguous(),
        "{}: a contiguous tensor {} to write to was required: got one of shape {}", name_of(op),
        g.shape(), dx.shape());
  Tensor keep_g, keep_s;
  const Tensor &gc = as_contiguous(g, keep_g), &sc = as_contiguous(saved, keep_s);
  dispatch(g.dtype(), [&]<class T>() {
    const T *from = gc.data<T>(), *s = sc.data<T>();
    T* to = dx.data<T>();
    kernels::parallel_rows(g.numel(), 1, [&](Index i, Index n) {
      kernels::unary_gradient(op, from + i, s + i, to + i, n, static_cast<T>(p), static_cast<T>(q));
    });
  });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  check_same_dtype("where", a, b);
  const Shape shape =
      broadcast("where", condition.shape(), broadcast("where", a.shape(), b.shape()));
  // What is not zero in its own type might be in a's.
  const Tensor same_type = condition.dtype() == a.dtype()
                               ? condition
                               : sub(Tensor::scalar(1, condition.dtype()),
                                     equal(condition, Tensor::scalar(0, condition.dtype())))
                                     .to(a.dtype());
  const Tensor c = same_type.expand(shape).contiguous();
  const Tensor ac = a.expand(shape).contiguous(), bc = b.expand(shape).contiguous();
  Tensor y = Tensor::empty(shape, a.dtype());
  dispatch(a.dtype(), [&]<class T>() {
    kernels::where(c.data<T>(), ac.data<T>(), bc.data<T>(), y.data<T>(), y.numel());
  });
  return y;
}

void add_into(Tensor& y, const Tensor& x) {
  check(y.shape() == x.shape(), "add_into: one shape was required: got {} into {}", x.shape(),
        y.shape());
  check_same_dtype("add_into", y, x);
  check_writable("add_into", y);
  const Tensor source = y.shares_storage_with(x) ? x.clone() : x.contiguous();
  dispatch(y.dtype(), [&]<class T>() {
    const T* from = source.data<T>();
    T* to = y.data<T>();
    if (y.is_contiguous()) {
      kernels::parallel_rows(y.numel(), 1,
                             [&](Index i, Index n) { kernels::add_into(to + i, from + i, n); });
      return;
    }
    const int last = y.rank() - 1;
    if (last == 1 && y.strides()[1] == 1) {  // a block of columns
      const Index n = y.shape()[1];
      for (Index r = 0; r < y.shape()[0]; ++r)
        kernels::add_into(to + r * y.strides()[0], from + r * n, n);
      return;
    }
    y.copy_(add(y, source));
  });
}

bool all_finite(const Tensor& x) {
  const Tensor source = x.contiguous();
  return dispatch(x.dtype(),
                  [&]<class T>() { return kernels::all_finite(source.data<T>(), source.numel()); });
}

}  // namespace unroll
