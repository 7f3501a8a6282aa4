#include <unroll/tensor/kernels/recurrent.h>
#include <unroll/tensor/recurrent.h>

namespace unroll {
namespace {

template <class T>
const T* numbers(const Tensor* t) {
  return t ? t->data<T>() : nullptr;
}

bool is(const Tensor& t, Index rows, Index columns) {
  const std::span<const Index> sizes = t.shape().span();
  return sizes.size() == 2 && sizes[0] == rows && sizes[1] == columns;
}

// Whether all is as check_recurrent wants it, without asking what is not: a step of a stream takes
// less than a microsecond.
bool fits(Recurrence kind, const RecurrentStep& s, Index rows, Index batch) {
  if (!s.wh.defined() || s.wh.rank() != 2 || (s.wx && (!s.wx->defined() || s.wx->rank() != 2)))
    return false;
  const Index hidden = *s.wh.shape().begin(), columns = gates_of(kind) * hidden;
  const Index dim = s.wx ? *s.wx->shape().begin() : columns;
  const auto typed = [&](const Tensor& t) { return t.defined() && t.dtype() == s.wh.dtype(); };
  const auto matrix = [&](const Tensor& t, Index m, Index n) { return typed(t) && is(t, m, n); };
  const auto row = [&](const Tensor* t, Index n) {
    return !t || (typed(*t) && t->rank() == 1 && *t->shape().begin() == n);
  };
  return is(s.wh, hidden, columns) && (s.wx ? matrix(*s.wx, dim, columns) : !s.b) &&
         matrix(s.x, rows, dim) && matrix(s.h, batch, hidden) &&
         (s.c ? matrix(*s.c, batch, hidden) : kind != Recurrence::lstm) &&
         (!s.c || kind == Recurrence::lstm) && row(s.b, columns) &&
         (!s.bhn || kind == Recurrence::gru) && row(s.bhn, hidden);
}

bool contiguous(const Tensor* t) { return !t || t->is_contiguous(); }

}  // namespace

void check_recurrent(const char* op, Recurrence kind, const RecurrentStep& s, Index rows,
                     Index batch) {
  if (fits(kind, s, rows, batch)) return;
  const bool lstm = kind == Recurrence::lstm, gru = kind == Recurrence::gru;
  for (const Tensor* t : {&s.x, s.wx, &s.wh, &s.h, s.b, s.bhn, s.c})
    check(!t || t->defined(), "{}: tensors with values were required: got an undefined one", op);
  const Index gates = gates_of(kind);
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

std::pair<Tensor, Tensor> recurrent_step(Recurrence kind, const RecurrentStep& s) {
  const Index batch = s.x.defined() && s.x.rank() > 0 ? s.x.shape()[0] : 0;
  check_recurrent("recurrent_step", kind, s, batch, batch);
  check(s.wx, "recurrent_step: a weight wx was required: got none");
  const Index dim = s.wx->shape()[0], hidden = s.wh.shape()[0];
  if (!(contiguous(&s.x) && contiguous(s.wx) && contiguous(s.b) && contiguous(&s.wh) &&
        contiguous(s.bhn) && contiguous(&s.h) && contiguous(s.c))) {
    const auto whole = [](const Tensor* v) { return v ? v->contiguous() : Tensor(); };
    const Tensor x = s.x.contiguous(), wx = s.wx->contiguous(), wh = s.wh.contiguous(),
                 h = s.h.contiguous();
    const Tensor b = whole(s.b), bhn = whole(s.bhn), c = whole(s.c);
    return recurrent_step(
        kind, {x, &wx, s.b ? &b : nullptr, wh, s.bhn ? &bhn : nullptr, h, s.c ? &c : nullptr});
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
