// Every op's first and second derivatives, and a check that none escapes.
#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/attention.h>
#include <unroll/autograd/sequence/conv.h>
#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/autograd/sequence/memory_attention.h>
#include <unroll/autograd/sequence/recurrent.h>
#include <unroll/autograd/sequence/rotary.h>
#include <unroll/autograd/sequence/selective_scan.h>
#include <unroll/nn/loss.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <doctest/doctest.h>

#include <map>

using namespace unroll;

namespace {

using Vars = std::vector<Var>;

// f(x) where its parameters have defaults, else f(x, 0.7, 1.6).
template <class F, class X>
auto call_unary(F f, const X& x) {
  if constexpr (requires { f(x); }) {
    return f(x);
  } else {
    return f(x, 0.7, 1.6);
  }
}

// The functions of one variable, as the table in tensor/unary_ops.h lists them.
struct Unary {
  std::string name;
  std::function<Var(const Var&)> of_var;
  std::function<Tensor(const Tensor&)> of_tensor;
};
std::vector<Unary> unary_ops() {
  std::vector<Unary> out;
  const auto add = [&](const char* name, auto of_var, auto of_tensor) {
    out.push_back({name, of_var, of_tensor});
  };
#define UNROLL_CALL(f, x, ...) \
  call_unary([](const auto&... v) -> decltype(f(v...)) { return f(v...); }, x)
#define UNROLL_LISTED(name, ...)                                \
  add(                                                          \
      #name, [](const Var& x) { return UNROLL_CALL(name, x); }, \
      [](const Tensor& x) { return UNROLL_CALL(name, x); });
  UNROLL_UNARY_OPS(UNROLL_LISTED)
#undef UNROLL_LISTED
#undef UNROLL_CALL
  return out;
}

struct Case {
  const char* name;
  Function f;
  std::vector<Shape> shapes;
  double low = -2, high = 2;
};

// A fused layer forwards and backwards over sequences of 3, 2 and 1 steps.
template <class Layer>
Var both_directions(const Layer& layer) {
  Vars all;
  for (bool reverse : {false, true}) {
    const RecurrentOutput out = layer(SequenceLayout({3, 2, 1}), reverse);
    all.push_back(out.rows);
    all.insert(all.end(), out.last.begin(), out.last.end());
  }
  return concat(all);
}
// v: x, wx, b, wh, h0.
template <bool relu>
Var rnn(const Vars& v) {
  return both_directions([&](const SequenceLayout& layout, bool reverse) {
    return rnn_sequence(v[0], {.wx = v[1], .b = v[2], .wh = v[3]}, v[4], layout,
                        {.reverse = reverse, .relu = relu});
  });
}
// v: x, wx, b, wh, h0, c0.
Var lstm(const Vars& v) {
  return both_directions([&](const SequenceLayout& layout, bool reverse) {
    return lstm_sequence(v[0], {.wx = v[1], .b = v[2], .wh = v[3]}, v[4], v[5], layout,
                         {.reverse = reverse});
  });
}
// v: x, wx, b, wh, h0, bhn.
Var gru(const Vars& v) {
  return both_directions([&](const SequenceLayout& layout, bool reverse) {
    return gru_sequence(v[0], {.wx = v[1], .b = v[2], .wh = v[3], .bhn = v[5]}, v[4], layout,
                        {.reverse = reverse});
  });
}
// v: a table of projected inputs, wh, h0.
Var gru_of_table(const Vars& v) {
  return both_directions([&](const SequenceLayout& layout, bool reverse) {
    return gru_sequence(v[0], {.wh = v[1]}, v[2], layout,
                        {.reverse = reverse, .ids = IndexTensor::of({1, 0, 1, 1, 3, 0})});
  });
}

// v: a, b, h0.
Var scanned(const Vars& v) {
  Vars all;
  for (bool reverse : {false, true}) {
    const ScanOutput y = scan(v[0], v[1], v[2], SequenceLayout({3, 1, 2}), {.reverse = reverse});
    all.insert(all.end(), {y.rows, y.last});
  }
  return concat(all);
}
// v: px, h0.
template <bool positive>
Var min_gru(const Vars& v) {
  Vars all;
  for (bool reverse : {false, true}) {
    const ScanOutput y = min_gru_sequence(v[0], v[1], SequenceLayout({3, 1, 2}),
                                          {.reverse = reverse, .positive = positive});
    all.insert(all.end(), {y.rows, y.last});
  }
  return concat(all);
}
// v: x, w, bias, state.
Var convolved(const Vars& v) {
  Vars all;
  for (bool reverse : {false, true}) {
    const ConvOutput y =
        causal_conv1d(v[0], v[1], v[2], v[3], SequenceLayout({5, 1, 2}), {.reverse = reverse});
    all.insert(all.end(), {reshape(y.rows, {-1}), reshape(y.state, {-1})});
  }
  return concat(all);
}
// v: x, delta, a, b, c, d, bias of delta, z, h0.
Var selected(const Vars& v) {
  Vars all;
  for (bool reverse : {false, true}) {
    const ScanOutput y = selective_scan({.x = v[0],
                                         .delta = v[1],
                                         .a = v[2],
                                         .b = v[3],
                                         .c = v[4],
                                         .d = v[5],
                                         .delta_bias = v[6],
                                         .z = v[7]},
                                        v[8], SequenceLayout({3, 1, 2}), {.reverse = reverse});
    all.insert(all.end(), {reshape(y.rows, {-1}), reshape(y.last, {-1})});
  }
  return concat(all);
}

// Two heads over a sequence of 3 queries and 2 keys (so that causally the first query sees none)
// and one of 2 and 5.
template <bool causal>
Var two_sequences(const Vars& v) {
  return attention(v[0], v[1], v[2],
                   {.queries = {IndexTensor::of({4, 0, 2, 1, 3}), {0, 3, 5}},
                    .keys = {IndexTensor::arange(7), {0, 2, 7}},
                    .heads = 2,
                    .causal = causal});
}

// The same with 4 heads of queries over 2 of keys and values, and a window.
template <bool causal>
Var shared_heads(const Vars& v) {
  return attention(v[0], v[1], v[2],
                   {.queries = {IndexTensor::of({4, 0, 2, 1, 3}), {0, 3, 5}},
                    .keys = {IndexTensor::arange(7), {0, 2, 7}},
                    .heads = 4,
                    .causal = causal,
                    .kv_heads = 2,
                    .window = 2});
}
template <bool interleaved>
Var turned(const Vars& v) {
  return rotary(v[0], IndexTensor::of({0, 3, 1}),
                {.size = 4, .heads = 2, .base = 10, .interleaved = interleaved});
}

// v: q, k, v, and the state. Two heads over sequences of 3, 0 and 2 steps.
template <bool causal>
Var linearly_attended(const Vars& v) {
  Vars all;
  for (bool reverse : {false, true}) {
    if (reverse && !causal) continue;
    const RowGroups rows{IndexTensor::of({4, 0, 2, 1, 3}), {0, 3, 3, 5}};
    const ScanOutput y = linear_attention(
        v[0], v[1], v[2],
        {.queries = rows, .keys = rows, .heads = 2, .causal = causal, .reverse = reverse},
        exp(v[3]));
    all.insert(all.end(), {reshape(y.rows, {-1}), reshape(y.last, {-1})});
  }
  return concat(all);
}
// Two heads over a sequence of 3 queries and 2 keys and one of 2 and 5, without a state.
Var linearly_attended_across(const Vars& v) {
  return linear_attention(v[0], v[1], v[2],
                          {.queries = {IndexTensor::of({4, 0, 2, 1, 3}), {0, 3, 5}},
                           .keys = {IndexTensor::arange(7), {0, 2, 7}},
                           .heads = 2})
      .rows;
}

// Three groups, of 2 queries over 3 keys, of none over 1, and of 1 over 2. Both results count.
template <bool additive>
Var three_memories(const Vars& v) {
  const auto [out, weights] =
      memory_attention(v[0], v[1], v[2], additive ? v[3] : Var(),
                       {.queries = {IndexTensor::of({2, 0, 1}), {0, 2, 2, 3}},
                        .keys = {IndexTensor::of({4, 0, 2, 1, 3, 5}), {0, 3, 4, 6}}});
  return sum(square(out)) + sum(square(weights));
}

std::vector<Tensor> inputs_for(const Case& c, std::uint64_t seed) {
  Generator generator(seed);
  std::vector<Tensor> out;
  for (const Shape& shape : c.shapes) out.push_back(generator.uniform(shape, c.low, c.high, f64));
  return out;
}

const std::vector<Case>& cases() {
  static const IndexTensor picked({0, 2, 1, 1, 0, 2}, {3, 2});
  static const IndexTensor ids({3, 0, 3, 1}, {2, 2});
  static const Tensor mask = Tensor::of({{1, 0, 1}, {0, 0, 1}}, f64);
  static const std::vector<Case> all = {
      {"add", [](const Vars& v) { return v[0] + v[1]; }, {{2, 3}, {3}}},
      {"sub", [](const Vars& v) { return v[0] - v[1]; }, {{3}, {2, 1}}},
      {"mul", [](const Vars& v) { return v[0] * v[1]; }, {{2, 1, 3}, {4, 1}}},
      {"div", [](const Vars& v) { return v[0] / v[1]; }, {{2, 3}, {3}}, 0.5, 2},
      {"pow", [](const Vars& v) { return pow(v[0], v[1]); }, {{2, 3}, {3}}, 0.5, 2},
      {"pow number", [](const Vars& v) { return pow(v[0], 3.0); }, {{2, 3}}},
      {"minimum", [](const Vars& v) { return minimum(v[0], v[1]); }, {{2, 3}, {3}}},
      {"maximum", [](const Vars& v) { return maximum(v[0], v[1]); }, {{2, 3}, {3}}},
      {"where", [](const Vars& v) { return where(mask, v[0] * v[0], v[1]); }, {{2, 3}, {3}}},
      {"masked_fill", [](const Vars& v) { return masked_fill(v[0] * v[0], mask, -3); }, {{2, 3}}},
      {"neg", [](const Vars& v) { return -v[0]; }, {{3}}},
      {"exp", [](const Vars& v) { return exp(v[0]); }, {{5}}},
      {"log", [](const Vars& v) { return log(v[0]); }, {{5}}, 0.3, 3},
      {"sqrt", [](const Vars& v) { return sqrt(v[0]); }, {{5}}, 0.3, 3},
      {"abs", [](const Vars& v) { return abs(v[0]); }, {{5}}},
      {"square", [](const Vars& v) { return square(v[0]); }, {{5}}},
      {"reciprocal", [](const Vars& v) { return reciprocal(v[0]); }, {{5}}, 0.3, 3},
      {"sin", [](const Vars& v) { return sin(v[0]); }, {{5}}},
      {"cos", [](const Vars& v) { return cos(v[0]); }, {{5}}},
      {"tanh", [](const Vars& v) { return tanh(v[0]); }, {{5}}},
      {"sigmoid", [](const Vars& v) { return sigmoid(v[0]); }, {{5}}},
      {"relu", [](const Vars& v) { return relu(v[0]); }, {{7}}},
      {"leaky_relu", [](const Vars& v) { return leaky_relu(v[0], 0.1); }, {{7}}},
      {"elu", [](const Vars& v) { return elu(v[0], 0.7); }, {{7}}},
      {"gelu", [](const Vars& v) { return gelu(v[0]); }, {{7}}},
      {"gelu_tanh", [](const Vars& v) { return gelu_tanh(v[0]); }, {{7}}},
      {"normal_cdf", [](const Vars& v) { return normal_cdf(v[0]); }, {{7}}},
      {"silu", [](const Vars& v) { return silu(v[0]); }, {{7}}},
      {"softplus", [](const Vars& v) { return softplus(v[0]); }, {{7}}},
      {"clamp", [](const Vars& v) { return clamp(v[0], -0.5, 0.8); }, {{9}}},
      {"sum",
       [](const Vars& v) {
         return sum(v[0] * v[0], {0, 2});
       },
       {{2, 3, 2}}},
      {"sum keepdim",
       [](const Vars& v) { return sum(v[0] * v[0], 1, {.keepdim = true}); },
       {{2, 3}}},
      {"sum_to",
       [](const Vars& v) {
         return square(sum_to(v[0], {3, 1}));
       },
       {{2, 3, 2}}},
      {"mean", [](const Vars& v) { return mean(v[0] * v[0], {-1}); }, {{2, 3}}},
      {"max", [](const Vars& v) { return max(v[0], {1}); }, {{3, 4}}},
      {"min",
       [](const Vars& v) {
         return min(v[0], {0, 1});
       },
       {{3, 4}}},
      {"var", [](const Vars& v) { return var(v[0], {1}); }, {{2, 4}}},
      {"stddev", [](const Vars& v) { return stddev(v[0], 1); }, {{2, 4}}},
      {"norm",
       [](const Vars& v) {
         return norm(v[0], {0, 2});
       },
       {{2, 3, 2}}},
      {"norm keepdim",
       [](const Vars& v) { return v[0] / norm(v[0], -1, {.keepdim = true}); },
       {{3, 2}}},
      {"prod",
       [](const Vars& v) {
         return prod(v[0], {0, 2});
       },
       {{2, 3, 3}}},
      {"prod with zeros",
       [](const Vars& v) {
         return prod(v[0] * Tensor::of({{1, 0, 1}, {0, 1, 0}, {1, 1, 1}}, f64), 1);
       },
       {{3, 3}}},
      {"logcumsumexp", [](const Vars& v) { return logcumsumexp(v[0], 1); }, {{2, 5, 2}}},
      {"tril", [](const Vars& v) { return square(tril(v[0], -1)); }, {{2, 3, 3}}},
      {"triu", [](const Vars& v) { return square(triu(v[0], 1)) * v[0]; }, {{3, 4}}},
      {"sort", [](const Vars& v) { return square(sort(v[0], 0).values) * v[1]; }, {{4, 2}, {2}}},
      {"topk", [](const Vars& v) { return square(topk(v[0], 2).values); }, {{2, 4}}},
      {"logsumexp", [](const Vars& v) { return logsumexp(v[0], {0}); }, {{3, 2}}},
      {"mse_loss",
       [](const Vars& v) { return nn::mse_loss(v[0], v[1], Reduction::none); },
       {{3, 2}, {3, 2}}},
      {"l1_loss",
       [](const Vars& v) { return nn::l1_loss(v[0] * v[0], v[1] * v[1] + 5.0, Reduction::none); },
       {{3, 2}, {3, 2}}},
      {"huber_loss",
       [](const Vars& v) { return nn::huber_loss(v[0], v[1], {.reduction = Reduction::none}); },
       {{3, 2}, {3, 2}}},
      {"cumsum", [](const Vars& v) { return cumsum(v[0] * v[0], 1); }, {{2, 4, 2}}},
      {"softmax", [](const Vars& v) { return softmax(v[0], 0); }, {{3, 2}}},
      {"log_softmax", [](const Vars& v) { return log_softmax(v[0]); }, {{2, 4}}},
      {"matmul", [](const Vars& v) { return matmul(v[0], v[1]); }, {{2, 3}, {3, 4}}},
      {"matmul batched", [](const Vars& v) { return matmul(v[0], v[1]); }, {{2, 2, 3}, {2, 3, 2}}},
      {"matmul broadcast",
       [](const Vars& v) { return matmul(v[0], v[1]); },
       {{2, 1, 2, 3}, {2, 3, 2}}},
      {"matmul by one matrix",
       [](const Vars& v) { return matmul(v[0], v[1]); },
       {{2, 2, 3}, {3, 2}}},
      {"matmul of vectors",
       [](const Vars& v) { return matmul(matmul(v[0], v[1]), v[0]); },
       {{3}, {3, 3}}},
      {"linear", [](const Vars& v) { return linear(v[0], v[1], v[2]); }, {{2, 2, 3}, {3, 2}, {2}}},
      {"linear without bias",
       [](const Vars& v) { return linear(v[0], v[1], Var()); },
       {{2, 3}, {3, 2}}},
      {"reshape",
       [](const Vars& v) {
         return square(reshape(v[0], {3, -1}));
       },
       {{2, 3}}},
      {"permute",
       [](const Vars& v) {
         return square(permute(v[0], {2, 0, 1}));
       },
       {{2, 3, 2}}},
      {"transpose", [](const Vars& v) { return square(transpose(v[0])); }, {{2, 3}}},
      {"narrow",
       [](const Vars& v) { return square(narrow(v[0], 1, 1, 2)) * narrow(v[0], 1, 0, 2); },
       {{2, 4}}},
      {"select", [](const Vars& v) { return square(select(v[0], 0, -1)); }, {{3, 2}}},
      {"split",
       [](const Vars& v) {
         const auto p = split(v[0], {1, 3}, 1);
         return p[0] * p[1];
       },
       {{2, 4}}},
      {"expand",
       [](const Vars& v) {
         return square(expand(v[0], {2, 3, 2}));
       },
       {{3, 1}}},
      {"flip", [](const Vars& v) { return square(flip(v[0], 0)) * v[0]; }, {{3, 2}}},
      {"pad", [](const Vars& v) { return square(pad(v[0], 1, 1, 2, 0.5)); }, {{2, 2}}},
      {"concat", [](const Vars& v) { return square(concat(v, 1)); }, {{2, 2}, {2, 3}}},
      {"stack", [](const Vars& v) { return square(stack(v, -1)); }, {{2, 2}, {2, 2}}},
      {"gather", [](const Vars& v) { return square(gather(v[0], 0, picked)); }, {{3, 2}}},
      {"scatter_add",
       [](const Vars& v) { return square(scatter_add(v[0], 0, picked, v[1])); },
       {{3, 2}, {3, 2}}},
      {"index_select",
       [](const Vars& v) {
         return square(index_select(v[0], 1, IndexTensor::of({2, 0, 2})));
       },
       {{2, 3}}},
      {"index_add",
       [](const Vars& v) {
         return square(index_add(v[0], 1, IndexTensor::of({2, 0, 2}), 4));
       },
       {{2, 3}}},
      {"sparse_matmul",
       [](const Vars& v) {
         return square(matmul(SparseRows::from({{3, 1}, {}, {1, 0}}, 4, f64)
                                  .with_values(Tensor::of({1, 2, 0.5, 1}, f64)),
                              v[0]));
       },
       {{4, 2}}},
      {"embedding", [](const Vars& v) { return square(embedding(ids, v[0])); }, {{4, 2}}},
      {"scatter_rows",
       [](const Vars& v) { return square(scatter_rows(v[0], ids, 5)); },
       {{2, 2, 3}}},
      {"layer_norm",
       [](const Vars& v) { return layer_norm(v[0], v[1], v[2]); },
       {{3, 4}, {4}, {4}}},
      {"layer_norm plain", [](const Vars& v) { return layer_norm(v[0], Var(), Var()); }, {{3, 4}}},
      {"rms_norm", [](const Vars& v) { return rms_norm(v[0], v[1]); }, {{3, 4}, {4}}},
      {"dropout",
       [](const Vars& v) {
         Generator g(3);
         return dropout(v[0] * v[0], 0.4, g);
       },
       {{3, 4}}},
      {"cross_entropy",
       [](const Vars& v) {
         return cross_entropy(v[0], IndexTensor::of({2, -100, 0}), {.reduction = Reduction::none});
       },
       {{3, 4}}},
      {"cross_entropy smoothed and weighted",
       [](const Vars& v) {
         return cross_entropy(v[0], IndexTensor::of({2, 1, 0}),
                              {.ignore_id = 1,
                               .class_weights = Tensor::of({0.5, 1, 2, 3}, f64),
                               .label_smoothing = 0.2,
                               .reduction = Reduction::none});
       },
       {{3, 4}}},
      {"rnn_sequence tanh", rnn<false>, {{6, 2}, {2, 3}, {3}, {3, 3}, {3, 3}}},
      {"rnn_sequence relu", rnn<true>, {{6, 2}, {2, 3}, {3}, {3, 3}, {3, 3}}},
      {"lstm_sequence", lstm, {{6, 2}, {2, 12}, {12}, {3, 12}, {3, 3}, {3, 3}}},
      {"gru_sequence of a table", gru_of_table, {{4, 9}, {3, 9}, {3, 3}}},
      {"gru_sequence", gru, {{6, 2}, {2, 9}, {9}, {3, 9}, {3, 3}, {3}}},
      {"scan", scanned, {{6, 2}, {6, 2}, {3, 2}}},
      {"min_gru_sequence", min_gru<false>, {{6, 4}, {3, 2}}},
      {"min_gru_sequence positive", min_gru<true>, {{6, 4}, {3, 2}}},
      {"causal_conv1d", convolved, {{8, 2}, {3, 2}, {2}, {3, 2, 2}}},
      {"selective_scan",
       selected,
       {{6, 2}, {6, 2}, {2, 3}, {6, 3}, {6, 3}, {2}, {2}, {6, 2}, {3, 2, 3}},
       -1,
       1},
      {"attention", two_sequences<false>, {{5, 4}, {7, 4}, {7, 6}}},
      {"attention causal", two_sequences<true>, {{5, 4}, {7, 4}, {7, 6}}},
      {"attention of shared heads in a window", shared_heads<false>, {{5, 8}, {7, 4}, {7, 6}}},
      {"attention of shared heads in a causal window",
       shared_heads<true>,
       {{5, 8}, {7, 4}, {7, 6}}},
      {"self attention of shared heads",
       [](const Vars& v) {
         const RowGroups groups = RowGroups::of(SequenceLayout({1, 3, 2}));
         return self_attention(
             v[0],
             {.queries = groups, .keys = groups, .heads = 4, .causal = true, .kv_heads = 2});
       },
       {{6, 16}}},
      {"rotary", turned<false>, {{3, 12}}},
      {"rotary interleaved", turned<true>, {{3, 12}}},
      {"self attention of ragged sequences",
       [](const Vars& v) {
         const RowGroups groups = RowGroups::of(SequenceLayout({1, 3, 2}));
         return self_attention(v[0], {groups, groups, 2, true, 0.7});
       },
       {{6, 12}}},
      {"linear_attention",
       linearly_attended<false>,
       {{5, 4}, {5, 4}, {5, 6}, {3, 2, 2, 4}}},
      {"linear_attention causal",
       linearly_attended<true>,
       {{5, 4}, {5, 4}, {5, 6}, {3, 2, 2, 4}}},
      {"linear_attention between sequences",
       linearly_attended_across,
       {{5, 4}, {7, 4}, {7, 6}}},
      {"additive memory_attention", three_memories<true>, {{3, 4}, {6, 4}, {6, 5}, {4}}},
      {"memory_attention", three_memories<false>, {{3, 4}, {6, 4}, {6, 5}}},
      {"checkpoint",
       [](const Vars& v) {
         return checkpoint([](const Vars& in) -> Vars { return {tanh(in[0]) * in[1]}; },
                           {v[0], v[1]})
             .front();
       },
       {{3}, {3}}},
  };
  return all;
}

}  // namespace

