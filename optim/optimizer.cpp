#include <unroll/optim/optimizer.h>
#include <unroll/tensor/kernels/optimise.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/rows.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace unroll::optim {

namespace {
bool matches(const Group& group, const NamedParam& p) {
  return p.name.find(group.match) != std::string::npos;
}

// Whether it is a valid setting: at least 0 and finite in f32.
bool is_setting(double x) { return x >= 0 && x <= std::numeric_limits<float>::max(); }
void check_lr(double lr) {
  check(is_setting(lr), "optimizer: a finite learning rate of at least 0 was required: got {}", lr);
}
bool is_count(double n) { return n >= 0 && n < 0x1p53 && n == std::floor(n); }
}  // namespace

Optimizer::Optimizer(NamedParams params, double given_lr, double weight_decay,
                     const std::vector<Group>& groups, Memories memories)
    : lr(given_lr), params_(std::move(params)), squares_(memories.squares) {
  // Buffers of ids may be in the list (nn::state) but have no gradient.
  std::erase_if(params_, [](const NamedParam& p) { return p.param && p.param->role == Role::ids; });
  check_lr(lr);
  check(is_setting(weight_decay),
        "optimizer: a finite weight decay of at least 0 was required: got {}", weight_decay);
  check(!params_.empty(), "optimizer: at least one parameter was required: got none");
  for (const Group& group : groups)
    check(is_setting(group.lr_scale) && is_setting(group.weight_decay.value_or(weight_decay)),
          "optimizer: a finite scale and weight decay of at least 0 were required for the group "
          "\"{}\": got {} and {}",
          group.match, group.lr_scale, group.weight_decay.value_or(weight_decay));
  std::vector<bool> used(groups.size());
  std::set<std::string> names;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    const NamedParam& p = params_[i];
    check(p.param != nullptr,
          "optimizer: parameters with a value were required: got an undefined \"{}\"", p.name);
    check(place_.emplace(p.param->id(), i).second,
          "optimizer: each parameter once was required: {} came twice", p.name);
    // The optimizer's state is saved under the parameter names, so they must be unique.
    check(names.insert(p.name).second,
          "optimizer: names that differ were required: two parameters are called \"{}\"", p.name);
    Slot slot;
    slot.weight_decay = weight_decay;
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return matches(g, p); });
    if (group != groups.end()) {
      slot.lr_scale = group->lr_scale;
      slot.weight_decay = group->weight_decay.value_or(weight_decay);
      used[static_cast<std::size_t>(group - groups.begin())] = true;
    }
    for (int k = 0; k < memories.count; ++k)
      slot.memory.push_back(Tensor::zeros(p.param->value().shape(), p.param->value().dtype()));
    slots_.push_back(std::move(slot));
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (used[i]) continue;
    const bool taken = std::any_of(params_.begin(), params_.end(),
                                   [&](const NamedParam& p) { return matches(groups[i], p); });
    fail("optimizer: a group that matches some parameter was required: \"{}\" matches {}",
         groups[i].match, taken ? "only what earlier groups have taken" : "none");
  }
}

void Optimizer::refuse_unknown(const Gradient& gradient) const {
  std::string what = "a Var from Tape::watch", why;
  if (gradient.param) {
    const std::string name = gradient.param->name();
    what = name.empty() ? "a parameter that nn::parameters() has not listed"
                        : fmt::format("\"{}\"", name);
    for (const NamedParam& p : params_)
      if (p.name == name)
        why = "; the one it knows under this name is another (was the model copied since?)";
  }
  fail(
      "optimizer: gradients of its {} parameters (\"{}\" ...) alone were required: got one of {} "
      "{}{}",
      params_.size(), params_.front().name, what, gradient.shape(), why);
}

