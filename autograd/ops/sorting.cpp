// sort and topk: argsort or argtopk gives the indices, and the values are gathered.
#include <unroll/autograd/ops.h>

namespace unroll {

SortedVar sort(const In& x, int axis, const SortOptions& options) {
  check_defined("sort", *x);
  const IndexTensor indices = argsort(x.value(), axis, options);
  return {gather(x, axis, indices), indices};
}

SortedVar topk(const In& x, Index k, int axis) {
  check_defined("topk", *x);
  const IndexTensor indices = argtopk(x.value(), k, axis);
  return {gather(x, axis, indices), indices};
}

}  // namespace unroll
