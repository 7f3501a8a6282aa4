// Attention as one fused op: softmax(scale q k^T) v for each head of each sequence (Vaswani et al.
// 2017), computed in blocks of queries (Milakov and Gimelshein 2018; Dao et al. 2022). Saved for
// backward: the inputs, and two values per query and head.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/tensor/kernels/attention.h>
#include <unroll/tensor/math.h>

#include <cmath>

namespace unroll {
namespace {

const Op attention_op{"attention"};

struct Sizes {
  Index queries, keys, size, value_size;  // rows; columns per head
};

template <class T>
kernels::Matrix<const T> rows_at(const Tensor& x, Index column) {
  return {x.data<T>() + column, x.shape()[0], x.shape()[1] - column, x.strides()[0]};
}
template <class T>
kernels::Matrix<T> rows_into(Tensor& x, Index column) {
  return {x.data<T>() + column, x.shape()[0], x.shape()[1] - column, x.strides()[0]};
}

kernels::RowGroups view(const RowGroups& g) {
  return {g.rows().data(), g.offsets().data(), g.count()};
}

// Makes the elements of each row contiguous, as the kernel requires.
Tensor with_rows(const Tensor& x) {
  return x.strides()[1] == 1 || x.shape()[1] == 1 ? x : x.contiguous();
}

// The arguments of the op other than its inputs. The inputs are q, k and v, or one tensor with all
// three as blocks of columns.
struct Call {
  AttentionRows rows;
  Sizes sizes;
  bool joined;
  kernels::AttentionDropout dropout;

  Index columns() const { return rows.heads * sizes.size; }  // of q and of k
  // The input, and the column in it, at which part 0 (q), 1 (k) or 2 (v) begins.
  int input(int part) const { return joined ? 0 : part; }
  Index column(int part) const { return joined ? part * columns() : 0; }

  template <class T>
  kernels::Attention<T> arguments(const FusedInputs& x) const {
    return {rows_at<T>(x[input(0)], column(0)),
            rows_at<T>(x[input(1)], column(1)),
            rows_at<T>(x[input(2)], column(2)),
            view(rows.queries),
            view(rows.keys),
            rows.heads,
            sizes.size,
            sizes.value_size,
            static_cast<T>(rows.scale),
            rows.causal,
            dropout};
  }
};

Call checked_call(const std::vector<Var>& inputs, const AttentionRows& given) {
  AttentionRows o = given;
  const bool joined = inputs.size() == 1;
  const char* name = "attention";
  for (const Var& x : inputs) {
    check_defined(name, x);
    check(x.rank() == 2, "{}: rows [N, heads x size] were required: got {}", name, x.shape());
    check_same_dtype(name, inputs[0].value(), x.value());
  }
  const Index blocks = joined ? 3 : 1;
  check(o.heads >= 1 && inputs[0].shape()[1] > 0,
        "{}: at least one head of size 1 was required: got {} heads of {}", name, o.heads,
        inputs[0].shape());
  for (const Var& x : inputs)
    check(x.shape()[1] % (blocks * o.heads) == 0,
          "{}: columns that divide by {} heads were required: got {}", name, blocks * o.heads,
          x.shape());
  const Sizes n{inputs[0].shape()[0], inputs[joined ? 0 : 1].shape()[0],
                inputs[0].shape()[1] / (blocks * o.heads),
                inputs.back().shape()[1] / (blocks * o.heads)};
  check(joined || (inputs[1].shape()[1] == inputs[0].shape()[1] &&
                   inputs[2].shape()[0] == inputs[1].shape()[0]),
        "{}: q [N, H K], k [M, H K] and v [M, H D] were required: got {}, {} and {}", name,
        inputs[0].shape(), inputs[joined ? 0 : 1].shape(), inputs.back().shape());
  check(o.queries.rows().numel() == n.queries && o.keys.rows().numel() == n.keys &&
            o.queries.count() == o.keys.count(),
        "{}: as many sequences of queries as of keys, with {} and {} rows in all, were required: "
        "got {} sequences of {} rows and {} of {}",
        name, n.queries, n.keys, o.queries.count(), o.queries.rows().numel(), o.keys.count(),
        o.keys.rows().numel());
  if (o.scale == 0) o.scale = 1 / std::sqrt(static_cast<double>(n.size));
  check(o.dropout >= 0 && o.dropout < 1,
        "{}: a probability of dropout in [0, 1) was required: got {}", name, o.dropout);
  const kernels::AttentionDropout dropout{o.dropout,
                                          o.dropout > 0 ? default_generator().fork().seed() : 0};
  return {std::move(o), n, joined, dropout};
}

struct Saved {
  Tensor softmax;  // [N, H, 2], two values per query and head: kernels::SoftmaxOfRow
};

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  FusedInputs x;
  for (const Tensor& t : in) x.push_back(with_rows(t));
  const DType dtype = x[0].dtype();
  const Index queries = call.sizes.queries, heads = call.rows.heads;
  Tensor out = Tensor::empty({queries, heads * call.sizes.value_size}, dtype);
  Tensor softmax = Tensor::empty({queries, heads, 2}, dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::attention_forward<T>(call.arguments<T>(x), rows_into<T>(out, 0),
                                  reinterpret_cast<kernels::SoftmaxOfRow<T>*>(softmax.data<T>()));
  });
  return {{std::move(out)}, {std::move(softmax)}};
}

