#include <unroll/nn/seq2seq.h>

namespace unroll::nn {

MemoryAttention::MemoryAttention(const Options& o) {
  if (o.score == AttentionScore::additive) {
    additive.emplace(AdditiveAttention::Options{.query = o.query,
                                                .key = o.key,
                                                .hidden = o.hidden > 0 ? o.hidden : o.query,
                                                .dtype = o.dtype});
  } else {
    dot.emplace(DotAttention::Options{.query = o.query,
                                      .key = o.key,
                                      .general = o.score == AttentionScore::general,
                                      .dtype = o.dtype});
  }
}

AttentionMemory MemoryAttention::prepare(const Gathered& keys, Where where) const {
  return additive ? additive->prepare(keys, where) : dot->prepare(keys, where);
}

Attended MemoryAttention::operator()(const In& queries, const AttentionMemory& memory,
                                     const RowGroups& rows) const {
  return additive ? (*additive)(queries, memory, rows) : (*dot)(queries, memory, rows);
}

Tensor TeacherForced::weights_of(Index b) const {
  check(b >= 0 && b < source.sequences(), "Seq2Seq: a sequence in [0, {}) was required: got {}",
        source.sequences(), b);
  const IndexTensor rows = logits.layout.rows_of(b);
  const IndexTensor sequence = logits.layout.sequence_of_rows();
  const Index steps = source.lengths()[b];
  std::vector<Index> picked;
  Index row = 0, at = 0;
  for (const Index target : rows) {
    for (; row < target; ++row) at += source.lengths()[sequence[row]];
    for (Index j = 0; j < steps; ++j) picked.push_back(at + j);
  }
  return index_select(weights.value(), 0, IndexTensor(std::move(picked)))
      .reshape({rows.numel(), steps});
}

IndexTensor mixed_with_samples(const IndexTensor& ids, const Tensor& logits,
                               const TeacherForcingOptions& options) {
  Generator& generator = options.generator ? *options.generator : default_generator();
  const Tensor coins = generator.uniform(ids.shape(), 0, 1, f64);
  const IndexTensor drawn = generator.categorical(softmax(logits, -1));
  std::vector<Index> out(ids.begin(), ids.end());
  for (Index i = 0; i < ids.numel(); ++i)
    if (coins.at({i}) < options.sampling) out[i] = drawn[i];
  return out;
}

namespace detail {

Index checked_sos(Index sos, Index vocab) {
  check(sos >= 0 && sos < vocab,
        "Seq2Seq: .sos, the id of the target vocabulary that begins a target, was required to be "
        "in [0, {}): got {}",
        vocab, sos);
  return sos;
}

Tokens sources_of(const std::vector<std::vector<Index>>& sources) {
  check(!sources.empty(), "Seq2Seq: at least one source was required: got none");
  for (std::size_t b = 0; b < sources.size(); ++b)
    check(!sources[b].empty(),
          "Seq2Seq: sources of at least one id were required, since the decoder must attend to "
          "something: source {} is empty",
          b);
  return Tokens::from(sources);
}

void check_teacher_forcing(const Tokens& source, const Tokens& target,
                           const TeacherForcingOptions& o) {
  check(source.ids.defined() && target.ids.defined(),
        "Seq2Seq: sources and targets were required: got undefined Tokens");
  check(source.size() == target.size(),
        "Seq2Seq: one target for each source was required: got {} sources and {} targets",
        source.size(), target.size());
  check(o.sampling >= 0 && o.sampling <= 1,
        "Seq2Seq: a probability of .sampling in [0, 1] was required: got {}", o.sampling);
}

Tokens shifted(const Tokens& target, Index sos) {
  const SequenceLayout& layout = target.layout;
  std::vector<Index> ids(static_cast<std::size_t>(layout.batch(0)), sos);
  ids.reserve(static_cast<std::size_t>(layout.rows()));
  for (Index t = 1; t < layout.steps(); ++t) {
    const auto from = target.ids.begin() + layout.offset(t - 1);
    ids.insert(ids.end(), from, from + layout.batch(t));
  }
  return {IndexTensor(std::move(ids)), layout};
}

RowGroups rows_by_source(const IndexTensor& source_of, Index sources) {
  source_of.check_range("Seq2Seq", sources);
  std::vector<Index> offsets(static_cast<std::size_t>(sources) + 1, 0);
  for (const Index s : source_of) ++offsets[s + 1];
  for (std::size_t s = 1; s < offsets.size(); ++s) offsets[s] += offsets[s - 1];
  std::vector<Index> next(offsets.begin(), offsets.end() - 1),
      rows(static_cast<std::size_t>(source_of.numel()));
  for (Index row = 0; row < source_of.numel(); ++row) rows[next[source_of[row]]++] = row;
  return {IndexTensor(std::move(rows)), std::move(offsets)};
}

Tensor attention_rows(const Tensor& weights, const IndexTensor& source_of,
                      const SequenceLayout& source) {
  Tensor out = Tensor::zeros({source_of.numel(), source.steps()}, weights.dtype());
  Index at = 0;
  for (Index row = 0; row < source_of.numel(); ++row) {
    const Index steps = source.lengths()[source_of[row]];
    out.select(0, row).narrow(0, 0, steps).copy_(weights.narrow(0, at, steps));
    at += steps;
  }
  return out;
}

}  // namespace detail

}  // namespace unroll::nn
