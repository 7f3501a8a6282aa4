#include <unroll/autograd/fused.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/memory_attention.h>
#include <unroll/tensor/kernels/memory_attention.h>

#include <memory>

namespace unroll {
namespace {

const Op memory_attention_op{"memory_attention"};

// The inputs of the op, in this order; v is undefined for dot products.
enum Input { kQ, kK, kValues, kV };

// The arguments of the op other than its inputs.
struct Call {
  MemoryRows rows;
  std::vector<Index> weights_at;

  template <class T>
  kernels::MemoryAttention<T> arguments(const FusedInputs& x) const {
    const auto view = [](const RowGroups& g) {
      return kernels::RowGroups{g.rows().data(), g.offsets().data(), g.count()};
    };
    return {x[kQ].data<T>(),      x[kK].data<T>(),
            x[kValues].data<T>(), x[kV].defined() ? x[kV].data<T>() : nullptr,
            view(rows.queries),   view(rows.keys),
            weights_at.data(),    x[kQ].shape()[1],
            x[kValues].shape()[1]};
  }
};

FusedInputs contiguous(const FusedInputs& in) {
  FusedInputs out;
  for (const Tensor& t : in) out.push_back(t.defined() ? t.contiguous() : t);
  return out;
}

Call checked_call(const std::vector<Var>& in, const MemoryRows& rows) {
  const char* name = memory_attention_op.name();
  const Var &q = in[kQ], &k = in[kK], &values = in[kValues], &v = in[kV];
  for (const Var* x : {&q, &k, &values}) {
    check_defined(name, *x);
    check_same_dtype(name, q.value(), x->value());
  }
  check(q.rank() == 2 && k.rank() == 2 && values.rank() == 2 && q.shape()[1] == k.shape()[1] &&
            k.shape()[0] == values.shape()[0],
        "{}: q [R, H], k [M, H] and values [M, D] were required: got {}, {} and {}", name,
        q.shape(), k.shape(), values.shape());
  if (v.defined()) {
    check_same_dtype(name, q.value(), v.value());
    check(v.shape() == Shape({q.shape()[1]}), "{}: v [{}] was required: got {}", name, q.shape()[1],
          v.shape());
  }
  const RowGroups &queries = rows.queries, &keys = rows.keys;
  check(queries.count() == keys.count() && queries.rows().numel() == q.shape()[0] &&
            keys.rows().numel() == k.shape()[0],
        "{}: as many groups of queries as of keys, with {} and {} rows in all, were required: got "
        "{} groups of {} rows and {} of {}",
        name, q.shape()[0], k.shape()[0], queries.count(), queries.rows().numel(), keys.count(),
        keys.rows().numel());
  check(q.shape()[0] >= 1, "{}: at least one query was required: got none", name);
  for (Index s = 0; s < keys.count(); ++s)
    check(keys.offsets()[s + 1] > keys.offsets()[s] ||
              queries.offsets()[s + 1] == queries.offsets()[s],
          "{}: at least one key for every query was required: group {} has none", name, s);
  return {rows, rows.weights_at()};
}

FusedOutputs<Tensor> forward(const Call& call, const FusedInputs& in) {
  const FusedInputs x = contiguous(in);
  const DType dtype = x[kQ].dtype();
  Tensor out = Tensor::empty({x[kQ].shape()[0], x[kValues].shape()[1]}, dtype);
  Tensor weights = Tensor::empty({call.weights_at.back()}, dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::memory_attention_forward<T>(call.arguments<T>(x), out.data<T>(), weights.data<T>());
  });
  return {{std::move(out), weights}, weights};
}

void backward(const Call& call, const FusedInputs& in, const Tensor& weights, FusedGradients g,
              Cotangents& d) {
  const FusedInputs x = contiguous(in), given = contiguous({g[0], g[1]});
  const DType dtype = x[kQ].dtype();
  Tensor dq = Tensor::empty(x[kQ].shape(), dtype), dk = Tensor::empty(x[kK].shape(), dtype),
         d_values = Tensor::empty(x[kValues].shape(), dtype);
  Tensor dv;  // the parts of the groups
  if (x[kV].defined()) dv = Tensor::empty({call.rows.queries.count(), x[kQ].shape()[1]}, dtype);
  dispatch(dtype, [&]<class T>() {
    const auto read = [](const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; };
    kernels::memory_attention_backward<T>(
        call.arguments<T>(x), weights.data<T>(),
        {read(given[0]), read(given[1]), dq.data<T>(), dk.data<T>(), d_values.data<T>(),
         dv.defined() ? dv.data<T>() : nullptr});
  });
  d.add(kQ, Var(std::move(dq)));
  d.add(kK, Var(std::move(dk)));
  d.add(kValues, Var(std::move(d_values)));
  if (dv.defined()) d.add(kV, sum(Var(std::move(dv)), {0}));
}

// The reference implementation, one group at a time.
std::vector<Var> reference(const Call& call, const std::vector<Var>& in) {
  const RowGroups &queries = call.rows.queries, &keys = call.rows.keys;
  const Index size = in[kQ].shape()[1], count = in[kQ].shape()[0];
  std::vector<Var> outs, weights;
  std::vector<Index> out_row(static_cast<std::size_t>(count)),
      weight(static_cast<std::size_t>(call.weights_at.back()));
  Index at = 0, weight_at = 0;
  for (Index s = 0; s < queries.count(); ++s) {
    const IndexTensor q_rows = queries.rows_of(s), k_rows = keys.rows_of(s);
    if (q_rows.numel() == 0) continue;
    const Var q = index_select(in[kQ], 0, q_rows), k = index_select(in[kK], 0, k_rows);
    const Index seen = k_rows.numel();
    Var logits;  // [T, S]
    if (in[kV].defined()) {
      const Var hidden = tanh(unsqueeze(q, 1) + unsqueeze(k, 0));  // [T, S, H]
      logits = squeeze(matmul(hidden, reshape(in[kV], {size, 1})), 2);
    } else {
      logits = matmul(q, transpose(k));
    }
    const Var w = softmax(logits);
    outs.push_back(matmul(w, index_select(in[kValues], 0, k_rows)));  // [T, D]
    weights.push_back(reshape(w, {-1}));
    for (const Index row : q_rows) {
      out_row[row] = at++;
      for (Index j = 0; j < seen; ++j) weight[call.weights_at[row] + j] = weight_at++;
    }
  }
  return {index_select(concat(outs, 0), 0, IndexTensor(std::move(out_row))),
          index_select(concat(weights, 0), 0, IndexTensor(std::move(weight)))};
}

}  // namespace

std::vector<Index> MemoryRows::weights_at() const {
  std::vector<Index> out(static_cast<std::size_t>(queries.rows().numel()) + 1, 0);
  for (Index s = 0; s < queries.count(); ++s)
    for (Index i = queries.offsets()[s]; i < queries.offsets()[s + 1]; ++i)
      out[queries.rows()[i] + 1] = keys.offsets()[s + 1] - keys.offsets()[s];
  for (std::size_t row = 1; row < out.size(); ++row) out[row] += out[row - 1];
  return out;
}

MemoryAttended memory_attention(const In& q, const In& k, const In& values, const In& v,
                                const MemoryRows& rows) {
  std::vector<Var> inputs{*q, *k, *values, *v};
  const auto call = std::make_shared<const Call>(checked_call(inputs, rows));
  std::vector<Var> out = fused(
      memory_attention_op, std::move(inputs), q.where(),
      [&](const FusedInputs& in) { return forward(*call, in); },
      [call](const FusedInputs& in, const Tensor& weights, FusedGradients g, Cotangents& d) {
        backward(*call, in, weights, g, d);
      },
      [call](const std::vector<Var>& in) { return reference(*call, in); });
  return {out[0], out[1]};
}

}  // namespace unroll
