#include "examples/lab/common/chunked_scan.h"

#include <unroll/autograd/sequence/scan.h>
#include <unroll/nn/sequence.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/reduce.h>

#include <fmt/format.h>

#include <algorithm>

namespace lab {

namespace nn = unroll::nn;
using unroll::Tensor;
using unroll::Var;

namespace {

// The largest difference from the scan in one piece, for random coefficients.
double chunk_error(Index steps, Index chunks, Index channels) {
  unroll::Generator random(1);
  const Tensor a = random.uniform({steps, channels}), b = random.normal({steps, channels});
  const Tensor whole = scan(a, b, {}, unroll::SequenceLayout::equal(1, steps)).rows.value();
  return max(abs(Var(chunked_scan(a, b, chunks)) - whole).value()).item();
}

}  // namespace

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

void measure_chunks(Experiment& e, Index steps) {
  Table table{fmt::format("A scan of {} steps in chunks that are scanned side by side", steps),
              {"chunks", "longest chain", "largest error"},
              {}};
  double worst = 0;
  Index shortest = steps;
  for (Index k = 1; k <= 64; k *= 4) {
    const double error = chunk_error(steps, k, 64);
    const Index chain = k == 1 ? steps : steps / k + k;
    worst = std::max(worst, error), shortest = std::min(shortest, chain);
    table.rows.push_back({fmt::format("{}", k), fmt::format("{} steps", chain),
                          k == 1 ? "-" : fmt::format("{:.0e}", error)});
  }
  e.table(table);
  e.figure("scan.chunk_error", worst);
  e.figure("scan.longest_chain", static_cast<double>(shortest));
  e.conclude(fmt::format(
      "A scan in chunks of time differs from one in a single piece by at most {:.0e}, and its "
      "longest chain is {} instead of {} steps{}.",
      worst, shortest, steps,
      worst < 1e-4 ? ". A GRU or LSTM cannot be cut: tanh and sigmoid stand between its steps"
                   : ", but such an error is more than rounding"));
}

}  // namespace lab
