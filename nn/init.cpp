#include <unroll/nn/init.h>
#include <unroll/tensor/math.h>

#include <cmath>

namespace unroll::nn {
namespace {

Generator& generator_of(const InitOptions& options) {
  return options.generator ? *options.generator : default_generator();
}

struct Fans {
  double in, out;
  Fans(const char* name, const Shape& shape) {
    check(shape.rank() == 2 && shape.numel() > 0, "{}: a weight [in, out] was required: got {}",
          name, shape);
    in = static_cast<double>(shape[0]), out = static_cast<double>(shape[1]);
  }
};

}  // namespace

Tensor uniform(const Shape& shape, double low, double high, const InitOptions& options) {
  return generator_of(options).uniform(shape, low, high, options.dtype);
}
Tensor normal(const Shape& shape, double mean, double std, const InitOptions& options) {
  return generator_of(options).normal(shape, mean, std, options.dtype);
}
Tensor xavier_uniform(const Shape& shape, double gain, const InitOptions& options) {
  const Fans fans("xavier_uniform", shape);
  const double bound = gain * std::sqrt(6 / (fans.in + fans.out));
  return uniform(shape, -bound, bound, options);
}
Tensor xavier_normal(const Shape& shape, double gain, const InitOptions& options) {
  const Fans fans("xavier_normal", shape);
  return normal(shape, 0, gain * std::sqrt(2 / (fans.in + fans.out)), options);
}
Tensor kaiming_uniform(const Shape& shape, double gain, const InitOptions& options) {
  const Fans fans("kaiming_uniform", shape);
  const double bound = gain * std::sqrt(3 / fans.in);
  return uniform(shape, -bound, bound, options);
}
Tensor kaiming_normal(const Shape& shape, double gain, const InitOptions& options) {
  const Fans fans("kaiming_normal", shape);
  return normal(shape, 0, gain / std::sqrt(fans.in), options);
}

Tensor orthogonal(const Shape& shape, double gain, const InitOptions& options) {
  const Fans fans("orthogonal", shape);
  const bool wide = shape[0] < shape[1];
  const Index n = wide ? shape[1] : shape[0], m = wide ? shape[0] : shape[1];
  // Modified Gram-Schmidt, applied twice, on m vectors of length n.
  Tensor q = generator_of(options).normal({m, n}, 0, 1, f64);
  double* v = q.data<double>();
  const auto dot = [&](Index a, Index b) {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += v[a * n + i] * v[b * n + i];
    return sum;
  };
  for (Index a = 0; a < m; ++a) {
    for (int pass = 0; pass < 2; ++pass)
      for (Index b = 0; b < a; ++b) {
        const double along = dot(a, b);
        for (Index i = 0; i < n; ++i) v[a * n + i] -= along * v[b * n + i];
      }
    const double norm = std::sqrt(dot(a, a));
    for (Index i = 0; i < n; ++i) v[a * n + i] *= 1 / norm;
  }
  const Tensor out = wide ? q : q.transpose();
  return mul(out, gain).to(options.dtype).contiguous();
}

}  // namespace unroll::nn
