// Every differentiable op. Anything goes in that `In` takes (a Var, Tensor, Param or number);
// broadcasting is NumPy's. What is made of Tensors alone is a Tensor (tensor_forms.h), but for the
// ops of layers (norms, dropout, embedding, attention, losses).
//
// Each op lives in one place under ops/: shape rule, forward and derivative together. Shapes are
// refused with a sentence (std::invalid_argument) before anything is computed.
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/unary_ops.h>

#include <array>

namespace unroll {

// --- elementwise (ops/elementwise.cpp) ---
Var add(const In& a, const In& b);
Var sub(const In& a, const In& b);
Var mul(const In& a, const In& b);
Var div(const In& a, const In& b);
Var pow(const In& a, const In& b);
Var minimum(const In& a, const In& b);  // where equal, half of the gradient goes to each
Var maximum(const In& a, const In& b);
// a where condition is not 0, else b.
Var where(const Tensor& condition, const In& a, const In& b);
// value where mask is not 0, else x.
Var masked_fill(const In& x, const Tensor& mask, double value);

namespace detail {
Var unary(UnaryOp op, const In& x, double p = 0, double q = 0);
}
// Functions of one variable, neg, exp, log ... clamp: the table in tensor/unary_ops.h says what
// each is.
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

// v += w is v = v + w.
inline Var& operator+=(Var& a, const In& b) { return a = add(In(a, b.where()), b); }
inline Var& operator-=(Var& a, const In& b) { return a = sub(In(a, b.where()), b); }
inline Var& operator*=(Var& a, const In& b) { return a = mul(In(a, b.where()), b); }
inline Var& operator/=(Var& a, const In& b) { return a = div(In(a, b.where()), b); }

// --- reductions (ops/reduce.cpp, ops/statistics.cpp) ---
// Axes are one (1), several ({0, 2}) or, not given, all. They are removed, or with keepdim kept as
// size 1. No elements: a sum of 0, a product of 1; anything else is refused.
Var sum(const In& x, const Axes& axes = {}, bool keepdim = false);
Var mean(const In& x, const Axes& axes = {}, bool keepdim = false);
Var max(const In& x, const Axes& axes = {}, bool keepdim = false);  // ties share the gradient
Var min(const In& x, const Axes& axes = {}, bool keepdim = false);
Var prod(const In& x, const Axes& axes = {}, bool keepdim = false);
// Variance and standard deviation, divided by n - correction, of which more must be there. (Not
// called std, which is a namespace.) A deviation of 0 passes no gradient on.
Var var(const In& x, const Axes& axes = {}, bool keepdim = false, Index correction = 1);
Var stddev(const In& x, const Axes& axes = {}, bool keepdim = false, Index correction = 1);
// The 2-norm, sqrt(sum x^2), without overflow. A norm of 0 passes no gradient on.
Var norm(const In& x, const Axes& axes = {}, bool keepdim = false);
// x summed over the axes along which `shape` would be broadcast to x's.
Var sum_to(const In& x, const Shape& shape);
Var logsumexp(const In& x, const Axes& axes = {}, bool keepdim = false);
Var cumsum(const In& x, int axis);
Var logcumsumexp(const In& x, int axis);  // log of the cumulative sum of exp(x)
Var softmax(const In& x, int axis = -1);
Var log_softmax(const In& x, int axis = -1);

// --- products (ops/matmul.cpp) ---
// [.., M, K] x [.., K, N] -> [.., M, N]; leading axes broadcast; 1-D operands as in NumPy.
Var matmul(const In& a, const In& b);
// x [.., K] w [K, N] + b [N]; b may be undefined.
Var linear(const In& x, const In& w, const In& b = Var());

// --- shapes (ops/shape.cpp) ---
Var reshape(const In& x, const Shape& shape);
Var reshape(const In& x, std::initializer_list<AnyIndex> sizes);  // one size may be -1
Var transpose(const In& x, int a = -2, int b = -1);
Var permute(const In& x, const std::vector<int>& axes);
Var narrow(const In& x, int axis, Index start, Index length);
Var select(const In& x, int axis, Index index);
Var expand(const In& x, const Shape& shape);
Var flip(const In& x, int axis);
Var pad(const In& x, int axis, Index before, Index after, double value = 0);
Var unsqueeze(const In& x, int axis);
Var squeeze(const In& x, int axis);
// Joined along an axis, whose sizes may differ; or along a new one.
Var concat(std::span<const Var> parts, int axis = 0, Where where = Where::here());
Var stack(std::span<const Var> parts, int axis = 0, Where where = Where::here());
inline Var concat(std::initializer_list<Var> parts, int axis = 0, Where where = Where::here()) {
  return concat(std::span(parts.begin(), parts.size()), axis, where);
}
inline Var stack(std::initializer_list<Var> parts, int axis = 0, Where where = Where::here()) {
  return stack(std::span(parts.begin(), parts.size()), axis, where);
}
// Parts of the given sizes along an axis, which must add up to it; or all of one size, the last of
// what is left.
std::vector<Var> split(const In& x, const std::vector<Index>& sizes, int axis = 0);
std::vector<Var> split(const In& x, Index size, int axis = 0);
// x [.., M, N] with zeros above (tril) or below (triu) a diagonal: 0 the main one, above it
// positive.
Var tril(const In& x, Index diagonal = 0);
Var triu(const In& x, Index diagonal = 0);

// --- picking and spreading (ops/indexing.cpp) ---
// out[i][j] = x[index[i][j]][j] along the axis; index has x's rank.
Var gather(const In& x, int axis, const IndexTensor& index);
// A copy of x with source added at the places that gather would read.
Var scatter_add(const In& x, int axis, const IndexTensor& index, const In& source);
// Whole slices x[.., index[i], ..]; index is 1-D.
Var index_select(const In& x, int axis, const IndexTensor& index);
// The transpose of index_select: zeros of that size along the axis, with x's slices added at the
// indices.
Var index_add(const In& x, int axis, const IndexTensor& index, Index size);
// Rows of table [V, D]: ids of any shape [..] -> [.., D]. Ids equal to padding_id get no gradient.
Var embedding(const IndexTensor& ids, const In& table, Index padding_id = -1);
// [.., D] at ids [..] -> [rows, D], zero where no id points; equal ids add up. The transpose of
// embedding.
Var scatter_rows(const In& x, const IndexTensor& ids, Index rows);

// --- order (ops/sorting.cpp) ---
// In order along an axis: values, and where in x each was. Equal ones keep their order; NaN counts
// as the largest. The gradient goes to where a value came from.
struct SortedVar {
  Var values;
  IndexTensor indices;
};
SortedVar sort(const In& x, int axis = -1, const SortOptions& options = {});
// The k largest, the largest first; k in [0, size of the axis].
SortedVar topk(const In& x, Index k, int axis = -1);

// --- normalisation and dropout (ops/normalise.cpp) ---
// Over the last axis D; gain and bias [D] may be undefined. Ba et al. 2016.
Var layer_norm(const In& x, const In& gain = Var(), const In& bias = Var(), double eps = 1e-5);
// x / sqrt(mean(x^2) + eps) * gain. Zhang and Sennrich 2019.
Var rms_norm(const In& x, const In& gain = Var(), double eps = 1e-6);
// Zero with probability p, else divided by 1 - p.
Var dropout(const In& x, double p, Generator& generator = default_generator());

// --- losses (ops/loss.cpp; the others are in nn/loss.h) ---
enum class Reduction { mean, sum, none };  // as in PyTorch

struct CrossEntropyOptions {
  Index ignore_id = -100;                 // rows with this target count for nothing
  Tensor class_weights = {};              // [V], finite and at least 0
  double label_smoothing = 0;             // in [0, 1]
  Reduction reduction = Reduction::mean;  // over the weights of the targets
};
// Logits [N, V] against target ids [N] -> one value, or with Reduction::none the loss of each row
// [N], 0 where ignored. With p = softmax(logits): -w_t log p_t, smoothed as Szegedy et al. 2016 and
// PyTorch have it. Throws std::invalid_argument on shapes or ids that do not fit, or where no
// target counts for the mean.
Var cross_entropy(const In& logits, const IndexTensor& target,
                  const CrossEntropyOptions& options = {});

// --- memory for time ---
// f(inputs), but recomputed in backward instead of saved, with the thread's random generator where
// it stood, so that dropout drops the same. f must give the same each time it is called; the
// parameters it uses get their gradients too.
std::vector<Var> checkpoint(const std::function<std::vector<Var>(const std::vector<Var>&)>& f,
                            const std::vector<Var>& inputs, Where where = Where::here());

}  // namespace unroll

#include <unroll/autograd/tensor_forms.h>
