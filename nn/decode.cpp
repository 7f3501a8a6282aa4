#include <unroll/nn/decode.h>
#include <unroll/tensor/indexing.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

namespace unroll::nn {
namespace detail {
namespace {

constexpr double kMinTemperature = 1e-6, kMaxTemperature = 1e6;
// Sums of probabilities in f32 are compared with top_p up to this rounding error.
constexpr double kRounding = 1e-6;

void check_rows(const Shape& shape, Index count) {
  check(shape.rank() >= 1 && shape[0] == count,
        "decode: a state with one row for each of {} sequences was required: got {} (what all "
        "sequences share belongs into the decoder, or behind a pointer)",
        count, shape);
}

Var rows_of(const Var& x, const IndexTensor& rows) { return index_select(x, 0, rows); }
Tensor rows_of(const Tensor& x, const IndexTensor& rows) { return index_select(x, 0, rows); }
IndexTensor rows_of(const IndexTensor& x, const IndexTensor& rows) {
  const Index each = x.numel() / x.shape()[0];
  std::vector<Index> out;
  out.reserve(static_cast<std::size_t>(rows.numel() * each));
  for (Index row : rows) out.insert(out.end(), x.data() + row * each, x.data() + (row + 1) * each);
  return {std::move(out), x.shape().with(0, rows.numel())};
}

template <class T>
void select_leading(T& part, const IndexTensor* rows, Index count) {
  if (!part.defined()) return;
  check_rows(part.shape(), count);
  if (rows) part = rows_of(part, *rows);
}

// logsumexp_parts of logits [R, V]. Throws if a row is no distribution.
LogSumExp checked_parts(const char* op, const Tensor& logits) {
  LogSumExp parts = logsumexp_parts(logits);
  for (Index r = 0; r < parts.top.numel(); ++r) {
    const double top = parts.top.at({r});  // NaN counts as the largest
    check(std::isfinite(top),
          "{}: logits that are finite, or -inf for some ids, were required: got {} in row {}", op,
          std::isnan(top) ? "NaN"
          : top > 0       ? "inf"
                          : "only -inf",
          r);
  }
  return parts;
}

}  // namespace

void select_part(Var& part, const IndexTensor* rows, Index count) {
  select_leading(part, rows, count);
}
void select_part(Tensor& part, const IndexTensor* rows, Index count) {
  select_leading(part, rows, count);
}
void select_part(IndexTensor& part, const IndexTensor* rows, Index count) {
  select_leading(part, rows, count);
}

void select_part(Sequence& part, const IndexTensor* rows, Index count) {
  if (!part.rows.defined()) return;
  check(part.size() == count,
        "decode: a state with one sequence of memory for each of {} sequences was required: got {}",
        count, part.size());
  if (!rows) return;
  std::vector<Index> lengths, source;
  for (Index b : *rows) lengths.push_back(part.layout.lengths()[b]);
  const SequenceLayout layout(lengths);
  for (Index t = 0; t < layout.steps(); ++t)
    for (Index i = 0; i < layout.batch(t); ++i)
      source.push_back(part.layout.row((*rows)[layout.order()[i]], t));
  part = Sequence(unroll::index_select(part.rows, 0, source), layout);
}

// --- what all three have in common ---

Decoding::Decoding(const char* op, const IndexTensor& first, Index eos, Index max_length)
    : op_(op), eos_(eos), limit_(max_length) {
  check(first.defined() && first.rank() == 1 && first.numel() > 0,
        "{}: the first id of each sequence, [B] with B of at least 1, was required: got {}", op,
        first.defined() ? first.shape().str() : "none");
  check(max_length >= 0, "{}: a max_length of at least 0 was required: got {}", op, max_length);
  check(eos >= -1, "{}: an id for eos, or -1 for none, was required: got {}", op, eos);
  for (Index id : first)
    check(id >= 0, "{}: first ids of at least 0 were required: got {}", op, id);
  if (max_length > 0) inputs_.assign(first.begin(), first.end());
}

Tensor Decoding::stacked(const std::vector<Tensor>& rows) {
  return rows.empty() ? Tensor() : stack(rows);
}

void Decoding::next(Index parent, Index id) {
  continued_.push_back(parent);
  inputs_.push_back(id);
}

Decoding::Logits Decoding::checked(const Var& logits, const Var& attention) {
  check_defined(op_, logits);
  const Shape& shape = logits.shape();
  check(shape.rank() == 2 && shape[0] == rows() && shape[1] > 0,
        "{}: logits [{}, V] were required of a step: got {}", op_, rows(), shape);
  if (vocab_ == 0) {
    vocab_ = shape[1];
    for (Index id : inputs_)
      check(id < vocab_, "{}: first ids in [0, {}) were required: got {}", op_, vocab_, id);
    check(eos_ < vocab_, "{}: an eos in [0, {}) was required: got {}", op_, vocab_, eos_);
    sources_ = attention.defined() && attention.rank() == 2 ? attention.shape()[1] : 0;
  }
  check(shape[1] == vocab_, "{}: logits for {} ids were required of every step: got {}", op_,
        vocab_, shape);
  Logits step{logits.value().contiguous(), {}, {}, attention.value()};
  LogSumExp parts = checked_parts(op_, step.logits);
  step.top = std::move(parts.top), step.log_sum = std::move(parts.log_sum);
  if (attention.defined() || sources_ > 0)
    check(attention.defined() && attention.shape() == Shape({rows(), sources_}),
          "{}: attention [{}, {}] was required of a step: got {}", op_, rows(), sources_,
          attention.defined() ? attention.shape().str() : "none");
  return step;
}

void Decoding::advance(const Var& logits, const Var& attention) {
  const Logits step = checked(logits, attention);
  const Index before = rows();
  inputs_.clear(), continued_.clear();
  ++steps_;
  choose(step);
  bool same = rows() == before;
  for (std::size_t i = 0; same && i < continued_.size(); ++i)
    same = continued_[i] == static_cast<Index>(i);
  parents_ = same ? IndexTensor() : IndexTensor(continued_);
}

namespace {

// --- one id per sequence and step: greedy and sample ---

class Chain : public Decoding {
 public:
  Chain(const char* op, const IndexTensor& first, Index eos, Index max_length)
      : Decoding(op, first, eos, max_length),
        out_(static_cast<std::size_t>(first.numel())),
        attention_(out_.size()) {
    running_ = counted_indices(op, first.numel());
  }