namespace {

void check_updated(const Tensor& t, const Tensor& like, const std::string& name) {
  check(t.defined() && t.shape() == like.shape() && t.dtype() == like.dtype(),
        "optimizer: update was required to leave shape {} and type {} of \"{}\": got {}",
        like.shape(), name_of(like.dtype()), name,
        t.defined() ? fmt::format("{} of {}", t.shape(), name_of(t.dtype())) : "an undefined one");
}

// Stores the result of update(), copying it if it is assigned from another tensor.
void take(Tensor& to, Tensor& now) {
  to = std::move(now);
  if (!to.is_unique() || !to.is_contiguous()) to = to.clone();
}

// Copies the result of update() for some rows back to the table, unless it was written in place.
void put_back(const Tensor& now, Tensor place) {
  if (!now.shares_storage_with(place)) place.copy_(now);
}

}  // namespace

void Optimizer::step(const Gradients& gradients) {
  check(!params_.empty(), "optimizer: one with parameters was required: got one moved from");
  check_lr(lr);
  for (const auto& [id, gradient] : gradients.entries()) {
    const auto found = place_.find(id);
    if (found == place_.end()) refuse_unknown(gradient);
    const NamedParam& p = params_[found->second];
    const Tensor& value = p.param->value();
    check(gradient.shape() == value.shape() && gradient.values().dtype() == value.dtype(),
          "optimizer: a gradient of shape {} and type {} was required for {}: got {} of {}",
          value.shape(), name_of(value.dtype()), p.name, gradient.shape(),
          name_of(gradient.values().dtype()));
  }
  ++steps_;
  const kernels::FlushDenormals flush;
  Tensor now;
  std::vector<Tensor> memory;
  for (const auto& [id, gradient] : gradients.entries()) {
    const std::size_t i = place_.at(id);
    if (!params_[i].param->trainable) continue;
    Slot& slot = slots_[i];
    const Step with{lr * slot.lr_scale, slot.weight_decay, ++slot.steps};
    Tensor& value = params_[i].param->mutable_value();
    // update() works on handles, so that nothing is changed if its results do not fit.
    const auto updated = [&](const Tensor& g) {
      update(now, g, memory, with);
      check_updated(now, g, params_[i].name);
      for (const Tensor& m : memory) check_updated(m, g, params_[i].name);
    };
    if (!gradient.is_rows()) {
      now = value;
      memory.assign(slot.memory.begin(), slot.memory.end());
      updated(gradient.dense.contiguous());
      take(value, now);
      for (std::size_t k = 0; k < memory.size(); ++k) take(slot.memory[k], memory[k]);
      continue;
    }
    const Tensor rows = gradient.rows.values.contiguous();
    const IndexTensor& ids = gradient.rows.rows;
    for (Index begin = 0, end = 0; begin < ids.numel(); begin = end) {
      while (end < ids.numel() && ids[end] - ids[begin] == end - begin) ++end;  // consecutive rows
      const auto part = [&](const Tensor& t) { return t.narrow(0, ids[begin], end - begin); };
      now = part(value);
      memory.clear();
      for (const Tensor& m : slot.memory) memory.push_back(part(m));
      updated(rows.narrow(0, begin, end - begin));
      put_back(now, part(value));
      for (std::size_t k = 0; k < memory.size(); ++k) put_back(memory[k], part(slot.memory[k]));
    }
  }
}

State Optimizer::state() const {
  State out;
  out["steps"] = Tensor::scalar(static_cast<double>(steps_), f64);
  out["lr"] = Tensor::scalar(lr, f64);
  for (std::size_t i = 0; i < params_.size(); ++i) {
    const std::string& name = params_[i].name;
    out[name + ".steps"] = Tensor::scalar(static_cast<double>(slots_[i].steps), f64);
    for (std::size_t k = 0; k < slots_[i].memory.size(); ++k)
      out[name + "." + std::to_string(k)] = slots_[i].memory[k].clone();
  }
  return out;
}

