// Every op of ops.h refuses what it cannot take with a sentence that begins with its own name and
// says what was given.
#include "tests/support.h"

#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>

#include <cmath>
#include <limits>

using namespace unroll;

namespace {

constexpr Index kHuge = std::numeric_limits<Index>::max();

struct Refusal {
  const char* says;  // parts that stand in the message, between bars
  std::function<void()> call;
};

void check_refused(const std::vector<Refusal>& all) {
  for (const Refusal& r : all) {
    CAPTURE(r.says);
    std::string text = "nothing was thrown";
    try {
      r.call();
    } catch (const std::invalid_argument& e) {
      text = e.what();
    }
    std::string_view parts = r.says;
    while (!parts.empty()) {
      const std::size_t bar = std::min(parts.find('|'), parts.size());
      check_says(text, std::string(parts.substr(0, bar)));
      parts.remove_prefix(std::min(bar + 1, parts.size()));
    }
  }
}

const Tensor ones = Tensor::ones({2, 3}, f64), four = Tensor::ones({4}, f64);
const Var x = random({2, 3}, 1), y = random({4}, 2), scalar = Tensor::scalar(1, f64);
const Var narrow_type = random({2, 3}, 3, f32), square_3 = random({3, 3}, 4);
const Var nothing;
const IndexTensor ids({0, 2}), far({0, 9}), below({0, -1});

}  // namespace

TEST_CASE("an undefined input is refused under the op's name") {
  using Unary = Var (*)(const In&);
  const std::vector<std::pair<std::string, Unary>> unary = {{"neg", neg},
                                                            {"exp", exp},
                                                            {"log", log},
                                                            {"sqrt", sqrt},
                                                            {"abs", abs},
                                                            {"square", square},
                                                            {"sin", sin},
                                                            {"reciprocal", reciprocal},
                                                            {"cos", cos},
                                                            {"tanh", tanh},
                                                            {"sigmoid", sigmoid},
                                                            {"relu", relu},
                                                            {"gelu", gelu},
                                                            {"silu", silu},
                                                            {"softplus", softplus},
                                                            {"gelu_tanh", gelu_tanh},
                                                            {"normal_cdf", normal_cdf}};
  for (const auto& [name, op] : unary) {
    const Unary f = op;
    check_says(message_of([&] { f(nothing); }), name + ": a value");
  }
  using Binary = Var (*)(const In&, const In&);
  const std::vector<std::pair<std::string, Binary>> binary = {
      {"add", add}, {"sub", sub},         {"mul", mul},         {"div", div},
      {"pow", pow}, {"minimum", minimum}, {"maximum", maximum}, {"matmul", matmul}};
  for (const auto& [name, op] : binary) {
    const Binary f = op;
    check_says(message_of([&] { f(nothing, x); }), name + ": a value");
    check_says(message_of([&] { f(x, nothing); }), name + ": a value");
    if (name != "matmul") check_says(message_of([&] { f(1.0, nothing); }), name + ": a value");
  }
  check_refused({
      {"leaky_relu: a value", [] { leaky_relu(nothing); }},
      {"elu: a value", [] { elu(nothing); }},
      {"clamp: a value", [] { clamp(nothing, 0, 1); }},
      {"where: a value", [] { where(Tensor(), x, x); }},
      {"where: a value", [] { where(ones, nothing, x); }},
      {"where: a value", [] { where(ones, x, nothing); }},
      {"masked_fill: a value", [] { masked_fill(nothing, ones, 0); }},
      {"masked_fill: a value", [] { masked_fill(x, Tensor(), 0); }},
      {"sum: a value", [] { sum(nothing); }},
      {"mean: a value", [] { mean(nothing); }},
      {"max: a value", [] { max(nothing); }},
      {"min: a value", [] { min(nothing); }},
      {"var: a value", [] { var(nothing); }},
      {"logsumexp: a value", [] { logsumexp(nothing); }},
      {"cumsum: a value", [] { cumsum(nothing, 0); }},
      {"log_softmax: a value", [] { log_softmax(nothing); }},
      {"softmax: a value", [] { softmax(nothing); }},
      {"linear: a value", [] { linear(nothing, x, nothing); }},
      {"linear: a value", [] { linear(x, nothing, nothing); }},
      {"reshape: a value", [] { reshape(nothing, Shape{3}); }},
      {"reshape: a value",
       [] {
         reshape(nothing, {3, -1});
       }},
      {"transpose: a value", [] { transpose(nothing); }},
      {"permute: a value", [] { permute(nothing, {0}); }},
      {"narrow: a value", [] { narrow(nothing, 0, 0, 1); }},
      {"select: a value", [] { select(nothing, 0, 0); }},
      {"expand: a value", [] { expand(nothing, {3}); }},
      {"flip: a value", [] { flip(nothing, 0); }},
      {"pad: a value", [] { pad(nothing, 0, 1, 1); }},
      {"unsqueeze: a value", [] { unsqueeze(nothing, 0); }},
      {"squeeze: a value", [] { squeeze(nothing, 0); }},
      {"concat: a value",
       [] {
         concat(std::vector<Var>{x, nothing});
       }},
      {"stack: a value",
       [] {
         stack(std::vector<Var>{x, nothing});
       }},
      {"split: a value", [] { split(nothing, Index{1}); }},
      {"split: a value", [] { split(nothing, std::vector<Index>{1}); }},
      {"gather: a value", [] { gather(nothing, 0, ids); }},
      {"scatter_add: a value", [] { scatter_add(nothing, 0, ids, y); }},
      {"scatter_add: a value", [] { scatter_add(y, 0, ids, nothing); }},
      {"index_select: a value", [] { index_select(nothing, 0, ids); }},
      {"index_add: a value", [] { index_add(nothing, 0, ids, 3); }},
      {"embedding: a value", [] { embedding(ids, nothing); }},
      {"scatter_rows: a value", [] { scatter_rows(nothing, ids, 3); }},
      {"layer_norm: a value", [] { layer_norm(nothing, nothing, nothing); }},
      {"rms_norm: a value", [] { rms_norm(nothing, nothing); }},
      {"dropout: a value", [] { dropout(nothing, 0.5); }},
      {"cross_entropy: a value", [] { cross_entropy(nothing, ids); }},
  });
}

