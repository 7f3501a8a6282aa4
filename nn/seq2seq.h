// Sequence to sequence: an encoder reads a source, and a decoder writes a target of another length,
// attending to the encoded source in each step. Bahdanau et al. 2015, Luong et al. 2015.
//
//   nn::Seq2Seq<nn::GRUCell> model({.source_vocab = 60, .target_vocab = 12, .sos = 0,
//                                   .encoder = {.hidden = 128, .bidirectional = true},
//                                   .decoder = {.hidden = 128}});
//   Var loss = nn::cross_entropy(model(source, target).rows, target.ids);  // both are Tokens
//   auto found = nn::beam_search(model, model.encode(source), model.first(B), {.eos = 1});
//
// h is the decoder's output, and c, the context, the mean of the encoded source weighted by the
// attention. The attentional vector is a = tanh([c h] w + b), and the logits are a linear function
// of a. Without input feeding h does not depend on the attention: if the target is given, the whole
// decoder is one fused layer, and all target steps attend at once (Luong et al. 2015). With input
// feeding, a of the last step is part of the next input, as the context is in Bahdanau et al. 2015.
// Steps then run one after the other, and training takes longer.
//
// Sources and targets have any lengths, without padding. B sources, R rows of the decoder, V target
// vocabulary, H decoder output.
#pragma once

#include <unroll/nn/attention.h>
#include <unroll/nn/decode.h>
#include <unroll/nn/recurrent.h>

#include <memory>

namespace unroll::nn {

enum class AttentionScore {
  additive,  // v . tanh(h wq + k wk). Bahdanau et al. 2015
  dot,       // h . k, for encoder and decoder outputs of one size. Luong et al. 2015
  general,   // h . (k wk). Luong et al. 2015
};

// Attention to a memory: AdditiveAttention or DotAttention, as the option `score` says.
class MemoryAttention {
 public:
  struct Options {
    AttentionScore score = AttentionScore::additive;
    Index query = 0, key = 0;
    Index hidden = 0;  // additive only: the size of h wq; 0: that of the query
    DType dtype = f32;
  };
  explicit MemoryAttention(const Options& options);
  AttentionMemory prepare(const Gathered& keys, Where where = Where::here()) const;
  Attended operator()(const In& queries, const AttentionMemory& memory,
                      const RowGroups& rows) const;

  std::optional<AdditiveAttention> additive;
  std::optional<DotAttention> dot;
  UNROLL_FIELDS(additive, dot)
};

struct TeacherForcingOptions {
  // Scheduled sampling (Bengio et al. 2015): the probability that an input, instead of the previous
  // target, is an id drawn from the logits of the previous step. Above 0 the decoder runs step by
  // step.
  double sampling = 0;
  Generator* generator = nullptr;  // nullptr: default_generator()
};

// The result of teacher forcing. N target rows in all.
struct TeacherForced {
  Sequence logits;        // rows [N, V], in the layout of the targets
  Var weights;            // of the attention: for each target row, in order, one per source step
  SequenceLayout source;  // of the sources
  // The attention weights of sequence b, [T_b, S_b].
  Tensor weights_of(Index b) const;
};

// Scheduled sampling: replaces each id [N], with the probability `options.sampling`, by one that is
// drawn from softmax(logits [N, V]).
IndexTensor mixed_with_samples(const IndexTensor& ids, const Tensor& logits,
                               const TeacherForcingOptions& options);

namespace detail {
// The encoder of a Seq2Seq: for a cell, its recurrent layer; otherwise the given layer itself.
template <class E>
struct EncoderOf {
  using Type = E;
};
template <Cell E>
struct EncoderOf<E> {
  using Type = Recurrent<E>;
};
}  // namespace detail

// The encoder is a recurrent layer of EncoderCell. Instead of a cell it may be any other layer with
// Options that have `Index in`, a constructor from them, `Index output_size() const`, and
// operator()(const Gathered&), whose result has `sequence` and `last()` as RecurrentResult has.
template <class EncoderCell, class DecoderCell = EncoderCell>
class Seq2Seq {
  using Encoder = typename detail::EncoderOf<EncoderCell>::Type;

