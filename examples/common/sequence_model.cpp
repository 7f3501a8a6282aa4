#include "examples/common/sequence_model.h"

#include "examples/common/command_line.h"
#include "examples/common/terminal.h"

#include <unroll/tensor/error.h>

#include <algorithm>
#include <cmath>

namespace program {
namespace {

struct Kind {
  const char* name;
  const char* title;
  Index layers;  // by default
};
// In the order of the variants.
constexpr Kind kKinds[] = {
    {"rnn", "RNN", 1},
    {"lstm", "LSTM", 1},
    {"gru", "GRU", 1},
    {"mingru", "minGRU", 2},
    {"minlstm", "minLSTM", 2},
    {"rglru", "RG-LRU", 2},
    {"mamba", "Mamba", 2},
    {"transformer", "transformer", 2},
    {"linear-attention", "transformer with linear attention", 2},
};

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

const Kind& kind_of(const std::string& name) {
  for (const Kind& kind : kKinds)
    if (name == kind.name) return kind;
  unroll::fail("sequence model: one of {} was required: got \"{}\"", listed(sequence_kinds()),
               unroll::excerpt(name));
}

template <class Layer>
Layer recurrent(const SequenceOptions& o) {
  return Layer(typename Layer::Options{.in = o.in,
                                       .hidden = o.hidden,
                                       .layers = layers_of(o),
                                       .bidirectional = o.bidirectional,
                                       .dropout = o.dropout,
                                       .variational_dropout = o.variational_dropout});
}

// Steps of a stream without a window.
constexpr Index kCapacity = 1024;

// Heads of at least 32 columns, an even number of them.
Index heads_of(const SequenceOptions& o) {
  if (o.heads > 0) return o.heads;
  Index heads = 8;
  while (heads > 1 && (o.hidden % (2 * heads) != 0 || o.hidden / heads < 32)) heads /= 2;
  return heads;
}

std::string positions_of(const SequenceOptions& o) {
  if (!o.positions.empty()) return o.positions;
  return o.kind == "transformer" ? "rotary" : "sinusoidal";
}

nn::TransformerEncoder transformer(const SequenceOptions& o) {
  const bool linear = o.kind == "linear-attention";
  const std::string positions = positions_of(o);
  unroll::check(positions == "rotary" || positions == "sinusoidal" || positions == "none",
                "{}: positions rotary, sinusoidal or none were required: got \"{}\"", o.kind,
                unroll::excerpt(positions));
  unroll::check(!linear || positions != "rotary",
                "{}: positions sinusoidal or none were required: got rotary", o.kind);
  unroll::check(!linear || o.window == 0, "{}: no window was required: got {}", o.kind, o.window);
  unroll::check(o.variational_dropout == 0,
                "{}: no variational dropout was required: got a probability of {}", o.kind,
                o.variational_dropout);
  return nn::TransformerEncoder(
      {.dim = o.hidden,
       .heads = heads_of(o),
       .feed_forward = o.feed_forward,
       .dropout = linear ? 0 : o.dropout,
       .causal = !o.bidirectional,
       .window = o.window,
       .rotary = positions == "rotary" ? nn::Rotary::split_half : nn::Rotary::none,
       .kind = linear ? nn::AttentionKind::linear : nn::AttentionKind::full,
       .layers = layers_of(o),
       .capacity = kCapacity});
}

template <class Stack>
Stack stack_of(const SequenceOptions& o) {
  if constexpr (std::is_same_v<Stack, nn::Mamba>)
    return nn::Mamba({.dim = o.hidden, .layers = layers_of(o), .dropout = o.dropout});
  else
    return Stack(o.hidden, layers_of(o), o.dropout);
}

}  // namespace

const std::vector<std::string>& sequence_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const Kind& kind : kKinds) out.emplace_back(kind.name);
    return out;
  }();
  return names;
}

std::string title_of(const std::string& kind) { return kind_of(kind).title; }

bool attends(const std::string& kind) {
  return kind == "transformer" || kind == "linear-attention";
}

Index layers_of(const SequenceOptions& o) {
  const Kind& kind = kind_of(o.kind);
  return o.layers != 0 ? o.layers : kind.layers;
}

Index output_size(const SequenceOptions& o) {
  return o.hidden * (o.bidirectional && !attends(o.kind) ? 2 : 1);
}

