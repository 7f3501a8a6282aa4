#include <unroll/tensor/joined.h>
#include <unroll/tensor/kernels/elementwise.h>
#include <unroll/tensor/kernels/gemm.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/threads.h>

#include <algorithm>

namespace unroll {
namespace {

// Describes the last two axes of x as a matrix. Returns false if neither its rows nor its columns
// are contiguous, and do not overlap.
template <class T>
bool as_matrix(const Tensor& x, kernels::Matrix<const T>& out) {
  const Index rows = x.shape()[-2], columns = x.shape()[-1];
  const Index down = x.strides()[x.rank() - 2], right = x.strides()[x.rank() - 1];
  if ((right == 1 || columns == 1) && (down >= columns || rows == 1)) {
    out = {x.data<T>(), rows, columns, rows == 1 ? columns : down};
    return true;
  }
  if ((down == 1 || rows == 1) && (right >= rows || columns == 1)) {
    out = {x.data<T>(), rows, columns, 1, columns == 1 ? rows : right};
    return true;
  }
  return false;
}

template <class T>
Tensor prepared(const Tensor& x, kernels::Matrix<const T>& out) {
  if (as_matrix(x, out)) return x;
  Tensor copy = x.contiguous();
  as_matrix(copy, out);
  return copy;
}

template <class T>
void product(const Tensor& a, const Tensor& b, Tensor& y, kernels::Init<T> init = {}) {
  kernels::Matrix<const T> ma{}, mb{};
  const Tensor ka = prepared(a, ma), kb = prepared(b, mb);
  const Index m = a.shape()[0], n = b.shape()[1];
  // The row stride of a view with one row is arbitrary and not used.
  kernels::gemm<T>(ma, mb, init, {y.data<T>(), m, n, m == 1 ? n : y.strides()[0]});
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check_same_dtype("matmul", a, b);
  check(a.rank() >= 1 && b.rank() >= 1,
        "matmul: operands with at least one axis were required: got {} and {}", a.shape(),
        b.shape());
  check(a.shape().back() == b.shape()[b.rank() == 1 ? 0 : -2],
        "matmul: inner sizes that agree were required ([.., M, K] x [.., K, N]): got {} x {}",
        a.shape(), b.shape());
  if (a.rank() == 1) {
    const Tensor y = matmul(a.unsqueeze(0), b);
    return b.rank() == 1 ? y.reshape({}) : y.squeeze(y.rank() - 2);
  }
  if (b.rank() == 1) {
    const Tensor y = matmul(a, b.unsqueeze(1));
    return y.squeeze(-1);
  }
  const Index m = a.shape()[-2], k = a.shape()[-1], n = b.shape()[-1];
  if (k == 1) return mul(a, b).contiguous();  // outer products
  return dispatch(a.dtype(), [&]<class T>() {
    if (a.rank() == 2 && b.rank() == 2) {
      Tensor y = Tensor::empty({m, n}, a.dtype());
      product<T>(a, b, y);
      return y;
    }
    // One matrix for all of a: the leading axes of a count as rows.
    if (b.rank() == 2 && a.is_contiguous()) {
      Tensor y = Tensor::empty({a.numel() / std::max<Index>(k, 1), n}, a.dtype());
      if (k > 0) {
        product<T>(a.reshape({a.numel() / k, k}), b, y);
        return y.reshape(a.shape().with(-1, n));
      }
    }
    const auto leading = [](const Tensor& x) {
      return Shape(x.shape().span().first(static_cast<std::size_t>(x.rank() - 2)));
    };
    const Shape batch = broadcast("matmul", leading(a), leading(b));
    const auto with = [&](Index rows, Index columns) {
      return batch.inserted(batch.rank(), rows).inserted(batch.rank() + 1, columns);
    };
    Tensor y = Tensor::empty(with(m, n), a.dtype());
    if (y.numel() == 0) return y;
    Tensor ea = a.expand(with(m, k)), eb = b.expand(with(k, n));
    kernels::Matrix<const T> ma{}, mb{};
    ea = prepared(ea, ma), eb = prepared(eb, mb);
    const int lead = batch.rank();
    if (batch.numel() == 0) return y;
    // The innermost leading axis becomes one batched call; the others are looped over.
    const Index count = lead ? batch[lead - 1] : 1;
    std::array<Index, Shape::kMaxRank> index{};
    T* to = y.data<T>();
    while (true) {
      kernels::Matrix<const T> pa = ma, pb = mb;
      for (int i = 0; i < lead - 1; ++i)
        pa.data += index[i] * ea.strides()[i], pb.data += index[i] * eb.strides()[i];
      kernels::gemm_batched<T>(count, pa, lead ? ea.strides()[lead - 1] : 0, pb,
                               lead ? eb.strides()[lead - 1] : 0, {to, m, n, n}, m * n);
      to += count * m * n;
      int axis = lead - 2;
      for (; axis >= 0; --axis) {
        if (++index[axis] < batch[axis]) break;
        index[axis] = 0;
      }
      if (axis < 0) return y;
    }
  });
}

// A copy of an operand if writing to y would overwrite it.
static Tensor apart(const Tensor& operand, const Tensor& y) {
  return y.shares_storage_with(operand) ? operand.clone() : operand;
}

void matmul_into(Tensor& y, const Tensor& a, const Tensor& b) {
  check_same_dtype("matmul_into", a, b);
  check_same_dtype("matmul_into", y, a);
  check(a.rank() == 2 && b.rank() == 2 && y.rank() == 2 && a.shape()[1] == b.shape()[0] &&
            y.shape() == Shape({a.shape()[0], b.shape()[1]}) && y.is_contiguous(),
        "matmul_into: [M, N] += [M, K] x [K, N] was required: got {} += {} x {}", y.shape(),
        a.shape(), b.shape());
  dispatch(a.dtype(), [&]<class T>() {
    product<T>(apart(a, y), apart(b, y), y, {y.data<T>(), y.strides()[0]});
  });
  y.mark_written();
}

void linear_into(Tensor& y, const Tensor& x, const Tensor& w, const Tensor& b) {
  check(x.rank() >= 1 && w.rank() == 2 && x.shape().back() == w.shape()[0],
        "linear: x [.., K] and w [K, N] were required: got {} and {}", x.shape(), w.shape());
  check_same_dtype("linear", x, w);
  const Index k = w.shape()[0], n = w.shape()[1], rows = x.shape().without(x.rank() - 1).numel();
  check_same_dtype("linear", x, y);
  if (!(y.shape() == Shape({rows, n}) &&
        (y.is_contiguous() || (y.strides()[1] == 1 && y.strides()[0] >= n))))
    fail("linear: rows [{}, {}] to write to were required: got {} with strides [{}]", rows, n,
         y.shape(), detail::joined(y.strides()));
  if (b.defined()) {
    check_same_dtype("linear", x, b);
    check(b.shape() == Shape({n}), "linear: a bias of shape [{}] was required: got {}", n,
          b.shape());
  }
  const Tensor source = apart(x, y).contiguous().reshape({rows, k}), weight = apart(w, y),
               bias = b.defined() ? apart(b, y).contiguous() : Tensor();
  dispatch(x.dtype(), [&]<class T>() {
    product<T>(source, weight, y, {b.defined() ? std::as_const(bias).data<T>() : nullptr});
  });
  y.mark_written();
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& b) {
  check(x.rank() >= 1 && w.rank() == 2,
        "linear: x [.., K] and w [K, N] were required: got {} and {}", x.shape(), w.shape());
  const Shape shape = x.shape().with(-1, w.shape()[1]);
  Tensor y = Tensor::empty({x.shape().without(x.rank() - 1).numel(), w.shape()[1]}, x.dtype());
  linear_into(y, x, w, b);
  return y.reshape(shape);
}

}  // namespace unroll
