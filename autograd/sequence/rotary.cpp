// Rotary positions. A rotation is linear, and its transpose is the rotation by the negative angles,
// so the derivative is the op itself. Su et al. 2021.
#include <unroll/autograd/op.h>
#include <unroll/autograd/sequence/rotary.h>
#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/kernels/rotary.h>

#include <cmath>

namespace unroll {
namespace {

const Op rotary_op{"rotary"};

struct Rotation {
  IndexTensor positions;
  RotaryOptions options;
  bool inverse = false;
};

Var rotated(const In& x, const Rotation& by) {
  const RotaryOptions& o = by.options;
  const Tensor in = x.value().contiguous();
  const Index rows = in.shape()[0], columns = in.shape()[1];
  Tensor out = Tensor::empty(in.shape(), in.dtype());  // [N, C]
  dispatch(in.dtype(), [&]<class T>() {
    kernels::rotary<T>({by.positions.data(), o.heads, o.size, o.base, o.interleaved, by.inverse},
                       {in.data<T>(), rows, columns, columns},
                       {out.data<T>(), rows, columns, columns});
  });
  return record(rotary_op, std::move(out), {&x}, [by](const Var& g, Cotangents& d) {
    d.add(0, rotated(g, {by.positions, by.options, !by.inverse}));
  });
}

}  // namespace

Var rotary(const In& x, const IndexTensor& positions, const RotaryOptions& given) {
  RotaryOptions o = given;
  check_defined("rotary", *x);
  check(x->rank() == 2 && positions.defined() && positions.shape() == Shape({x->shape()[0]}),
        "rotary: rows [N, C] and positions [N] were required: got {} and {}", x->shape(),
        positions.shape());
  const Index columns = x->shape()[1];
  if (o.size == 0) o.size = columns;
  check(o.size >= 2 && o.size % 2 == 0 && columns % o.size == 0 && o.heads >= 0 &&
            o.heads <= columns / o.size,
        "rotary: heads of an even size that divides the {} columns, and at most so many, were "
        "required: got {} heads of {}",
        columns, o.heads, o.size);
  if (o.heads == 0) o.heads = columns / o.size;
  check(o.base > 0 && std::isfinite(o.base), "rotary: a finite base above 0 was required: got {}",
        o.base);
  return rotated(x, {positions, o});
}

}  // namespace unroll