void Optimizer::set_state(const State& state_given) {
  State given = state_given;
  const auto lacks_steps = [&](const NamedParam& p) { return !given.count(p.name + ".steps"); };
  if (given.count("steps") && std::all_of(params_.begin(), params_.end(), lacks_steps))
    for (const NamedParam& p : params_) given[p.name + ".steps"] = given["steps"];
  const State expected = state();
  for (const auto& [name, tensor] : expected) {
    const auto found = given.find(name);
    check(found != given.end(),
          "optimizer state: an entry \"{}\" was required: got none of that name", name);
    check(found->second.defined(),
          "optimizer state: a value was required of \"{}\": got an undefined one", name);
    check(found->second.shape() == tensor.shape() && found->second.dtype() == tensor.dtype(),
          "optimizer state: \"{}\" of shape {} and type {} was required: got {} of {}", name,
          tensor.shape(), name_of(tensor.dtype()), found->second.shape(),
          name_of(found->second.dtype()));
  }
  for (const auto& [name, tensor] : given)
    check(expected.count(name) > 0,
          "optimizer state: entries of this optimizer were required: got an unknown \"{}\"", name);
  const double steps = given.at("steps").item(), rate = given.at("lr").item();
  check(is_count(steps), "optimizer state: a whole number of \"steps\" was required: got {}",
        steps);
  check(is_setting(rate), "optimizer state: a finite \"lr\" of at least 0 was required: got {}",
        rate);
  for (const NamedParam& p : params_) {
    const double own = given.at(p.name + ".steps").item();
    check(is_count(own) && own <= steps,
          "optimizer state: a whole number of \"{}.steps\", at most the {} of all, was required: "
          "got {}",
          p.name, steps, own);
    if (squares_ < 0) continue;
    const std::string name = p.name + "." + std::to_string(squares_);
    const Tensor& squares = given.at(name);
    if (squares.numel() == 0) continue;
    const double lowest = min(squares).item();
    check(lowest >= 0,
          "optimizer state: squares of at least 0 were required as \"{}\": got {} (the state of "
          "another optimizer, or damaged)",
          name, lowest);
  }
  steps_ = static_cast<Index>(steps);
  lr = rate;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    const std::string& name = params_[i].name;
    slots_[i].steps = static_cast<Index>(given.at(name + ".steps").item());
    for (std::size_t k = 0; k < slots_[i].memory.size(); ++k)
      slots_[i].memory[k] = given.at(name + "." + std::to_string(k)).clone();
  }
}

// --- the optimizers ---

namespace {
// Calls f(value, gradient, memory, n) for blocks of elements, on all threads.
template <class F>
void by_runs(Tensor& value, const Tensor& gradient, std::span<Tensor> memory, F&& f) {
  dispatch(value.dtype(), [&]<class T>() {
    T *x = value.data<T>(), *m[3] = {};
    const T* g = gradient.data<T>();
    for (std::size_t k = 0; k < memory.size(); ++k) m[k] = memory[k].data<T>();
    kernels::parallel_rows(value.numel(), 1, [&](Index from, Index n) {
      T* at[3] = {};
      for (std::size_t k = 0; k < memory.size(); ++k) at[k] = m[k] + from;
      f(x + from, g + from, at, n);
    });
  });
}
}  // namespace

SGD::SGD(NamedParams params, const SGDOptions& o)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups, {o.momentum != 0 ? 1 : 0}),
      o_(o) {
  check(is_setting(o.momentum), "SGD: a finite momentum of at least 0 was required: got {}",
        o.momentum);
  check(!o.nesterov || o.momentum > 0,
        "SGD: a momentum above 0 was required for Nesterov's: got {}", o.momentum);
}
void SGD::update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
                 const Step& step) {
  const kernels::Update u{.lr = step.lr,
                          .weight_decay = step.weight_decay,
                          .momentum = o_.momentum,
                          .nesterov = o_.nesterov};
  by_runs(value, gradient, memory,
          [&](auto* x, auto* g, auto** m, Index n) { kernels::sgd(u, x, g, m[0], n); });
}