template <class Stack>
BlockLayers<Stack>::BlockLayers(const SequenceOptions& o) : forward(stack_of<Stack>(o)) {
  unroll::check(o.variational_dropout == 0,
                "{}: no variational dropout was required: got a probability of {}", o.kind,
                o.variational_dropout);
  if (o.in != o.hidden) input.emplace(nn::Linear::Options{.in = o.in, .out = o.hidden});
  if (o.bidirectional) backward.emplace(stack_of<Stack>(o));
}

template <class Stack>
typename Stack::Result BlockLayers<Stack>::operator()(const nn::Gathered& x,
                                                      const std::vector<State>& initial) const {
  const nn::Gathered read = input ? (*input)(x) : x;
  Result out = forward(read, initial);
  if (backward) {
    const Result other = (*backward)(read, {}, {.reverse = true});
    out.sequence.rows =
        unroll::concat(std::vector<Var>{out.sequence.rows, other.sequence.rows}, -1);
    out.top = unroll::concat(std::vector<Var>{out.top, other.top}, -1);
    out.state.clear();
  }
  return out;
}

template <class Stack>
Var BlockLayers<Stack>::step(const Var& x, std::vector<State>& state) const {
  return forward.step(input ? (*input)(x) : x, state);
}

template struct BlockLayers<nn::Mamba>;
template struct BlockLayers<GriffinStack>;

TransformerLayers::TransformerLayers(const SequenceOptions& o) : encoder(transformer(o)) {
  if (o.in != o.hidden) input.emplace(nn::Linear::Options{.in = o.in, .out = o.hidden});
  if (o.kind == "linear-attention" && o.dropout > 0)
    dropout.emplace(nn::Dropout::Options{.p = o.dropout});
  if (positions_of(o) == "sinusoidal")
    positions.emplace(nn::SinusoidalPositions::Options{.dim = o.hidden});
}

nn::Sequence TransformerLayers::operator()(const nn::Gathered& x) const {
  nn::Gathered read = input ? (*input)(x) : x;
  if (positions) read = (*positions)(read);
  return dropout ? encoder((*dropout)(read)) : encoder(read);
}

nn::Sequence TransformerLayers::prefill(const nn::Gathered& x, State& state) const {
  const nn::Gathered read = input ? (*input)(x) : x;
  if (!positions) return encoder.prefill(read, state);
  // Rows are in the order of the layout, step by step.
  const unroll::IndexTensor from = state.positions(x.size());
  std::vector<Index> at(static_cast<std::size_t>(x.layout().rows()));
  for (Index b = 0; b < x.size(); ++b) {
    Index t = from[b];
    for (const Index row : x.layout().rows_of(b)) at[static_cast<std::size_t>(row)] = t++;
  }
  return encoder.prefill(
      nn::Sequence((*positions)(read.rows(), unroll::IndexTensor(at)), x.layout()), state);
}

Var TransformerLayers::step(const Var& x, State& state) const {
  const Var read = input ? (*input)(x) : x;
  return encoder.step(positions ? (*positions)(read, state.positions(x.shape()[0])) : read, state);
}

SequenceModel::Layer SequenceModel::layer_of(const Options& o) {
  (void)kind_of(o.kind);
  unroll::check(o.in >= 1 && o.hidden >= 1 && o.layers >= 0,
                "{}: sizes .in and .hidden of at least 1 and a number of layers were required: got "
                "{}, {} and {}",
                o.kind, o.in, o.hidden, o.layers);
  if (o.kind == "rnn") return recurrent<nn::RNN>(o);
  if (o.kind == "lstm") return recurrent<nn::LSTM>(o);
  if (o.kind == "gru") return recurrent<nn::GRU>(o);
  if (o.kind == "mingru") return recurrent<nn::MinGRU>(o);
  if (o.kind == "minlstm") return recurrent<nn::MinLSTM>(o);
  if (o.kind == "rglru") return GriffinLayers(o);
  if (o.kind == "mamba") return MambaLayers(o);
  return TransformerLayers(o);
}

SequenceModel::SequenceModel(const Options& options)
    : options_(options), layer_(layer_of(options)) {}

void SequenceModel::check_one_direction(const char* what) const {
  unroll::check(!options_.bidirectional,
                "{}: a model of one direction was required to {}: got a bidirectional one",
                options_.kind, what);
}

