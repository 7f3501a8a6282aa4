// SequenceLayout: the memory layout of a batch of sequences of different lengths, without padding.
//
// B sequences of lengths L_b are stored as N = sum L_b rows. The rows of time step t are
// contiguous: one for each sequence longer than t, longest sequence first. So a recurrent layer
// takes slices and never gathers. Sequences keep the index b in which they were given; only
// `order`, `place` and `row` depend on the sorting.
#pragma once

#include <unroll/tensor/index_tensor.h>

#include <memory>

namespace unroll {

class SequenceLayout {
 public:
  SequenceLayout() = default;  // undefined: all member functions throw
  // Each length is at least 1; in the order of the batch. Throws std::invalid_argument otherwise.
  explicit SequenceLayout(std::vector<Index> lengths);
  static SequenceLayout equal(Index sequences, Index steps);  // each at least 1

  Index sequences() const { return static_cast<Index>(data().lengths.size()); }  // B
  Index rows() const { return data().offsets.back(); }                           // N
  Index steps() const { return static_cast<Index>(data().offsets.size()) - 1; }  // T
  const std::vector<Index>& lengths() const { return data().lengths; }           // [B]
  // The first row of step t, t in [0, T]. Bounds are checked, here and below.
  Index offset(Index t) const { return data().offsets[checked(t, steps())]; }
  Index batch(Index t) const {  // rows of step t
    const std::size_t at = checked(t, steps() - 1);
    return data_->offsets[at + 1] - data_->offsets[at];
  }
  const std::vector<Index>& offsets() const { return data().offsets; }  // [T + 1]
  bool is_equal() const { return batch(0) == batch(steps() - 1); }
  bool is_sorted() const { return data().sorted; }  // true if given longest first or all equal
  // [B] The sequence at place i of a step; and the inverse, the place of sequence b.
  const IndexTensor& order() const { return data().order; }
  const IndexTensor& place() const { return data().place; }

  // The row of sequence b at time t (negative: from its end).
  Index row(Index b, Index t) const;
  IndexTensor rows_of(Index b) const;    // [L_b]
  IndexTensor first_rows() const;        // [B]
  IndexTensor last_rows() const;         // [B]
  IndexTensor sequence_of_rows() const;  // [N] the sequence each row belongs to
  IndexTensor time_of_rows() const;      // [N]

  friend bool operator==(const SequenceLayout& a, const SequenceLayout& b) {
    return a.data_ == b.data_ || (a.data_ && b.data_ && a.data_->lengths == b.data_->lengths);
  }

 private:
  struct Data {
    std::vector<Index> lengths, offsets;
    IndexTensor order, place;
    bool sorted = true;
  };
  const Data& data() const {
    if (!data_) [[unlikely]]
      refuse_undefined();
    return *data_;
  }
  [[noreturn]] static void refuse_undefined();
  static std::size_t checked(Index t, Index max) {
    if (t < 0 || t > max) [[unlikely]]
      refuse_step(t, max);
    return static_cast<std::size_t>(t);
  }
  [[noreturn]] static void refuse_step(Index t, Index max);

  std::shared_ptr<const Data> data_;
};

}  // namespace unroll
