#include <unroll/nn/transformer.h>

namespace unroll::nn {
namespace {

using Options = TransformerOptions;

Index hidden_of(const Options& o) {
  check(o.dim >= 1 && o.feed_forward >= 0,
        "Transformer: a dim of at least 1 and a feed_forward of at least 0 were required: got {} "
        "and {}",
        o.dim, o.feed_forward);
  return o.feed_forward > 0 ? o.feed_forward : product_of("Transformer", 4, o.dim);
}

MultiHeadAttention::Options self_attention_of(const Options& o) {
  return {.dim = o.dim,
          .heads = o.heads,
          .kv_heads = o.kv_heads,
          .window = o.window,
          .rotary = o.rotary,
          .rotary_base = o.rotary_base,
          .kind = o.kind,
          .rank = o.rank,
          .max_length = o.max_length,
          .bias = o.bias,
          .dropout = o.dropout,
          .dtype = o.dtype};
}
MultiHeadAttention::Options memory_attention_of(const Options& o) {
  return {.dim = o.dim,
          .heads = o.heads,
          .kv_heads = o.kv_heads,
          .bias = o.bias,
          .dropout = o.dropout,
          .dtype = o.dtype};
}
Linear::Options linear1_of(const Options& o) {
  const Index parts = o.activation == FeedForward::swiglu ? 2 : 1;
  return {.in = o.dim,
          .out = product_of("Transformer", parts, hidden_of(o)),
          .bias = o.bias,
          .dtype = o.dtype};
}
Linear::Options linear2_of(const Options& o) {
  return {.in = hidden_of(o), .out = o.dim, .bias = o.bias, .dtype = o.dtype};
}

void check_rows(const char* name, const Var& x, const Param& gain) {
  check_defined(name, x);
  check(x.rank() == 2 && x.shape()[1] == gain.shape()[0], "{}: rows [N, {}] were required: got {}",
        name, gain.shape()[0], x.shape());
}

Var dropped(const Var& x, double p) { return p > 0 && training() ? dropout(x, p) : x; }

Var activated(const Var& h, FeedForward kind) {
  if (kind == FeedForward::relu) return relu(h);
  if (kind == FeedForward::gelu) return gelu(h);
  const Index hidden = h.shape()[1] / 2;  // [N, 2 F] -> [N, F]
  return silu(narrow(h, 1, 0, hidden)) * narrow(h, 1, hidden, hidden);
}

// A part f of a layer: rows [N, D] -> [N, D].
using Sublayer = std::function<Var(const Gathered&)>;

// The parts of a layer, one after the other, each with its norm and a residual connection: x +
// f(norm(x)), or norm(x + f(x)).
struct Residual {
  bool norm_first;
  double dropout;
  Gathered operator()(const Gathered& x, const TransformerNorm& norm, const Sublayer& f) const {
    Var y = x.rows() + dropped(f(norm_first ? norm(x) : x), dropout);
    return Gathered(norm_first ? y : norm(y), x.layout());
  }
};

Sublayer feed_forward(const Linear& linear1, const Linear& linear2, FeedForward kind, double p) {
  return [&linear1, &linear2, kind, p](const Gathered& x) {
    return linear2(dropped(activated(linear1(x.rows()), kind), p));
  };
}

// Applies f(l, x) for each layer l, then the final norm.
Sequence through(std::size_t layers, const std::optional<TransformerNorm>& norm, const Gathered& x,
                 const std::function<Var(std::size_t, const Gathered&)>& f) {
  Gathered h = x;
  for (std::size_t l = 0; l < layers; ++l) h = Gathered(f(l, h), x.layout());
  return norm ? (*norm)(h) : h;
}

// Rows [B, D], one step of each sequence.
Gathered one_step(const char* name, const Var& x) {
  check_defined(name, x);
  check(x.rank() == 2, "{}: a step's input [B, D] was required: got {}", name, x.shape());
  return Gathered(x, SequenceLayout::equal(x.shape()[0], 1));
}

template <class Layer>
std::vector<Layer> stack_of(const Options& o) {
  check(o.layers >= 1 && o.capacity >= 1,
        "Transformer: layers and a capacity of at least 1 were required: got {} and {}", o.layers,
        o.capacity);
  std::vector<Layer> out;
  for (Index l = 0; l < o.layers; ++l) out.emplace_back(o);
  return out;
}
std::optional<TransformerNorm> final_norm_of(const Options& o) {
  if (o.final_norm.value_or(o.norm_first)) return TransformerNorm(o);
  return std::nullopt;
}
// With a window, any capacity from it on is a ring of its size.
template <class Layer>
std::vector<KeyValueCache> caches_of(const std::vector<Layer>& layers, Index batch,
                                     Index capacity) {
  std::vector<KeyValueCache> out;
  for (const Layer& layer : layers) out.push_back(layer.self_attn.cache(batch, capacity));
  return out;
}

void check_states(std::size_t layers, std::size_t states) {
  check(states == layers,
        "Transformer: a state of {} layers was required (initial() makes one): got one of {}",
        layers, states);
}

}  // namespace

TransformerNorm::TransformerNorm(const TransformerOptions& o)
    : gain(Tensor::ones({o.dim}, o.dtype)), eps_(o.eps), rms_(o.norm == NormKind::rms) {
  check(o.eps >= 0, "Transformer: an eps of at least 0 was required: got {}", o.eps);
  if (!rms_) bias = Param(Tensor::zeros({o.dim}, o.dtype));
}
Var TransformerNorm::operator()(const In& x) const {
  return rms_ ? rms_norm(x, gain, eps_) : layer_norm(x, gain, bias, eps_);
}
Gathered TransformerNorm::operator()(const Gathered& x) const {
  return x.map([&](const Var& rows) { return (*this)(rows); });
}

TransformerEncoderLayer::TransformerEncoderLayer(const Options& o)
    : self_attn(self_attention_of(o)),
      linear1(linear1_of(o)),
      linear2(linear2_of(o)),
      norm1(o),
      norm2(o),
      activation_(o.activation),
      norm_first_(o.norm_first),
      causal_(o.causal),
      dropout_(o.dropout) {}

Sequence TransformerEncoderLayer::apply(const Gathered& x, const Sublayer& attend) const {
  check_rows("TransformerEncoder", x.table(), norm1.gain);
  const Residual residual{norm_first_, dropout_};
  return residual(residual(x, norm1, attend), norm2,
                  feed_forward(linear1, linear2, activation_, dropout_));
}

Sequence TransformerEncoderLayer::operator()(const Gathered& x, Where where) const {
  const Caller caller(where);
  return apply(x, [&](const Gathered& rows) { return self_attn(rows, {.causal = causal_}).rows; });
}

Sequence TransformerEncoderLayer::prefill(const Gathered& x, KeyValueCache& cache,
                                          Where where) const {
  const Caller caller(where);
  check(causal_,
        "TransformerEncoder: .causal = true was required to step through a stream: got false");
  return apply(x, [&](const Gathered& rows) { return self_attn.prefill(rows, cache).rows; });
}

Var TransformerEncoderLayer::step(const In& x, KeyValueCache& cache) const {
  const Caller caller(x.where());
  return prefill(one_step("TransformerEncoder", *x), cache).rows;
}

TransformerDecoderLayer::TransformerDecoderLayer(const Options& o)
    : self_attn(self_attention_of(o)),
      multihead_attn(memory_attention_of(o)),
      linear1(linear1_of(o)),
      linear2(linear2_of(o)),
      norm1(o),
      norm2(o),
      norm3(o),
      activation_(o.activation),
      norm_first_(o.norm_first),
      dropout_(o.dropout) {}

TransformerDecoderLayer::Memory TransformerDecoderLayer::prepare(const Gathered& memory,
                                                                 Where where) const {
  return multihead_attn.prepare(memory, where);
}

Sequence TransformerDecoderLayer::apply(const Gathered& x, const Sublayer& attend,
                                        const Sublayer& attend_memory) const {
  check_rows("TransformerDecoder", x.table(), norm1.gain);
  const Residual residual{norm_first_, dropout_};
  return residual(residual(residual(x, norm1, attend), norm2, attend_memory), norm3,
                  feed_forward(linear1, linear2, activation_, dropout_));
}

Sequence TransformerDecoderLayer::operator()(const Gathered& x, const Memory& memory,
                                             Where where) const {
  const Caller caller(where);
  return apply(
      x, [&](const Gathered& rows) { return self_attn(rows, {.causal = true}).rows; },
      [&](const Gathered& rows) { return multihead_attn(rows, memory).rows; });
}

Var TransformerDecoderLayer::step(const In& x, KeyValueCache& cache, const Memory& memory,
                                  const IndexTensor& source_of) const {
  const Caller caller(x.where());
  return apply(
             one_step("TransformerDecoder", *x),
             [&](const Gathered& rows) { return self_attn.prefill(rows, cache).rows; },
             [&](const Gathered& rows) { return multihead_attn(rows.rows(), memory, source_of); })
      .rows;
}

IndexTensor TransformerState::positions(Index batch) const {
  if (layers.empty()) return IndexTensor::full({batch}, 0);
  return layers.front().lengths();
}

IndexTensor TransformerDecoder::State::positions() const {
  check(!layers.empty(),
        "TransformerDecoder: a state from initial() was required: got an empty one");
  return layers.front().lengths();
}

TransformerEncoder::TransformerEncoder(const Options& o)
    : layers(stack_of<TransformerEncoderLayer>(o)),
      norm(final_norm_of(o)),
      capacity_(o.window > 0 ? o.window : o.capacity) {}

Sequence TransformerEncoder::operator()(const Gathered& x, Where where) const {
  const Caller caller(where);
  return through(layers.size(), norm, x,
                 [&](std::size_t l, const Gathered& h) { return layers[l](h).rows; });
}

TransformerEncoder::State TransformerEncoder::initial(Index batch, Index capacity) const {
  return {caches_of(layers, batch, capacity > 0 ? capacity : capacity_)};
}

Var TransformerEncoder::step(const In& x, State& state) const {
  const Caller caller(x.where());
  return prefill(one_step("TransformerEncoder", *x), state).rows;
}

Sequence TransformerEncoder::prefill(const Gathered& x, State& state, Where where) const {
  const Caller caller(where);
  if (state.layers.empty()) state = initial(x.size());
  check_states(layers.size(), state.layers.size());
  return through(layers.size(), norm, x, [&](std::size_t l, const Gathered& h) {
    return layers[l].prefill(h, state.layers[l]).rows;
  });
}

TransformerDecoder::TransformerDecoder(const Options& o)
    : layers(stack_of<TransformerDecoderLayer>(o)),
      norm(final_norm_of(o)),
      capacity_(o.window > 0 ? o.window : o.capacity) {}

TransformerDecoder::Memory TransformerDecoder::prepare(const Gathered& memory, Where where) const {
  const Caller caller(where);
  Memory out;
  for (const TransformerDecoderLayer& layer : layers) out.push_back(layer.prepare(memory));
  return out;
}

Sequence TransformerDecoder::operator()(const Gathered& x, const Memory& memory,
                                        Where where) const {
  const Caller caller(where);
  check_states(layers.size(), memory.size());
  return through(layers.size(), norm, x,
                 [&](std::size_t l, const Gathered& h) { return layers[l](h, memory[l]).rows; });
}

TransformerDecoder::State TransformerDecoder::initial(const Gathered& memory, Index capacity,
                                                      Where where) const {
  return {caches_of(layers, memory.size(), capacity > 0 ? capacity : capacity_),
          IndexTensor::arange(memory.size()),
          std::make_shared<const Memory>(prepare(memory, where))};
}

Var TransformerDecoder::step(const In& x, State& state) const {
  const Caller caller(x.where());
  check(state.memory != nullptr,
        "TransformerDecoder: a state from initial() was required: got an empty one");
  check_states(layers.size(), state.layers.size());
  check_states(layers.size(), state.memory->size());
  return through(layers.size(), norm, one_step("TransformerDecoder", *x),
                 [&](std::size_t l, const Gathered& h) {
                   return layers[l].step(h.rows(), state.layers[l], (*state.memory)[l],
                                         state.source_of);
                 })
      .rows;
}

NamedTensors transformer_tensors(const NamedTensors& published) {
  // Ends of PyTorch's names, and ours.
  constexpr std::pair<std::string_view, std::string_view> kEnds[] = {
      {"in_proj_weight", "query_key_value.weight"},
      {"in_proj_bias", "query_key_value.bias"},
      {"out_proj.weight", "out.weight"},
      {"out_proj.bias", "out.bias"},
      {"norm.weight", "norm.gain"},
      {"norm1.weight", "norm1.gain"},
      {"norm2.weight", "norm2.gain"},
      {"norm3.weight", "norm3.gain"},
  };
  NamedTensors out;
  for (const auto& entry : published) {
    std::string name = entry.first;
    for (const auto& [from, to] : kEnds) {
      if (!name.ends_with(from)) continue;
      const std::size_t at = name.size() - from.size();
      if (at > 0 && name[at - 1] != '.') continue;  // the end of another name
      name.replace(at, from.size(), to);
      break;
    }
    out.emplace(std::move(name), entry.second);
  }
  return out;
}

}  // namespace unroll::nn