template <class L>
SequenceModel::Result SequenceModel::run(const L& layer, const nn::Gathered& x,
                                         const State* initial) const {
  using Of = State::Of<L>;
  const Of* of = initial != nullptr ? std::get_if<Of>(&initial->of_) : nullptr;
  unroll::check(of != nullptr || initial == nullptr || initial->empty(),
                "{}: a state of this kind was required: got one of another", options_.kind);
  if constexpr (std::is_same_v<L, TransformerLayers>) {
    if (initial == nullptr || unroll::recording()) {
      unroll::check(of == nullptr,
                    "{}: an empty state was required while a tape records, since each chunk is "
                    "started anew: got a state",
                    options_.kind);
      return {layer(x), {}, {}, options_.bidirectional};
    }
    Of state =
        of != nullptr
            ? *of
            : layer.encoder.initial(
                  x.size(), options_.window > 0 ? 0 : std::max(kCapacity, x.layout().steps()));
    Result result{layer.prefill(x, state), {}, {}};
    result.state.of_ = std::move(state);
    return result;
  } else {
    auto out = layer(x, of != nullptr ? *of : Of());
    Result result{std::move(out.sequence), {}, std::move(out.top)};
    if (!options_.bidirectional) result.state.of_ = std::move(out.state);
    return result;
  }
}

SequenceModel::Result SequenceModel::operator()(const nn::Gathered& x) const {
  return std::visit([&](const auto& layer) { return run(layer, x, nullptr); }, layer_);
}

SequenceModel::Result SequenceModel::operator()(const nn::Gathered& x, const State& initial) const {
  check_one_direction("read chunks with a state");
  return std::visit([&](const auto& layer) { return run(layer, x, &initial); }, layer_);
}

Var SequenceModel::step(const Var& x, State& state) const {
  check_one_direction("step through a stream");
  return std::visit(
      [&](const auto& layer) {
        using Of = State::Of<std::decay_t<decltype(layer)>>;
        if (state.empty()) {
          Of first;
          Var out = layer.step(x, first);  // the state is unchanged if this throws
          state.of_ = std::move(first);
          return out;
        }
        Of* of = std::get_if<Of>(&state.of_);
        unroll::check(of != nullptr, "{}: a state of this kind was required: got one of another",
                      options_.kind);
        return layer.step(x, *of);
      },
      layer_);
}

SequenceModel::State SequenceModel::State::select_rows(const unroll::IndexTensor& rows) const {
  State out = *this;
  std::visit(
      [&](auto& of) {
        using States = std::decay_t<decltype(of)>;
        if constexpr (std::is_same_v<States, nn::TransformerState>) {
          for (nn::KeyValueCache& cache : of.layers) cache = cache.select_rows(rows);
        } else if constexpr (!std::is_same_v<States, std::monostate>) {
          for (auto& state : of)
            nn::each_part(state, [&](Var& part) { part = index_select(part, 0, rows); });
        }
      },
      out.of_);
  return out;
}

SequenceModel::State SequenceModel::State::detach() const {
  State out = *this;
  std::visit(
      [&](auto& of) {
        using States = std::decay_t<decltype(of)>;
        if constexpr (!std::is_same_v<States, std::monostate> &&
                      !std::is_same_v<States, nn::TransformerState>)  // never recorded
          for (auto& state : of) state = nn::detach(state);
      },
      out.of_);
  return out;
}

std::vector<Var> SequenceModel::State::parts() const {
  std::vector<Var> out;
  std::visit(
      [&](const auto& of) {
        using States = std::decay_t<decltype(of)>;
        if constexpr (!std::is_same_v<States, std::monostate> &&
                      !std::is_same_v<States, nn::TransformerState>)
          for (const auto& state : of)
            for (const Var& part : nn::parts_of(state)) out.push_back(part);
      },
      of_);
  return out;
}

SequenceModel::State SequenceModel::State::with_parts(const std::vector<Var>& parts) const {
  State out = *this;
  auto next = parts.begin();
  std::visit(
      [&](auto& of) {
        using States = std::decay_t<decltype(of)>;
        if constexpr (!std::is_same_v<States, std::monostate> &&
                      !std::is_same_v<States, nn::TransformerState>)
          for (auto& state : of) {
            nn::each_part(state, [&](Var& part) {
              unroll::check(next != parts.end(), "with_parts: more values were required: got {}",
                            parts.size());
              part = *next++;
            });
          }
      },
      out.of_);
  unroll::check(next == parts.end(), "with_parts: {} values were required: got {}",
                next - parts.begin(), parts.size());
  return out;
}

