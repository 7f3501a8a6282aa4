#include <unroll/optim/optimizer.h>
#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/threads.h>

#include <cmath>

namespace unroll::optim {

Optimizer::Optimizer(NamedParams params, double given_lr, double weight_decay,
                     std::vector<Group> groups, int memories)
    : lr(given_lr), params_(std::move(params)) {
  check(lr >= 0, "optimizer: a learning rate of at least 0 was required: got {}", lr);
  check(weight_decay >= 0, "optimizer: a weight decay of at least 0 was required: got {}",
        weight_decay);
  check(!params_.empty(), "optimizer: at least one parameter was required: got none");
  std::set<std::string> matched;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    const NamedParam& p = params_[i];
    check(place_.emplace(p.param->id(), i).second,
          "optimizer: each parameter once was required: {} came twice", p.name);
    Slot slot{1, weight_decay, {}};
    for (const Group& group : groups)
      if (p.name.find(group.match) != std::string::npos) {
        slot.lr_scale = group.lr_scale, slot.weight_decay = group.weight_decay;
        matched.insert(group.match);
        break;
      }
    for (int k = 0; k < memories; ++k)
      slot.memory.push_back(Tensor::zeros(p.param->value().shape(), p.param->value().dtype()));
    slots_.push_back(std::move(slot));
  }
  for (const Group& group : groups)
    check(matched.count(group.match) > 0,
          "optimizer: a group that matches some parameter was required: \"{}\" matches none",
          group.match);
}

void Optimizer::step(const Gradients& gradients) {
  for (const auto& [id, gradient] : gradients.entries()) {
    const auto found = place_.find(id);
    if (found == place_.end()) {
      const Shape& shape = gradient.is_rows() ? gradient.rows.shape : gradient.dense.shape();
      fail(
          "optimizer: gradients of its own parameters were required: got one of shape {} for a "
          "parameter that it does not know "
          "(it knows {}, ...)",
          shape, params_.front().name);
    }
    const NamedParam& p = params_[found->second];
    const Tensor& g = gradient.is_rows() ? gradient.rows.values : gradient.dense;
    const Shape& shape = gradient.is_rows() ? gradient.rows.shape : g.shape();
    check(shape == p.param->value().shape() && g.dtype() == p.param->value().dtype(),
          "optimizer: a gradient of shape {} was required for {}: got {}", p.param->value().shape(),
          p.name, shape);
  }
  ++steps_;
  const kernels::FlushDenormals flush;
  const kernels::Update base = settings(steps_);
  for (const auto& [id, gradient] : gradients.entries()) {
    const std::size_t i = place_.at(id);
    if (!params_[i].param->trainable) continue;
    Slot& slot = slots_[i];
    kernels::Update u = base;
    u.lr = lr * slot.lr_scale;
    u.weight_decay = slot.weight_decay;
    Tensor& value = params_[i].param->mutable_value();
    const DType dtype = value.dtype();
    const auto at = [&](Tensor& t, Index offset) -> void* {
      return dispatch(dtype, [&]<class T>() -> void* { return t.data<T>() + offset; });
    };
    const auto range = [&](Index offset, const Tensor& g, Index g_offset, Index n) {
      void* memory[4] = {};
      for (std::size_t k = 0; k < slot.memory.size(); ++k) memory[k] = at(slot.memory[k], offset);
      const void* from =
          dispatch(dtype, [&]<class T>() -> const void* { return g.data<T>() + g_offset; });
      update(u, dtype, at(value, offset), from, memory, n);
    };
    if (gradient.is_rows()) {
      const Tensor rows = gradient.rows.values.contiguous();
      const Index dim = value.shape()[1];
      for (Index k = 0; k < gradient.rows.rows.numel(); ++k)
        range(gradient.rows.rows[k] * dim, rows, k * dim, dim);
      continue;
    }
    const Tensor g = gradient.dense.contiguous();
    constexpr Index kTask = Index{1} << 16;
    parallel_for((value.numel() + kTask - 1) / kTask, [&](Index task) {
      const kernels::FlushDenormals flush_here;
      range(task * kTask, g, task * kTask, std::min(kTask, value.numel() - task * kTask));
    });
  }
}

State Optimizer::state() const {
  State out;
  out["steps"] = Tensor::scalar(static_cast<double>(steps_), f64);
  out["lr"] = Tensor::scalar(lr, f64);
  for (std::size_t i = 0; i < params_.size(); ++i)
    for (std::size_t k = 0; k < slots_[i].memory.size(); ++k)
      out[params_[i].name + "." + std::to_string(k)] = slots_[i].memory[k].clone();
  return out;
}