 public:
  struct Options {
    Index source_vocab = 0, target_vocab = 0;
    Index sos = -1;    // the target id that is the first input of the decoder
    Index embed = 64;  // the size of embedded source and target ids
    // Of the recurrent layers; the model sets their `in` and `dtype`.
    typename Encoder::Options encoder = {};
    typename Recurrent<DecoderCell>::Options decoder = {};
    AttentionScore score = AttentionScore::additive;
    bool input_feeding = false;
    double dropout = 0;  // of embedded ids and of a
    DType dtype = f32;
  };
  // The state of the decoder, one row per target that is being written.
  struct State {
    std::vector<typename DecoderCell::State> layers;  // [R, ..] each
    std::optional<Var> fed;                           // with input feeding: the last a, [R, H]
    IndexTensor source_of;                            // [R] the source each row attends to
    std::shared_ptr<const AttentionMemory> memory;    // of all sources
  };

  // Throws std::invalid_argument if an option is invalid.
  explicit Seq2Seq(const Options& options);

  // Encodes the sources and projects their keys, once. The state has one row per source.
  State encode(const Tokens& source, Where where = Where::here()) const;
  // The same for lists of ids. Throws std::invalid_argument if one is empty.
  State encode(const std::vector<std::vector<Index>>& sources, Where where = Where::here()) const;

  // Teacher forcing: logits, rows [N, V], for all ids of the targets. The decoder's input is <sos>
  // at step 0, and the target of step t - 1 at step t. So a target ends with <eos> and does not
  // begin with <sos>. Throws std::invalid_argument unless there is one target per source.
  Sequence operator()(const Tokens& source, const Tokens& target,
                      const TeacherForcingOptions& options = {},
                      Where where = Where::here()) const {
    return teacher_forced(source, target, options, where).logits;
  }
  // The same with the attention weights.
  TeacherForced teacher_forced(const Tokens& source, const Tokens& target,
                               const TeacherForcingOptions& options = {},
                               Where where = Where::here()) const;

  // One step from ids [R], the last ones or <sos>: logits [R, V], the next state, and the attention
  // weights [R, S], S the longest source, 0 beyond a source's end. This makes the model a decoder
  // for nn/decode.h.
  DecoderStep<State> step(const IndexTensor& ids, State state, Where where = Where::here()) const;

  // <sos> for each of `count` targets: the first ids for step and nn/decode.h.
  IndexTensor first(Index count) const { return IndexTensor::full({count}, sos_); }

  Embedding source_embed, target_embed;
  Encoder encoder;
  Recurrent<DecoderCell> decoder;
  Linear bridge;  // the encoder's last output -> the first state of the decoder, then tanh
  MemoryAttention attention;
  Linear combine, head;  // [c h] -> a, a -> logits
  UNROLL_FIELDS(source_embed, target_embed, encoder, decoder, bridge, attention, combine, head)

 private:
  struct Output {
    Var a, weights;  // [R, H]; for each row, one weight per step of its source
  };
  Output attend(const Var& h, const AttentionMemory& memory, const RowGroups& rows) const {
    auto [context, weights] = attention(h, memory, rows);
    return {tanh(combine(concat({context, h}, 1))), std::move(weights)};
  }
  Output advance(const IndexTensor& ids, State& state) const;
  Var dropped(const Var& x) const { return dropping_ ? dropout_(x) : x; }
  Gathered dropped(const Gathered& x) const {
    return dropping_ && training() ? Gathered(dropout_(Sequence(x))) : x;
  }
  Output step_by_step(State state, const Tokens& target,
                      const TeacherForcingOptions& options) const;