std::vector<unroll::optim::Group> without_decay(const SequenceOptions& o) {
  if (o.kind != "mamba") return {};
  return {{.match = ".a_log", .weight_decay = 0}, {.match = ".d", .weight_decay = 0}};
}

void declare_kind(CLI::App& app, std::string& kind, const KindOption& option) {
  std::vector<std::string> all = option.first;
  all.insert(all.end(), sequence_kinds().begin(), sequence_kinds().end());
  all.insert(all.end(), option.more.begin(), option.more.end());
  const std::string known = listed(all);
  app.add_option(option.name, kind,
                 fmt::format("{}: {}{}", option.help, known,
                             kind.empty() ? "" : fmt::format(" (default: {})", kind)))
      ->type_name("NAME")
      ->check(CLI::Validator(
          [=](std::string& text) {
            const bool is_known = std::find(all.begin(), all.end(), text) != all.end();
            return is_known ? std::string()
                            : fmt::format("one of {} was required: got {}", known,
                                          unroll::excerpt(text));
          },
          ""));
}

void declare_attention(CLI::App& app, SequenceOptions& o) {
  add_number(app, "--heads", o.heads, 1, 1024,
             "Heads of a transformer (default: up to 8, of at\nleast 32 columns)");
  app.add_option("--positions", o.positions,
                 "Positions of a transformer (default: rotary) or\nlinear-attention (default: "
                 "sinusoidal)")
      ->check(CLI::IsMember({"rotary", "sinusoidal", "none"}));
}

void declare_layers(CLI::App& app, Index& layers, const std::string& by_default) {
  add_number(app, "--layers", layers, 1, 100,
             fmt::format("Number of layers (default: {})", by_default));
}

void declare_size(CLI::App& app, SizeChoice& size, const std::string& reference) {
  add_number(app, "--parameters", size.parameters, 1, 1u << 27,
             "Choose --hidden so that the whole model has about N parameters");
  app.add_flag("--equal-parameters", size.equal,
               fmt::format("Choose --hidden so that the whole model has as many parameters as {}",
                           reference))
      ->disable_flag_override();
}

void check_size(const SizeChoice& size, const Options& o) {
  if (size.parameters == 0) return;
  o.refuse({"--hidden"}, "a size to be chosen", "--parameters");
  o.refuse({"--equal-parameters"}, "a size of the default model", "--parameters");
}

Index fit_size(SequenceOptions& model, Index target, const std::string& option,
               const std::function<Index(const SequenceOptions&)>& count) {
  // The size of a transformer grows in steps that allow several heads.
  const Index unit = attends(model.kind) ? 8 : 1, most = kMaxHidden / unit;
  const auto of = [&](Index units) {
    SequenceOptions each = model;
    each.hidden = units * unit;
    return count(each);
  };
  // The number of parameters grows with the size: it is doubled, then the interval halved.
  Index low = 1, high = 2;
  while (high < most && of(high) < target) low = high, high *= 2;
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    (of(middle) <= target ? low : high) = middle;
  }
  const Index below = of(low), above = of(high);
  const bool lower = std::abs(below - target) <= std::abs(above - target);
  model.hidden = unit * (lower ? low : high);
  Index found = lower ? below : above;
  if (attends(model.kind)) {  // each column of the feed-forward part has as many parameters
    model.feed_forward = 4 * model.hidden + 1;
    const Index column = std::max<Index>(count(model) - found, 1);
    model.feed_forward = std::max<Index>(4 * model.hidden + (target - found) / column, 1);
    found = count(model);
  }
  unroll::check(std::abs(found - target) <= target / 10,
                "{}: a number of parameters that {} can have was required: got {}, the nearest "
                "is {}",
                option, model.kind, target, found);
  return found;
}

void choose_size(SequenceOptions& model, const SizeChoice& size, const SequenceOptions& reference,
                 const std::function<Index(const SequenceOptions&)>& count) {
  if (size.parameters == 0 && !size.equal) return;
  const Index target = size.equal ? count(reference) : size.parameters;
  const Index found =
      fit_size(model, target, size.equal ? "--equal-parameters" : "--parameters", count);
  say("{}: {} parameters with --hidden {} ({} wanted).\n", model.kind, found, model.hidden, target);
}

}  // namespace program
