#include "examples/ecg/verdict.h"

#include "examples/common/terminal.h"

#include <algorithm>
#include <cmath>

namespace ecg {
namespace {

double mean_of(const Values& x, const Range& range) {
  double sum = 0;
  for (Index t = range.begin; t < range.end; ++t) sum += x[static_cast<std::size_t>(t)];
  return sum / static_cast<double>(range.end - range.begin);
}

}  // namespace

Difference difference(const Values& a, const Values& b, const Range& range, Index block) {
  Values means;
  for (Index t = range.begin; t + block <= range.end; t += block) {
    const Range one{t, t + block};
    means.push_back(mean_of(a, one) - mean_of(b, one));
  }
  const program::MeanAndStd s = program::mean_and_std(means);
  return {mean_of(a, range) - mean_of(b, range),
          s.std / std::sqrt(static_cast<double>(std::max<std::size_t>(1, means.size())))};
}

void print_scores(const AllScores& scores, const Range& range, double frequency,
                  const std::string& kind, program::Report& report) {
  const struct {
    std::string name;
    const Scores& scores;
    const char* remark;
  } all[] = {{"persistence", scores.persistence, "the last value"},
             {"ar", scores.ar, "least squares on the last 16 values"},
             {kind, scores.network, "corrects the autoregressive model"}};
  double best = INFINITY;
  for (const auto& one : all) best = std::min(best, mean_of(one.scores.nll, range));
  program::Table table({"", "nll per sample", "RMSE in mV"});
  for (const auto& one : all) {
    const double nll = mean_of(one.scores.nll, range),
                 rmse = std::sqrt(mean_of(one.scores.squared_error, range));
    table.add(one.name, {{fmt::format("{:.4f}", nll), nll == best}, {fmt::format("{:.5f}", rmse)}},
              one.remark);
    report.add(fmt::format("nll.{}", one.name), nll);
    report.add(fmt::format("rmse.{}", one.name), rmse);
  }
  table.print();
  const Index block = std::max<Index>(1, std::llround(frequency));
  const Difference d = difference(scores.ar.nll, scores.network.nll, range, block);
  report.add("nll_ahead." + kind, d.mean);
  report.add("nll_ahead_standard_error." + kind, d.standard_error);
  const std::string title = program::title_of(kind), ar = "autoregressive model";
  const bool clear = std::abs(d.mean) > 2 * d.standard_error;
  program::print(program::wrapped(fmt::format(
      "{} samples, nll in nats of mV. {} (paired standard error over blocks of 1 s).",
      range.end - range.begin,
      !clear ? fmt::format("The {} and the autoregressive model are level: {:.4f} +- {:.4f}", title,
                           d.mean, d.standard_error)
             : fmt::format("The {} beats the {} by {:.4f} +- {:.4f}", d.mean > 0 ? title : ar,
                           d.mean > 0 ? ar : title, std::abs(d.mean), d.standard_error))));
}

}  // namespace ecg
