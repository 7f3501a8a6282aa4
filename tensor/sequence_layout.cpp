#include <unroll/tensor/sequence_layout.h>

#include <algorithm>
#include <numeric>

namespace unroll {

// Offsets for a sequence this long take 8 GiB; anything longer is assumed to be an error in the
// data.
constexpr Index kLongest = Index{1} << 30;

void SequenceLayout::refuse_undefined() {
  fail("sequence layout: lengths were required: got an undefined layout (default constructed)");
}

void SequenceLayout::refuse_step(Index t, Index max) {
  fail("sequence layout: a step in [0, {}] was required: got {}", max, t);
}

SequenceLayout::SequenceLayout(std::vector<Index> lengths) {
  check(!lengths.empty(), "sequence layout: at least one sequence was required: got none");
  for (std::size_t b = 0; b < lengths.size(); ++b)
    check(lengths[b] >= 1,
          "sequence layout: lengths of at least 1 were required: got {} for sequence {}",
          lengths[b], b);
  auto data = std::make_shared<Data>();
  const auto count = static_cast<Index>(lengths.size());
  std::vector<Index> order(lengths.size()), place(lengths.size());
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return lengths[a] > lengths[b]; });
  data->sorted = std::is_sorted(order.begin(), order.end());
  for (Index i = 0; i < count; ++i) place[order[i]] = i;
  const Index longest = lengths[order[0]];
  Index rows = 0;
  for (Index length : lengths)
    check(!__builtin_add_overflow(rows, length, &rows),
          "sequence layout: lengths whose sum fits 63 bits were required: got {} and more", length);
  check(longest <= kLongest, "sequence layout: lengths of at most {} were required: got {}",
        kLongest, longest);
  data->offsets.reserve(static_cast<std::size_t>(longest) + 1);
  data->offsets.push_back(0);
  Index active = count;
  for (Index t = 0; t < longest; ++t) {
    while (lengths[order[active - 1]] <= t) --active;
    data->offsets.push_back(data->offsets.back() + active);
  }
  data->lengths = std::move(lengths);
  data->order = IndexTensor(std::move(order));
  data->place = IndexTensor(std::move(place));
  data_ = std::move(data);
}

SequenceLayout SequenceLayout::equal(Index sequences, Index steps) {
  check(sequences >= 1 && steps >= 1,
        "sequence layout: at least one sequence and step were required: got {} and {}", sequences,
        steps);
  return SequenceLayout(repeated_index("sequence layout", sequences, steps));
}

Index SequenceLayout::row(Index b, Index t) const {
  check(b >= 0 && b < sequences(), "sequence layout: a sequence in [0, {}) was required: got {}",
        sequences(), b);
  const Index length = data_->lengths[b];
  check(t >= -length && t < length,
        "sequence layout: a time in [{}, {}) was required for sequence {}: got {}", -length, length,
        b, t);
  return offset(t < 0 ? t + length : t) + data_->place[b];
}

IndexTensor SequenceLayout::rows_of(Index b) const {
  check(b >= 0 && b < sequences(), "sequence layout: a sequence in [0, {}) was required: got {}",
        sequences(), b);
  std::vector<Index> out;
  for (Index t = 0; t < data_->lengths[b]; ++t) out.push_back(offset(t) + data_->place[b]);
  return out;
}

IndexTensor SequenceLayout::first_rows() const { return data().place; }

IndexTensor SequenceLayout::last_rows() const {
  std::vector<Index> out;
  for (Index b = 0; b < sequences(); ++b) out.push_back(row(b, -1));
  return out;
}

IndexTensor SequenceLayout::sequence_of_rows() const {
  std::vector<Index> out;
  for (Index t = 0; t < steps(); ++t)
    for (Index i = 0; i < batch(t); ++i) out.push_back(data_->order[i]);
  return out;
}

IndexTensor SequenceLayout::time_of_rows() const {
  std::vector<Index> out;
  for (Index t = 0; t < steps(); ++t) out.insert(out.end(), static_cast<std::size_t>(batch(t)), t);
  return out;
}

}  // namespace unroll
