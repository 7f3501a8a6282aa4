#include "examples/representations/one_hot.h"

#include "examples/common/terminal.h"

#include <unroll/autograd/ops.h>
#include <unroll/data/text/bag.h>
#include <unroll/tensor/memory.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace representations {
namespace {

using program::say;
using unroll::Tensor;
using unroll::Var;

double largest_difference(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); }

// y = f(w) and the gradient of w, and the time and memory to compute both.
struct Cost {
  Tensor y, gradient;
  double seconds = 0, megabytes = 0;
};
template <class F>
Cost cost_of(const unroll::Param& w, const Tensor& cotangent, F&& f) {
  Cost out;
  unroll::memory::reset_peak();
  const Index before = unroll::memory::stats().in_use;
  const auto start = std::chrono::steady_clock::now();
  {
    unroll::Tape tape;
    const Var y = f();
    const unroll::Gradients g = tape.backward(sum(y * cotangent));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    out.seconds = seconds.count();
    out.megabytes = static_cast<double>(unroll::memory::stats().peak - before) / 1e6;
    out.y = y.value();
    out.gradient = g[w];
  }
  return out;
}

}  // namespace

void compare_orders(const std::string& sentence, program::Report& report) {
  const unroll::data::Vocabulary words(
      sentence, {.punctuation = unroll::data::Punctuation::dropped, .fold_case = true},
      {.special = {.unk = ""}});
  std::vector<Index> ids = words.encode(sentence), other = ids;
  std::reverse(other.begin(), other.end());
  const Tensor bags = unroll::data::bag_of_words(std::vector{ids, other}, words.size()).dense();
  const Tensor a = unroll::one_hot(ids, words.size()),
               b = unroll::one_hot(other, words.size());  // [T, V]
  const double in_bags = largest_difference(bags.select(0, 0), bags.select(0, 1));
  const double positions = sum(unroll::max(abs(a - b), 1)).item();
  say("1. Two orders of one sentence\n   \"{}\"\n   \"{}\"\n", words.decode(ids),
      words.decode(other));
  say("   Bags of words: largest difference {}. One-hot sequences: {} of {} positions differ.\n",
      in_bags, positions, ids.size());
  report.add("bag.difference", in_bags);
  report.add("one_hot.different_positions", positions);
}

void compare_pairs(const unroll::data::Vocabulary& words, program::Report& report) {
  const Index count = std::min<Index>(words.size(), 2000);
  const Tensor x = unroll::one_hot(unroll::IndexTensor::arange(count), count);  // [V, V]
  const Tensor products = matmul(x, x.transpose());                             // [V, V]
  const Tensor others = products - x;  // without the diagonal
  // |a - b|^2 = a a + b b - 2 a b, and a a = 1. The diagonal is set to 2, as for other pairs.
  const Tensor distances = sqrt((products * -2.0 + 2.0) + x * 2.0);
  const double product = max(abs(others)).item(), low = min(distances).item(),
               high = max(distances).item();
  say("\n2. All {} pairs of {} words, one-hot\n", count * (count - 1) / 2, count);
  say("   Largest dot product of two words: {}. Distances from {:.6f} to {:.6f}: one-hot vectors "
      "do not express similarity.\n",
      product, low, high);
  report.add("one_hot.largest_product", product);
  report.add("one_hot.distance.min", low);
  report.add("one_hot.distance.max", high);
}

void compare_costs(const std::vector<Index>& ids, const Sizes& s, program::Report& report) {
  std::vector<Index> batch(
      ids.begin(),
      ids.begin() + std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(ids.size()), s.batch));
  for (Index& id : batch) id %= s.vocab;
  unroll::Generator random(1);
  const unroll::Param w(random.normal({s.vocab, s.dim}, 0, 1, unroll::f32));
  const Tensor cotangent =
      random.normal({static_cast<Index>(batch.size()), s.dim}, 0, 1, unroll::f32);
  const Cost hot =
                 cost_of(w, cotangent, [&] { return matmul(unroll::one_hot(batch, s.vocab), w); }),
             embedded = cost_of(w, cotangent, [&] { return embedding(batch, w); });
  const double value = largest_difference(hot.y, embedded.y),
               gradient = largest_difference(hot.gradient, embedded.gradient);
  const double zeros = mean(equal(hot.gradient, 0)).item();
  say("\n3. A batch of {} words of {} through a matrix of {} x {}\n", batch.size(), s.vocab,
      s.vocab, s.dim);
  program::Table table({"", "milliseconds", "megabytes"});
  table.add("one-hot times the matrix",
            {{fmt::format("{:.1f}", hot.seconds * 1e3)}, {fmt::format("{:.1f}", hot.megabytes)}});
  table.add("embedding", {{fmt::format("{:.2f}", embedded.seconds * 1e3)},
                          {fmt::format("{:.2f}", embedded.megabytes)}});
  table.print();
  say("   Forward and backward. Largest difference: of the values {:.1e}, of the gradients "
      "{:.1e}.\n",
      value, gradient);
  say("\n4. The gradient of a batch is sparse: {:.4f} of the one-hot layer's gradient is 0.\n",
      zeros);
  report.add("one_hot.value_difference", value);
  report.add("one_hot.gradient_difference", gradient);
  report.add("one_hot.seconds", hot.seconds);
  report.add("one_hot.megabytes", hot.megabytes);
  report.add("embedding.seconds", embedded.seconds);
  report.add("embedding.megabytes", embedded.megabytes);
  report.add("one_hot.zero_gradient", zeros);
}

}  // namespace representations
