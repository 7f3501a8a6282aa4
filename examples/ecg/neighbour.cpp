#include "examples/ecg/neighbour.h"

#include <unroll/autograd/tensor_forms.h>
#include <unroll/tensor/error.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/matmul.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>

namespace ecg {
namespace {

constexpr std::size_t kBlock = 256;  // test series at a time

// The series [begin, end) as rows of equal length, [n, T].
unroll::Tensor rows_of(const Examples& examples, std::size_t begin, std::size_t end, Index length) {
  Values all;
  for (std::size_t i = begin; i < end; ++i) {
    const Values row = std::ssize(examples[i].values) == length
                           ? examples[i].values
                           : resampled(examples[i].values, length);
    all.insert(all.end(), row.begin(), row.end());
  }
  return unroll::Tensor::from(all, {static_cast<Index>(end - begin), length}, unroll::f64);
}

}  // namespace

Nearest nearest_neighbours(const Examples& train, const Examples& test) {
  unroll::check(!train.empty(), "nearest_neighbours: a training example was required: got none");
  Nearest out{.which = {}, .length = median_length(train)};
  for (const Examples* all : {&train, &test})
    for (const Example& e : *all) out.resampled |= std::ssize(e.values) != out.length;
  const unroll::Tensor known = rows_of(train, 0, train.size(), out.length),  // [N, T]
      squares = unroll::sum(unroll::square(known), 1);                       // [N]
  for (std::size_t begin = 0; begin < test.size(); begin += kBlock) {
    const std::size_t end = std::min(test.size(), begin + kBlock);
    const unroll::Tensor rows = rows_of(test, begin, end, out.length);  // [n, T]
    // |a - b|^2 = |a|^2 + |b|^2 - 2 a b, and |a|^2 is the same for all b.
    const unroll::Tensor far = squares - 2.0 * unroll::matmul(rows, unroll::transpose(known));
    const auto values = far.to_vector<double>();  // [n, N]
    for (std::size_t i = 0; i < end - begin; ++i) {
      const auto row = values.begin() + static_cast<std::ptrdiff_t>(i * train.size());
      out.which.push_back(std::min_element(row, row + std::ssize(train)) - row);
    }
  }
  return out;
}

}  // namespace ecg
