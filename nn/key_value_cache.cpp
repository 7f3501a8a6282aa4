#include <unroll/nn/attention.h>

#include <algorithm>

namespace unroll::nn {

KeyValueCache::KeyValueCache(const Options& o) : lengths_() {
  if (o.sums > 0) {
    check(o.batch >= 0 && o.columns >= 1 && o.columns % o.sums == 0,
          "KeyValueCache: a batch of at least 0, and columns that divide by {} heads, were "
          "required: got {} and {}",
          o.sums, o.batch, o.columns);
    const Index size = o.columns / o.sums;
    lengths_ = repeated_index("KeyValueCache", o.batch, 0);
    sums_ = Tensor::zeros({o.batch, o.sums, size, size + 1}, o.dtype);
    return;
  }
  check(o.batch >= 0 && o.columns >= 1 && o.window >= 0 && (o.capacity >= 1 || o.window >= 1),
        "KeyValueCache: a batch of at least 0, and a capacity of at least 1 (or a window), were "
        "required: got {} and {}",
        o.batch, o.capacity);
  ring_ = o.window > 0 && (o.capacity <= 0 || o.capacity >= o.window);
  const Index capacity = ring_ ? o.window : o.capacity;
  lengths_ = repeated_index("KeyValueCache", o.batch, 0);
  keys_ = Tensor::empty({o.batch, capacity, o.columns}, o.dtype);
  values_ = Tensor::empty({o.batch, capacity, o.columns}, o.dtype);
}

KeyValueCache::KeyValueCache(const KeyValueCache& other) { *this = other; }

KeyValueCache& KeyValueCache::operator=(const KeyValueCache& other) {
  if (this == &other) return *this;
  if (other.defined()) {
    *this = other.select_rows(IndexTensor::arange(other.size()));
  } else {
    *this = KeyValueCache();
  }
  return *this;
}

KeyValueCache KeyValueCache::select_rows(const IndexTensor& rows) const {
  check(defined() && rows.rank() == 1,
        "KeyValueCache: a cache and a list of its rows were required: got rows {} of {}",
        rows.shape(), size());
  rows.check_range("KeyValueCache", size());
  KeyValueCache out;
  if (sums_.defined()) {
    out.sums_ = index_select(sums_, 0, rows);
    for (const Index b : rows) out.lengths_.push_back(lengths_[b]);
    return out;
  }
  const Shape shape{rows.numel(), capacity(), keys_.shape()[2]};
  out.keys_ = Tensor::empty(shape, keys_.dtype());
  out.values_ = Tensor::empty(shape, keys_.dtype());
  out.ring_ = ring_;
  Index i = 0;
  for (const Index b : rows) {
    out.lengths_.push_back(lengths_[b]);
    // Only the steps that have been read.
    for (auto [from, to] : {std::pair(&keys_, &out.keys_), std::pair(&values_, &out.values_)})
      to->select(0, i).narrow(0, 0, stored(b)).copy_(from->select(0, b).narrow(0, 0, stored(b)));
    ++i;
  }
  return out;
}

void KeyValueCache::check_room(Index b, Index steps) const {
  check(
      ring_ || lengths_[b] + steps <= capacity(),
      "MultiHeadAttention: at most {} steps, the capacity of the cache, were required: got {} for "
      "sequence {}",
      capacity(), lengths_[b] + steps, b);
}

void KeyValueCache::store(const Tensor& projected, Index first, Index n, Index b, Index t) {
  const Index count = keys_.shape()[2], to = slot(b, t) * count;
  dispatch(projected.dtype(), [&]<class T>() {
    const T* from = projected.data<T>() + n * projected.shape()[1] + first;
    std::copy_n(from, count, keys_.data<T>() + to);
    std::copy_n(from + count, count, values_.data<T>() + to);
  });
}

}  // namespace unroll::nn
