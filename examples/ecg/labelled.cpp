#include "examples/ecg/labelled.h"

#include "examples/ecg/beats.h"

#include <unroll/data/signal/ucr.h>
#include <unroll/data/signal/wfdb.h>
#include <unroll/tensor/error.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace ecg {
namespace {

using unroll::check_io;

constexpr double kBeatRate = 125;  // samples per second of a beat

struct Moments {
  double mean = 0, deviation = 1;
};
// Of the finite values; a constant signal has deviation 1.
Moments moments_of(const Values& x) {
  double n = 0, sum = 0, squares = 0;
  for (const double v : x)
    if (std::isfinite(v)) sum += v, ++n;
  const double mean = sum / std::max(n, 1.0);
  for (const double v : x)
    if (std::isfinite(v)) squares += (v - mean) * (v - mean);
  const double deviation = std::sqrt(squares / std::max(n, 1.0));
  return {mean, deviation > 1e-12 * (1 + std::abs(mean)) ? deviation : 1};
}

// The mean of x over 1 / kBeatRate seconds at each sample time of a beat; empty if the recording
// does not have all of it.
Values window_around(const Values& x, Index peak, double frequency, const Moments& m) {
  const auto points = static_cast<Index>(std::floor((kBefore + kAfter) * kBeatRate));
  const double width = frequency / kBeatRate;  // samples
  Values out;
  for (Index i = 0; i < points; ++i) {
    const double centre =
        static_cast<double>(peak) + (static_cast<double>(i) / kBeatRate - kBefore) * frequency;
    const auto from = static_cast<Index>(std::ceil(centre - width / 2)),
               to = std::max(from + 1, static_cast<Index>(std::ceil(centre + width / 2)));
    double sum = 0;
    for (Index t = from; t < to; ++t) {
      if (t < 0 || t >= std::ssize(x) || !std::isfinite(x[static_cast<std::size_t>(t)])) return {};
      sum += x[static_cast<std::size_t>(t)];
    }
    out.push_back((sum / static_cast<double>(to - from) - m.mean) / m.deviation);
  }
  return out;
}

double median(Values values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

// Ratios of the intervals before and after each beat to the median one; 1 where there is no beat.
std::vector<Values> ratios_of(const std::vector<Index>& at) {
  Values intervals;
  for (std::size_t i = 1; i < at.size(); ++i)
    intervals.push_back(static_cast<double>(at[i] - at[i - 1]));
  const double usual = intervals.empty() ? 1 : std::max(1.0, median(intervals));
  std::vector<Values> out;
  for (std::size_t i = 0; i < at.size(); ++i)
    out.push_back({i > 0 ? intervals[i - 1] / usual : 1.0,
                   i < intervals.size() ? intervals[i] / usual : 1.0});
  return out;
}

std::string without_hea(const std::string& path) {
  return path.size() > 4 && path.substr(path.size() - 4) == ".hea" ? path.substr(0, path.size() - 4)
                                                                   : path;
}

bool as_number(const std::string& label, double& number) {
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
  return error == std::errc() && end == label.data() + label.size();
}

}  // namespace

unroll::Tensor Example::steps(const Reading& reading) const {
  const Index n = std::ssize(values),
              more =
                  (std::max<Index>(n - reading.samples, 0) + reading.stride - 1) / reading.stride;
  std::vector<float> out;
  for (Index step = 0; step <= more; ++step) {
    for (Index k = 0; k < reading.samples; ++k)
      out.push_back(static_cast<float>(
          values[static_cast<std::size_t>(std::min(step * reading.stride + k, n - 1))]));
    for (const double v : extra) out.push_back(static_cast<float>(v));
  }
  return unroll::Tensor::from(out, {more + 1, reading.samples + std::ssize(extra)});
}

Examples read_series(const std::string& path) {
  Examples out;
  for (unroll::data::LabelledSeries& series : unroll::data::read_ucr(path)) {
    const Moments m = moments_of(series.values);
    for (double& v : series.values) v = (v - m.mean) / m.deviation;
    out.push_back({.values = std::move(series.values), .label = std::move(series.label)});
  }
  return out;
}

Examples read_beats(const std::string& path, Index channel, Index group) {
  const std::string stem = without_hea(path);
  const unroll::data::WFDBRecord record = unroll::data::read_wfdb(path);
  const Index signals = std::ssize(record.signals), used = std::max<Index>(channel, 1);
  check_io(used <= signals, "{}: a channel from 1 to {} was required: got --channel {}", path,
           signals, used);
  const Values& x = record.signals[static_cast<std::size_t>(used - 1)].values;
  const Moments m = moments_of(x);
  std::vector<Index> at;
  std::vector<std::string> labels;
  for (const auto& a : unroll::data::read_wfdb_annotations(stem + ".atr")) {
    const std::string_view label = unroll::data::aami_class(a.symbol);
    if (!label.empty()) at.push_back(a.sample), labels.emplace_back(label);
  }
  const std::vector<Values> ratios = ratios_of(at);
  Examples out;
  for (std::size_t i = 0; i < at.size(); ++i) {
    Values values = window_around(x, at[i], record.frequency, m);
    if (values.empty()) continue;
    out.push_back({std::move(values), ratios[i], labels[i], group,
                   static_cast<double>(at[i]) / record.frequency});
  }
  check_io(!out.empty(), "{}: beats with their samples were required: got none of {} annotated",
           path, at.size());
  return out;
}

std::vector<std::string> aami_classes() { return {"N", "S", "V", "F", "Q"}; }

std::vector<std::string> classes_of(const Examples& examples) {
  std::set<std::string> labels;
  for (const Example& e : examples) labels.insert(e.label);
  std::vector<std::string> out(labels.begin(), labels.end());
  std::stable_sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
    double x = INFINITY, y = INFINITY;
    const bool first = as_number(a, x), second = as_number(b, y);
    return first != second ? first : x < y;
  });
  return out;
}

std::vector<Index> ids_of(const Examples& examples, const std::vector<std::string>& classes,
                          const std::string& path) {
  std::vector<Index> out;
  for (const Example& e : examples) {
    const auto at = std::find(classes.begin(), classes.end(), e.label);
    check_io(at != classes.end(),
             "{}: labels that the model was trained on were required: got \"{}\"", path,
             unroll::excerpt(e.label));
    out.push_back(at - classes.begin());
  }
  return out;
}

Index median_length(const Examples& examples) {
  std::vector<Index> lengths;
  for (const Example& e : examples) lengths.push_back(std::ssize(e.values));
  std::nth_element(lengths.begin(), lengths.begin() + std::ssize(lengths) / 2, lengths.end());
  return lengths[lengths.size() / 2];
}

double interpolated(const Values& values, double time) {
  const auto k = std::min(static_cast<std::size_t>(time), values.size() - 1);
  const double share = time - static_cast<double>(k);
  return share > 0 && k + 1 < values.size() ? (1 - share) * values[k] + share * values[k + 1]
                                            : values[k];
}

Values resampled(const Values& values, Index size) {
  Values out;
  const double last = static_cast<double>(values.size() - 1);
  for (Index i = 0; i < size; ++i)
    out.push_back(interpolated(
        values,
        size > 1 ? last * static_cast<double>(i) / static_cast<double>(size - 1) : last / 2));
  return out;
}

}  // namespace ecg
