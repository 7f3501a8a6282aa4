#include <unroll/tensor/recurrent.h>

namespace unroll {
namespace {

template <class T>
const T* numbers(const Tensor* t) {
  return t ? t->data<T>() : nullptr;
}

}  // namespace

std::pair<Tensor, Tensor> recurrent_step(kernels::Recurrence kind, const RecurrentStep& s) {
  check(s.x.rank() == 2 && s.x.shape()[1] == s.wx.shape()[0],
        "recurrent_step: an input [B, {}] was required: got {}", s.wx.shape()[0], s.x.shape());
  const Index batch = s.x.shape()[0], dim = s.x.shape()[1], hidden = s.wh.shape()[0],
              gates = s.wh.shape()[1];
  for (const Tensor* state : {&s.h, s.c}) {
    if (!state) continue;
    check(state->rank() == 2 && state->shape()[0] == batch && state->shape()[1] == hidden,
          "recurrent_step: states [{}, {}] were required: got {}", batch, hidden, state->shape());
  }
  for (const Tensor* t : {&s.x, &s.wx, s.b, &s.wh, s.bhn, &s.h, s.c}) {
    if (!t) continue;
    check_same_dtype("recurrent_step", s.wx, *t);
    if (!t->is_contiguous()) {
      const auto whole = [](const Tensor* v) { return v ? v->contiguous() : Tensor(); };
      const Tensor x = s.x.contiguous(), wx = s.wx.contiguous(), wh = s.wh.contiguous(),
                   h = s.h.contiguous();
      const Tensor b = whole(s.b), bhn = whole(s.bhn), c = whole(s.c);
      return recurrent_step(
          kind, {x, wx, s.b ? &b : nullptr, wh, s.bhn ? &bhn : nullptr, h, s.c ? &c : nullptr});
    }
  }
  Tensor scratch = Tensor::empty({2 * batch, gates}, s.x.dtype());
  Tensor h = Tensor::empty(s.h.shape(), s.x.dtype()),
         c = s.c ? Tensor::empty(s.h.shape(), s.x.dtype()) : Tensor();
  dispatch(s.x.dtype(), [&]<class T>() {
    kernels::recurrent_step<T>(kind, batch, dim, hidden,
                               {s.x.data<T>(), s.wx.data<T>(), numbers<T>(s.b), s.wh.data<T>(),
                                numbers<T>(s.bhn), s.h.data<T>(), numbers<T>(s.c), h.data<T>(),
                                s.c ? c.data<T>() : nullptr, scratch.data<T>()});
  });
  return {std::move(h), std::move(c)};
}

}  // namespace unroll