void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  FusedInputs x;
  std::vector<Tensor> gradients;
  for (const Tensor& t : in) {
    x.push_back(with_rows(t));
    gradients.push_back(Tensor::empty(t.shape(), t.dtype()));
  }
  const Tensor d_out = with_rows(g[0]);
  dispatch(x[0].dtype(), [&]<class T>() {
    const auto gradient = [&](int part) {
      return rows_into<T>(gradients[call.input(part)], call.column(part));
    };
    kernels::attention_backward<T>(
        call.arguments<T>(x), rows_at<T>(d_out, 0),
        reinterpret_cast<const kernels::SoftmaxOfRow<T>*>(saved.softmax.data<T>()),
        {gradient(0), gradient(1), gradient(2)});
  });
  for (std::size_t i = 0; i < gradients.size(); ++i)
    d.add(static_cast<int>(i), Var(std::move(gradients[i])));
}

// The dropout factors of the weights [H, T, S] of sequence s.
Tensor dropout_factors(const Call& call, Index s, const Tensor& weights) {
  Tensor out = Tensor::empty(weights.shape(), weights.dtype());
  const IndexTensor rows = call.rows.queries.rows_of(s);
  const Index heads = call.rows.heads;
  for (Index h = 0; h < heads; ++h)
    for (Index t = 0; t < weights.size(1); ++t)
      for (Index j = 0; j < weights.size(2); ++j)
        out.set({h, t, j}, call.dropout.factor(rows[t] * heads + h, j));
  return out;
}

// The reference implementation, one sequence at a time.
std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  const AttentionRows& o = call.rows;
  const auto part = [&](int i) {
    // [rows, H K] or [rows, H D]
    return call.joined ? narrow(in[0], 1, call.column(i), call.columns()) : in[i];
  };
  // Rows of sequence s -> [H, rows, size].
  const auto heads = [&](const Var& x, const RowGroups& groups, Index s, Index size) {
    const IndexTensor rows = groups.rows_of(s);  // [T]
    return transpose(reshape(index_select(x, 0, rows), {rows.numel(), o.heads, size}), 0, 1);
  };
  const Var q = part(0), k = part(1), v = part(2);
  std::vector<Var> parts;
  for (Index s = 0; s < o.queries.count(); ++s) {
    const Var qs = heads(q, o.queries, s, call.sizes.size);  // [H, T, K]
    const Var ks = heads(k, o.keys, s, call.sizes.size);     // [H, S, K]
    Var logits = matmul(qs * o.scale, transpose(ks));        // [H, T, S]
    if (o.causal) {
      const Tensor seen = causal_mask(logits.size(1), logits.size(2), q.dtype());
      logits = masked_fill(logits, equal(seen, Tensor::scalar(0, q.dtype())), -INFINITY);
    }
    Var weights = softmax(logits);  // [H, T, S]
    if (o.dropout > 0) weights = weights * dropout_factors(call, s, weights.value());
    const Var vs = heads(v, o.keys, s, call.sizes.value_size);  // [H, S, D]
    const Var out = transpose(matmul(weights, vs), 0, 1);       // [T, H, D]
    // [T, H, D] -> [T, H D]
    parts.push_back(reshape(out, {out.size(0), o.heads * call.sizes.value_size}));
  }
  std::vector<Index> back(static_cast<std::size_t>(call.sizes.queries));
  for (Index i = 0; i < call.sizes.queries; ++i) back[o.queries.rows()[i]] = i;
  return {index_select(concat(parts, 0), 0, back)};  // [N, H D]
}

