#include "examples/strokes/task.h"

#include <unroll/autograd/tensor_forms.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace strokes {
namespace {

constexpr Index kBlock = 256;  // rows of `asked` at a time

double value_of(const std::string& label) {
  double number = INFINITY;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
  return error == std::errc() && end == label.data() + label.size() ? number : INFINITY;
}

}  // namespace

const std::vector<std::string>& reading_names() {
  static const std::vector<std::string> names{"strokes", "shuffled", "shuffled_strokes",
                                              "image",   "rows",     "pixels"};
  return names;
}
std::string name_of(Reading reading) { return reading_names()[static_cast<std::size_t>(reading)]; }
Reading reading_of(const std::string& name) {
  const auto& names = reading_names();
  const auto at = std::find(names.begin(), names.end(), name);
  unroll::check(at != names.end(), "reading_of: the name of a task was required: got \"{}\"",
                unroll::excerpt(name));
  return static_cast<Reading>(at - names.begin());
}
bool reads_drawings(Reading reading) {
  return reading != Reading::rows && reading != Reading::pixels;
}

std::vector<Index> Part::lengths() const {
  std::vector<Index> out;
  for (const unroll::Tensor& s : steps) out.push_back(s.size(0));
  return out;
}
unroll::nn::Sequence Part::batch(const std::vector<Index>& which) const {
  std::vector<unroll::Tensor> out;
  for (const Index i : which) out.push_back(steps[static_cast<std::size_t>(i)]);
  return unroll::nn::Sequence::from(out);
}
std::vector<Index> Part::labels_of(const std::vector<Index>& which) const {
  std::vector<Index> out;
  for (const Index i : which) out.push_back(labels[static_cast<std::size_t>(i)]);
  return out;
}

std::vector<Index> nearest_labels(const Flat& known, const Flat& asked) {
  const Index n = known.rows.size(0);
  unroll::check(n > 0, "nearest_labels: a known example was required: got none");
  const unroll::Tensor squares = unroll::sum(unroll::square(known.rows), 1);  // [n]
  std::vector<Index> out;
  for (Index begin = 0; begin < asked.rows.size(0); begin += kBlock) {
    const Index rows = std::min(kBlock, asked.rows.size(0) - begin);
    // |a - b|^2 = |a|^2 + |b|^2 - 2 a b, and |a|^2 is the same for all b.
    const unroll::Tensor far =
        squares - 2.0 * unroll::matmul(asked.rows.narrow(0, begin, rows),
                                       unroll::transpose(known.rows));  // [rows, n]
    const auto values = far.contiguous().to_vector<float>();
    for (Index i = 0; i < rows; ++i) {
      const auto row = values.begin() + i * n;
      out.push_back(known.labels[static_cast<std::size_t>(std::min_element(row, row + n) - row)]);
    }
  }
  return out;
}

std::vector<Index> ids_of(const std::vector<std::string>& labels, const std::vector<int>& lines,
                          const std::vector<std::string>& classes, const std::string& path) {
  std::vector<Index> out;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto at = std::find(classes.begin(), classes.end(), labels[i]);
    if (at == classes.end())
      unroll::fail_io(
          "{}: one of the {} classes that are learned ({} to {}) was required: got "
          "\"{}\"",
          lines.empty() ? path : fmt::format("{}:{}", path, lines[i]), classes.size(),
          unroll::excerpt(classes.front()), unroll::excerpt(classes.back()),
          unroll::excerpt(labels[i]));
    out.push_back(at - classes.begin());
  }
  return out;
}

std::vector<std::string> classes_of(const std::vector<std::string>& labels) {
  const std::set<std::string> all(labels.begin(), labels.end());
  std::vector<std::string> out(all.begin(), all.end());
  std::stable_sort(out.begin(), out.end(), [](const std::string& a, const std::string& b) {
    return value_of(a) < value_of(b);
  });
  return out;
}

}  // namespace strokes
