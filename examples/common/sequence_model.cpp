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
  Index layers;  // by default
};
// In the order of the variants.
constexpr Kind kKinds[] = {{"rnn", 1},     {"lstm", 1},  {"gru", 1},  {"mingru", 2},
                           {"minlstm", 2}, {"rglru", 2}, {"mamba", 2}};

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

nn::Mamba mamba(const SequenceOptions& o) {
  return nn::Mamba({.dim = o.hidden, .layers = layers_of(o), .dropout = o.dropout});
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

Index layers_of(const SequenceOptions& o) {
  const Kind& kind = kind_of(o.kind);
  return o.layers != 0 ? o.layers : kind.layers;
}

MambaLayers::MambaLayers(const SequenceOptions& o) : forward(mamba(o)) {
  unroll::check(o.variational_dropout == 0,
                "mamba: no variational dropout was required: got a probability of {}",
                o.variational_dropout);
  if (o.in != o.hidden) input.emplace(nn::Linear::Options{.in = o.in, .out = o.hidden});
  if (o.bidirectional) backward.emplace(mamba(o));
}

nn::Mamba::Result MambaLayers::operator()(const nn::Gathered& x,
                                          const std::vector<State>& initial) const {
  const nn::Gathered read = input ? (*input)(x) : x;
  nn::Mamba::Result out = forward(read, initial);
  if (backward) {
    const nn::Mamba::Result other = (*backward)(read, {}, {.reverse = true});
    out.sequence.rows =
        unroll::concat(std::vector<Var>{out.sequence.rows, other.sequence.rows}, -1);
    out.top = unroll::concat(std::vector<Var>{out.top, other.top}, -1);
    out.state.clear();
  }
  return out;
}

Var MambaLayers::step(const Var& x, std::vector<State>& state) const {
  return forward.step(input ? (*input)(x) : x, state);
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
  if (o.kind == "rglru") return recurrent<nn::RGLRU>(o);
  return MambaLayers(o);
}

SequenceModel::SequenceModel(const Options& options)
    : options_(options), layer_(layer_of(options)) {}

void SequenceModel::check_one_direction(const char* what) const {
  unroll::check(!options_.bidirectional,
                "{}: a model of one direction was required to {}: got a bidirectional one",
                options_.kind, what);
}

SequenceModel::Result SequenceModel::operator()(const nn::Gathered& x, const State& initial) const {
  if (!initial.empty()) check_one_direction("continue from a state");
  return std::visit(
      [&](const auto& layer) {
        using Of = State::Of<std::decay_t<decltype(layer)>>;
        const Of* of = std::get_if<Of>(&initial.of_);
        unroll::check(of != nullptr || initial.empty(),
                      "{}: a state of this kind was required: got one of another", options_.kind);
        auto out = layer(x, of != nullptr ? *of : Of());
        Result result{std::move(out.sequence), {}, std::move(out.top)};
        if (!options_.bidirectional) result.state.of_ = std::move(out.state);
        return result;
      },
      layer_);
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
        if constexpr (!std::is_same_v<std::decay_t<decltype(of)>, std::monostate>)
          for (auto& state : of)
            nn::each_part(state, [&](Var& part) { part = index_select(part, 0, rows); });
      },
      out.of_);
  return out;
}

SequenceModel::State SequenceModel::State::detach() const {
  State out = *this;
  std::visit(
      [&](auto& of) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(of)>, std::monostate>)
          for (auto& state : of) state = nn::detach(state);
      },
      out.of_);
  return out;
}

std::vector<unroll::optim::Group> without_decay(const SequenceOptions& o) {
  if (o.kind != "mamba") return {};
  return {{.match = ".a_log", .weight_decay = 0}, {.match = ".d", .weight_decay = 0}};
}

void declare_kind(CLI::App& app, std::string& kind, const KindOption& option) {
  std::vector<std::string> all = sequence_kinds();
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

void declare_layers(CLI::App& app, Index& layers) {
  add_number(app, "--layers", layers, 1, 100,
             "Number of layers (default: 1 for rnn, lstm and gru,\n2 for the others)");
}

void declare_size(CLI::App& app, SizeChoice& size, const std::string& reference) {
  add_number(app, "--parameters", size.parameters, 1, 1u << 30,
             "Choose --hidden so that the whole model has about N parameters");
  app.add_flag("--equal-parameters", size.equal,
               fmt::format("Choose --hidden so that the whole model has as many parameters as {}",
                           reference))
      ->disable_flag_override();
}

void choose_size(SequenceOptions& model, const SizeChoice& size, const SequenceOptions& reference,
                 const std::function<Index(const SequenceOptions&)>& count) {
  if (size.parameters == 0 && !size.equal) return;
  unroll::check(size.parameters == 0 || !size.equal,
                "--parameters: no --equal-parameters was required: got both");
  const Index target = size.equal ? count(reference) : size.parameters;
  const auto of = [&](Index hidden) {
    SequenceOptions each = model;
    each.hidden = hidden;
    return count(each);
  };
  // The number of parameters grows with the size: it is doubled, then the interval halved.
  constexpr Index kMost = 1 << 16;
  Index low = 1, high = 2;
  while (high < kMost && of(high) < target) low = high, high *= 2;
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    (of(middle) <= target ? low : high) = middle;
  }
  const Index below = of(low), above = of(high);
  const bool lower = std::abs(below - target) <= std::abs(above - target);
  model.hidden = lower ? low : high;
  const Index found = lower ? below : above;
  unroll::check(std::abs(found - target) <= target / 10,
                "--{}: a number of parameters that {} can have was required: got {}, the nearest "
                "is {}",
                size.equal ? "equal-parameters" : "parameters", model.kind, target, found);
  say("{}: {} parameters with --hidden {} ({} wanted).\n", model.kind, found, model.hidden, target);
}

}  // namespace program
