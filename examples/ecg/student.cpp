#include "examples/ecg/student.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ecg {
namespace {

constexpr double kMinNu = 1, kMaxNu = 100;
constexpr int kScaleSteps = 40, kSectionSteps = 24;

double total_nll(const std::vector<double>& errors, const StudentT& t) {
  double sum = 0;
  for (const double e : errors) sum += std::log1p(e * e / (t.scale * t.scale * t.nu));
  return 0.5 * (t.nu + 1) * sum +
         static_cast<double>(errors.size()) * (std::log(t.scale) + log_constant(t.nu));
}

// The best scale for this nu, from a first guess.
StudentT with_scale(const std::vector<double>& errors, StudentT t, double least) {
  for (int i = 0; i < kScaleSteps; ++i) {
    const double s2 = t.scale * t.scale;
    double sum = 0;
    for (const double e : errors) sum += (t.nu + 1) * e * e / (t.nu + e * e / s2);
    const double next = std::max(
        least, std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, errors.size()))));
    const bool done = std::abs(next - t.scale) < 1e-9 * t.scale;
    t.scale = next;
    if (done) break;
  }
  return t;
}

}  // namespace

double log_constant(double nu) {
  return 0.5 * std::log(nu * std::numbers::pi) + std::lgamma(0.5 * nu) -
         std::lgamma(0.5 * (nu + 1));
}

double StudentT::nll(double error) const {
  const double z = error / scale;
  return std::log(scale) + log_constant(nu) + 0.5 * (nu + 1) * std::log1p(z * z / nu);
}

StudentT fit_student(const std::vector<double>& errors, double least) {
  double squares = 0;
  for (const double e : errors) squares += e * e;
  const double rms =
      std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, errors.size())));
  StudentT best{std::max(least, rms), kMaxNu};
  const auto at = [&](double log_nu) {
    return with_scale(errors, {best.scale, std::exp(log_nu)}, least);
  };
  const double ratio = std::numbers::phi - 1;
  double low = std::log(kMinNu), high = std::log(kMaxNu);
  double x1 = high - ratio * (high - low), x2 = low + ratio * (high - low);
  StudentT t1 = at(x1), t2 = at(x2);
  double f1 = total_nll(errors, t1), f2 = total_nll(errors, t2);
  for (int i = 0; i < kSectionSteps; ++i) {
    best = f1 < f2 ? t1 : t2;
    if (f1 < f2) {
      high = x2, x2 = x1, f2 = f1, t2 = t1;
      x1 = high - ratio * (high - low), t1 = at(x1), f1 = total_nll(errors, t1);
    } else {
      low = x1, x1 = x2, f1 = f2, t1 = t2;
      x2 = low + ratio * (high - low), t2 = at(x2), f2 = total_nll(errors, t2);
    }
  }
  return f1 < f2 ? t1 : t2;
}

}  // namespace ecg
