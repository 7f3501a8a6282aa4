#include <unroll/autograd/ops.h>
#include <unroll/autograd/sequence/cells.h>

namespace unroll {
namespace {

// Column blocks [first, first + count), each H columns wide.
Var blocks(const Var& x, Index size, Index first, Index count = 1) {
  return narrow(x, 1, first * size, count * size);
}

}  // namespace

Var rnn_step(const Var& px, const Var& h, const Var& wh, const RNNStepOptions& options) {
  const Var z = px + matmul(h, wh);  // [B, H]
  return options.relu ? relu(z) : tanh(z);
}

std::pair<Var, Var> lstm_step(const Var& px, const Var& h, const Var& c, const Var& wh,
                              const LSTMExtras& e) {
  const Index size = c.shape()[1];
  Var hw = matmul(h, wh);  // [B, 4 H]
  if (e.gain_h.defined()) hw = layer_norm(hw, e.gain_h, Var());
  const Var z = px + hw;
  const auto gate = [&](Index k, Index peephole, const Var& cell) {
    const Var zk = blocks(z, size, k);
    return sigmoid(e.peephole.defined() ? zk + select(e.peephole, 0, peephole) * cell : zk);
  };
  const Var i = gate(0, 0, c), f = gate(1, 1, c), g = tanh(blocks(z, size, 2));
  const Var next = f * c + i * g;  // [B, H]
  const Var o = gate(3, 2, next);
  const Var out = o * tanh(e.gain_c.defined() ? layer_norm(next, e.gain_c, e.bias_c) : next);
  return {e.projection.defined() ? matmul(out, e.projection) : out, next};
}

Var gru_step(const Var& px, const Var& h, const Var& wh, const Var& bhn,
             const GRUStepOptions& options) {
  const Index size = h.shape()[1];
  if (options.reset_after) {
    const Var hw = matmul(h, wh);  // [B, 3 H]
    const Var rz = sigmoid(blocks(px, size, 0, 2) + blocks(hw, size, 0, 2));
    const Var r = blocks(rz, size, 0), z = blocks(rz, size, 1);
    Var hn = blocks(hw, size, 2);
    if (bhn.defined()) hn = hn + bhn;
    const Var n = tanh(blocks(px, size, 2) + r * hn);
    return z * h + (1.0 - z) * n;  // exactly h where z is 1
  }
  const Var rz = sigmoid(blocks(px, size, 0, 2) + matmul(h, blocks(wh, size, 0, 2)));
  const Var r = blocks(rz, size, 0), z = blocks(rz, size, 1);
  const Var n = tanh(blocks(px, size, 2) + matmul(r * h, blocks(wh, size, 2)));
  return z * h + (1.0 - z) * n;
}

}  // namespace unroll