  std::vector<std::vector<Decoded>> results() override {
    std::vector<std::vector<Decoded>> all;
    for (std::size_t b = 0; b < out_.size(); ++b) {
      out_[b].score = out_[b].log_probability;
      out_[b].attention = stacked(attention_[b]);
      all.push_back({std::move(out_[b])});
    }
    return all;
  }

 protected:
  // One id for each row.
  virtual IndexTensor chosen(const Logits& step) = 0;
  Index sequence(Index row) const { return running_[static_cast<std::size_t>(row)]; }

 private:
  void choose(const Logits& step) override {
    const IndexTensor ids = chosen(step);
    std::vector<Index> still;
    for (Index r = 0; r < ids.numel(); ++r) {
      const Index b = sequence(r), id = ids[r];
      Decoded& out = out_[static_cast<std::size_t>(b)];
      out.log_probability += step.logits.at({r, id}) - step.top.at({r}) - step.log_sum.at({r});
      out.ended = id == eos_;
      if (out.ended) continue;
      out.ids.push_back(id);
      if (step.attention.defined())
        attention_[static_cast<std::size_t>(b)].push_back(step.attention.select(0, r));
      if (steps_ == limit_) continue;
      next(r, id);
      still.push_back(b);
    }
    running_ = std::move(still);
  }

  std::vector<Decoded> out_;
  std::vector<std::vector<Tensor>> attention_;
  std::vector<Index> running_;  // the sequence of each row
};

class Greedy : public Chain {
 public:
  using Chain::Chain;

