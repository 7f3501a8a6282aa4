// Optimizers update the parameters with the gradients that backward returned.
//
//   optim::Adam adam(nn::parameters(model), {.lr = 1e-3});
//   adam.step(tape.backward(loss));
//
// Formulas and defaults are PyTorch's. A gradient of a parameter that the optimizer does not know
// is an error that names the parameter. For embedding tables, only the rows that were used are
// updated (see Optimizer::step).
//
// To resume a run exactly, save four things: the parameters (nn::save), the state() of the
// optimizer and of a ReduceOnPlateau schedule (save_safetensors), and the state of the Generators
// (seed() and position(), for example in the metadata of one of the files).
#pragma once

#include <unroll/autograd/gradients.h>
#include <unroll/optim/schedule.h>

#include <optional>
#include <span>

namespace unroll::optim {

// Settings for some parameters: those whose name contains `match` and that no earlier group
// matched. Settings left out are the optimizer's.
struct Group {
  std::string match;
  double lr_scale = 1;  // factor of the optimizer's lr
  std::optional<double> weight_decay = {};
};

// The base of all optimizers. Your own optimizer overrides update():
//
//   class Lion : public optim::Optimizer {
//    public:
//     Lion(NamedParams params, double rate)
//         : Optimizer(std::move(params), rate, 0, {}, {.count = 1}) {}
//    protected:
//     void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
//                 const Step& step) override {
//       const Tensor mixed = memory[0] * 0.9 + gradient * 0.1;
//       value -= (less(0.0, mixed) - less(mixed, 0.0)) * step.lr;
//       memory[0] = memory[0] * 0.99 + gradient * 0.01;
//     }
//   };
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(Optimizer&&) = default;

  // Updates every parameter that has a gradient. For a table with gradients of some rows, only
  // these rows and their optimizer state change; the other rows get neither weight decay nor
  // momentum (as in PyTorch's SparseAdam). A parameter without a gradient is not changed and its
  // step is not counted. Throws std::invalid_argument if a gradient belongs to an unknown
  // parameter.
  void step(const Gradients& gradients);

  double lr = 0;                                         // the learning rate of the next step
  Index steps() const { return steps_; }                 // how often step() was called
  const NamedParams& params() const { return params_; }  // as given, without buffers of ids

  // The optimizer state: memory (momentum, second moments, ...), lr, the number of steps, and the
  // number of steps of each parameter ("NAME.steps"). set_state throws if names or shapes do not
  // fit. For a state without "NAME.steps", from older versions, each parameter is taken to have
  // done every step.
  State state() const;
  void set_state(const State& state);

 protected:
  // The values that an optimizer keeps for each element.
  struct Memories {
    int count = 0;
    int squares = -1;  // index of the one that holds squares (never below 0); -1: none
  };
  Optimizer(NamedParams params, double lr, double weight_decay, const std::vector<Group>& groups,
            Memories memories);
  // The arguments of one step for one parameter.
  struct Step {
    double lr, weight_decay;  // including the settings of its group
    Index number;             // 1 for the first step of this parameter
  };
  // Updates `value` and `memory` with the gradient, by writing to them or by assigning (value =
  // value - gradient * step.lr). All have the same shape and dtype and are contiguous. For a table
  // with gradients of some rows it is called for blocks of these rows, [K, D].
  virtual void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
                      const Step& step) = 0;

 private:
  struct Slot {
    double lr_scale = 1, weight_decay = 0;
    Index steps = 0;
    std::vector<Tensor> memory;
  };
  [[noreturn]] void refuse_unknown(const Gradient& gradient) const;

  NamedParams params_;
  std::vector<Slot> slots_;
  std::map<std::uint64_t, std::size_t> place_;
  Index steps_ = 0;
  int squares_ = -1;
};

// The optimizers. x is a parameter, g its gradient, to which weight_decay x is added first (except
// by AdamW). Constructors throw std::invalid_argument if an option is out of range, a group matches
// no parameter, or the list has no parameter or one twice.

struct SGDOptions {
  double lr = 0.01, momentum = 0, weight_decay = 0;
  bool nesterov = false;
  std::vector<Group> groups = {};
};
// m = momentum m + g;  x -= lr m, or with Nesterov's momentum x -= lr (g + momentum m).
class SGD : public Optimizer {
 public:
  using Options = SGDOptions;
  explicit SGD(NamedParams params, const SGDOptions& options = {});

 protected:
  void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
              const Step& step) override;

 private:
  SGDOptions o_;
};

struct RMSpropOptions {
  double lr = 0.01, alpha = 0.99, eps = 1e-8, momentum = 0, weight_decay = 0;
  bool centered = false;
  std::vector<Group> groups = {};
};
// v = alpha v + (1 - alpha) g^2;  x -= lr g / (sqrt(v) + eps). `centered` subtracts the squared
// mean of g from v. Hinton 2012.
class RMSprop : public Optimizer {
 public:
  using Options = RMSpropOptions;
  explicit RMSprop(NamedParams params, const RMSpropOptions& options = {});

 protected:
  void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
              const Step& step) override;

 private:
  RMSpropOptions o_;
};

struct AdagradOptions {
  double lr = 0.01, eps = 1e-10, weight_decay = 0;
  std::vector<Group> groups = {};
};
// v = v + g^2;  x -= lr g / (sqrt(v) + eps). Duchi et al. 2011.
class Adagrad : public Optimizer {
 public:
  using Options = AdagradOptions;
  explicit Adagrad(NamedParams params, const AdagradOptions& options = {});

 protected:
  void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
              const Step& step) override;

 private:
  AdagradOptions o_;
};

struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  std::vector<Group> groups = {};
};
// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  x -= lr m' / (sqrt(v') + eps), with
// m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t) at step t of the parameter. Kingma and Ba 2015.
class Adam : public Optimizer {
 public:
  using Options = AdamOptions;
  explicit Adam(NamedParams params, const AdamOptions& options = {})
      : Adam(std::move(params), options, Decay::gradient) {}

 protected:
  enum class Decay { gradient, decoupled };
  Adam(NamedParams params, const AdamOptions& options, Decay decay);
  void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
              const Step& step) override;

 private:
  AdamOptions o_;
  Decay decay_;
};
struct AdamWOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
  std::vector<Group> groups = {};
};
// Adam with x -= lr weight_decay x before each step, instead of a larger g. Loshchilov and Hutter
// 2019.
class AdamW : public Adam {
 public:
  using Options = AdamWOptions;
  explicit AdamW(NamedParams params, const AdamWOptions& o = {})
      : Adam(std::move(params), {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.groups},
             Decay::decoupled) {}
};

// Scales all gradients so that their 2-norm (over all of them together) is at most `limit`, and
// returns the norm before. The norm does not overflow or underflow if f64 can represent it. If it
// is NaN or infinite, the gradients are not changed. Throws unless limit is above 0.
double clip_norm(Gradients& gradients, double limit);
// Clamps every element to [-limit, limit]. Throws unless limit is above 0.
void clip_value(Gradients& gradients, double limit);

}  // namespace unroll::optim
