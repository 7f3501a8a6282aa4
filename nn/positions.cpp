#include <unroll/nn/init.h>
#include <unroll/nn/positions.h>

#include <cmath>

namespace unroll::nn {
namespace {

void check_rows(const char* name, const In& x, const IndexTensor& positions, Index dim) {
  check_defined(name, *x);
  check(x->rank() == 2 && x->shape()[1] == dim && positions.defined() &&
            positions.shape() == Shape({x->shape()[0]}),
        "{}: rows [N, {}] and positions [N] were required: got {} and {}", name, dim, x->shape(),
        positions.shape());
}

}  // namespace

SinusoidalPositions::SinusoidalPositions(const Options& o) : dim_(o.dim), base_(o.base) {
  check(o.dim >= 1 && o.base > 0 && std::isfinite(o.base),
        "SinusoidalPositions: a dim of at least 1 and a base above 0 were required: got {} and {}",
        o.dim, o.base);
}

Tensor SinusoidalPositions::table(const IndexTensor& positions, DType dtype) const {
  std::vector<double> frequencies;
  for (Index i = 0; i < dim_; i += 2)
    frequencies.push_back(std::pow(base_, -static_cast<double>(i) / static_cast<double>(dim_)));
  Tensor out = Tensor::empty({positions.numel(), dim_}, dtype);
  dispatch(dtype, [&]<class T>() {
    T* row = out.data<T>();
    for (Index n = 0; n < positions.numel(); ++n, row += dim_) {
      if (n > 0 && positions[n] == positions[n - 1]) {  // rows of one time step
        std::copy_n(row - dim_, dim_, row);
        continue;
      }
      for (Index i = 0; i < dim_; ++i) {
        const double angle =
            static_cast<double>(positions[n]) * frequencies[static_cast<std::size_t>(i / 2)];
        row[i] = static_cast<T>(i % 2 == 0 ? std::sin(angle) : std::cos(angle));
      }
    }
  });
  return out;
}

Sequence SinusoidalPositions::operator()(const Gathered& x, Where where) const {
  const Caller caller(where);
  return {(*this)(x.rows(), x.layout().time_of_rows()), x.layout()};
}

Var SinusoidalPositions::operator()(const In& x, const IndexTensor& positions) const {
  const Caller caller(x.where());
  check_rows("SinusoidalPositions", x, positions, dim_);
  return *x + table(positions, x->dtype());
}

LearnedPositions::LearnedPositions(const Options& o)
    : weight(normal({o.max_length, o.dim}, 0, o.stddev, {.dtype = o.dtype})) {
  check(o.max_length >= 1 && o.dim >= 1,
        "LearnedPositions: a max_length and a dim of at least 1 were required: got {} and {}",
        o.max_length, o.dim);
}

Sequence LearnedPositions::operator()(const Gathered& x, Where where) const {
  const Caller caller(where);
  return {(*this)(x.rows(), x.layout().time_of_rows()), x.layout()};
}

Var LearnedPositions::operator()(const In& x, const IndexTensor& positions) const {
  const Caller caller(x.where());
  check_rows("LearnedPositions", x, positions, weight.shape()[1]);
  for (const Index position : positions)
    check(position >= 0 && position < weight.shape()[0],
          "LearnedPositions: positions in [0, {}) were required (.max_length): got {}",
          weight.shape()[0], position);
  return *x + embedding(positions, weight);
}

}  // namespace unroll::nn