 private:
  IndexTensor chosen(const Logits& step) override { return argmax(step.logits); }
};

void check_sampling(const SampleOptions& o) {
  check(o.temperature >= kMinTemperature && o.temperature <= kMaxTemperature,
        "sample: a temperature in [{}, {}] was required: got {} (greedy() is the limit at 0)",
        kMinTemperature, kMaxTemperature, o.temperature);
  check(o.top_k >= 0, "sample: a top_k of at least 1, or 0 for all ids, was required: got {}",
        o.top_k);
  check(o.top_p > 0 && o.top_p <= 1, "sample: a top_p in (0, 1] was required: got {}", o.top_p);
}

class Sampling : public Chain {
 public:
  Sampling(const IndexTensor& first, const SampleOptions& options, Generator& generator)
      : Chain("sample", first, options.eos, options.max_length), options_(options) {
    check_sampling(options);
    for (Index b = 0; b < first.numel(); ++b) generators_.push_back(generator.fork());
  }

 private:
  IndexTensor chosen(const Logits& step) override {
    const Tensor p = sampling_probabilities(step.logits, options_);
    std::vector<Index> ids;
    for (Index r = 0; r < p.shape()[0]; ++r)
      ids.push_back(
          generators_[static_cast<std::size_t>(sequence(r))].categorical(p.select(0, r))[0]);
    return ids;
  }

  SampleOptions options_;
  std::vector<Generator> generators_;
};

// Sets the probabilities of a row that top_k and top_p exclude to 0, and divides the others by
// their sum.
template <class T>
void restrict_row(T* p, Index n, const SampleOptions& o) {
  std::vector<Index> order = counted_indices("sample", n);
  const auto after = [&](Index a, Index b) { return p[a] != p[b] ? p[a] < p[b] : a > b; };
  std::make_heap(order.begin(), order.end(), after);
  // Moves ids from the top of the heap, which is the most probable one, to the end of `order`.
  auto heap_end = order.end();
  const auto take = [&] {
    std::pop_heap(order.begin(), heap_end, after);
    return static_cast<double>(p[*--heap_end]);
  };
  double total = 0, sum = 0;
  if (o.top_k > 0) {
    for (Index i = 0; i < std::min(o.top_k, n); ++i) total += take();
  } else {
    total = std::accumulate(p, p + n, 0.0);
  }
  auto kept = o.top_p < 1 ? order.end() : heap_end;  // the first of the kept ids; see below
  if (o.top_p < 1) {
    const double needed = o.top_p * total * (1 - kRounding);
    while (sum < needed && kept != order.begin()) {
      if (kept == heap_end) take();
      sum += static_cast<double>(p[*--kept]);
    }
  } else {
    sum = total;
  }
  for (auto i = order.begin(); i != kept; ++i) p[*i] = 0;
  for (auto i = kept; i != order.end(); ++i)
    p[*i] = static_cast<T>(static_cast<double>(p[*i]) / sum);
}

}  // namespace

std::unique_ptr<Decoding> decoding(const IndexTensor& first, const GreedyOptions& options) {
  return std::make_unique<Greedy>("greedy", first, options.eos, options.max_length);
}
std::unique_ptr<Decoding> decoding(const IndexTensor& first, const SampleOptions& options,
                                   Generator& generator) {
  return std::make_unique<Sampling>(first, options, generator);
}
std::vector<Decoded> best_of(std::vector<std::vector<Decoded>> results) {
  std::vector<Decoded> out;
  for (std::vector<Decoded>& each : results) out.push_back(std::move(each.front()));
  return out;
}

}  // namespace detail

Tensor sampling_probabilities(const Tensor& logits, const SampleOptions& options) {
  detail::check_sampling(options);
  check_defined("sampling_probabilities", logits);
  check(logits.rank() == 2 && logits.shape()[1] > 0,
        "sampling_probabilities: logits [B, V] were required: got {}", logits.shape());
  const Tensor top =
      detail::checked_parts("sampling_probabilities", logits).top.unsqueeze(1);  // [B, 1]
  Tensor p = softmax((logits - top) / options.temperature);                      // [B, V]
  const Index n = p.shape()[1];
  if (options.top_p < 1 || (options.top_k > 0 && options.top_k < n))
    dispatch(p.dtype(), [&]<class T>() {
      for (Index r = 0; r < p.shape()[0]; ++r)
        detail::restrict_row(p.data<T>() + r * n, n, options);
    });
  return p;
}

}  // namespace unroll::nn