TEST_CASE("every op's first derivative agrees with finite differences") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    for (std::uint64_t seed : {1, 2}) {
      const GradcheckResult result = gradcheck(c.f, inputs_for(c, seed), {.tolerance = 1e-7});
      CHECK_MESSAGE(result, result.message);
    }
  }
}

TEST_CASE(
    "every entry of the table of functions of one variable is checked, whatever is added to it") {
  // Points at which each of them is smooth; parameters as in a call without any, or 0.7 and 1.6.
  const Tensor x = Tensor::of({0.75, 1.1, 1.5}, f64);
  for (const Unary& entry : unary_ops()) {
    CAPTURE(entry.name);
    const Function f = [&](const Vars& v) { return entry.of_var(v[0]); };
    const GradcheckResult first = gradcheck(f, {x}), second = gradgradcheck(f, {x});
    CHECK_MESSAGE(first, first.message);
    CHECK_MESSAGE(second, second.message);
    CHECK(max(abs(sub(entry.of_var(x).value(), entry.of_tensor(x)))).item() == 0);
  }
}

TEST_CASE("every op's second derivative agrees with finite differences") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    const GradcheckResult result = gradgradcheck(c.f, inputs_for(c, 3), {.tolerance = 1e-6});
    CHECK_MESSAGE(result, result.message);
  }
}

