// Linear attention as one fused op (Katharopoulos et al. 2020): a running sum over chunks of keys.
// Saved for backward: inputs and outputs, and a denominator per query and head.
#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/tensor/kernels/linear_attention.h>

#include <cmath>

namespace unroll {
namespace {

const Op linear_op{"linear_attention"};

enum Input { kQ, kK, kV, kKV, kSum, kInputs };

struct Call {
  LinearAttentionRows rows;
  Index size, value_size;  // columns per head
  Index sequences() const { return rows.queries.count(); }
  Shape kv_shape() const { return {sequences(), rows.heads, size, value_size}; }
  Shape sum_shape() const { return {sequences(), rows.heads, size}; }
};

struct Saved {
  Tensor out, denominators;  // [N, H D], [N, H]
  Tensor kv, sum;            // the last sums; undefined if causal
};

template <class T>
kernels::Matrix<const T> read_rows(const Tensor& x) {
  return {x.data<T>(), x.shape()[0], x.shape()[1], x.strides()[0]};
}
template <class T>
kernels::Matrix<T> write_rows(Tensor& x) {
  return {x.data<T>(), x.shape()[0], x.shape()[1], x.strides()[0]};
}

// The inputs as the kernel reads them.
struct Arranged {
  std::vector<Tensor> t;

  explicit Arranged(const FusedInputs& in) {
    for (const Tensor& x : in)
      t.push_back(!x.defined() || (x.rank() == 2 && x.strides()[1] == 1) ? x : x.contiguous());
  }
  template <class T>
  kernels::LinearAttention<T> arguments(const Call& call) const {
    const auto view = [](const RowGroups& g) {
      return kernels::RowGroups{g.rows().data(), g.offsets().data(), g.count()};
    };
    const LinearAttentionRows& o = call.rows;
    return {read_rows<T>(t[kQ]),
            read_rows<T>(t[kK]),
            read_rows<T>(t[kV]),
            view(o.queries),
            view(o.keys),
            o.heads,
            call.size,
            call.value_size,
            o.causal,
            o.reverse,
            static_cast<T>(o.eps),
            {read_if_defined<T>(t[kKV]), read_if_defined<T>(t[kSum])}};
  }
};

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  const Arranged x(in);
  const DType dtype = in[kQ].dtype();
  const Index n = in[kQ].shape()[0], heads = call.rows.heads;
  Tensor out = Tensor::empty({n, heads * call.value_size}, dtype),
         denominators = Tensor::empty({n, heads}, dtype),
         kv = Tensor::empty(call.kv_shape(), dtype), sum = Tensor::empty(call.sum_shape(), dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::linear_attention_forward<T>(x.arguments<T>(call), write_rows<T>(out),
                                         denominators.data<T>(), {kv.data<T>(), sum.data<T>()});
  });
  Saved saved{out, std::move(denominators), {}, {}};
  if (!call.rows.causal) saved.kv = kv, saved.sum = sum;
  return {{std::move(out), std::move(kv), std::move(sum)}, std::move(saved)};
}

void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const Arranged x(in);
  const DType dtype = in[kQ].dtype();
  const auto sums = [&](const Tensor& of, const Shape& shape) {
    return of.defined() ? of.clone() : Tensor::zeros(shape, dtype);
  };
  Tensor dq = Tensor::empty(in[kQ].shape(), dtype), dk = Tensor::empty(in[kK].shape(), dtype),
         dv = Tensor::empty(in[kV].shape(), dtype), d_kv = sums(g[1], call.kv_shape()),
         d_sum = sums(g[2], call.sum_shape());
  const Tensor d_out = g[0].defined() ? g[0].contiguous() : Tensor::zeros(saved.out.shape(), dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::linear_attention_backward<T>(
        x.arguments<T>(call),
        {read_rows<T>(saved.out),
         saved.denominators.data<T>(),
         {read_if_defined<T>(saved.kv), read_if_defined<T>(saved.sum)}},
        read_rows<T>(d_out),
        {write_rows<T>(dq),
         write_rows<T>(dk),
         write_rows<T>(dv),
         {d_kv.data<T>(), d_sum.data<T>()}});
  });
  d.add(kQ, Var(std::move(dq)));
  d.add(kK, Var(std::move(dk)));
  d.add(kV, Var(std::move(dv)));
  if (d.needs(kKV)) d.add(kKV, Var(std::move(d_kv)));
  if (d.needs(kSum)) d.add(kSum, Var(std::move(d_sum)));
}

Var phi(const Var& x) { return exp(minimum(x, Tensor::scalar(0, x.dtype()))) + relu(x); }