TEST_CASE("ops of two refuse shapes that do not broadcast and types that differ") {
  using Binary = Var (*)(const In&, const In&);
  const std::vector<std::pair<std::string, Binary>> all = {
      {"add", add}, {"sub", sub},         {"mul", mul},        {"div", div},
      {"pow", pow}, {"minimum", minimum}, {"maximum", maximum}};
  for (const auto& [name, op] : all) {
    const Binary f = op;
    const std::string shapes = message_of([&] { f(x, y); });
    CHECK(shapes.rfind(name + ": ", 0) == 0);
    check_says(shapes, "[2, 3] and [4]");
    const std::string types = message_of([&] { f(x, narrow_type); });
    CHECK(types.rfind(name + ": ", 0) == 0);
    check_says(types, "f64 [2, 3] and f32 [2, 3]");
    CHECK(f(narrow_type, 2.0).dtype() == f32);  // a number takes the type of what it meets
    CHECK(f(2.0, x).dtype() == f64);
  }
}

TEST_CASE("elementwise ops and reductions refuse invalid arguments") {
  check_refused({
      {"clamp: low <= high|got 1 and 0", [] { clamp(x, 1, 0); }},
      {"clamp: low <= high|nan", [] { clamp(x, NAN, 0); }},
      {"where: |[4]", [] { where(four, x, x); }},
      {"where: |f64|f32", [] { where(ones, x, narrow_type); }},
      {"masked_fill: |[2, 3]|[4]", [] { masked_fill(x, four, 0); }},
      {"masked_fill: |[3]|[2, 3]", [] { masked_fill(random({3}, 1), ones, 0); }},
      {"sum: |axis|[2, 3]|2", [] { sum(x, {2}); }},
      {"sum: each axis once|came twice",
       [] {
         sum(x, {0, -2});
       }},
      {"max: |axis|-3", [] { max(x, {-3}); }},
      {"max: at least one element|[0, 3]",
       [] {
         max(Var(Tensor::zeros({0, 3}, f64)), {0});
       }},
      {"min: at least one element|[0]", [] { min(Var(Tensor::zeros({0}, f64))); }},
      {"mean: at least one element|[0, 3]",
       [] {
         mean(Var(Tensor::zeros({0, 3}, f64)));
       }},
      {"var: more than 1 elements|got 1 of the shape [1, 3]",
       [] {
         var(random({1, 3}, 1), {0});
       }},
      {"var: more than 3 elements|got 3", [] { var(x, 1, {.correction = 3}); }},
      {"var: more than 1|[0]", [] { var(Tensor::zeros({0}, f64)); }},
      {"var: more than 0|[0]", [] { var(Tensor::zeros({0}, f64), {}, {.correction = -1}); }},
      {"var: |axis|5", [] { var(x, {5}); }},
      {"logsumexp: at least one element|[0]", [] { logsumexp(Tensor::zeros({0}, f64)); }},
      {"cumsum: |axis|2", [] { cumsum(x, 2); }},
      {"cumsum: |scalar", [] { cumsum(scalar, 0); }},
      {"softmax: |axis|[2, 3]|-3", [] { softmax(x, -3); }},
      {"softmax: |scalar", [] { softmax(scalar); }},
      {"log_softmax: |axis|7", [] { log_softmax(x, 7); }},
  });
}

