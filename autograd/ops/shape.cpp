// Ops that move elements without changing them.
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/joined.h>

#include <numeric>

namespace unroll {
namespace {

const Op reshape_op{"reshape"}, permute_op{"permute"}, narrow_op{"narrow"}, expand_op{"expand"};
const Op flip_op{"flip"}, pad_op{"pad", {.fills = true}}, concat_op{"concat"};

}  // namespace

Var reshape(const In& x, const Shape& shape) {
  check_defined("reshape", *x);
  if (x->shape() == shape) return *x;
  return record(reshape_op, x.value().reshape(shape), {&x},
                [from = x->shape()](const Var& g, Cotangents& d) { d.add(0, reshape(g, from)); });
}
Var reshape(const In& x, std::initializer_list<AnyIndex> sizes) {
  check_defined("reshape", *x);
  return reshape(x, infer_shape("reshape", sizes, x->shape()));
}
Var unsqueeze(const In& x, int axis) {
  check_defined("unsqueeze", *x);
  return reshape(x, x.value().unsqueeze(axis).shape());
}
Var squeeze(const In& x, int axis) {
  check_defined("squeeze", *x);
  return reshape(x, x.value().squeeze(axis).shape());
}

Var permute(const In& x, const std::vector<int>& axes) {
  check_defined("permute", *x);
  return record(permute_op, x.value().permute(axes), {&x}, [axes](const Var& g, Cotangents& d) {
    std::vector<int> back(axes.size());
    const int rank = static_cast<int>(axes.size());
    for (int i = 0; i < rank; ++i) back[(axes[i] + rank) % rank] = i;
    d.add(0, permute(g, back));
  });
}
Var transpose(const In& x, int a, int b) {
  check_defined("transpose", *x);
  a = x->shape().axis(a, "transpose"), b = x->shape().axis(b, "transpose");
  std::vector<int> axes(static_cast<std::size_t>(x->rank()));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[a], axes[b]);
  return permute(x, axes);
}

Var narrow(const In& x, int axis, Index start, Index length) {
  check_defined("narrow", *x);
  const Tensor y = x.value().narrow(axis, start, length);
  axis = x->shape().axis(axis, "narrow");
  return record(narrow_op, y, {&x}, [axis, start, shape = x->shape()](const Var& g, Cotangents& d) {
    d.add_narrow(0, axis, start, g, shape);
  });
}
Var select(const In& x, int axis, Index index) {
  check_defined("select", *x);
  axis = x->shape().axis(axis, "select");
  const Index size = x->shape()[axis];
  check(index >= -size && index < size,
        "select: an index in [{}, {}) was required on axis {} of {}: got {}", -size, size, axis,
        x->shape(), index);
  return reshape(In(narrow(x, axis, index < 0 ? index + size : index, 1), x.where()),
                 x->shape().without(axis));
}
std::vector<Var> split(const In& x, const std::vector<Index>& sizes, int axis) {
  check_defined("split", *x);
  axis = x->shape().axis(axis, "split");
  Index left = x->shape()[axis];
  bool fits = true;
  for (Index size : sizes) {
    fits = fits && size >= 0 && size <= left;
    if (fits) left -= size;
  }
  if (!fits || left != 0)
    fail("split: sizes that add up to {} (axis {} of {}) were required: got [{}]", x->shape()[axis],
         axis, x->shape(), detail::joined(sizes));
  std::vector<Var> parts;
  Index start = 0;
  for (Index size : sizes) {
    parts.push_back(narrow(x, axis, start, size));
    start += size;
  }
  return parts;
}

std::vector<Var> split(const In& x, Index size, int axis) {
  check_defined("split", *x);
  check(size >= 1, "split: a size of at least 1 was required: got {}", size);
  const Index length = x->shape()[x->shape().axis(axis, "split")];
  std::vector<Index> sizes(length / size, size);
  if (length % size != 0 || length == 0) sizes.push_back(length % size);
  return split(x, sizes, axis);
}

Var expand(const In& x, const Shape& shape) {
  check_defined("expand", *x);
  if (x->shape() == shape) return *x;
  return record(expand_op, x.value().expand(shape), {&x},
                [from = x->shape()](const Var& g, Cotangents& d) { d.add(0, sum_to(g, from)); });
}

Var flip(const In& x, int axis) {
  check_defined("flip", *x);
  return record(flip_op, flip(x.value(), axis), {&x},
                [axis](const Var& g, Cotangents& d) { d.add(0, flip(g, axis)); });
}

Var pad(const In& x, int axis, Index before, Index after, double value) {
  check_defined("pad", *x);
  axis = x->shape().axis(axis, "pad");
  return record(pad_op, pad(x.value(), axis, before, after, value), {&x},
                [axis, before, size = x->shape()[axis]](const Var& g, Cotangents& d) {
                  d.add(0, narrow(g, axis, before, size));
                });
}

Var concat(std::span<const Var> parts, int axis, Where where) {
  std::vector<Tensor> values;
  std::vector<Index> sizes;
  for (const Var& part : parts) {
    check_defined("concat", part);
    values.push_back(part.value());
  }
  const Tensor y = concat(values, axis);
  for (const Var& part : parts) sizes.push_back(part.size(axis));
  return record(concat_op, std::vector<Tensor>{y}, parts, where,
                [axis, sizes](const Var& g, Cotangents& d) {
                  Index start = 0;
                  for (int i = 0; i < static_cast<int>(sizes.size()); ++i) {
                    if (d.needs(i)) d.add(i, narrow(g, axis, start, sizes[i]));
                    start += sizes[i];
                  }
                })
      .front();
}

Var stack(std::span<const Var> parts, int axis, Where where) {
  check(!parts.empty(), "stack: at least one value was required: got none");
  std::vector<Var> rows;
  for (const Var& part : parts) {
    check_defined("stack", part);
    check(part.shape() == parts[0].shape(), "stack: equal shapes were required: got {} and {}",
          parts[0].shape(), part.shape());
    rows.push_back(unsqueeze(In(part, where), axis));
  }
  return concat(rows, axis, where);
}

namespace {
const Op tril_op{"tril"}, triu_op{"triu"};
}

Var tril(const In& x, Index diagonal) {
  check_defined("tril", *x);
  return record(tril_op, tril(x.value(), diagonal), {&x},
                [diagonal](const Var& g, Cotangents& d) { d.add(0, tril(g, diagonal)); });
}
Var triu(const In& x, Index diagonal) {
  check_defined("triu", *x);
  return record(triu_op, triu(x.value(), diagonal), {&x},
                [diagonal](const Var& g, Cotangents& d) { d.add(0, triu(g, diagonal)); });
}

std::vector<Tensor> split(const Tensor& x, const std::vector<Index>& sizes, int axis) {
  std::vector<Tensor> parts;
  for (const Var& part : split(In(x), sizes, axis)) parts.push_back(part.value());
  return parts;
}
std::vector<Tensor> split(const Tensor& x, Index size, int axis) {
  std::vector<Tensor> parts;
  for (const Var& part : split(In(x), size, axis)) parts.push_back(part.value());
  return parts;
}

}  // namespace unroll