Var attend(std::vector<Var> inputs, const AttentionRows& rows, Where where) {
  const Call call = checked_call(inputs, rows);
  return fused(
             attention_op, std::move(inputs), where,
             [&](const FusedInputs& in) { return forward(call, in); },
             [call](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
               backward(call, in, saved, g, d);
             },
             [call](const std::vector<Var>& in) { return reference(call, in); })
      .front();
}

}  // namespace

RowGroups::RowGroups(IndexTensor rows, std::vector<Index> offsets)
    : rows_(std::move(rows)), offsets_(std::move(offsets)) {
  std::vector<bool> seen(static_cast<std::size_t>(rows_.numel()), false);
  rows_.check_range("row groups", rows_.numel());
  for (Index row : rows_) {
    check(!seen[row], "row groups: each row once was required: row {} came twice", row);
    seen[row] = true;
  }
  check(!offsets_.empty() && offsets_.front() == 0 && offsets_.back() == rows_.numel() &&
            std::is_sorted(offsets_.begin(), offsets_.end()),
        "row groups: offsets that rise from 0 to the {} rows were required", rows_.numel());
}

RowGroups RowGroups::equal(Index count, Index length) {
  check(count >= 0 && length >= 0,
        "row groups: a count and a length of at least 0 were required: got {} and {}", count,
        length);
  IndexTensor rows = counted_indices("row groups", product_of("row groups", count, length));
  std::vector<Index> offsets = counted_indices("row groups", count);
  offsets.push_back(count);
  for (Index& offset : offsets) offset *= length;
  return {std::move(rows), std::move(offsets)};
}

RowGroups RowGroups::of(const SequenceLayout& layout) {
  std::vector<Index> rows, offsets{0};
  for (Index b = 0; b < layout.sequences(); ++b) {
    const IndexTensor own = layout.rows_of(b);
    rows.insert(rows.end(), own.begin(), own.end());
    offsets.push_back(static_cast<Index>(rows.size()));
  }
  return {IndexTensor(std::move(rows)), std::move(offsets)};
}

IndexTensor RowGroups::rows_of(Index s) const {
  check(s >= 0 && s < count(), "row groups: a group in [0, {}) was required: got {}", count(), s);
  return std::vector<Index>(rows_.begin() + offsets_[s], rows_.begin() + offsets_[s + 1]);
}

Tensor causal_mask(Index queries, Index keys, DType dtype) {
  Tensor mask = Tensor::zeros({queries, keys}, dtype);
  for (Index t = 0; t < queries; ++t)
    mask.narrow(0, t, 1).narrow(1, 0, std::clamp<Index>(t + 1 + keys - queries, 0, keys)).fill_(1);
  return mask;
}

Var attention(const In& q, const In& k, const In& v, const AttentionRows& rows) {
  return attend({*q, *k, *v}, rows, q.where());
}
Var self_attention(const In& qkv, const AttentionRows& rows) {
  return attend({*qkv}, rows, qkv.where());
}

}  // namespace unroll
