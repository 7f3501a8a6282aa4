// One step of a stream: a row by itself, and what does not fit together. What it computes is tested
// in tests/nn.
#include "tests/support.h"
#include "tests/tensor/kernels/targets.h"

#include <unroll/tensor/recurrent.h>

#include <array>

using namespace unroll;

namespace {

struct Given {
  Tensor x, wx, b, wh, bhn, h, c;
};

// An RNN has no c, and only a GRU has bhn.
Given fitting(Recurrence kind) {
  const Index gates = gates_of(kind) * 3;
  Given g;
  g.x = random({2, 5}, 1), g.wx = random({5, gates}, 2), g.b = random({gates}, 3);
  g.wh = random({3, gates}, 4), g.h = random({2, 3}, 5);
  if (kind == Recurrence::gru) g.bhn = random({3}, 6);
  if (kind == Recurrence::lstm) g.c = random({2, 3}, 7);
  return g;
}

std::string message(Recurrence kind, const Given& g) {
  const auto given = [](const Tensor& t) { return t.defined() ? &t : nullptr; };
  return message_of([&] {
    recurrent_step(kind, {g.x, &g.wx, given(g.b), g.wh, given(g.bhn), g.h, given(g.c)});
  });
}

}  // namespace

// Products of one row are a kernel of their own; sizes that fill no vector, or many.
TEST_CASE(
    "a step of one row equals that row in a step of a batch, bit by bit, on every SIMD target") {
  for (Recurrence kind :
       {Recurrence::rnn_tanh, Recurrence::rnn_relu, Recurrence::lstm, Recurrence::gru})
    for (DType dtype : {f32, f64})
      for (Index hidden : {1, 2, 3, 5, 8, 13, 16, 31, 33, 64, 100, 260})
        for (Index dim : {1, 4, 17})
          for_each_simd_target([&](const char* target) {
            CAPTURE(target);
            CAPTURE(hidden);
            CAPTURE(dim);
            const Index gates = gates_of(kind) * hidden, batch = 3;
            const auto some = [&](const Shape& shape, std::uint64_t seed) {
              return random(shape, seed).to(dtype);
            };
            const Tensor wx = some({dim, gates}, 1), wh = some({hidden, gates}, 2);
            const Tensor b = some({gates}, 3), bhn = some({hidden}, 4), x = some({batch, dim}, 5);
            const Tensor h = some({batch, hidden}, 6), c = some({batch, hidden}, 7);
            for (bool bias : {true, false}) {
              const auto step = [&](Index from, Index rows) {
                const Tensor xs = x.narrow(0, from, rows), hs = h.narrow(0, from, rows),
                             cs = c.narrow(0, from, rows);
                return recurrent_step(kind, {xs, &wx, bias ? &b : nullptr, wh,
                                             bias && kind == Recurrence::gru ? &bhn : nullptr, hs,
                                             kind == Recurrence::lstm ? &cs : nullptr});
              };
              const auto [all_h, all_c] = step(0, batch);
              for (Index row = 0; row < batch; ++row) {
                const auto [one_h, one_c] = step(row, 1);
                CHECK(one_h.to_vector<double>() == all_h.narrow(0, row, 1).to_vector<double>());
                if (kind == Recurrence::lstm)
                  CHECK(one_c.to_vector<double>() == all_c.narrow(0, row, 1).to_vector<double>());
              }
            }
          });
}

TEST_CASE("a step with tensors of inconsistent shapes is refused") {
  for (Recurrence kind :
       {Recurrence::rnn_tanh, Recurrence::rnn_relu, Recurrence::lstm, Recurrence::gru}) {
    CHECK(message(kind, fitting(kind)) == "nothing was thrown");
    const std::array<Tensor Given::*, 7> parts{&Given::x,   &Given::wx, &Given::b, &Given::wh,
                                               &Given::bhn, &Given::h,  &Given::c};
    for (Tensor Given::*part : parts) {
      const Tensor right = fitting(kind).*part;
      if (!right.defined()) continue;
      std::vector<Tensor> wrong{Tensor::scalar(1, f64), right.to(f32), Tensor::zeros({0}, f64)};
      for (int axis = 0; axis < right.rank(); ++axis)
        for (Index size : {right.shape()[axis] + 1, Index{1}})
          wrong.push_back(Tensor::ones(right.shape().with(axis, size), f64));
      for (const Tensor& t : wrong) {
        Given g = fitting(kind);
        g.*part = t;
        CAPTURE(t.shape().str());
        check_says(message(kind, g), "required");
      }
    }
    Given other = fitting(kind);
    other.c = kind == Recurrence::lstm ? Tensor() : random({2, 3}, 7);
    check_says(message(kind, other), "states were required");
    if (kind != Recurrence::gru) {
      other = fitting(kind);
      other.bhn = random({3}, 6);
      check_says(message(kind, other), "no bhn was required");
    }
  }
}