TEST_CASE("no op escapes gradcheck") {
  for (const Case& c : cases()) {
    gradcheck(c.f, inputs_for(c, 1));
    gradgradcheck(c.f, inputs_for(c, 1));
  }
  REQUIRE(Op::all().size() > 40);
  for (const Op* op : Op::all()) {
    const std::string name = op->name();
    CAPTURE(name);
    if (name.rfind("test ", 0) == 0) continue;  // an op of the tests themselves
    CHECK((op->checked() & 1) != 0);
    if (!op->once()) CHECK((op->checked() & 2) != 0);
  }
}

TEST_CASE("every entry names the line that its user wrote, not one inside the library") {
  for (const Case& c : cases()) {
    Tape tape;
    Vars inputs;
    for (const Tensor& x : inputs_for(c, 1)) inputs.push_back(tape.watch(x));
    c.f(inputs);
    const std::string dump = tape.dump();
    for (const char* inside : {"autograd/ops/", "autograd/sequence/", "autograd/fused"})
      CHECK_MESSAGE(dump.find(inside) == std::string::npos, c.name, "\n", dump);
  }
}

namespace {
const Op wrong_op{"test wrong derivative"};
Var wrong(const In& x) {
  return record(wrong_op, (square(*x)).value(), {&x},
                [x = *x](const Var& g, Cotangents& d) { d.add(0, g * x); });
}
}  // namespace