RMSprop::RMSprop(NamedParams params, const RMSpropOptions& o)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups,
                {1 + (o.centered ? 1 : 0) + (o.momentum != 0 ? 1 : 0), 0}),
      o_(o) {
  check(o.alpha >= 0 && o.alpha <= 1 && is_setting(o.eps) && is_setting(o.momentum),
        "RMSprop: an alpha in [0, 1], a finite eps and momentum of at least 0 were required: got "
        "{}, {} and {}",
        o.alpha, o.eps, o.momentum);
}
void RMSprop::update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
                     const Step& step) {
  const kernels::Update u{.lr = step.lr,
                          .weight_decay = step.weight_decay,
                          .momentum = o_.momentum,
                          .alpha = o_.alpha,
                          .eps = o_.eps};
  by_runs(value, gradient, memory, [&](auto* x, auto* g, auto** m, Index n) {
    kernels::rmsprop(u, x, g, m[0], o_.centered ? m[1] : nullptr,
                     o_.momentum != 0 ? m[o_.centered ? 2 : 1] : nullptr, n);
  });
}

Adagrad::Adagrad(NamedParams params, const AdagradOptions& o)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups, {1, 0}), o_(o) {
  check(is_setting(o.eps), "Adagrad: a finite eps of at least 0 was required: got {}", o.eps);
}
void Adagrad::update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
                     const Step& step) {
  const kernels::Update u{.lr = step.lr, .weight_decay = step.weight_decay, .eps = o_.eps};
  by_runs(value, gradient, memory,
          [&](auto* x, auto* g, auto** m, Index n) { kernels::adagrad(u, x, g, m[0], n); });
}

Adam::Adam(NamedParams params, const AdamOptions& o, Decay decay)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups, {2, 1}), o_(o), decay_(decay) {
  check(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1,
        "Adam: betas in [0, 1) were required: got {} and {}", o.beta1, o.beta2);
  check(is_setting(o.eps), "Adam: a finite eps of at least 0 was required: got {}", o.eps);
}
void Adam::update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
                  const Step& step) {
  const auto t = static_cast<double>(step.number);
  const kernels::Update u{.lr = step.lr,
                          .weight_decay = step.weight_decay,
                          .decoupled = decay_ == Decay::decoupled,
                          .eps = o_.eps,
                          .beta1 = o_.beta1,
                          .beta2 = o_.beta2,
                          .correction1 = 1 - std::pow(o_.beta1, t),
                          .correction2 = 1 - std::pow(o_.beta2, t)};
  by_runs(value, gradient, memory,
          [&](auto* x, auto* g, auto** m, Index n) { kernels::adam(u, x, g, m[0], m[1], n); });
}

// --- clipping ---

namespace {
// The sum of (x / scale)^2.
double squares_of(const Tensor& x, double scale) {
  const Tensor source = x.contiguous();
  return dispatch(x.dtype(), [&]<class T>() {
    return kernels::sum_of_squares(source.data<T>(), source.numel(), scale);
  });
}

// The 2-norm over all gradients, scaled so that the squares fit f64.
double norm_of(const Gradients& gradients) {
  double squares = 0;
  for (const auto& [id, g] : gradients.entries()) squares += squares_of(g.values(), 1);
  if (std::isnan(squares) || (squares > 0x1p-900 && std::isfinite(squares)))
    return std::sqrt(squares);
  double largest = 0;
  for (const auto& [id, g] : gradients.entries())
    if (g.values().numel() > 0) largest = std::max(largest, max(abs(g.values())).item());
  if (largest == 0 || !std::isfinite(largest)) return largest;
  squares = 0;
  for (const auto& [id, g] : gradients.entries()) squares += squares_of(g.values(), largest);
  return largest * std::sqrt(squares);
}
}  // namespace

double clip_norm(Gradients& gradients, double limit) {
  check(limit > 0, "clip_norm: a limit above 0 was required: got {}", limit);
  const double norm = norm_of(gradients);
  // PyTorch divides by norm + 1e-6. For small norms the addend is made proportional, so that the
  // result still reaches the limit.
  if (norm > limit && std::isfinite(norm)) gradients *= limit / (norm + 1e-6 * std::min(norm, 1.0));
  return norm;
}

void clip_value(Gradients& gradients, double limit) {
  check(limit > 0, "clip_value: a limit above 0 was required: got {}", limit);
  for (auto& [id, g] : gradients.entries()) g.values() = clamp(g.values(), -limit, limit);
}

}  // namespace unroll::optim
