// Decoding: generates sequences of ids, one id per step, with any model. Greedy, by sampling, or by
// beam search.
//
// A decoder is a type with
//   nn::DecoderStep<State> step(const IndexTensor& ids, State state) const;
// which reads one id per sequence, ids [B], and returns logits [B, V] for the next ids and the next
// state. When sequences end, or hypotheses are reordered, the rows of the state are selected. State
// may be any movable type. Values of these types, also within structs (of up to 8 members),
// containers, tuples and optionals, have one row per sequence:
//   Var, Tensor, IndexTensor    [B, ..]; undefined ones are left alone
//   nn::Sequence                B sequences
//   a type T with `T select_rows(const IndexTensor& rows) const`, where row i of the result is row
//                               rows[i]
// Anything else, pointers included, is the same for all sequences.
//
//   struct LanguageModel {
//     nn::Embedding embed; nn::LSTM lstm; nn::Linear head;
//     using State = std::vector<nn::LSTM::State>;
//     nn::DecoderStep<State> step(const IndexTensor& ids, State state) const {
//       Var h = lstm.step(embed(ids), state);
//       return {head(h), std::move(state)};
//     }
//   };
//   const IndexTensor first = IndexTensor::of({sos});
//   nn::Decoded out = nn::greedy(model, {}, first, {.eos = eos, .max_length = 100})[0];
//
// All three take an initial state, {} for a new State, and `first` [B], the first input of each
// sequence: <sos>, or the last id of a prompt whose other ids have already been read into the
// state. A sequence ends when <eos> is chosen, or at the length limit. Neither <sos> nor <eos> is
// part of the result. Nothing is recorded, and modules are in inference mode. The state has one row
// per unfinished sequence or hypothesis, so only the ids and attention weights grow with the number
// of steps.
//
// All functions throw std::invalid_argument if an option, a shape or an id does not fit, or if
// logits contain NaN, +inf, or only -inf. A logit of -inf makes an id impossible.
//
// B sequences (beam search: searches), V vocabulary, L length of a result, S source positions.
#pragma once