  Index sos_;
  bool fed_, dropping_;
  Dropout dropout_;
};

namespace detail {

// Options of a layer with `in` and `dtype` set. Throws if they were given.
template <class O>
O layer_options_for(const char* layer, O options, Index in, DType dtype) {
  auto& cell = [&]() -> auto& {
    if constexpr (requires { options.cell; }) {
      return options.cell;
    } else {
      return options;
    }
  }
  ();
  check(cell.in == 0 || cell.in == in,
        "Seq2Seq: no .in of the {} was required (the model sets it to {}): got {}", layer, in,
        cell.in);
  cell.in = in;
  if constexpr (requires { cell.dtype = dtype; }) cell.dtype = dtype;
  if constexpr (requires { cell.learned_state; })
    check(std::string_view(layer) != "decoder" || !cell.learned_state,
          "Seq2Seq: a decoder without .learned_state was required, since the encoder sets its "
          "first state: got one with it");
  return options;
}

template <class C>
Index output_size(const Recurrent<C>& layer) {
  return layer.layers.back().output_size() * (layer.reverse.empty() ? 1 : 2);
}

template <class Layer>
requires requires(const Layer& layer) { layer.output_size(); }
Index output_size(const Layer& layer) { return layer.output_size(); }

// The number of columns of a decoder's whole state.
template <class C>
Index state_size(const Recurrent<C>& decoder) {
  check(decoder.reverse.empty(),
        "Seq2Seq: a decoder of one direction was required: got a "
        "bidirectional one");
  Index size = 0;
  for (const C& cell : decoder.layers) {
    const typename C::State state = cell.initial(1);
    each_part(state, [&](const Var& part) {
      check(part.rank() == 2,
            "Seq2Seq: a decoder whose state is rows [B, size] was required: got {}", part.shape());
      size += part.shape()[1];
    });
  }
  return size;
}

// The size of the decoder's output, read from a temporary decoder.
template <class D, class Options>
Index fed_size(const Options& o) {
  return output_size(Recurrent<D>(layer_options_for("decoder", o.decoder, o.embed, o.dtype)));
}

// Replaces each part of the states by its rows `rows`.
template <class S>
void select_states(std::vector<S>& states, const IndexTensor& rows) {
  for (S& state : states) each_part(state, [&](Var& part) { part = index_select(part, 0, rows); });
}

// --- in seq2seq.cpp ---
Index checked_sos(Index sos, Index vocab);
Tokens sources_of(const std::vector<std::vector<Index>>& sources);
void check_teacher_forcing(const Tokens& source, const Tokens& target,
                           const TeacherForcingOptions& options);
// The decoder's inputs: each target shifted by one step, with `sos` first.
Tokens shifted(const Tokens& target, Index sos);
// Rows grouped by the source that they attend to.
RowGroups rows_by_source(const IndexTensor& source_of, Index sources);
// [R, S] from the weights of each row, in order.
Tensor attention_rows(const Tensor& weights, const IndexTensor& source_of,
                      const SequenceLayout& source);

}  // namespace detail

template <class E, class D>
Seq2Seq<E, D>::Seq2Seq(const Options& o)
    : source_embed({.vocab = o.source_vocab, .dim = o.embed, .dtype = o.dtype}),
      target_embed({.vocab = o.target_vocab, .dim = o.embed, .dtype = o.dtype}),
      encoder(detail::layer_options_for("encoder", o.encoder, o.embed, o.dtype)),
      decoder(detail::layer_options_for(
          "decoder", o.decoder, o.embed + (o.input_feeding ? detail::fed_size<D>(o) : 0), o.dtype)),
      bridge({.in = detail::output_size(encoder),
              .out = detail::state_size(decoder),
              .dtype = o.dtype}),
      attention({.score = o.score,
                 .query = detail::output_size(decoder),
                 .key = detail::output_size(encoder),
                 .dtype = o.dtype}),
      combine({.in = detail::output_size(encoder) + detail::output_size(decoder),
               .out = detail::output_size(decoder),
               .dtype = o.dtype}),
      head({.in = detail::output_size(decoder), .out = o.target_vocab, .dtype = o.dtype}),
      sos_(detail::checked_sos(o.sos, o.target_vocab)),
      fed_(o.input_feeding),
      dropping_(o.dropout > 0),
      dropout_({.p = o.dropout}) {}

template <class E, class D>
auto Seq2Seq<E, D>::encode(const Tokens& source, Where where) const -> State {
  const Caller caller(where);
  check(source.ids.defined(), "Seq2Seq: sources were required: got undefined Tokens");
  const auto read = encoder(dropped(source_embed(source)));
  const Var first = tanh(bridge(read.last()));  // [B, state_size]
  State out;
  Index at = 0;
  for (const D& cell : decoder.layers) {
    out.layers.push_back(cell.initial(source.size()));
    each_part(out.layers.back(), [&](Var& part) {
      const Index size = part.shape()[1];
      part = narrow(first, 1, at, size);
      at += size;
    });
  }
  if (fed_) out.fed = Tensor::zeros({source.size(), detail::output_size(decoder)}, first.dtype());
  out.source_of = IndexTensor::arange(source.size());
  out.memory = std::make_shared<const AttentionMemory>(attention.prepare(read.sequence));
  return out;
}

template <class E, class D>
auto Seq2Seq<E, D>::encode(const std::vector<std::vector<Index>>& sources, Where where) const
    -> State {
  return encode(detail::sources_of(sources), where);
}

// One step of the decoder for ids [R]. Replaces layers and fed of the state.
template <class E, class D>
auto Seq2Seq<E, D>::advance(const IndexTensor& ids, State& state) const -> Output {
  Var x = dropped(target_embed(ids));               // [R, embed]
  if (fed_) x = concat({x, state.fed.value()}, 1);  // [R, embed + H]
  Var h;                                            // [R, H]
  if (recording() || training()) {
    // A sequence of one step: fused, and with dropout between the layers.
    auto result = decoder(Sequence(x, SequenceLayout::equal(ids.numel(), 1)), state.layers);
    h = result.sequence.rows;
    state.layers = std::move(result.state);
  } else {
    h = decoder.step(x, state.layers);
  }
  const AttentionMemory& memory = *state.memory;
  Output out = attend(h, memory, detail::rows_by_source(state.source_of, memory.groups.count()));
  if (fed_) state.fed = out.a;
  return out;
}

template <class E, class D>
auto Seq2Seq<E, D>::step(const IndexTensor& ids, State state, Where where) const
    -> DecoderStep<State> {
  const Caller caller(where);
  check(state.memory != nullptr && state.fed.has_value() == fed_ &&
            state.layers.size() == decoder.layers.size(),
        "Seq2Seq: a state from encode() of this model was required: got another one");
  check(ids.rank() == 1 && ids.numel() >= 1 && ids.numel() == state.source_of.numel(),
        "Seq2Seq: an id for each of {} rows of the state was required: got {}",
        state.source_of.numel(), ids.shape());
  const auto [a, weights] = advance(ids, state);
  Tensor rows =
      detail::attention_rows(weights.value(), state.source_of, state.memory->values.layout);
  return {head(dropped(a)), std::move(state), std::move(rows)};
}

template <class E, class D>
TeacherForced Seq2Seq<E, D>::teacher_forced(const Tokens& source, const Tokens& target,
                                            const TeacherForcingOptions& options,
                                            Where where) const {
  const Caller caller(where);
  detail::check_teacher_forcing(source, target, options);
  State state = encode(source);
  if (fed_ || options.sampling > 0) {
    auto [logits, weights] = step_by_step(std::move(state), target, options);
    return {Sequence(std::move(logits), target.layout), std::move(weights), source.layout};
  }
  const Sequence h =
      decoder(dropped(target_embed(detail::shifted(target, sos_))), state.layers).sequence;
  const auto [a, weights] = attend(h.rows, *state.memory, RowGroups::of(target.layout));
  return {Sequence(head(dropped(a)), target.layout), weights, source.layout};
}

// Returns the logits in Output::a.
template <class E, class D>
auto Seq2Seq<E, D>::step_by_step(State state, const Tokens& target,
                                 const TeacherForcingOptions& options) const -> Output {
  const SequenceLayout& layout = target.layout;
  // The rows of a step are the targets that are long enough, longest first.
  const auto keep = [&](const IndexTensor& rows) {
    detail::select_states(state.layers, rows);
    if (state.fed) state.fed = index_select(*state.fed, 0, rows);
    std::vector<Index> kept;
    for (const Index row : rows) kept.push_back(state.source_of[row]);
    state.source_of = std::move(kept);
  };
  if (!layout.is_sorted()) keep(layout.order());
  std::vector<Var> a, weights, logits;
  for (Index t = 0; t < layout.steps(); ++t) {
    const Index count = layout.batch(t);
    if (count < state.source_of.numel()) keep(IndexTensor::arange(count));
    IndexTensor ids = t == 0 ? first(count) : target.ids.narrow(0, layout.offset(t - 1), count);
    if (options.sampling > 0 && t > 0)
      ids = mixed_with_samples(ids, logits.back().value().narrow(0, 0, count), options);
    Output now = advance(ids, state);
    if (options.sampling > 0) {
      logits.push_back(head(dropped(now.a)));
    } else {
      a.push_back(std::move(now.a));
    }
    weights.push_back(std::move(now.weights));
  }
  // Without sampling, one product for all steps.
  const Var rows = options.sampling > 0 ? concat(logits, 0) : head(dropped(concat(a, 0)));
  return {rows, concat(weights, 0)};  // [N, V]
}

}  // namespace unroll::nn
