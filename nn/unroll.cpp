#include <unroll/nn/unroll.h>

namespace unroll::nn {

SequenceLayout detail::steps_of(const SequenceLayout& layout, Index begin, Index end) {
  if (begin == 0 && end == layout.steps() && layout.is_sorted()) return layout;
  std::vector<Index> lengths(static_cast<std::size_t>(layout.batch(begin)), 0);
  for (Index t = begin; t < end; ++t)
    for (Index i = 0; i < layout.batch(t); ++i) ++lengths[i];
  return SequenceLayout(std::move(lengths));
}

}  // namespace unroll::nn
