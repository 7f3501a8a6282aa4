// A tensor: an array of elements with a shape. Views share elements; shapes broadcast as in NumPy.
#include <unroll/unroll.h>

using namespace unroll;

int main() {
  Tensor prices = Tensor::of({{100, 50}, {110, 49}, {121, 49}});  // [days, shares], f32
  fmt::print("prices\n{}\n", prices);

  Tensor logs = log(prices);
  Tensor returns = sub(logs.narrow(0, 1, 2), logs.narrow(0, 0, 2));  // views: nothing is copied
  fmt::print("log returns, day by day\n{}\n", returns);

  Tensor centred = sub(returns, mean(returns, 0, {.keepdim = true}));  // [2, 2] - [1, 2] broadcasts
  fmt::print("minus their mean\n{}\n", centred);
  fmt::print("covariances\n{}\n", matmul(centred.transpose(), centred));

  prices.select(1, 0).fill_(1);  // writing through a view
  fmt::print("the first share, split\n{}\n", prices);
  return prices.to_vector<float>() == std::vector<float>{1, 50, 1, 49, 1, 49} ? 0 : 1;
}