TEST_CASE("products refuse shapes that do not fit and types that differ") {
  check_refused({
      {"matmul: |[2, 3]|[2, 3]", [] { matmul(x, x); }},
      {"matmul: |[]", [] { matmul(scalar, x); }},
      {"matmul: |[]", [] { matmul(x, scalar); }},
      {"matmul: |[2, 3]|[4", [] { matmul(x, y); }},
      {"matmul: |f32|f64", [] { matmul(narrow_type, square_3); }},
      {"matmul: |[2]|[3]",
       [] {
         matmul(random({2, 2, 3}, 1), random({3, 3, 3}, 1));
       }},
      {"linear: |[2, 3]|[2, 3]", [] { linear(x, x, nothing); }},
      {"linear: |[4]", [] { linear(x, y, nothing); }},
      {"linear: |[]", [] { linear(scalar, x, nothing); }},
      {"linear: a bias of shape [3]|[4]", [] { linear(x, square_3, y); }},
      {"linear: |f32|f64", [] { linear(narrow_type, square_3, nothing); }},
      {"linear: |f32|f64", [] { linear(x, square_3, random({3}, 1, f32)); }},
  });
}

TEST_CASE("ops that move elements refuse arguments that do not fit") {
  check_refused({
      {"reshape: |[2, 3]|[4]", [] { reshape(x, Shape{4}); }},
      {"reshape: |[2, 3]|[4, -1]",
       [] {
         reshape(x, {4, -1});
       }},
      {"reshape: at most one|[-1, -1]",
       [] {
         reshape(x, {-1, -1});
       }},
      {"not be negative|[-2, 3]",
       [] {
         reshape(x, {-2, 3});
       }},
      {"transpose: |axis|[2, 3]|2", [] { transpose(x, 0, 2); }},
      {"transpose: |[4]", [] { transpose(y); }},
      {"permute: |[2, 3]|1", [] { permute(x, {0}); }},
      {"permute: |came twice",
       [] {
         permute(x, {0, 0});
       }},
      {"permute: |axis|5",
       [] {
         permute(x, {0, 5});
       }},
      {"narrow: |axis 1|[2, 3]|start 2 and length 2", [] { narrow(x, 1, 2, 2); }},
      {"narrow: |start -1", [] { narrow(x, 1, -1, 2); }},
      {"narrow: |length -1", [] { narrow(x, 1, 0, -1); }},
      {"narrow: |length 9223372036854775807", [] { narrow(x, 1, 1, kHuge); }},
      {"narrow: |axis|2", [] { narrow(x, 2, 0, 1); }},
      {"select: |axis 0|[2, 3]|2", [] { select(x, 0, 2); }},
      {"select: |-3", [] { select(x, 0, -3); }},
      {"select: |axis|4", [] { select(x, 4, 0); }},
      {"expand: |[2, 3]|[3]", [] { expand(x, {3}); }},
      {"expand: |[2, 3]|[4, 3]",
       [] {
         expand(x, {4, 3});
       }},
      {"flip: |axis|2", [] { flip(x, 2); }},
      {"pad: |-1 before", [] { pad(x, 0, -1, 0); }},
      {"pad: |axis|2", [] { pad(x, 2, 1, 1); }},
      {"unsqueeze: |axis|[2, 3]|4", [] { unsqueeze(x, 4); }},
      {"squeeze: a size of 1|axis 0|[2, 3]", [] { squeeze(x, 0); }},
      {"concat: at least one", [] { concat(std::vector<Var>{}); }},
      {"concat: |[2, 3]|[4]",
       [] {
         concat(std::vector<Var>{x, y});
       }},
      {"concat: |[2, 3]|[3, 3]",
       [] {
         concat(std::vector<Var>{x, square_3}, 1);
       }},
      {"concat: |f64|f32",
       [] {
         concat(std::vector<Var>{x, narrow_type});
       }},
      {"concat: |axis|2",
       [] {
         concat(std::vector<Var>{x, x}, 2);
       }},
      {"concat: |axis",
       [] {
         concat(std::vector<Var>{scalar, scalar});
       }},
      {"stack: at least one", [] { stack(std::vector<Var>{}); }},
      {"stack: |[2, 3]|[3, 3]",
       [] {
         stack(std::vector<Var>{x, square_3});
       }},
      {"split: |add up to 3 (axis 1 of [2, 3])|[1, 1]",
       [] {
         split(x, {1, 1}, 1);
       }},
      {"split: |[4, -1]",
       [] {
         split(x, {4, -1}, 1);
       }},
      {"split: |[-1, 4]",
       [] {
         split(x, {-1, 4}, 1);
       }},
      {"split: |9223372036854775807, 9223372036854775807",
       [] {
         split(x, {kHuge, kHuge, 5}, 1);
       }},
      {"split: |axis|2", [] { split(x, std::vector<Index>{3}, 2); }},
      {"split: a size of at least 1|0", [] { split(x, Index{0}, 1); }},
      {"split: a size of at least 1|-2", [] { split(x, Index{-2}, 1); }},
      {"split: |axis|2", [] { split(x, Index{1}, 2); }},
  });
}

