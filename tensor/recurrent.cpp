#include <unroll/tensor/kernels/recurrent.h>
#include <unroll/tensor/recurrent.h>

namespace unroll {
namespace {

template <class T>
const T* numbers(const Tensor* t) {
  return t ? t->data<T>() : nullptr;
}

bool is(const Tensor& t, Index rows, Index columns) {
  return t.rank() == 2 && t.shape()[0] == rows && t.shape()[1] == columns;
}

}  // namespace

void check_recurrent(const char* op, kernels::Recurrence kind, const RecurrentStep& s, Index rows,
                     Index batch) {
  const bool lstm = kind == kernels::Recurrence::lstm, gru = kind == kernels::Recurrence::gru;
  for (const Tensor* t : {&s.x, s.wx, &s.wh, &s.h, s.b, s.bhn, s.c})
    check(!t || t->defined(), "{}: tensors with values were required: got an undefined one", op);
  const Index gates = kernels::gates_of(kind);
  const bool weights_fit = s.wh.rank() == 2 && s.wh.shape()[1] == gates * s.wh.shape()[0] &&
                           (!s.wx || (s.wx->rank() == 2 && s.wx->shape()[1] == s.wh.shape()[1]));
  if (!weights_fit)
    fail("{}: weights [D, {} H] and [H, {} H] were required: got {} and {}", op, gates, gates,
         s.wx ? s.wx->shape().str() : "no wx", s.wh.shape());
  const Index hidden = s.wh.shape()[0], dim = s.wx ? s.wx->shape()[0] : gates * hidden;
  check(s.wx || !s.b, "{}: no b was required beside inputs that are projected already: got one",
        op);
  check(is(s.x, rows, dim), "{}: inputs [{}, {}] were required: got {}", op, rows, dim,
        s.x.shape());
  check(lstm == (s.c != nullptr), "{}: {} states were required: got {}", op, lstm ? 2 : 1,
        s.c ? 2 : 1);
  for (const Tensor* state : {&s.h, s.c})
    if (state && !is(*state, batch, hidden))
      fail("{}: states [{}, {}] were required: got {}", op, batch, hidden, state->shape());
  check(gru || !s.bhn, "{}: no bhn was required (it is the GRU's): got one", op);
  for (const auto& [bias, size] : {std::pair{s.b, gates * hidden}, std::pair{s.bhn, hidden}})
    if (bias && !(bias->rank() == 1 && bias->shape()[0] == size))
      fail("{}: a bias [{}] was required: got {}", op, size, bias->shape());
  for (const Tensor* t : {&s.x, s.b, s.wx, s.bhn, &s.h, s.c})
    if (t) check_same_dtype(op, s.wh, *t);
}

std::pair<Tensor, Tensor> recurrent_step(kernels::Recurrence kind, const RecurrentStep& s) {
  const Index batch = s.x.rank() > 0 ? s.x.shape()[0] : 0;
  check_recurrent("recurrent_step", kind, s, batch, batch);
  check(s.wx, "recurrent_step: a weight wx was required: got none");
  const Index dim = s.wx->shape()[0], hidden = s.wh.shape()[0];
  for (const Tensor* t : {&s.x, s.wx, s.b, &s.wh, s.bhn, &s.h, s.c}) {
    if (!t) continue;
    if (!t->is_contiguous()) {
      const auto whole = [](const Tensor* v) { return v ? v->contiguous() : Tensor(); };
      const Tensor x = s.x.contiguous(), wx = s.wx->contiguous(), wh = s.wh.contiguous(),
                   h = s.h.contiguous();
      const Tensor b = whole(s.b), bhn = whole(s.bhn), c = whole(s.c);
      return recurrent_step(
          kind, {x, &wx, s.b ? &b : nullptr, wh, s.bhn ? &bhn : nullptr, h, s.c ? &c : nullptr});
    }
  }
  Tensor h = Tensor::empty(s.h.shape(), s.x.dtype()),
         c = s.c ? Tensor::empty(s.h.shape(), s.x.dtype()) : Tensor();
  dispatch(s.x.dtype(), [&]<class T>() {
    kernels::recurrent_step<T>(
        kind, batch, dim, hidden,
        {s.x.data<T>(), s.wx->data<T>(), numbers<T>(s.b), s.wh.data<T>(), numbers<T>(s.bhn),
         s.h.data<T>(), numbers<T>(s.c), h.data<T>(), s.c ? c.data<T>() : nullptr});
  });
  return {std::move(h), std::move(c)};
}

}  // namespace unroll
