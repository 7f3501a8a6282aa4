#include "examples/lab/common/chunked_scan.h"

#include <unroll/autograd/sequence/scan.h>
#include <unroll/nn/sequence.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/reduce.h>

namespace lab {

namespace nn = unroll::nn;
using unroll::Index;
using unroll::Tensor;
using unroll::Var;

Tensor chunked_scan(const Tensor& a, const Tensor& b, Index chunks) {
  const Index steps = a.shape()[0], channels = a.shape()[1];
  unroll::check(chunks > 0 && steps % chunks == 0,
                "chunked_scan: a multiple of {} steps was required: got {}", chunks, steps);
  const unroll::Shape cut{chunks, steps / chunks, channels};
  const nn::Sequence as = nn::Sequence::from(a.reshape(cut)),
                     bs = nn::Sequence::from(b.reshape(cut));
  const auto scanned = [&](const Var& added, const Var& initial) {
    return nn::Sequence(scan(as.rows, added, initial, as.layout).rows, as.layout).padded();
  };
  const Var from_zero = scanned(bs.rows, {}),  // [K, T / K, C]
      products =
          scanned(Tensor::zeros(b.shape(), b.dtype()), Tensor::ones({chunks, channels}, b.dtype()));
  std::vector<Var> out;
  Var state = Tensor::zeros({1, channels}, b.dtype());
  for (Index k = 0; k < chunks; ++k) {
    out.push_back(select(from_zero, 0, k) + select(products, 0, k) * state);  // [T / K, C]
    state = narrow(out.back(), 0, steps / chunks - 1, 1);
  }
  return concat(out).value();
}

double chunk_error(Index steps, Index chunks, Index channels) {
  unroll::Generator random(1);
  const Tensor a = random.uniform({steps, channels}), b = random.normal({steps, channels});
  const Tensor whole = scan(a, b, {}, unroll::SequenceLayout::equal(1, steps)).rows.value();
  return max(abs(Var(chunked_scan(a, b, chunks)) - whole).value()).item();
}

}  // namespace lab
