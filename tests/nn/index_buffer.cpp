// Buffers of ids: part of a model, saved as 64-bit integers.
#include "tests/support.h"
#include "tests/tensor/naive.h"
#include "tests/tensor/scratch.h"

#include <unroll/nn/layers.h>
#include <unroll/nn/save.h>
#include <unroll/optim/optimizer.h>

#include <limits>

using namespace unroll;

namespace {

// Reads its features in the stored order.
struct Reordered {
  nn::IndexBuffer order;
  nn::Linear head{{.in = 3, .out = 2}};
  nn::Buffer scale{Tensor::ones({3})};
  UNROLL_FIELDS(order, head, scale)
  explicit Reordered(const std::vector<Index>& given = {0, 1, 2}) : order(IndexTensor(given)) {}
  Var operator()(const Tensor& x) const { return head(index_select(x * scale.value(), 1, order)); }
};

// Ids among tensors of both types.
struct Mixed {
  nn::IndexBuffer ids;
  nn::Linear a{{.in = 3, .out = 1}}, b{{.in = 1, .out = 3, .dtype = f64}};
  UNROLL_FIELDS(a, ids, b)
};

std::vector<std::string> names_of(const NamedParams& params) {
  std::vector<std::string> out;
  for (const NamedParam& p : params) out.push_back(p.name);
  return out;
}

}  // namespace

TEST_CASE("a buffer of ids is part of a model: listed, copied, converted with it, never trained") {
  const Reordered model({2, 0, 1});
  CHECK(names_of(nn::parameters(model)) == std::vector<std::string>{"head.weight", "head.bias"});
  CHECK(names_of(nn::buffers(model)) == std::vector<std::string>{"order", "scale"});
  CHECK(nn::parameter_count(nn::state(model)) == 8);
  check_says(nn::summary(model), "order        [3]              i64              3  buffer");
  Reordered copy = model;
  copy.order.set_value({{1, 1, 1}});
  CHECK(model.order.value() == IndexTensor({2, 0, 1}));
  Reordered moved = std::move(copy);
  CHECK(moved.order.value() == IndexTensor({1, 1, 1}));
  nn::to(moved, f64);
  CHECK(moved.order.value() == IndexTensor({1, 1, 1}));
  optim::Adam adam(nn::state(moved), {.lr = 0.1});  // has nothing to do for ids
  Tape tape;
  adam.step(tape.backward(sum(moved(random({4, 3}, 1)))));
  adam.set_state(adam.state());
  CHECK(moved.order.value() == IndexTensor({1, 1, 1}));

  check_refused(
      [&] {
        moved.order.set_value(IndexTensor({1, 2}));
      },
      "ids of the shape [3] were required: got [2]");
  check_refused([] { (void)nn::IndexBuffer().value(); }, "ids were required: got none");
  check_refused([] { nn::IndexBuffer{IndexTensor()}; }, "ids were required: got undefined ones");
}

TEST_CASE("a model with ids of any size and shape is saved and loaded exactly") {
  const Scratch scratch;
  const std::string path = scratch / "model";
  Generator g(2);
  for (int round = 0; round < 30; ++round) {
    const Shape shape = random_shape(g, 0, 3);
    constexpr Index kMax = std::numeric_limits<Index>::max();
    const IndexTensor ids = g.integers(shape, -kMax, kMax);
    Mixed model{.ids = nn::IndexBuffer(ids)};
    nn::save(path, model);
    Mixed other{.ids = nn::IndexBuffer(IndexTensor::full(shape, 0))};
    nn::load(path, other);
    CHECK(other.ids.value() == ids);
    CHECK(distance(other.b.weight.value(), model.b.weight.value()) == 0);
    CHECK(distance(other.a.weight.value(), model.a.weight.value()) == 0);
  }
}

TEST_CASE("ids and values are converted where it is exact, and refused with the name where not") {
  const Scratch scratch;
  const std::string path = scratch / "model";
  Reordered model;
  NamedTensors tensors{{"head.weight", Tensor::zeros({3, 2})}, {"scale", Tensor::ones({3})}};
  NamedIds ids{{"order", IndexTensor({0, 2, 1})}, {"head.bias", IndexTensor({7, 8})}};
  save_safetensors(path, tensors, {}, ids);  // a bias of integers
  nn::load(path, model);
  CHECK(model.head.bias.value().at({1}) == 8);
  CHECK(model.order.value() == IndexTensor({0, 2, 1}));

  tensors["order"] = Tensor::of({2, 1, 0});  // ids as floating-point values
  tensors["head.bias"] = Tensor::of({1, 2});
  save_safetensors(path, tensors);
  nn::load(path, model);
  CHECK(model.order.value() == IndexTensor({2, 1, 0}));
  nn::assign("memory", load_safetensors(path), nn::state(model));

  tensors["order"] = Tensor::of({2, 1, 0.5});
  save_safetensors(path, tensors);
  check_says(message_of([&] { nn::load(path, model); }), "\"order\": ");
  CHECK_THROWS_AS(nn::load(path, model), std::runtime_error);
  tensors.erase("order");
  ids = {{"order", IndexTensor({1, 2})}};
  save_safetensors(path, tensors, {}, ids);
  check_says(message_of([&] { nn::load(path, model); }),
             "\"order\" has the shape [2] where [3] is required");
  tensors.erase("head.bias");
  ids = {{"order", IndexTensor({1, 2, 0})}, {"head.bias", IndexTensor({1, (Index{1} << 53) + 1})}};
  save_safetensors(path, tensors, {}, ids);
  check_says(message_of([&] { nn::load(path, model); }), "\"head.bias\": ");
  CHECK(model.order.value() == IndexTensor({2, 1, 0}));  // nothing was changed
}
