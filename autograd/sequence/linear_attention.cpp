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

enum Input { kQ, kK, kV, kInitial };

struct Call {
  LinearAttentionRows rows;
  Index size, value_size;  // columns per head
  Index sequences() const { return rows.queries.count(); }
  Shape state_shape() const { return {sequences(), rows.heads, size, value_size + 1}; }
};

struct Saved {
  Tensor out, denominators;  // [N, H D], [N, H]
  Tensor last;               // the last state; undefined if causal
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
    return {read_rows<T>(t[kQ]), read_rows<T>(t[kK]),   read_rows<T>(t[kV]),
            view(o.queries),     view(o.keys),          o.heads,
            call.size,           call.value_size,       o.causal,
            o.reverse,           static_cast<T>(o.eps), read_if_defined<T>(t[kInitial])};
  }
};

FusedOutputs<Saved> forward(const Call& call, const FusedInputs& in) {
  const Arranged x(in);
  const DType dtype = in[kQ].dtype();
  const Index n = in[kQ].shape()[0], heads = call.rows.heads;
  Tensor out = Tensor::empty({n, heads * call.value_size}, dtype),
         denominators = Tensor::empty({n, heads}, dtype),
         last = Tensor::empty(call.state_shape(), dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::linear_attention_forward<T>(x.arguments<T>(call), write_rows<T>(out),
                                         denominators.data<T>(), last.data<T>());
  });
  Saved saved{out, std::move(denominators), call.rows.causal ? Tensor() : last};
  return {{std::move(out), std::move(last)}, std::move(saved)};
}

void backward(const Call& call, const FusedInputs& in, const Saved& saved, FusedGradients g,
              Cotangents& d) {
  const Arranged x(in);
  const DType dtype = in[kQ].dtype();
  Tensor dq = Tensor::empty(in[kQ].shape(), dtype), dk = Tensor::empty(in[kK].shape(), dtype),
         dv = Tensor::empty(in[kV].shape(), dtype),
         d_state = g[1].defined() ? g[1].clone() : Tensor::zeros(call.state_shape(), dtype);
  const Tensor d_out = g[0].defined() ? g[0].contiguous() : Tensor::zeros(saved.out.shape(), dtype);
  dispatch(dtype, [&]<class T>() {
    kernels::linear_attention_backward<T>(
        x.arguments<T>(call),
        {read_rows<T>(saved.out), saved.denominators.data<T>(), read_if_defined<T>(saved.last),
         read_rows<T>(d_out), write_rows<T>(dq), write_rows<T>(dk), write_rows<T>(dv),
         d_state.data<T>()});
  });
  d.add(kQ, Var(std::move(dq)));
  d.add(kK, Var(std::move(dk)));
  d.add(kV, Var(std::move(dv)));
  if (d.needs(kInitial)) d.add(kInitial, Var(std::move(d_state)));
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
  std::vector<Var> parts, states;
  for (Index s = 0; s < call.sequences(); ++s) {
    const Var q = phi(heads(in[kQ], o.queries, s, call.size)),             // [H, T, K]
        k = phi(heads(in[kK], o.keys, s, call.size)),                      // [H, S, K]
        v = pad(heads(in[kV], o.keys, s, call.value_size), 2, 0, 1, 1.0);  // [H, S, D + 1]
    Var weights = matmul(q, transpose(k));                                 // [H, T, S]
    if (o.causal) weights = o.reverse ? triu(weights) : tril(weights);
    Var y = matmul(weights, v), state = matmul(transpose(k), v);  // [H, T, D + 1], [H, K, D + 1]
    if (in[kInitial].defined()) {
      const Var initial = select(in[kInitial], 0, s);
      y = y + matmul(q, initial);
      state = state + initial;
    }
    const Var denominator = narrow(y, 2, call.value_size, 1) + o.eps;                 // [H, T, 1]
    const Var out = transpose(narrow(y, 2, 0, call.value_size) / denominator, 0, 1);  // [T, H, D]
    parts.push_back(reshape(out, {out.size(0), o.heads * call.value_size}));
    states.push_back(state);
  }
  std::vector<Index> back(static_cast<std::size_t>(o.queries.rows().numel()));
  for (Index i = 0; i < o.queries.rows().numel(); ++i) back[o.queries.rows()[i]] = i;
  return {index_select(concat(parts, 0), 0, back), stack(states, 0)};
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
  if (in[kInitial].defined())
    detail::check_rows(name, "an initial state", in[kInitial], call.state_shape(), in[kQ]);
  return call;
}

}  // namespace

ScanOutput linear_attention(const In& q, const In& k, const In& v, const LinearAttentionRows& rows,
                            const Var& initial) {
  std::vector<Var> inputs{*q, *k, *v, initial};
  const Call call = checked_call(inputs, rows);
  std::vector<Var> out = fused(
      linear_op, std::move(inputs), q.where(),
      [&](const FusedInputs& in) { return forward(call, in); },
      [call](const FusedInputs& in, const Saved& saved, FusedGradients g, Cotangents& d) {
        backward(call, in, saved, g, d);
      },
      [call](const std::vector<Var>& in) { return reference(call, in); });
  return {std::move(out[0]), std::move(out[1])};
}

Var linear_attention_step(const In& q, const In& k, const In& v, Var& state,
                          const LinearAttentionStepOptions& options) {
  check_defined(linear_op.name(), *q);
  check(q->rank() == 2, "{}: q [B, H K] was required: got {}", linear_op.name(), q->shape());
  const RowGroups rows = RowGroups::equal(q->shape()[0], 1);
  ScanOutput out = linear_attention(
      q, k, v,
      {.queries = rows, .keys = rows, .heads = options.heads, .causal = true, .eps = options.eps},
      state);
  state = std::move(out.last);
  return std::move(out.rows);
}

}  // namespace unroll