#include <unroll/autograd/mode.h>
#include <unroll/nn/unroll.h>
#include <unroll/tensor/random.h>

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace unroll::nn {

// The result of a decoder's step. A decoder may also return any struct with these members
// (attention is optional), or a pair of logits and state.
template <class State>
struct DecoderStep {
  Var logits;  // [B, V]
  State state;
  Var attention = {};  // [B, S] weights to be returned with the chosen ids; undefined: none
};

template <class D, class State>
concept Decoder = requires(D& decoder, const IndexTensor& ids, State state) {
  { decoder.step(ids, std::move(state)).logits } -> std::convertible_to<Var>;
  { decoder.step(ids, std::move(state)).state } -> std::convertible_to<State>;
}
|| requires(D& decoder, const IndexTensor& ids, State state) {
  { decoder.step(ids, std::move(state)) } -> std::convertible_to<std::pair<Var, State>>;
};

// A generated sequence.
struct Decoded {
  std::vector<Index> ids = {};  // [L], without <sos> and <eos>
  double log_probability = 0;   // of all chosen ids, <eos> included, according to the model
  double score = 0;             // log_probability; in beam search divided by the length penalty
  bool ended = false;           // true: by <eos>, false: at the length limit
  Tensor attention = {};        // [L, S]; undefined if the decoder gives none
};

struct GreedyOptions {
  Index eos = -1;          // the id that ends a sequence; -1: none
  Index max_length = 256;  // maximal number of ids of a result
};

struct SampleOptions {
  Index eos = -1;
  Index max_length = 256;
  double temperature = 1;  // divides the logits; in [1e-6, 1e6]
  Index top_k = 0;         // sample from the k most probable ids only; 0: from all
  double top_p = 1;        // then from the fewest ids whose probabilities reach this sum; in (0, 1]
};

struct BeamOptions {
  Index eos = -1;
  Index max_length = 256;
  Index beams = 4;            // hypotheses kept in each step, per search
  Index results = 1;          // hypotheses returned per search; at most `beams`
  double length_penalty = 0;  // score = log_probability / n^length_penalty, for n chosen ids, <eos>
                              // included; 0: no normalisation, 1: mean log-probability
  // By default a search ends when no running hypothesis can still become a result. With early
  // stopping it ends when as many hypotheses have ended as there are beams.
  bool early_stopping = false;
};

// The distribution [B, V] from which sample() draws, in this order: logits [B, V] / temperature,
// softmax, top_k, top_p of the rest; 0 for excluded ids. Of equally probable ids the lower one
// comes first. Fan et al. 2018 (top_k), Holtzman et al. 2020 (top_p).
Tensor sampling_probabilities(const Tensor& logits, const SampleOptions& options);

namespace detail {

// Calls f for each part of a state with one row per sequence.
template <class T, class F>
void each_row_part(T& value, F&& f) {
  static_assert(!std::is_same_v<T, Gathered> && !std::is_same_v<T, Tokens>,
                "in the state of a decoder a Sequence was required instead of Gathered or Tokens");
  if constexpr (std::is_same_v<T, Var> || std::is_same_v<T, Tensor> ||
                std::is_same_v<T, IndexTensor> || std::is_same_v<T, Sequence> ||
                requires(const IndexTensor& rows) { value = value.select_rows(rows); }) {
    f(value);
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    std::apply([&](auto&... part) { (each_row_part(part, f), ...); }, value);
  } else if constexpr (requires {
                         value.has_value();
                         *value;
                       }) {
    if (value.has_value()) each_row_part(*value, f);
  } else if constexpr (requires {
                         value.begin();
                         value.end();
                       }) {
    using Element = decltype(*value.begin());
    if constexpr (std::is_lvalue_reference_v<Element> &&
                  std::is_class_v<std::remove_cvref_t<Element>>)
      for (auto& part : value) each_row_part(part, f);
  } else if constexpr (std::is_class_v<T> && std::is_aggregate_v<T> && !std::is_empty_v<T>) {
    each_member(value, [&](auto& part) { each_row_part(part, f); });
  }
}

// Replaces a part of a state, which must have `count` rows, by its rows `rows`; nullptr: only
// checks.
void select_part(Var& part, const IndexTensor* rows, Index count);
void select_part(Tensor& part, const IndexTensor* rows, Index count);
void select_part(IndexTensor& part, const IndexTensor* rows, Index count);
void select_part(Sequence& part, const IndexTensor* rows, Index count);
template <class T>
void select_part(T& part, const IndexTensor* rows, Index) {
  if (rows) part = part.select_rows(*rows);
}

// The bookkeeping of greedy, sample and beam_search, without the model: which ids are read next,
// and from which rows of the state.
class Decoding {
 public:
  virtual ~Decoding() = default;
  bool done() const { return inputs_.empty(); }
  IndexTensor inputs() const { return inputs_; }  // [R], of the next step
  Index rows() const { return static_cast<Index>(inputs_.size()); }
  // Chooses the next ids from logits [R, V]; attention is [R, S] or undefined.
  void advance(const Var& logits, const Var& attention);
  // The rows from which those of the next step continue; nullptr if they are the same.
  const IndexTensor* parents() const { return parents_.defined() ? &parents_ : nullptr; }
  virtual std::vector<std::vector<Decoded>> results() = 0;  // per sequence, best first

 protected:
  struct Logits {
    Tensor logits;        // [R, V], contiguous
    Tensor top, log_sum;  // [R]; see logsumexp_parts
    Tensor attention;     // [R, S] or undefined
  };
  Decoding(const char* op, const IndexTensor& first, Index eos, Index max_length);
  // Calls `next` for each row of the next step, in order.
  virtual void choose(const Logits& step) = 0;
  void next(Index parent, Index id);
  // Tensors [S] as one [L, S]; undefined if there are none.
  static Tensor stacked(const std::vector<Tensor>& rows);

  const char* op_;
  Index eos_, limit_, steps_ = 0;

 private:
  Logits checked(const Var& logits, const Var& attention);

  std::vector<Index> inputs_, continued_;
  IndexTensor parents_;
  Index vocab_ = 0, sources_ = 0;
};
std::unique_ptr<Decoding> decoding(const IndexTensor& first, const GreedyOptions& options);
std::unique_ptr<Decoding> decoding(const IndexTensor& first, const SampleOptions& options,
                                   Generator& generator);
std::unique_ptr<Decoding> decoding(const IndexTensor& first, const BeamOptions& options);

template <class D, class State>
std::vector<std::vector<Decoded>> decode(D& decoder, State state, Decoding& decoding) {
  const NoGrad unrecorded;
  const Inference mode;
  const auto each = [&](const IndexTensor* rows, Index count) {
    each_row_part(state, [&](auto& part) { select_part(part, rows, count); });
  };
  if (!decoding.done()) each(nullptr, decoding.rows());
  while (!decoding.done()) {
    const Index rows = decoding.rows();
    auto out = decoder.step(decoding.inputs(), std::move(state));
    if constexpr (requires { out.logits; }) {
      state = std::move(out.state);
      if constexpr (requires { out.attention; }) {
        decoding.advance(out.logits, out.attention);
      } else {
        decoding.advance(out.logits, Var());
      }
    } else {
      state = std::move(out.second);
      decoding.advance(out.first, Var());
    }
    if (!decoding.done() && decoding.parents()) each(decoding.parents(), rows);
  }
  return decoding.results();
}
// The best result of each sequence.
std::vector<Decoded> best_of(std::vector<std::vector<Decoded>> results);

}  // namespace detail

// The most probable id in each step; of equally probable ones the lowest.
template <class D, class State = typename std::remove_cvref_t<D>::State>
requires Decoder<std::remove_reference_t<D>, State> std::vector<Decoded> greedy(
    D&& decoder, State state, const IndexTensor& first, const GreedyOptions& options = {}) {
  const auto decoding = detail::decoding(first, options);
  return detail::best_of(detail::decode(decoder, std::move(state), *decoding));
}

// Draws each id from sampling_probabilities. Each sequence has its own fork of the generator, so
// its ids do not depend on the other sequences.
template <class D, class State = typename std::remove_cvref_t<D>::State>
requires Decoder<std::remove_reference_t<D>, State> std::vector<Decoded> sample(
    D&& decoder, State state, const IndexTensor& first, const SampleOptions& options = {},
    Generator& generator = default_generator()) {
  const auto decoding = detail::decoding(first, options, generator);
  return detail::best_of(detail::decode(decoder, std::move(state), *decoding));
}

// An independent search for each sequence: each step keeps the `beams` most probable continuations
// of its hypotheses. Those that end are candidates for the result, and the others are continued. At
// the length limit the hypotheses that have not ended are candidates too. Returns for each search
// its `options.results` best hypotheses (or as many as there are), best first. Of equally good
// ones, the one found first comes first, then the one with the lower ids. With one beam it equals
// greedy().
template <class D, class State = typename std::remove_cvref_t<D>::State>
requires Decoder<std::remove_reference_t<D>, State> std::vector<std::vector<Decoded>> beam_search(
    D&& decoder, State state, const IndexTensor& first, const BeamOptions& options = {}) {
  const auto decoding = detail::decoding(first, options);
  return detail::decode(decoder, std::move(state), *decoding);
}

}  // namespace unroll::nn
