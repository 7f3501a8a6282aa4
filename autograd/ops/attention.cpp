// Attention as one op: softmax(scale q k^T) v of each head of each sequence (Vaswani et al. 2017),
// a block of queries at a time (Milakov and Gimelshein 2018; Dao et al. 2022). The tape keeps what
// went in, what came out and one number for each query and head.
#include <unroll/autograd/ops.h>
#include <unroll/tensor/kernels/attention.h>
#include <unroll/tensor/math.h>

#include <cmath>

namespace unroll {
namespace {

const Op attention_op{"attention"};

struct Sizes {
  Index queries, keys, size, value_size;  // rows; columns of a head
};

// The same in plain ops, sequence by sequence.
Var plainly(const Var& q, const Var& k, const Var& v, const AttentionRows& o, const Sizes& n) {
  const auto heads = [&](const Var& x, const RowGroups& groups, Index s, Index size) {
    const IndexTensor rows = groups.rows_of(s);
    return transpose(reshape(index_select(x, 0, rows), {rows.numel(), o.heads, size}), 0, 1);
  };
  std::vector<Var> parts;
  for (Index s = 0; s < o.queries.count(); ++s) {
    const Var qs = heads(q, o.queries, s, n.size), ks = heads(k, o.keys, s, n.size);
    Var scores = matmul(qs * o.scale, transpose(ks));  // [H, T, S]
    if (o.causal) {
      const Tensor seen = causal_mask(scores.size(1), scores.size(2), q.dtype());
      scores = masked_fill(scores, equal(seen, Tensor::scalar(0, q.dtype())), -INFINITY);
    }
    const Var out = matmul(softmax(scores), heads(v, o.keys, s, n.value_size));  // [H, T, D]
    parts.push_back(reshape(transpose(out, 0, 1), {scores.size(1), o.heads * n.value_size}));
  }
  std::vector<Index> back(static_cast<std::size_t>(n.queries));
  for (Index i = 0; i < n.queries; ++i) back[o.queries.rows()[i]] = i;
  return index_select(concat(parts, 0), 0, back);
}

template <class T>
kernels::Rows<const T> rows_at(const Tensor& x, Index column) {
  return {x.data<T>() + column, x.strides()[0]};
}
template <class T>
kernels::Rows<T> rows_into(Tensor& x, Index column) {
  return {x.data<T>() + column, x.strides()[0]};
}

kernels::RowGroups view(const RowGroups& g) {
  return {g.rows().data(), g.offsets().data(), g.count()};
}

// Numbers of a row next to each other, as the kernel reads them.
Tensor with_rows(const Tensor& x) {
  return x.strides()[1] == 1 || x.shape()[1] == 1 ? x : x.contiguous();
}

// q, k and v as three Vars, or as the blocks of columns of one.
Var attend(std::vector<Var> inputs, const AttentionRows& given, Where where) {
  AttentionRows o = given;
  const bool joined = inputs.size() == 1;
  const char* name = "attention";
  for (const Var& x : inputs) {
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

  const Index kv = o.heads * n.size;  // columns of q and of k
  const auto arguments = [o, n, joined, kv]<class T>(const std::vector<Tensor>& x, T) {
    return kernels::Attention<T>{rows_at<T>(x[0], 0),
                                 rows_at<T>(x[joined ? 0 : 1], joined ? kv : 0),
                                 rows_at<T>(x.back(), joined ? 2 * kv : 0),
                                 view(o.queries),
                                 view(o.keys),
                                 o.heads,
                                 n.size,
                                 n.value_size,
                                 static_cast<T>(o.scale),
                                 o.causal};
  };
  std::vector<Tensor> values;
  for (const Var& x : inputs) values.push_back(with_rows(x.value()));
  const DType dtype = values[0].dtype();
  Tensor out = Tensor::empty({n.queries, o.heads * n.value_size}, dtype);
  Tensor lse = Tensor::empty({n.queries, o.heads}, dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::attention_forward<T>(arguments(values, T{}), rows_into<T>(out, 0), lse.data<T>());
  });
  return record(attention_op, std::vector<Tensor>{out}, inputs, where,
                [=](const Var& g, Cotangents& d) {
                  if (recording())
                    return d.add_through(
                        [&](const std::vector<Var>& x) -> std::vector<Var> {
                          const auto block = [&](Index i) {
                            return joined ? narrow(x[0], 1, i * kv, kv) : x[i];
                          };
                          return {plainly(block(0), block(1), block(2), o, n)};
                        },
                        inputs, {&g, 1});
                  std::vector<Tensor> gradients;
                  for (const Tensor& x : values)
                    gradients.push_back(Tensor::empty(x.shape(), x.dtype()));
                  const Tensor gy = with_rows(g.value());
                  dispatch(dtype, [&]<class T>() {
                    const Tensor& logs = lse;
                    kernels::attention_backward<T>(
                        arguments(values, T{}), rows_at<T>(out, 0), rows_at<T>(gy, 0),
                        logs.data<T>(), rows_into<T>(gradients[0], 0),
                        rows_into<T>(gradients[joined ? 0 : 1], joined ? kv : 0),
                        rows_into<T>(gradients.back(), joined ? 2 * kv : 0));
                  });
                  for (std::size_t i = 0; i < gradients.size(); ++i)
                    d.add(static_cast<int>(i), Var(std::move(gradients[i])));
                })
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
  std::vector<Index> offsets;
  for (Index s = 0; s <= count; ++s) offsets.push_back(s * length);
  return {IndexTensor::arange(count * length), std::move(offsets)};
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
