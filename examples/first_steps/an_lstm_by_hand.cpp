// An LSTM cell written in plain ops and run over time by nn::unroll equals nn::LSTM, in values and
// gradients.
#include <unroll/unroll.h>

using namespace unroll;

struct MyLSTM {
  struct State {
    Var h, c;  // [B, H]
  };
  Var project(const Var& x) const { return linear(x, wx, b); }  // [N, D] -> [N, 4H], all steps
  State step(const Var& px, const State& s) const {
    const auto gates = split(px + matmul(s.h, wh), wh.shape()[0], 1);  // i, f, g, o: [B, H] each
    const Var c = sigmoid(gates[1]) * s.c + sigmoid(gates[0]) * tanh(gates[2]);
    return {sigmoid(gates[3]) * tanh(c), c};
  }
  Param wx, wh, b;
  UNROLL_FIELDS(wx, wh, b)
};

int main() {
  const nn::LSTM lstm({.in = 3, .hidden = 8});
  const auto& built_in = lstm.layers[0];
  const MyLSTM mine{built_in.wx, built_in.wh, built_in.b};

  // Three sequences of different lengths, stored as rows without padding.
  const nn::Sequence x(Generator(1).normal({9, 3}), SequenceLayout({4, 2, 3}));
  const MyLSTM::State zero{Tensor::zeros({3, 8}), Tensor::zeros({3, 8})};

  Tape tape;
  const Var theirs = lstm(x).sequence.rows,
            ours = nn::unroll(mine, x, zero).sequence.rows;  // [9, 8]
  const auto a = grad(sum(square(theirs)), {built_in.wh}, {.retain = true});
  const auto b = grad(sum(square(ours)), {mine.wh});
  const double apart = max(abs(sub(theirs.value(), ours.value()))).item();
  const double slopes_apart = max(abs(sub(a[0].value(), b[0].value()))).item();
  fmt::print("the last hidden states\n{}\n", index_select(ours, 0, x.layout.last_rows()).value());
  fmt::print("apart by {:.1e}, the gradients of wh by {:.1e}\n", apart, slopes_apart);
  return apart < 1e-6 && slopes_apart < 1e-5 ? 0 : 1;
}
