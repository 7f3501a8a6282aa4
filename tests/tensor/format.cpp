// What a tensor looks like in print.
#include "tests/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

using namespace unroll;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0, at = 0;
  for (std::size_t end; at <= text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    longest = std::max(longest, end - at);
  }
  return longest;
}
}  // namespace

TEST_CASE("scalars, rows, matrices and deeper tensors look as in NumPy, with their shape") {
  CHECK(Tensor::scalar(3).str() == "3.");
  CHECK(Tensor::scalar(-0.5, f64).str() == "-0.5000 f64");
  CHECK(Tensor::of({1, 2, 3}).str() == "[1., 2., 3.]  [3]");
  CHECK(Tensor::of({1.5, -2, 10}, f64).str() == "[ 1.5000, -2.0000, 10.0000]  [3] f64");
  CHECK(Tensor::of({{1, 2}, {30, 4}}).str() ==
        "[[ 1.,  2.],\n"
        " [30.,  4.]]  [2, 2]");
  CHECK(Tensor::arange(8).reshape({2, 2, 2}).str() ==
        "[[[0., 1.],\n"
        "  [2., 3.]],\n"
        "\n"
        " [[4., 5.],\n"
        "  [6., 7.]]]  [2, 2, 2]");
  CHECK(fmt::format("{}", Tensor::of({1})) == "[1.]  [1]");
  CHECK(fmt::format("{:>12}|", Tensor::of({1})) == "   [1.]  [1]|");
  CHECK(Tensor().str() == "undefined");
}

TEST_CASE("a tensor without elements is a pair of brackets and its shape, however long") {
  CHECK(Tensor::zeros({0}).str() == "[]  [0]");
  CHECK(Tensor::zeros({2, 0, 3}).str() == "[]  [2, 0, 3]");
  CHECK(Tensor::zeros({1'000'000'000, 0}).str() == "[]  [1000000000, 0]");
  CHECK(IndexTensor({}, {0}).str() == "[]");
}

TEST_CASE("NaN and infinities are printed among numbers; large and small numbers have exponents") {
  CHECK(Tensor::of({1, NAN, kInf, -kInf}).str() == "[  1.,  nan,  inf, -inf]  [4]");
  CHECK(Tensor::of({NAN, 0.25}).str() == "[   nan, 0.2500]  [2]");
  CHECK(Tensor::scalar(kInf).str() == "inf");
  CHECK(Tensor::of({1e-7, 1}, f64).str() == "[1.0000e-07, 1.0000e+00]  [2] f64");
  CHECK(Tensor::of({1.5e30, 0}, f64).str() == "[1.5000e+30, 0.0000e+00]  [2] f64");
  CHECK(Tensor::of({1234567, 1}).str() == "[1234567.,       1.]  [2]");
  CHECK(Tensor::of({1234567.5, 1}, f64).str() == "[1.2346e+06, 1.0000e+00]  [2] f64");
  CHECK(Tensor::of({1e300}, f64).str() == "[1.0000e+300]  [1] f64");
  CHECK(Tensor::of({0, 0}).str() == "[0., 0.]  [2]");
}

TEST_CASE("views print what they show") {
  const Tensor x = Tensor::arange(6).reshape({2, 3});
  CHECK(x.transpose().str() == "[[0., 3.],\n [1., 4.],\n [2., 5.]]  [3, 2]");
  CHECK(x.select(1, 2).str() == "[2., 5.]  [2]");
  CHECK(Tensor::of({7}).expand({3}).str() == "[7., 7., 7.]  [3]");
}

TEST_CASE("long axes show their first and last three, and no line is longer than 80 characters") {
  CHECK(Tensor::arange(1001).str() == "[   0.,    1.,    2., ...,  998.,  999., 1000.]  [1001]");
  CHECK(IndexTensor::arange(2000).str() == "[   0,    1,    2, ..., 1997, 1998, 1999]");
  const std::string whole = Tensor::arange(1000).str();
  CHECK(whole.find("...") == std::string::npos);
  CHECK(longest_line(whole) <= 80);
  CHECK(std::count(whole.begin(), whole.end(), ',') == 999);
  CHECK(longest_line(random({3, 300}, 1).str()) <= 80);
  const std::string square = Tensor::arange(10'000).reshape({100, 100}).str();
  CHECK(square.find("\n ...,\n") != std::string::npos);
  CHECK(std::count(square.begin(), square.end(), '\n') == 6);
  CHECK(Tensor::of({0.5}).expand({30}).str() ==
        "[0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000,\n"
        " 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000,\n"
        " 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000,\n"
        " 0.5000, 0.5000, 0.5000]  [30]");
}

TEST_CASE("the sign of NaN is not printed") {
  const Tensor x = Tensor::of({std::copysign(NAN, -1.0), NAN, -INFINITY});
  CHECK(x.str() == "[ nan,  nan, -inf]  [3]");
}

TEST_CASE("printing a huge tensor reads only what it prints") {
  // More elements than any memory holds: one number, repeated.
  const Tensor x = Tensor::scalar(2).expand({Index{1} << 40, Index{1} << 20});
  const std::string text = x.str();
  CHECK(text.substr(0, 39) == "[[2., 2., 2., ..., 2., 2., 2.],\n [2., 2");
  CHECK(text.size() < 400);
}
