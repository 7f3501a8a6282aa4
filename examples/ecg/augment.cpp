#include "examples/ecg/augment.h"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

constexpr Index kPieces = 5;  // of constant speed

// Where the values of the variant are in the original, ascending from 0 to n - 1.
Values warped_times(Index n, double warp, unroll::Generator& random) {
  Values begins{0};  // of the pieces, as shares of the original
  for (const double log_speed : random.normal({kPieces}, 0, warp, unroll::f64).to_vector<double>())
    begins.push_back(begins.back() + std::exp(log_speed));
  Values out;
  const double last = static_cast<double>(n - 1);
  for (Index i = 0; i < n; ++i) {
    const double at = n > 1 ? static_cast<double>(i) / last * static_cast<double>(kPieces) : 0;
    const auto piece =
        static_cast<std::size_t>(std::min<Index>(static_cast<Index>(at), kPieces - 1));
    const double share = at - static_cast<double>(piece);
    out.push_back(last / begins.back() *
                  (begins[piece] + share * (begins[piece + 1] - begins[piece])));
  }
  return out;
}

}  // namespace

Values varied(const Values& values, const Augmentation& a, unroll::Generator& random) {
  const Index n = std::ssize(values);
  const Values times = warped_times(n, a.warp, random);
  const double factor = std::exp(random.normal({1}, 0, a.scale, unroll::f64).item());
  const Values noise = random.normal({n}, 0, a.jitter, unroll::f64).to_vector<double>();
  Values out;
  for (std::size_t t = 0; t < values.size(); ++t)
    out.push_back(factor * interpolated(values, times[t]) + noise[t]);
  return out;
}

}  // namespace ecg
