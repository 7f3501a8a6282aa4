// One step of a stream, given what does not fit together. What it computes is tested in tests/nn.
#include "tests/support.h"

#include <unroll/tensor/recurrent.h>

#include <array>

using namespace unroll;
using kernels::Recurrence;

namespace {

struct Given {
  Tensor x, wx, b, wh, bhn, h, c;
};

// An RNN has no c, and only a GRU has bhn.
Given fitting(Recurrence kind) {
  const Index gates = kernels::gates_of(kind) * 3;
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

TEST_CASE("a step whose tensors do not fit together is refused, whichever it is") {
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
