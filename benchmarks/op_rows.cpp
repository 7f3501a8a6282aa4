// The list of measured ops. F(..) makes the function of a row; R and C are the sizes of x.
#include "benchmarks/ops.h"

#include <unroll/unroll.h>

namespace bench {
namespace {

using namespace unroll;

#define F(...)                                              \
  [](const Inputs& in) -> Var {                             \
    [[maybe_unused]] const auto& [x, y, z, ids, R, C] = in; \
    return __VA_ARGS__;                                     \
  }

// --- inputs of a row; sizes are named by letters ---

struct In1 {
  std::string shape = "RC";
  std::string kind = "number";
  double low = -1, high = 1;
  std::string limit = "";  // ids are below R or C
};

struct Row {
  std::string name;
  std::string torch;
  std::function<Var(const Inputs&)> f;
  std::vector<In1> inputs = {{}};
  bool pair = false;  // y broadcasts against x
  bool forward_only = false;
  bool random = false;
};

const In1 any{}, positive{.low = 0.5, .high = 2}, constant{.kind = "constant"},
    mask{.kind = "mask"};
const In1 weight{.shape = "CC"}, columns{.shape = "C"};
const In1 row_ids{.shape = "R", .kind = "ids", .limit = "R"};
const In1 column_ids{.shape = "C", .kind = "ids", .limit = "C"};
const In1 class_ids{.shape = "R", .kind = "ids", .limit = "C"};
const In1 each_row{.shape = "RC", .kind = "ids", .limit = "R"};
const In1 each_column{.shape = "RC", .kind = "ids", .limit = "C"};

Row unary(const char* name, const char* torch, std::function<Var(const Inputs&)> f, In1 x = any) {
  return {name, torch, std::move(f), {std::move(x)}};
}
Row pair(const char* name, const char* torch, std::function<Var(const Inputs&)> f, In1 x = any,
         In1 y = any) {
  return {.name = name,
          .torch = torch,
          .f = std::move(f),
          .inputs = {std::move(x), std::move(y)},
          .pair = true};
}
Row with(const char* name, const char* torch, std::function<Var(const Inputs&)> f,
         std::vector<In1> inputs) {
  return {name, torch, std::move(f), std::move(inputs)};
}
Row forward(Row row) {
  row.forward_only = true;
  return row;
}
Row random(Row row) {
  row.random = true;
  return row;
}

// --- functions that are more than one call ---

Var joined(Var (*join)(std::span<const Var>, int, Where), const Var& x, const Var& y, int axis) {
  const std::vector<Var> parts{x, y};
  return join(parts, axis, Where::here());
}
Var quarters(const Var& x, int axis) {
  const std::vector<Var> v = split(x, x.size(axis) / 4, axis);
  return v[0] * v[1] + v[2] * v[3];
}
Var attend(const Inputs& in, bool causal) {
  const Index length = std::min<Index>(in.R, 128), width = std::min<Index>(in.C, 64);
  const RowGroups rows = RowGroups::equal(in.R / length, length);
  return attention(in.x, in.y, in.z,
                   {.queries = rows, .keys = rows, .heads = in.C / width, .causal = causal});
}
Var attend_linearly(const Inputs& in, bool causal) {
  const Index length = std::min<Index>(in.R, 128), width = std::min<Index>(in.C, 64);
  const RowGroups rows = RowGroups::equal(in.R / length, length);
  return linear_attention(in.x, in.y, in.z,
                          {.queries = rows, .keys = rows, .heads = in.C / width, .causal = causal})
      .rows;
}
// Groups of up to 16 queries over as many keys, which are also the values.
Var attend_memory(const Inputs& in, const Var& v) {
  const RowGroups rows =
      RowGroups::equal(in.R / std::min<Index>(in.R, 16), std::min<Index>(in.R, 16));
  return memory_attention(in.x, in.y, in.y, v, {rows, rows}).out;
}
// Sequences of up to 128 steps.
SequenceLayout sequences(Index rows) {
  const Index steps = std::min<Index>(rows, 128);
  return SequenceLayout::equal(rows / steps, steps);
}
Var selective(const Var& x, const Var& delta, const Var& a) {
  return selective_scan({.x = x,
                         .delta = delta,
                         .a = a,
                         .b = narrow(x, 1, 0, 4),
                         .c = narrow(delta, 1, 0, 4),
                         .z = delta},
                        Var(), sequences(x.size(0)))
      .rows;
}
// For results that are not a Var.
template <class Result>
Var done(const Result&) {
  return {};
}
Tensor filled(const Shape& shape) {
  Tensor out = Tensor::empty(shape);
  out.fill_(0.5);
  return out;
}
Tensor added_into(const Var& x, const Var& y) {
  Tensor sum = x.value();
  add_into(sum, y.value());
  return sum;
}
SparseRows one_in_each_row(const IndexTensor& ids, Index width) {
  return {IndexTensor::arange(ids.numel() + 1), ids, Tensor::ones({ids.numel()}), width};
}
Generator& generator() {
  static Generator g(1);
  return g;
}

std::vector<Row> rows() {
  return {
      // elementwise, one variable
      unary("neg", "-x", F(neg(x))),
      unary("exp", "torch.exp(x)", F(exp(x))),
      unary("log", "torch.log(x)", F(log(x)), positive),
      unary("sqrt", "torch.sqrt(x)", F(sqrt(x)), positive),
      unary("abs", "torch.abs(x)", F(abs(x))),
      unary("square", "torch.square(x)", F(square(x))),
      unary("reciprocal", "torch.reciprocal(x)", F(reciprocal(x)), positive),
      unary("sin", "torch.sin(x)", F(sin(x))),
      unary("cos", "torch.cos(x)", F(cos(x))),
      unary("tanh", "torch.tanh(x)", F(tanh(x))),
      unary("sigmoid", "torch.sigmoid(x)", F(sigmoid(x))),
      unary("relu", "torch.relu(x)", F(relu(x))),
      unary("leaky_relu", "F.leaky_relu(x)", F(leaky_relu(x))),
      unary("elu", "F.elu(x)", F(elu(x))),
      unary("gelu", "F.gelu(x)", F(gelu(x))),
      unary("gelu_tanh", "F.gelu(x, approximate='tanh')", F(gelu_tanh(x))),
      unary("normal_cdf", "torch.special.ndtr(x)", F(normal_cdf(x))),
      unary("silu", "F.silu(x)", F(silu(x))),
      unary("softplus", "F.softplus(x)", F(softplus(x))),
      unary("clamp", "torch.clamp(x, -0.5, 0.5)", F(clamp(x, -0.5, 0.5))),
      unary("add number", "x + 0.5", F(x + 0.5)),
      unary("mul number", "x * 0.5", F(x * 0.5)),
      unary("div number", "2.0 / x", F(2.0 / x), positive),
      unary("pow 2", "x ** 2", F(pow(x, 2.0))),
      unary("pow 3", "x ** 3", F(pow(x, 3.0))),
      unary("pow -1", "x ** -1", F(pow(x, -1.0)), positive),
      unary("pow 0.5", "x ** 0.5", F(pow(x, 0.5)), positive),
      unary("pow 1.7", "x ** 1.7", F(pow(x, 1.7)), positive),
      unary("pow number", "1.7 ** x", F(pow(1.7, x))),
      // elementwise, two and three variables
      pair("add", "x + y", F(x + y)),
      pair("sub", "x - y", F(x - y)),
      pair("mul", "x * y", F(x * y)),
      pair("div", "x / y", F(x / y), any, positive),
      pair("pow", "torch.pow(x, y)", F(pow(x, y)), positive, any),
      pair("minimum", "torch.minimum(x, y)", F(minimum(x, y))),
      pair("maximum", "torch.maximum(x, y)", F(maximum(x, y))),
      forward(pair("equal", "torch.eq(x, y)", F(equal(x.value(), y.value())))),
      forward(pair("less", "torch.lt(x, y)", F(less(x.value(), y.value())))),
      forward(pair("less_equal", "torch.le(x, y)", F(less_equal(x.value(), y.value())))),
      pair("where", "torch.where(z, x, y)", F(where(z.value(), x, y))),
      with("masked_fill", "torch.masked_fill(x, y, 0.5)", F(masked_fill(x, y.value(), 0.5)),
           {any, mask}),
      forward(with("add_into", "x.add_(y)", F(done(added_into(x, y))), {constant, constant})),
      // reductions
      unary("sum", "torch.sum(x)", F(sum(x))),
      unary("sum of columns", "torch.sum(x, 0)", F(sum(x, {0}))),
      unary("sum of rows", "torch.sum(x, 1)", F(sum(x, {1}))),
      unary("sum_to", "x.sum_to_size(C)", F(sum_to(x, {C}))),
      unary("mean", "torch.mean(x)", F(mean(x))),
      unary("mean of columns", "torch.mean(x, 0)", F(mean(x, {0}))),
      unary("mean of rows", "torch.mean(x, 1)", F(mean(x, {1}))),
      unary("max", "torch.amax(x, (0, 1))", F(max(x))),
      unary("max of columns", "torch.amax(x, 0)", F(max(x, {0}))),
      unary("max of rows", "torch.amax(x, 1)", F(max(x, {1}))),
      unary("min", "torch.amin(x, (0, 1))", F(min(x))),
      unary("min of columns", "torch.amin(x, 0)", F(min(x, {0}))),
      unary("min of rows", "torch.amin(x, 1)", F(min(x, {1}))),
      unary("var", "torch.var(x)", F(var(x))),
      unary("var of columns", "torch.var(x, 0)", F(var(x, {0}))),
      unary("var of rows", "torch.var(x, 1)", F(var(x, {1}))),
      unary("logsumexp", "torch.logsumexp(x, (0, 1))", F(logsumexp(x))),
      unary("logsumexp of columns", "torch.logsumexp(x, 0)", F(logsumexp(x, {0}))),
      unary("logsumexp of rows", "torch.logsumexp(x, 1)", F(logsumexp(x, {1}))),
      unary("norm", "torch.linalg.vector_norm(x)", F(norm(x))),
      unary("logcumsumexp along 0", "torch.logcumsumexp(x, 0)", F(logcumsumexp(x, 0))),
      unary("logcumsumexp along 1", "torch.logcumsumexp(x, 1)", F(logcumsumexp(x, 1))),
      unary("tril", "torch.tril(x)", F(tril(x))),
      unary("triu", "torch.triu(x)", F(triu(x))),
      unary("cumsum along 0", "torch.cumsum(x, 0)", F(cumsum(x, 0))),
      unary("cumsum along 1", "torch.cumsum(x, 1)", F(cumsum(x, 1))),
      unary("softmax along 0", "torch.softmax(x, 0)", F(softmax(x, 0))),
      unary("softmax along 1", "torch.softmax(x, 1)", F(softmax(x, 1))),
      unary("log_softmax along 0", "torch.log_softmax(x, 0)", F(log_softmax(x, 0))),
      unary("log_softmax along 1", "torch.log_softmax(x, 1)", F(log_softmax(x, 1))),
      forward(unary("argmax along 0", "torch.argmax(x, 0)", F(done(argmax(x.value(), 0))))),
      forward(unary("argmax along 1", "torch.argmax(x, 1)", F(done(argmax(x.value(), 1))))),
      forward(unary("all_finite", "torch.isfinite(x).all()", F(done(all_finite(x.value()))))),
      // products
      with("matmul", "x @ y", F(matmul(x, y)), {any, weight}),
      with("matmul by a transposed", "x @ y.t()", F(matmul(x, transpose(y))), {any, weight}),
      with("matmul by a vector", "x @ y", F(matmul(x, y)), {any, columns}),
      with("matmul in batches", "x.reshape(R, C // 8, 8) @ y.reshape(R, 8, C // 8)",
           F(matmul(reshape(x, {R, C / 8, 8}), reshape(y, {R, 8, C / 8}))), {any, any}),
      with("linear", "F.linear(x, y.t(), z)", F(linear(x, y, z)), {any, weight, columns}),
      // shapes
      unary("reshape", "x.reshape(C * R)", F(reshape(x, {C * R}))),
      unary("transpose", "x.transpose(0, 1)", F(transpose(x))),
      unary("permute", "x.permute(1, 0)", F(permute(x, {1, 0}))),
      unary("narrow along 0", "x.narrow(0, 1, R - 2)", F(narrow(x, 0, 1, R - 2))),
      unary("narrow along 1", "x.narrow(1, 1, C - 2)", F(narrow(x, 1, 1, C - 2))),
      unary("select along 0", "x.select(0, 1)", F(select(x, 0, 1))),
      unary("select along 1", "x.select(1, 1)", F(select(x, 1, 1))),
      unary("expand", "x.unsqueeze(0).expand(2, R, C)", F(expand(unsqueeze(x, 0), {2, R, C}))),
      unary("unsqueeze", "x.unsqueeze(1)", F(unsqueeze(x, 1))),
      unary("squeeze", "x.unsqueeze(1).squeeze(1)", F(squeeze(unsqueeze(x, 1), 1))),
      unary("flip along 0", "torch.flip(x, (0,))", F(flip(x, 0))),
      unary("flip along 1", "torch.flip(x, (1,))", F(flip(x, 1))),
      unary("pad along 0", "F.pad(x, (0, 0, 1, 2))", F(pad(x, 0, 1, 2))),
      unary("pad along 1", "F.pad(x, (1, 2))", F(pad(x, 1, 1, 2))),
      with("concat along 0", "torch.cat((x, y), 0)", F(joined(concat, x, y, 0)), {any, any}),
      with("concat along 1", "torch.cat((x, y), 1)", F(joined(concat, x, y, 1)), {any, any}),
      with("stack along 0", "torch.stack((x, y), 0)", F(joined(stack, x, y, 0)), {any, any}),
      with("stack along 1", "torch.stack((x, y), 1)", F(joined(stack, x, y, 1)), {any, any}),
      with("stack along 2", "torch.stack((x, y), 2)", F(joined(stack, x, y, 2)), {any, any}),
      unary("split along 0", "quarters(x, 0)", F(quarters(x, 0))),
      unary("split along 1", "quarters(x, 1)", F(quarters(x, 1))),
      forward(
          unary("clone", "x.clone(memory_format=torch.contiguous_format)", F(x.value().clone()))),
      forward(unary("to f64 and back", "x.double().float()", F(x.value().to(f64).to(f32)))),
      forward(unary("full", "torch.full((R, C), 0.5)", F(Tensor::full({R, C}, 0.5)))),
      forward(unary("zeros", "torch.zeros(R, C)", F(Tensor::zeros({R, C})))),
      forward(unary("fill_", "torch.empty(R, C).fill_(0.5)", F(filled({R, C})))),
      forward(
          unary("arange", "torch.arange(R * C, dtype=torch.float32)", F(Tensor::arange(R * C)))),
      // indexing
      with("gather along 0", "torch.gather(x, 0, ids)", F(gather(x, 0, ids)), {any, each_row}),
      with("gather along 1", "torch.gather(x, 1, ids)", F(gather(x, 1, ids)), {any, each_column}),
      with("scatter_add along 0", "torch.scatter_add(x, 0, ids, y)", F(scatter_add(x, 0, ids, y)),
           {any, any, each_row}),
      with("scatter_add along 1", "torch.scatter_add(x, 1, ids, y)", F(scatter_add(x, 1, ids, y)),
           {any, any, each_column}),
      with("index_select along 0", "torch.index_select(x, 0, ids)", F(index_select(x, 0, ids)),
           {any, row_ids}),
      with("index_select along 1", "torch.index_select(x, 1, ids)", F(index_select(x, 1, ids)),
           {any, column_ids}),
      with("index_add along 0", "torch.zeros(R, C).index_add(0, ids, x)",
           F(index_add(x, 0, ids, R)), {any, row_ids}),
      with("index_add along 1", "torch.zeros(R, C).index_add(1, ids, x)",
           F(index_add(x, 1, ids, C)), {any, column_ids}),
      with("sparse_matmul", "F.embedding_bag(ids[:, None], x, mode='sum')",
           F(matmul(one_in_each_row(ids, R), x)), {any, row_ids}),
      with("embedding", "F.embedding(ids, x)", F(embedding(ids, x)), {any, row_ids}),
      with("embedding of few ids", "F.embedding(ids, x)", F(embedding(ids, x)),
           {any, {.shape = "R", .kind = "ids", .limit = "4"}}),
      with("scatter_rows", "torch.zeros(R, C).index_add(0, ids, x)", F(scatter_rows(x, ids, R)),
           {any, row_ids}),
      // normalisation, dropout, losses
      with("layer_norm", "F.layer_norm(x, (C,), y, z)", F(layer_norm(x, y, z)),
           {any, columns, columns}),
      with("rms_norm", "x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * y",
           F(rms_norm(x, y)), {any, columns}),
      random(unary("dropout", "F.dropout(x, 0.25)", F(dropout(x, 0.25, generator())))),
      with("cross_entropy", "F.cross_entropy(x, ids)", F(nn::cross_entropy(x, ids)),
           {any, class_ids}),
      with("cross_entropy of rows", "F.cross_entropy(x, ids, reduction='none')",
           F(cross_entropy(x, ids, {.reduction = Reduction::none})), {any, class_ids}),
      with("nll_loss", "F.nll_loss(x, ids)", F(nn::nll_loss(x, ids)), {any, class_ids}),
      with("mse_loss", "F.mse_loss(x, y)", F(nn::mse_loss(x, y)), {any, constant}),
      with("l1_loss", "F.l1_loss(x, y)", F(nn::l1_loss(x, y)), {any, constant}),
      with("huber_loss", "F.huber_loss(x, y, delta=0.5)", F(nn::huber_loss(x, y, {.delta = 0.5})),
           {any, constant}),
      with("bce_with_logits", "F.binary_cross_entropy_with_logits(x, y)",
           F(nn::bce_with_logits(x, y)), {any, {.kind = "constant", .low = 0, .high = 1}}),
      with("gaussian_nll", "F.gaussian_nll_loss(x, y, z)", F(nn::gaussian_nll(x, y, z)),
           {any, constant, positive}),
      with("attention", "attend(x, y, z, False)", F(attend(in, false)), {any, any, any}),
      with("attention causal", "attend(x, y, z, True)", F(attend(in, true)), {any, any, any}),
      unary("rotary", "rotary(x)",
            F(rotary(x, sequences(R).time_of_rows(), {.size = std::min<Index>(C, 64)}))),
      with("linear_attention", "attend_linearly(x, y, z, False)", F(attend_linearly(in, false)),
           {any, any, any}),
      with("linear_attention causal", "attend_linearly(x, y, z, True)",
           F(attend_linearly(in, true)), {any, any, any}),
      with("memory_attention", "attend_memory(x, y, z)", F(attend_memory(in, z)),
           {any, any, columns}),
      with("memory_attention by products", "attend_memory(x, y)", F(attend_memory(in, Var())),
           {any, any}),
      with("scan", "scan(x, y)", F(scan(x, y, Var(), sequences(R)).rows), {any, any}),
      unary("min_gru_sequence", "min_gru(x)", F(min_gru_sequence(x, Var(), sequences(R)).rows)),
      with("causal_conv1d", "convolve(x, y, z)",
           F(causal_conv1d(x, y, z, Var(), sequences(R)).rows), {any, {.shape = "4C"}, columns}),
      with("selective_scan", "selective(x, y, z)", F(selective(x, y, z)),
           {any, any, {.shape = "C4", .low = -2, .high = 0}}),
      // random numbers
      forward(random(unary("uniform", "torch.rand(R, C)", F(generator().uniform({R, C}))))),
      forward(random(unary("normal", "torch.randn(R, C)", F(generator().normal({R, C}))))),
      forward(random(unary("bernoulli", "torch.empty(R, C).bernoulli_(0.25)",
                           F(generator().bernoulli({R, C}, 0.25))))),
      forward(random(unary("integers", "torch.randint(0, 10, (R, C))",
                           F(done(generator().integers({R, C}, 0, 10)))))),
      forward(random(
          unary("permutation", "torch.randperm(R * C)", F(done(generator().permutation(R * C)))))),
  };
}

Index size_of(char letter, Index R, Index C) {
  return letter == 'R' ? R : letter == 'C' ? C : letter - '0';
}

// The inputs of a row for a given size and layout.
std::vector<Input> inputs_of(const Row& row, const std::string& layout, Index R, Index C) {
  std::vector<Input> out;
  int numbers = 0;
  const auto append = [&](const In1& in) {
    Input now{.kind = in.kind, .low = in.low, .high = in.high};
    now.name = in.kind == "ids" ? "ids" : std::string(1, "xyz"[numbers++]);
    now.at = static_cast<int>(out.size());
    now.limit = in.limit.empty() ? 0 : size_of(in.limit[0], R, C);
    std::vector<Index> sizes;
    for (char letter : in.shape) sizes.push_back(size_of(letter, R, C));
    now.shape = Shape(std::span<const Index>(sizes));
    now.layout = "contiguous";
    if (now.name == "x" && layout == "transposed") now.layout = "transposed";
    if (now.name == "x" && layout == "broadcast" && !row.pair)
      now.layout = "expanded", now.shape = {1, C};
    if (row.pair && now.name == "x" && layout == "outer") now.shape = {R, 1};
    if (row.pair && now.name == "y" && layout != "contiguous" && layout != "transposed")
      now.shape = {1, C};
    out.push_back(now);
  };
  for (const In1& in : row.inputs) append(in);
  if (row.name == "where") append(mask);
  return out;
}

// Whether a layout of x can make a difference for a row.
bool meaningful(const Row& row, const std::string& layout) {
  if (layout == "contiguous") return true;
  if (row.torch.find('x') == std::string::npos) return false;
  if (layout == "outer") return row.pair;
  return layout != "broadcast" || row.name != "add_into";  // add_into writes to x
}

}  // namespace

const std::vector<Shape>& op_sizes() {
  static const std::vector<Shape> all{{8, 8}, {64, 64}, {1024, 1024}};
  return all;
}

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> all = [] {
    std::vector<OpCase> out;
    for (const Row& row : rows())
      for (const char* layout : {"contiguous", "transposed", "broadcast", "outer"}) {
        if (!meaningful(row, layout)) continue;
        for (const Shape& size : op_sizes()) {
          const Index R = size[0], C = size[1];
          out.push_back({.name = row.name + '/' + layout + '/' + std::to_string(R * C),
                         .op = row.name.substr(0, row.name.find_first_of(" ,")),
                         .torch = row.torch,
                         .inputs = inputs_of(row, layout, R, C),
                         .forward_only = row.forward_only,
                         .random = row.random,
                         .R = R,
                         .C = C,
                         .f = row.f});
        }
      }
    return out;
  }();
  return all;
}

const std::vector<std::pair<std::string, std::string>>& ops_without_row() {
  static const std::vector<std::pair<std::string, std::string>> all{
      {"rnn_sequence", "a whole layer: w4 of the speed table"},
      {"lstm_sequence", "a whole layer: w1, w2, w8, w9 of the speed table"},
      {"gru_sequence", "a whole layer: w3 of the speed table"},
      {"checkpoint", "its time is that of the function it is given"},
  };
  return all;
}

}  // namespace bench