// The reference implementation, one sequence at a time, with the matrix of all logits.
std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  const LinearAttentionRows& o = call.rows;
  // Rows of sequence s -> [H, rows, size].
  const auto heads = [&](const Var& x, const RowGroups& groups, Index s, Index size) {
    const IndexTensor rows = groups.rows_of(s);
    return transpose(reshape(index_select(x, 0, rows), {rows.numel(), o.heads, size}), 0, 1);
  };
  const auto state = [&](Input i, Index s, const Shape& shape) {
    return in[i].defined() ? select(in[i], 0, s)
                           : select(Var(Tensor::zeros(shape, in[kQ].dtype())), 0, s);
  };
  std::vector<Var> parts, kvs, sums;
  for (Index s = 0; s < call.sequences(); ++s) {
    const Var q = phi(heads(in[kQ], o.queries, s, call.size)),  // [H, T, K]
        k = phi(heads(in[kK], o.keys, s, call.size)),           // [H, S, K]
        v = heads(in[kV], o.keys, s, call.value_size),          // [H, S, D]
        kv0 = state(kKV, s, call.kv_shape()),                   // [H, K, D]
        sum0 = state(kSum, s, call.sum_shape());                // [H, K]
    Var weights = matmul(q, transpose(k));                      // [H, T, S]

    const Var kv = kv0 + matmul(transpose(k), v), total = sum0 + sum(k, {1});
    if (o.causal) weights = o.reverse ? triu(weights) : tril(weights);
    const Var numerator = matmul(weights, v) + matmul(q, kv0);  // [H, T, D]
    const Var denominator =
        sum(weights, {2}, {.keepdim = true}) + matmul(q, unsqueeze(sum0, -1)) + o.eps;  // [H, T, 1]
    const Var out = transpose(numerator / denominator, 0, 1);                           // [T, H, D]
    parts.push_back(reshape(out, {out.size(0), o.heads * call.value_size}));
    kvs.push_back(kv);
    sums.push_back(total);
  }
  std::vector<Index> back(static_cast<std::size_t>(o.queries.rows().numel()));
  for (Index i = 0; i < o.queries.rows().numel(); ++i) back[o.queries.rows()[i]] = i;
  return {index_select(concat(parts, 0), 0, back), stack(kvs, 0), stack(sums, 0)};
}

Call checked_call(std::span<const Var> in, const LinearAttentionRows& o) {
  const char* name = linear_op.name();
  for (const Input i : {kQ, kK, kV}) {
    check_defined(name, in[i]);
    check(in[i].rank() == 2 && in[i].shape()[1] > 0 && o.heads >= 1 &&
              in[i].shape()[1] % o.heads == 0,
          "{}: rows [N, heads x size] that divide by {} heads were required: got {}", name, o.heads,
          in[i].shape());
    check_same_dtype(name, in[kQ].value(), in[i].value());
  }
  check(in[kK].shape()[1] == in[kQ].shape()[1] && in[kV].shape()[0] == in[kK].shape()[0],
        "{}: q [N, H K], k [M, H K] and v [M, H D] were required: got {}, {} and {}", name,
        in[kQ].shape(), in[kK].shape(), in[kV].shape());
  check(o.queries.rows().numel() == in[kQ].shape()[0] &&
            o.keys.rows().numel() == in[kK].shape()[0] && o.queries.count() == o.keys.count(),
        "{}: as many sequences of queries as of keys, with {} and {} rows in all, were required: "
        "got {} sequences of {} rows and {} of {}",
        name, in[kQ].shape()[0], in[kK].shape()[0], o.queries.count(), o.queries.rows().numel(),
        o.keys.count(), o.keys.rows().numel());
  check(!o.causal || o.queries.offsets() == o.keys.offsets(),
        "{}: with causal, as many queries as keys in each sequence were required", name);
  check(o.causal || !o.reverse, "{}: reverse with causal only was required", name);
  check(o.eps > 0 && std::isfinite(o.eps), "{}: an eps above 0 was required: got {}", name, o.eps);
  Call call{o, in[kQ].shape()[1] / o.heads, in[kV].shape()[1] / o.heads};
  const auto require = [&](Input i, const Shape& shape) {
    if (!in[i].defined()) return;
    check(in[i].shape() == shape, "{}: a state of shape {} was required: got {}", name, shape,
          in[i].shape());
    check_same_dtype(name, in[kQ].value(), in[i].value());
  };
  check(in[kKV].defined() == in[kSum].defined(),
        "{}: both parts of the state or none were required", name);
  require(kKV, call.kv_shape());
  require(kSum, call.sum_shape());
  return call;
}

}  // namespace

LinearAttentionOutput linear_attention(const In& q, const In& k, const In& v,
                                       const LinearAttentionRows& rows,
                                       const LinearAttentionState& state) {
  std::vector<Var> inputs{*q, *k, *v, state.kv, state.k};
  const Call call = checked_call(inputs, rows);
  std::vector<Var> out = fused(
      linear_op, std::move(inputs), q.where(),
      [&](const FusedInputs& in) { return forward(call, in); },
      [call](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
        backward(call, in, saved, g, d);
      },
      [call](const std::vector<Var>& in) { return reference(call, in); });
  return {std::move(out[0]), {std::move(out[1]), std::move(out[2])}};
}

Var linear_attention_step(const In& q, const In& k, const In& v, LinearAttentionState& state,
                          const LinearAttentionStepOptions& options) {
  check_defined(linear_op.name(), *q);
  check(q->rank() == 2, "{}: q [B, H K] was required: got {}", linear_op.name(), q->shape());
  const RowGroups rows = RowGroups::equal(q->shape()[0], 1);
  LinearAttentionOutput out = linear_attention(
      q, k, v,
      {.queries = rows, .keys = rows, .heads = options.heads, .causal = true, .eps = options.eps},
      state);
  state = std::move(out.state);
  return std::move(out.rows);
}

}  // namespace unroll
