// A recurrent layer as one op: all time steps forward, all backward, by kernels that keep the
// weight packed. Each says in plain ops, step by step, what it computes; that is what its second
// derivative goes through, and what the tests hold it against.
#include <unroll/autograd/ops.h>
#include <unroll/autograd/ops/lookup.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/recurrent.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/recurrent.h>

#include <algorithm>

namespace unroll {
namespace {

using kernels::Recurrence;

const Op rnn_op{"rnn_sequence"}, lstm_op{"lstm_sequence"}, gru_op{"gru_sequence"};

using States = std::vector<Var>;  // h, or h and c

// One step in plain ops.
States plain_step(Recurrence kind, const Var& x, const Var& w, const Var& bias, const States& s) {
  const Index h = w.shape()[0];
  const Var hw = matmul(s[0], w);
  const auto block = [&](const Var& v, Index k) { return narrow(v, 1, k * h, h); };
  if (kind == Recurrence::lstm) {
    const Var z = x + hw;
    const Var c = sigmoid(block(z, 1)) * s[1] + sigmoid(block(z, 0)) * tanh(block(z, 2));
    return {sigmoid(block(z, 3)) * tanh(c), c};
  }
  if (kind == Recurrence::gru) {
    const Var r = sigmoid(block(x, 0) + block(hw, 0)), z = sigmoid(block(x, 1) + block(hw, 1));
    const Var q = bias.defined() ? block(hw, 2) + bias : block(hw, 2);
    const Var n = tanh(block(x, 2) + r * q);
    return {n + z * (s[0] - n)};
  }
  return {kind == Recurrence::rnn_relu ? relu(x + hw) : tanh(x + hw)};
}

// All steps in plain ops -> rows and last states.
std::vector<Var> plain_sequence(Recurrence kind, const In& in, const RecurrentWeights& weights,
                                const States& initial, const SequenceLayout& layout, bool reverse) {
  const Var x = linear(in, weights.wx, weights.b);
  const Var &w = weights.wh, &bias = weights.bhn;
  std::vector<Var> outputs;
  States running, last(initial.size());
  std::vector<std::vector<Var>> ended(
      initial.size());  // states of finished sequences, the longest last
  Index rows = 0;
  for (Index i = 0; i < layout.steps(); ++i) {
    const Index t = reverse ? layout.steps() - 1 - i : i, now = layout.batch(t);
    for (std::size_t k = 0; k < initial.size(); ++k) {
      if (i == 0) {
        running.push_back(narrow(initial[k], 0, 0, now));
      } else if (now > rows) {
        running[k] = concat(std::vector<Var>{running[k], narrow(initial[k], 0, rows, now - rows)});
      } else if (now < rows) {
        ended[k].push_back(narrow(running[k], 0, now, rows - now));
        running[k] = narrow(running[k], 0, 0, now);
      }
    }
    rows = now;
    running = plain_step(kind, narrow(x, 0, layout.offset(t), now), w, bias, running);
    outputs.push_back(running[0]);
  }
  if (reverse) std::reverse(outputs.begin(), outputs.end());
  std::vector<Var> out{concat(outputs)};
  for (std::size_t k = 0; k < initial.size(); ++k) {
    std::vector<Var> pieces{running[k]};
    pieces.insert(pieces.end(), ended[k].rbegin(), ended[k].rend());
    out.push_back(concat(pieces));
  }
  return out;
}

const Op& op_of(Recurrence kind) {
  return kind == Recurrence::lstm ? lstm_op : kind == Recurrence::gru ? gru_op : rnn_op;
}

template <class T>
const T* read(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}
template <class T>
T* write(Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}
bool is_zero(const Tensor& x) {
  return dispatch(x.dtype(), [&]<class T>() {
    return std::all_of(x.data<T>(), x.data<T>() + x.numel(), [](T v) { return v == 0; });
  });
}
Tensor numbers(const Var& v) { return v.defined() ? v.value().contiguous() : Tensor(); }

}  // namespace

std::vector<Var> recurrent_sequence(Recurrence kind, const In& x, const RecurrentWeights& w,
                                    const States& initial, const SequenceLayout& layout,
                                    bool reverse) {
  const bool lstm = kind == Recurrence::lstm, gru = kind == Recurrence::gru;
  const char* name = op_of(kind).name();
  check(initial.size() == (lstm ? 2 : 1), "{}: {} initial states were required: got {}", name,
        lstm ? 2 : 1, initial.size());
  const auto given = [](const Var& v) { return v.defined() ? &v.value() : nullptr; };
  check_recurrent(name, kind,
                  {x.value(), w.wx.value(), given(w.b), w.wh.value(), given(w.bhn),
                   initial[0].value(), lstm ? &initial[1].value() : nullptr},
                  layout.rows(), layout.sequences());
  const Index hidden = w.wh.shape()[0], n = layout.rows();
  const Index gates = kernels::gates_of(kind) * hidden,
              saved_width = kernels::saved_of(kind) * hidden;
  const DType dtype = x->dtype();
  const Tensor wh = numbers(w.wh), bhn = numbers(w.bhn), h0 = numbers(initial[0]),
               c0 = lstm ? numbers(initial[1]) : Tensor();
  // The gradient of wh needs the state before each row: of equal lengths that is the rows shifted
  // by a step, so the initial state stands before (in reverse: behind) the first of them.
  const bool shifted = layout.is_equal();
  const Index batch = layout.sequences(), ahead = shifted && !reverse ? batch : 0;
  Tensor states = Tensor::empty({n + (shifted ? batch : 0), hidden}, dtype);
  Tensor rows = states.narrow(0, ahead, n), h = Tensor::empty(h0.shape(), dtype);
  if (shifted) states.narrow(0, reverse ? n : 0, batch).copy_(h0);
  const bool from_zero = is_zero(h0);
  Tensor c = lstm ? Tensor::empty(h0.shape(), dtype) : Tensor();
  Tensor saved = saved_width ? Tensor::empty({n, saved_width}, dtype) : Tensor();
  // Of rows that were looked up it is the table that is projected.
  const Lookup* const from = lookup_of(*x);
  const Var table = from ? linear(In(from->table, x.where()), w.wx, w.b) : Var();
  const Tensor source = numbers(*x), wx = numbers(w.wx), bias = numbers(w.b);
  const bool by_step = !from && kernels::projects_by_step(wx.shape()[0], gates, size_of(dtype));
  // Else the projected input goes where the kind will work on it: an LSTM's gates, an RNN's output;
  // the GRU needs it beside its gates.
  Tensor projected = from      ? table.value()
                     : by_step ? source
                     : lstm    ? saved.narrow(1, 0, gates)
                     : gru     ? Tensor::empty({n, gates}, dtype)
                               : rows;
  if (!from && !by_step) linear_into(projected, source, wx, bias);
  dispatch(dtype, [&]<class T>() {
    kernels::recurrent_forward<T>(
        kind, {layout.offsets().data(), layout.steps(), reverse}, hidden,
        {std::as_const(projected).data<T>(), projected.strides()[0],
         from ? from->ids.data() : nullptr, by_step ? wx.data<T>() : nullptr, read<T>(bias),
         wx.shape()[0], wh.data<T>(), read<T>(bhn), h0.data<T>(), from_zero, read<T>(c0),
         rows.data<T>(), write<T>(saved), h.data<T>(), write<T>(c)});
  });

  std::vector<Tensor> outputs{rows, h};
  if (lstm) outputs.push_back(c);
  std::vector<Var> inputs{*x, w.wx, w.b, table, w.wh, w.bhn};
  inputs.insert(inputs.end(), initial.begin(), initial.end());
  return record(
      op_of(kind), outputs, inputs, x.where(),
      [kind, x = *x, w, initial, layout, reverse, states, rows, shifted, from_zero, saved, inputs,
       from = from ? *from : Lookup()](std::span<const Var> g, Cotangents& d) {
        const bool is_lstm = kind == Recurrence::lstm, is_gru = kind == Recurrence::gru;
        if (recording())
          return d.add_through(
              [&](const std::vector<Var>& v) {
                const States start(v.begin() + 6, v.end());
                return plain_sequence(kind, v[0], {v[1], v[2], v[4], v[5]}, start, layout, reverse);
              },
              inputs, g);
        const Tensor wh_value = numbers(w.wh), h_start = numbers(initial[0]);
        const Tensor c_start = is_lstm ? numbers(initial[1]) : Tensor(), d_rows = numbers(g[0]);
        const auto fresh = [&](const Var& v) {
          return v.defined() ? v.value().clone() : Tensor::zeros(h_start.shape(), h_start.dtype());
        };
        Tensor dh = fresh(g[1]), dc = is_lstm ? fresh(g[2]) : Tensor();
        const Index columns = wh_value.shape()[1],
                    step = kernels::uncrowded(columns, size_of(x.dtype()));
        const auto room = [&] {
          return Tensor::empty({layout.rows(), step}, x.dtype()).narrow(1, 0, columns);
        };
        Tensor dz = room(), dhw = is_gru ? room() : Tensor();
        Tensor before = shifted ? states.narrow(0, reverse ? layout.sequences() : 0, layout.rows())
                                : Tensor::empty(rows.shape(), x.dtype());
        dispatch(x.dtype(), [&]<class T>() {
          const kernels::Steps steps{layout.offsets().data(), layout.steps(), reverse};
          const Index size = wh_value.shape()[0];
          kernels::recurrent_backward<T>(
              kind, steps, size,
              {wh_value.data<T>(), h_start.data<T>(), read<T>(c_start), read<T>(rows),
               read<T>(saved), read<T>(d_rows), dz.data<T>(), write<T>(dhw), step, d.needs(6),
               dh.data<T>(), write<T>(dc)});
          if (!shifted)
            kernels::previous_rows<T>(steps, size, read<T>(rows), h_start.data<T>(),
                                      before.data<T>());
        });
        if (from.table.defined() && !d.watched(x) && !from.watched(d)) {
          d.add_rows(3, from.ids, Var(dz), {from.table.shape()[0], columns});
        } else {
          if (d.needs(0)) d.add(0, matmul(Var(dz), transpose(w.wx.detach())));
          d.add_product(1, x.detach(), Var(dz));
          if (d.needs(2)) d.add(2, sum(Var(dz), {0}));
        }
        // A start from zero adds nothing to the sum of products.
        const Index skip = shifted && from_zero ? layout.sequences() : 0;
        const auto continuing = [&](const Tensor& t) {
          return Var(t.narrow(0, reverse ? 0 : skip, layout.rows() - skip));
        };
        d.add_product(4, continuing(before), continuing(is_gru ? dhw : dz));
        if (d.needs(5)) {
          const Index size = wh_value.shape()[0];
          d.add(5, sum(Var(dhw.narrow(1, 2 * size, size)), {0}));
        }
        d.add(6, Var(dh));
        if (is_lstm) d.add(7, Var(dc));
      });
}

}  // namespace unroll
