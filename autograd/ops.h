// All differentiable ops. Operands (`In`) may be a Var, Tensor, Param or number; shapes broadcast
// as in NumPy. If all operands are Tensors the result is a Tensor (tensor_forms.h), except for the
// ops of layers (norms, dropout, embedding, attention, losses).
//
// Axes may be negative and then count from the end. Operands must have one dtype; a number takes
// that of the other operand. Every op throws std::invalid_argument, before computing anything, if
// shapes, dtypes, axes or indices do not fit. Each op is defined in one place under ops/: shape
// rule, forward and derivative together.
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/sparse.h>
#include <unroll/tensor/unary_ops.h>

#include <array>

namespace unroll {

// --- elementwise (ops/elementwise.cpp) ---
// a + b, a - b, a * b, a / b, elementwise.
Var add(const In& a, const In& b);
Var sub(const In& a, const In& b);
Var mul(const In& a, const In& b);
Var div(const In& a, const In& b);
// a^b. At a = 0 and b >= 0, the gradient of b is 0.
Var pow(const In& a, const In& b);
Var minimum(const In& a, const In& b);  // where equal, each gets half of the gradient
Var maximum(const In& a, const In& b);
// a where the condition is not 0, otherwise b; all three broadcast.
Var where(const Tensor& condition, const In& a, const In& b);
// value where the mask is not 0, otherwise x; the mask broadcasts to x.
Var masked_fill(const In& x, const Tensor& mask, double value);

namespace detail {
Var unary(UnaryOp op, const In& x, double p = 0, double q = 0);
}
// Functions of one variable: neg, exp, log ... clamp. They are defined in the table in
// tensor/unary_ops.h.
#define UNROLL_DEFINE(name, parameters, arguments, required, ...)             \
  inline Var name(const In& x UNROLL_AND parameters) {                        \
    detail::check_unary(#name, required, #required, {UNROLL_LIST arguments}); \
    return detail::unary(detail::UnaryOp::name, x UNROLL_AND arguments);      \
  }
UNROLL_UNARY_OPS(UNROLL_DEFINE)
#undef UNROLL_DEFINE

inline Var operator+(const In& a, const In& b) { return add(a, b); }
inline Var operator-(const In& a, const In& b) { return sub(a, b); }
inline Var operator*(const In& a, const In& b) { return mul(a, b); }
inline Var operator/(const In& a, const In& b) { return div(a, b); }
inline Var operator-(const In& x) { return neg(x); }

// v += w means v = v + w: it records an op and leaves other holders of v unchanged.
inline Var& operator+=(Var& a, const In& b) { return a = add(In(a, b.where()), b); }
inline Var& operator-=(Var& a, const In& b) { return a = sub(In(a, b.where()), b); }
inline Var& operator*=(Var& a, const In& b) { return a = mul(In(a, b.where()), b); }
inline Var& operator/=(Var& a, const In& b) { return a = div(In(a, b.where()), b); }

// --- reductions (ops/reduce.cpp, ops/statistics.cpp) ---
// Axes may be one (1) or several ({0, 2}); default: all. Reduced axes are removed, unless
// {.keepdim = true}. Without elements a sum is 0 and a product 1; other reductions throw.
Var sum(const In& x, const Axes& axes = {}, const ReduceOptions& options = {});
Var mean(const In& x, const Axes& axes = {}, const ReduceOptions& options = {});
Var max(const In& x, const Axes& axes = {},
        const ReduceOptions& options = {});  // ties share the gradient
Var min(const In& x, const Axes& axes = {}, const ReduceOptions& options = {});
Var prod(const In& x, const Axes& axes = {}, const ReduceOptions& options = {});
struct VarianceOptions {
  bool keepdim = false;  // keep the reduced axes, with size 1
  Index correction = 1;  // 0: the variance of the data itself instead of an estimate
};
// Variance and standard deviation of n elements: the sum of squared deviations from the mean,
// divided by n - correction, which must be above 0. (Not called std because of the namespace.)
// Where a standard deviation is 0, its gradient is defined as 0.
Var var(const In& x, const Axes& axes = {}, const VarianceOptions& options = {});
Var stddev(const In& x, const Axes& axes = {}, const VarianceOptions& options = {});
// The 2-norm sqrt(sum x^2), without overflow. Where it is 0, its gradient is defined as 0.
Var norm(const In& x, const Axes& axes = {}, const ReduceOptions& options = {});
// Sums x down to `shape`; the inverse of broadcasting `shape` to the shape of x.
Var sum_to(const In& x, const Shape& shape);
// log(sum(exp(x))), without overflow.
Var logsumexp(const In& x, const Axes& axes = {}, const ReduceOptions& options = {});
// Cumulative sum along an axis; same shape as x.
Var cumsum(const In& x, int axis);
Var logcumsumexp(const In& x, int axis);  // log(cumsum(exp(x)))
// softmax: exp(x) / sum(exp(x)) along an axis; log_softmax: its logarithm. Same shape as x. A row
// of -inf gives zeros (log_softmax: -inf).
Var softmax(const In& x, int axis = -1);
Var log_softmax(const In& x, int axis = -1);

// --- products (ops/matmul.cpp) ---
// [.., M, K] x [.., K, N] -> [.., M, N]. Leading axes broadcast. A 1-D operand is a row on the
// left, a column on the right, as in NumPy.
Var matmul(const In& a, const In& b);
// x [.., K] w [K, N] + b [N] -> [.., N]; b may be undefined.
Var linear(const In& x, const In& w, const In& b = Var());
// Sparse rows [N, V] x w [V, D] -> [N, D] (ops/sparse.cpp). The sparse rows are constants; the
// gradient of w has the rows that they use.
Var matmul(const SparseRows& x, const In& w);

// --- shapes (ops/shape.cpp) ---
// The same elements, in row-major order, in another shape of the same size.
Var reshape(const In& x, const Shape& shape);
Var reshape(const In& x, std::initializer_list<AnyIndex> sizes);  // one size may be -1
// Swaps two axes; default: the last two.
Var transpose(const In& x, int a = -2, int b = -1);
// Reorders all axes: axis i of the result is axis axes[i] of x.
Var permute(const In& x, const std::vector<int>& axes);
// The slice [start, start + length) of an axis.
Var narrow(const In& x, int axis, Index start, Index length);
// The slice at an index; removes the axis. A negative index counts from the end.
Var select(const In& x, int axis, Index index);
// Broadcasts x to `shape`.
Var expand(const In& x, const Shape& shape);
// Reverses the order along an axis.
Var flip(const In& x, int axis);
// Adds `before` and `after` slices of `value` at the ends of an axis.
Var pad(const In& x, int axis, Index before, Index after, double value = 0);
// Inserts an axis of size 1 before `axis`; squeeze removes one, whose size must be 1.
Var unsqueeze(const In& x, int axis);
Var squeeze(const In& x, int axis);
// concat joins along an existing axis; sizes along the other axes must be equal. stack joins along
// a new axis; all shapes must be equal.
Var concat(std::span<const Var> parts, int axis = 0, Where where = Where::here());
Var stack(std::span<const Var> parts, int axis = 0, Where where = Where::here());
inline Var concat(std::initializer_list<Var> parts, int axis = 0, Where where = Where::here()) {
  return concat(std::span(parts.begin(), parts.size()), axis, where);
}
inline Var stack(std::initializer_list<Var> parts, int axis = 0, Where where = Where::here()) {
  return stack(std::span(parts.begin(), parts.size()), axis, where);
}
// Splits an axis into parts of the given sizes, which must add up to its size; or into parts of one
// size, of which the last may be smaller.
std::vector<Var> split(const In& x, const std::vector<Index>& sizes, int axis = 0);
std::vector<Var> split(const In& x, Index size, int axis = 0);
// x [.., M, N] with zeros above (tril) or below (triu) a diagonal. 0 is the main diagonal; positive
// ones are above it.
Var tril(const In& x, Index diagonal = 0);
Var triu(const In& x, Index diagonal = 0);

// --- indexing (ops/indexing.cpp) ---
// out[i][j] = x[index[i][j]][j] along the axis; index has x's rank, the result index's shape.
Var gather(const In& x, int axis, const IndexTensor& index);
// A copy of x with source added at the elements that gather would read; equal indices add up.
Var scatter_add(const In& x, int axis, const IndexTensor& index, const In& source);
// Slices x[.., index[i], ..] along the axis; index is 1-D [n]. The axis gets size n.
Var index_select(const In& x, int axis, const IndexTensor& index);
// The transpose of index_select: zeros of size `size` along the axis, plus slice i of x at
// index[i]. Equal indices add up.
Var index_add(const In& x, int axis, const IndexTensor& index, Index size);
struct EmbeddingOptions {
  Index padding_id = -1;  // the row of this id gets no gradient; -1: none
};
// Rows of table [V, D] at ids of any shape: [..] -> [.., D]. Throws unless all ids are in [0, V).
Var embedding(const IndexTensor& ids, const In& table, const EmbeddingOptions& options = {});
// The transpose of embedding: x [.., D] at ids [..] -> [rows, D]. Rows with equal ids add up; rows
// without an id are 0.
Var scatter_rows(const In& x, const IndexTensor& ids, Index rows);

// --- sorting (ops/sorting.cpp) ---
// Sorts along an axis. `indices` are the positions of the sorted values in x. The sort is stable,
// and NaN counts as the largest. The gradient goes to the elements that the values came from.
struct SortedVar {
  Var values;
  IndexTensor indices;
};
SortedVar sort(const In& x, int axis = -1, const SortOptions& options = {});
// The k largest elements along an axis, largest first; k must be in [0, size of the axis].
SortedVar topk(const In& x, Index k, int axis = -1);

// --- normalisation and dropout (ops/normalise.cpp) ---
// Normalises x [.., D] over the last axis: (x - mean) / sqrt(variance + eps) * gain + bias; gain
// and bias [D] may be undefined. Ba et al. 2016.
Var layer_norm(const In& x, const In& gain = Var(), const In& bias = Var(), double eps = 1e-5);
// x / sqrt(mean(x^2) + eps) * gain, over the last axis. x [.., D]; gain [D] may be undefined. Zhang
// and Sennrich 2019.
Var rms_norm(const In& x, const In& gain = Var(), double eps = 1e-6);
// Zeroes elements with probability p in [0, 1) and divides the others by 1 - p. Always applied,
// also in inference mode; nn::Dropout respects the mode.
Var dropout(const In& x, double p, Generator& generator = default_generator());

// --- losses (ops/loss.cpp; the others are in nn/loss.h) ---
enum class Reduction { mean, sum, none };  // as in PyTorch

struct CrossEntropyOptions {
  Index ignore_id = -100;                 // rows with this target are ignored
  Tensor class_weights = {};              // [V], finite and at least 0
  double label_smoothing = 0;             // in [0, 1]
  Reduction reduction = Reduction::mean;  // the mean is weighted by the targets' class weights
};
// Logits [N, V] and target ids [N] -> the reduced loss, one value; with Reduction::none the loss of
// each row [N], 0 where ignored. The loss of a row is -w_t log softmax(logits)_t, with label
// smoothing as in Szegedy et al. 2016 and PyTorch. Throws std::invalid_argument if shapes or ids do
// not fit, or if no row counts for the mean.
Var cross_entropy(const In& logits, const IndexTensor& target,
                  const CrossEntropyOptions& options = {});

// --- checkpointing ---
// Computes f(inputs) without saving its intermediate values; backward recomputes them with the same
// state of the thread's random generator, so dropout masks are equal. f must give the same result
// each time. Parameters used in f get their gradients too.
std::vector<Var> checkpoint(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                            const std::vector<Var>& inputs, Where where = Where::here());

}  // namespace unroll

#include <unroll/autograd/tensor_forms.h>
