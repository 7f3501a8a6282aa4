#include <unroll/nn/gathered.h>

namespace unroll::nn {

Gathered::Gathered(Var table, IndexTensor ids, SequenceLayout layout)
    : table_(std::move(table)), ids_(std::move(ids)), layout_(std::move(layout)) {
  check_defined("Gathered", table_);
  check(table_.rank() >= 1, "Gathered: a table [U, ..] was required: got {}", table_.shape());
  check(ids_.defined() && ids_.shape() == Shape({layout_.rows()}),
        "Gathered: an id for each of {} rows was required: got {}", layout_.rows(), ids_.shape());
  ids_.check_range("Gathered", table_.size(0));
}

Var Gathered::rows() const {
  if (!ids_.defined()) return table_;
  return table_.rank() == 2 ? embedding(ids_, table_) : index_select(table_, 0, ids_);
}

}  // namespace unroll::nn