void Optimizer::set_state(const State& given) {
  const State expected = state();
  for (const auto& [name, tensor] : expected) {
    const auto found = given.find(name);
    check(found != given.end(),
          "optimizer state: an entry \"{}\" was required: got none of that name", name);
    check(found->second.shape() == tensor.shape() && found->second.dtype() == tensor.dtype(),
          "optimizer state: \"{}\" of shape {} and type {} was required: got {} of {}", name,
          tensor.shape(), name_of(tensor.dtype()), found->second.shape(),
          name_of(found->second.dtype()));
  }
  for (const auto& [name, tensor] : given)
    check(expected.count(name) > 0,
          "optimizer state: entries of this optimiser were required: got an unknown \"{}\"", name);
  steps_ = static_cast<Index>(given.at("steps").item());
  lr = given.at("lr").item();
  for (std::size_t i = 0; i < params_.size(); ++i)
    for (std::size_t k = 0; k < slots_[i].memory.size(); ++k)
      slots_[i].memory[k] = given.at(params_[i].name + "." + std::to_string(k)).clone();
}

// --- the optimisers ---

namespace {
// Runs f with pointers of the right type.
template <class F>
void typed(DType dtype, void* value, const void* gradient, void* const* memory, F&& f) {
  dispatch(dtype, [&]<class T>() {
    T* m[4];
    for (int k = 0; k < 4; ++k) m[k] = static_cast<T*>(memory[k]);
    f(static_cast<T*>(value), static_cast<const T*>(gradient), m);
  });
}
}  // namespace

SGD::SGD(NamedParams params, const SGDOptions& o)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups, o.momentum != 0 ? 1 : 0), o_(o) {
  check(!o.nesterov || o.momentum > 0,
        "SGD: a momentum above 0 was required for Nesterov's: got {}", o.momentum);
}
kernels::Update SGD::settings(Index) const {
  return {.momentum = o_.momentum, .nesterov = o_.nesterov};
}
void SGD::update(const kernels::Update& u, DType dtype, void* value, const void* gradient,
                 void* const* memory, Index n) const {
  typed(dtype, value, gradient, memory,
        [&](auto* x, auto* g, auto** m) { kernels::sgd(u, x, g, m[0], n); });
}

RMSprop::RMSprop(NamedParams params, const RMSpropOptions& o)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups,
                1 + (o.centered ? 1 : 0) + (o.momentum != 0 ? 1 : 0)),
      o_(o) {}
kernels::Update RMSprop::settings(Index) const {
  return {.momentum = o_.momentum, .alpha = o_.alpha, .eps = o_.eps};
}
void RMSprop::update(const kernels::Update& u, DType dtype, void* value, const void* gradient,
                     void* const* memory, Index n) const {
  typed(dtype, value, gradient, memory, [&](auto* x, auto* g, auto** m) {
    kernels::rmsprop(u, x, g, m[0], o_.centered ? m[1] : nullptr,
                     o_.momentum != 0 ? m[o_.centered ? 2 : 1] : nullptr, n);
  });
}

Adagrad::Adagrad(NamedParams params, const AdagradOptions& o)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups, 1), o_(o) {}
kernels::Update Adagrad::settings(Index) const { return {.eps = o_.eps}; }
void Adagrad::update(const kernels::Update& u, DType dtype, void* value, const void* gradient,
                     void* const* memory, Index n) const {
  typed(dtype, value, gradient, memory,
        [&](auto* x, auto* g, auto** m) { kernels::adagrad(u, x, g, m[0], n); });
}

Adam::Adam(NamedParams params, const AdamOptions& o, bool decoupled)
    : Optimizer(std::move(params), o.lr, o.weight_decay, o.groups, 2),
      o_(o),
      decoupled_(decoupled) {
  check(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1,
        "Adam: betas in [0, 1) were required: got {} and {}", o.beta1, o.beta2);
}
kernels::Update Adam::settings(Index step) const {
  const auto t = static_cast<double>(step);
  return {.decoupled = decoupled_,
          .eps = o_.eps,
          .beta1 = o_.beta1,
          .beta2 = o_.beta2,
          .correction1 = 1 - std::pow(o_.beta1, t),
          .correction2 = 1 - std::pow(o_.beta2, t)};
}
void Adam::update(const kernels::Update& u, DType dtype, void* value, const void* gradient,
                  void* const* memory, Index n) const {
  typed(dtype, value, gradient, memory,
        [&](auto* x, auto* g, auto** m) { kernels::adam(u, x, g, m[0], m[1], n); });
}

// --- clipping ---

double clip_norm(Gradients& gradients, double limit) {
  check(limit > 0, "clip_norm: a limit above 0 was required: got {}", limit);
  double squares = 0;
  for (const auto& [id, g] : gradients.entries()) {
    const Tensor& values = g.is_rows() ? g.rows.values : g.dense;
    squares += sum(square(values)).item();
  }
  const double norm = std::sqrt(squares);
  if (norm > limit) gradients *= limit / (norm + 1e-6);
  return norm;
}

void clip_value(Gradients& gradients, double limit) {
  check(limit > 0, "clip_value: a limit above 0 was required: got {}", limit);
  for (auto& [id, g] : gradients.entries()) {
    Tensor& values = g.is_rows() ? g.rows.values : g.dense;
    values = apply(kernels::Unary::clamp, values, -limit, limit);
  }
}

}  // namespace unroll::optim
