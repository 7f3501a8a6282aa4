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

  // Columns of part 0 (q), 1 (k) or 2 (v); the input, and the column in it, at which it begins.
  Index columns(int part) const {
    return (part == 0 ? rows.heads : rows.kv_heads) * (part == 2 ? sizes.value_size : sizes.size);
  }
  int input(int part) const { return joined ? 0 : part; }
  Index column(int part) const {
    return !joined || part == 0 ? 0 : columns(0) + (part - 1) * columns(1);
  }

  template <class T>
  kernels::Attention<T> arguments(const FusedInputs& x) const {
    return {rows_at<T>(x[input(0)], column(0)),
            rows_at<T>(x[input(1)], column(1)),
            rows_at<T>(x[input(2)], column(2)),
            view(rows.queries),
            view(rows.keys),
            rows.heads,
            rows.kv_heads,
            sizes.size,
            sizes.value_size,
            static_cast<T>(rows.scale),
            rows.causal,
            rows.window,
            dropout};
  }
};

// The number of heads of keys and values.
Index checked_heads(const char* name, Index heads, Index kv_heads) {
  check(heads >= 1 && kv_heads >= 0 && (kv_heads == 0 || heads % kv_heads == 0),
        "{}: at least one head, and kv_heads that divide the heads, were required: got {} and {}",
        name, heads, kv_heads);
  return kv_heads == 0 ? heads : kv_heads;
}