TEST_CASE("gather, scatter and index functions refuse indices that do not fit") {
  const IndexTensor wide({0, 0, 0, 0, 0, 0, 0, 0}, {2, 4}), some({0, 1, 1, 0}, {2, 2});
  check_refused({
      {"gather: |[2, 3]|[2]", [] { gather(x, 1, ids); }},
      {"gather: |[2, 3]|[2, 4]", [&] { gather(x, 0, wide); }},
      {"gather: ids in [0, 3)|9", [] { gather(random({3}, 1), 0, far); }},
      {"gather: ids in [0, 3)|-1", [] { gather(random({3}, 1), 0, below); }},
      {"gather: |axis|2", [&] { gather(x, 2, some); }},
      {"scatter_add: |[2, 2]|[4]", [&] { scatter_add(x, 0, some, y); }},
      {"scatter_add: ids in [0, 4)|9", [] { scatter_add(y, 0, far, random({2}, 1)); }},
      {"scatter_add: |f64|f32", [] { scatter_add(y, 0, ids, random({2}, 1, f32)); }},
      {"index_select: |1-D|[2, 2]", [&] { index_select(x, 0, some); }},
      {"index_select: ids in [0, 3)|9", [] { index_select(x, 1, far); }},
      {"index_select: ids in [0, 3)|-1", [] { index_select(x, 1, below); }},
      {"index_select: |axis|2", [] { index_select(x, 2, ids); }},
      {"index_add: 3 indices|axis 1|[2, 3]|[2]", [] { index_add(x, 1, ids, 5); }},
      {"index_add: |[2, 2]", [&] { index_add(x, 0, some, 5); }},
      {"index_add: ids in [0, 5)|9", [] { index_add(x, 0, far, 5); }},
      {"index_add: ids in [0, 5)|-1", [] { index_add(x, 0, below, 5); }},
      {"index_add: a size of at least 0|-5", [] { index_add(x, 0, ids, -5); }},
      {"index_add: |axis|2", [] { index_add(x, 2, ids, 5); }},
      {"embedding: |[V, D]|[4]", [] { embedding(ids, y); }},
      {"embedding: ids in [0, 2)|got 2", [] { embedding(ids, x); }},
      {"embedding: ids in [0, 2)|got 9", [] { embedding(far, narrow_type); }},
      {"embedding: ids in [0, 2)|got -1", [] { embedding(below, x); }},
      {"scatter_rows: one row for each of 2 ids|[3, 3]", [] { scatter_rows(square_3, ids, 5); }},
      {"scatter_rows: |[]", [] { scatter_rows(scalar, ids, 5); }},
      {"scatter_rows: ids in [0, 5)|9", [] { scatter_rows(x, far, 5); }},
      {"scatter_rows: a number of rows of at least 0|-1", [] { scatter_rows(x, ids, -1); }},
  });
}