TEST_CASE("a wrong derivative is reported with its op, input, element and both values") {
  const GradcheckResult result =
      gradcheck([](const Vars& v) { return wrong(v[0]); }, {Tensor::of({1, 3}, f64)}, {.seed = 4});
  CHECK(!result);
  CHECK(result.message.find("wrong derivative") != std::string::npos);
  CHECK(result.message.find("input 0 [2], element ") != std::string::npos);
  CHECK(result.message.find("finite differences give") != std::string::npos);
}

namespace {

// An op of its own for each case, so that nothing but that case can mark it. The derivative is
// wrong if asked for.
Var own(const Op& op, const In& x, double slope = 2) {
  return record(op, mul(x.value(), 2), {&x},
                [slope](const Var& g, Cotangents& d) { d.add(0, g * slope); });
}
Var blind(const Op& op, const In& x) {  // hands on nothing
  return record(op, mul(x.value(), 0), {&x}, [](const Var&, Cotangents&) {});
}

}  // namespace

TEST_CASE("an op is checked when its own derivative was compared, not when it stood on the tape") {
  const Tensor x = Tensor::of({1, 3}, f64);
  const Param p(Tensor::of({2, 5}, f64));
  const auto checked = [&](const Op& op, const Function& f) {
    const bool ok = gradcheck(f, {x}).ok && gradgradcheck(f, {x}).ok;
    CHECK(ok);
    return op.checked();
  };
  static const Op used{"test used"}, unused{"test unused"}, times_zero{"test times zero"},
      of_param{"test of a Param"}, hidden{"test hidden"}, wall{"test wall"}, behind{"test behind"};
  CHECK(checked(used, [&](const Vars& v) { return own(used, v[0]); }) == 3);
  CHECK(checked(unused, [&](const Vars& v) {
          (void)own(unused, v[0], 7);
          return square(v[0]);
        }) == 0);
  CHECK(checked(times_zero,
                [&](const Vars& v) { return own(times_zero, v[0], 7) * 0.0 + square(v[0]); }) == 0);
  CHECK(checked(of_param, [&](const Vars& v) { return own(of_param, p, 7) + square(v[0]); }) == 0);
  CHECK(checked(hidden, [&](const Vars& v) { return own(hidden, x, 7) + v[0]; }) == 0);
  // Behind an op that hands on nothing, nothing is compared.
  CHECK(checked(behind, [&](const Vars& v) {
          return own(behind, blind(wall, v[0]), 7) + square(v[0]);
        }) == 0);
  CHECK(checked(wall, [&](const Vars& v) { return blind(wall, v[0]) + v[0]; }) == 0);

  static const Op of_checked_param{"test of a checked Param"};
  CHECK(gradcheck_params([&] { return own(of_checked_param, p); }, {{"p", p.handle()}}));
  CHECK(of_checked_param.checked() == 1);
}

TEST_CASE("an op with a reference is checked when the gradient goes through the reference") {
  static const Op op{"test reference"};
  const Function one = [&](const Vars& v) {
    const In x(v[0]);
    return record(op, square(v[0]).value(), {&x}, [x = v[0]](const Var& g, Cotangents& d) {
      d.add_through([](const Vars& in) { return Vars{square(in[0])}; }, {x}, {&g, 1});
    });
  };
  CHECK(gradcheck(one, {Tensor::of({1, 3}, f64)}));
  CHECK(op.checked() == 1);
  CHECK(gradgradcheck(one, {Tensor::of({1, 3}, f64)}));
  CHECK(op.checked() == 3);
}