Call checked_call(const std::vector<Var>& inputs, const AttentionRows& given) {
  AttentionRows o = given;
  const bool joined = inputs.size() == 1;
  const char* name = "attention";
  for (const Var& x : inputs) {
    check_defined(name, x);
    check(x.rank() == 2, "{}: rows [N, heads x size] were required: got {}", name, x.shape());
    check_same_dtype(name, inputs[0].value(), x.value());
  }
  o.kv_heads = checked_heads(name, o.heads, o.kv_heads);
  const auto columns_per = [&](const Var& x, Index heads) {
    check(x.shape()[1] % heads == 0 && x.shape()[1] > 0,
          "{}: columns that divide by {} heads were required: got {}", name, heads, x.shape());
    return x.shape()[1] / heads;
  };
  const Index size = columns_per(inputs[0], joined ? o.heads + 2 * o.kv_heads : o.heads);
  const Sizes n{inputs[0].shape()[0], inputs[joined ? 0 : 1].shape()[0], size,
                joined ? size : columns_per(inputs[2], o.kv_heads)};
  check(joined || (inputs[1].shape()[1] == o.kv_heads * size &&
                   inputs[2].shape()[0] == inputs[1].shape()[0]),
        "{}: q [N, H K], k [M, G K] and v [M, G D] with {} and {} heads were required: got {}, {} "
        "and {}",
        name, o.heads, o.kv_heads, inputs[0].shape(), inputs[joined ? 0 : 1].shape(),
        inputs.back().shape());
  check(o.queries.rows().numel() == n.queries && o.keys.rows().numel() == n.keys &&
            o.queries.count() == o.keys.count(),
        "{}: as many sequences of queries as of keys, with {} and {} rows in all, were required: "
        "got {} sequences of {} rows and {} of {}",
        name, n.queries, n.keys, o.queries.count(), o.queries.rows().numel(), o.keys.count(),
        o.keys.rows().numel());
  check(o.window >= 0, "{}: a window of at least 1, or 0 for none, was required: got {}", name,
        o.window);
  o.window = std::min(o.window, n.queries + n.keys);  // as good as any larger one
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
    return call.joined ? narrow(in[0], 1, call.column(i), call.columns(i)) : in[i];
  };
  // Rows of sequence s -> [H, rows, size]; each head of keys stands for H / G heads of queries.
  const auto heads = [&](const Var& x, const RowGroups& groups, Index s, Index count, Index size) {
    const IndexTensor rows = groups.rows_of(s);  // [T]
    const Var own = reshape(index_select(x, 0, rows), {rows.numel(), count, 1, size});
    const Var all = expand(own, {rows.numel(), count, o.heads / count, size});
    return transpose(reshape(all, {rows.numel(), o.heads, size}), 0, 1);
  };
  const Var q = part(0), k = part(1), v = part(2);
  std::vector<Var> parts;
  for (Index s = 0; s < o.queries.count(); ++s) {
    const Var qs = heads(q, o.queries, s, o.heads, call.sizes.size);  // [H, T, K]
    const Var ks = heads(k, o.keys, s, o.kv_heads, call.sizes.size);  // [H, S, K]
    Var logits = matmul(qs * o.scale, transpose(ks));                 // [H, T, S]
    if (o.causal || o.window > 0) {
      const Tensor seen =
          attention_mask(logits.size(1), logits.size(2),
                         {.causal = o.causal, .window = o.window, .dtype = q.dtype()});
      logits = masked_fill(logits, equal(seen, Tensor::scalar(0, q.dtype())), -INFINITY);
    }
    Var weights = softmax(logits);  // [H, T, S]
    if (o.dropout > 0) weights = weights * dropout_factors(call, s, weights.value());
    const Var vs = heads(v, o.keys, s, o.kv_heads, call.sizes.value_size);  // [H, S, D]
    const Var out = transpose(matmul(weights, vs), 0, 1);                   // [T, H, D]
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

Tensor attention_mask(Index queries, Index keys, const MaskOptions& o) {
  Tensor mask = Tensor::zeros({queries, keys}, o.dtype);
  for (Index t = 0; t < queries; ++t) {
    const Index at = t + keys - queries,
                reach = o.window > 0 ? std::min(o.window, queries + keys) : queries + keys;
    const Index first = std::clamp<Index>(at - reach + 1, 0, keys);
    const Index end = std::clamp<Index>(o.causal ? at + 1 : at + reach, first, keys);
    mask.narrow(0, t, 1).narrow(1, first, end - first).fill_(1);
  }
  return mask;
}
Tensor causal_mask(Index queries, Index keys, DType dtype) {
  return attention_mask(queries, keys, {.causal = true, .dtype = dtype});
}

Var attention(const In& q, const In& k, const In& v, const AttentionRows& rows) {
  return attend({*q, *k, *v}, rows, q.where());
}
Var self_attention(const In& qkv, const AttentionRows& rows) {
  return attend({*qkv}, rows, qkv.where());
}

Tensor attention_step(const Tensor& q, const Tensor& keys, const Tensor& values,
                      std::span<const KeyRows> rows, const AttentionStepOptions& o) {
  const char* name = "attention_step";
  for (const Tensor* x : {&q, &keys, &values}) {
    check_defined(name, *x);
    check(x->rank() == 2, "{}: rows [N, heads x size] were required: got {}", name, x->shape());
    check_same_dtype(name, q, *x);
  }
  const Index kv_heads = checked_heads(name, o.heads, o.kv_heads), size = q.shape()[1] / o.heads,
              value_size = values.shape()[1] / kv_heads;
  check(size > 0 && value_size > 0 && q.shape()[1] == o.heads * size &&
            keys.shape()[1] == kv_heads * size && values.shape()[1] == kv_heads * value_size &&
            values.shape()[0] == keys.shape()[0],
        "{}: q [B, H K], keys [M, G K] and values [M, G D] with {} and {} heads were required: got "
        "{}, {} and {}",
        name, o.heads, kv_heads, q.shape(), keys.shape(), values.shape());
  check(static_cast<Index>(rows.size()) == q.shape()[0],
        "{}: the keys of each of {} queries were required: got {}", name, q.shape()[0],
        rows.size());
  const Index all = keys.shape()[0];
  constexpr std::size_t kInPlace = 16;  // queries without an allocation
  kernels::KeysOfQuery few[kInPlace];
  std::vector<kernels::KeysOfQuery> many(rows.size() > kInPlace ? rows.size() : 0);
  kernels::KeysOfQuery* of = rows.size() > kInPlace ? many.data() : few;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const KeyRows& k = rows[r];
    check(k.count >= 0 && (k.rows ? std::all_of(k.rows, k.rows + k.count,
                                                [&](Index row) { return row >= 0 && row < all; })
                                  : k.first >= 0 && k.first <= all - k.count),
          "{}: keys within the {} rows were required: got {} from row {} on", name, all, k.count,
          k.rows ? k.rows[0] : k.first);
    of[r] = {k.rows, k.first, k.count};
  }
  const Tensor x[] = {with_rows(q), with_rows(keys), with_rows(values)};
  Tensor out = Tensor::empty({q.shape()[0], o.heads * value_size}, q.dtype());
  dispatch(q.dtype(), [&]<class T>() {
    kernels::attention_step<T>(
        {rows_at<T>(x[0], 0), rows_at<T>(x[1], 0), rows_at<T>(x[2], 0), of, o.heads, kv_heads, size,
         value_size,
         static_cast<T>(o.scale > 0 ? o.scale : 1 / std::sqrt(static_cast<double>(size)))},
        rows_into<T>(out, 0));
  });
  return out;
}

}  // namespace unroll