TEST_CASE("normalisation, dropout, cross entropy and checkpoint refuse invalid arguments") {
  const auto with = [](const CrossEntropyOptions& options) {
    return [options] { cross_entropy(x, IndexTensor({0, 2}), options); };
  };
  check_refused({
      {"layer_norm: |[3]|[2, 3]|[4]", [] { layer_norm(x, y, nothing); }},
      {"layer_norm: |[4]", [] { layer_norm(x, nothing, y); }},
      {"layer_norm: |f64|f32", [] { layer_norm(x, random({3}, 1, f32), nothing); }},
      {"layer_norm: |[]", [] { layer_norm(scalar, nothing, nothing); }},
      {"layer_norm: |[2, 0]",
       [] {
         layer_norm(Tensor::zeros({2, 0}, f64), nothing, nothing);
       }},
      {"rms_norm: |[4]", [] { rms_norm(x, y); }},
      {"rms_norm: |[]", [] { rms_norm(scalar, nothing); }},
      {"dropout: |[0, 1)|got 1", [] { dropout(x, 1); }},
      {"dropout: |[0, 1)|-0.5", [] { dropout(x, -0.5); }},
      {"dropout: |[0, 1)|nan", [] { dropout(x, NAN); }},
      {"cross_entropy: |[4]", [] { cross_entropy(y, ids); }},
      {"cross_entropy: |[2, 3]|[3]",
       [] {
         cross_entropy(x, IndexTensor({0, 1, 2}));
       }},
      {"cross_entropy: |[2, 0]",
       [] {
         cross_entropy(Tensor::zeros({2, 0}, f64), ids);
       }},
      {"cross_entropy: ids in [0, 3)|9", [] { cross_entropy(x, far); }},
      {"cross_entropy: ids in [0, 3)|-1", [] { cross_entropy(x, below); }},
      {"cross_entropy: class weights|[3]|[4]", with({.class_weights = four})},
      {"cross_entropy: label smoothing|1.5", with({.label_smoothing = 1.5})},
      {"cross_entropy: label smoothing|nan", with({.label_smoothing = NAN})},
      {"checkpoint: a function", [] { checkpoint(nullptr, {x}); }},
      {"checkpoint: a value|undefined",
       [] { checkpoint([](const auto&) { return std::vector<Var>{Var()}; }, {x}); }},
  });
}

TEST_CASE("backward and grad refuse values they cannot differentiate, each under its own name") {
  const Param w(x.value());
  Tape tape;
  const Var at = tanh(w);
  check_refused({
      {"backward: a value|undefined", [&] { tape.backward(nothing); }},
      {"grad: a value|undefined", [&] { grad(nothing, {at}); }},
      {"grad: a value|undefined", [&] { grad(sum(at), {nothing}); }},
      {"hook: a value|undefined", [] { nothing.hook([](const Tensor& g) { return g; }); }},
      {"hook: a function", [&] { at.hook(nullptr); }},
      {"watch: a value|undefined", [&] { tape.watch(Tensor()); }},
      {"gradients: a value|undefined", [&] { (void)tape.backward(sum(at))[nothing]; }},
      {"param: a parameter with a value", [] { Param().value(); }},
      {"param: a tensor with a value", [] { Param{Tensor()}; }},
      {"param: a value [2, 3] of type f64|[4] of type f64",
       [] { Param(x.value()).set_value(y.value()); }},
      {"param: |f32", [] { Param(x.value()).set_value(narrow_type.value()); }},
      {"gradcheck: |f64|f32 [2, 3]",
       [] { gradcheck([](const auto& v) { return v[0]; }, {narrow_type.value()}); }},
  });
}

TEST_CASE("a refused call leaves the tape as it was") {
  const Param w(x.value());
  Tape tape;
  const Var before = tanh(w);
  const Index entries = tape.size();
  const std::string dump = tape.dump();
  message_of([&] { matmul(before, w); });
  message_of([&] { add(before, y); });
  message_of([&] { concat(std::vector<Var>{before, y}); });
  message_of([&] { embedding(far, before); });
  CHECK(tape.size() == entries);
  CHECK(tape.dump() == dump);
  CHECK(distance(tape.backward(sum(before))[w],
                 sub(Tensor::ones({2, 3}, f64), square(tanh(x.value())))) < 1e-15);
}
