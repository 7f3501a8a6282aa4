// Optimisers: they take the gradients that backward returned and change the parameters.
//
//   optim::Adam adam(nn::parameters(model), {.lr = 1e-3});
//   adam.step(tape.backward(loss));
//
// Formulas and defaults are PyTorch's. A parameter for which there is a gradient but which the
// optimiser does not know is an error that names it. Gradients of embedding tables change only the
// rows that were used (see Optimizer::step).
//
// A run that is to be resumed bit by bit saves four things: the parameters (nn::save), the state()
// of the optimiser and that of the schedule if it has one (save_safetensors), and where its
// Generators stand (seed() and position(), as metadata of one of the files).
#pragma once

#include <unroll/autograd/gradients.h>
#include <unroll/optim/schedule.h>

#include <optional>
#include <span>

namespace unroll::optim {

// Some parameters with settings of their own: those whose name contains `match`, but for those that
// an earlier group has taken. What is not set is the optimiser's.
struct Group {
  std::string match;
  double lr_scale = 1;  // times the optimiser's lr
  std::optional<double> weight_decay = {};
};

// What all optimisers share. One of your own says how a parameter changes:
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

  // Changes every parameter that has a gradient. A table with gradients of some rows has only these
  // rows changed, with their own part of the memory: rows without a gradient neither decay nor move
  // on by momentum (as PyTorch's SparseAdam has it). A parameter without a gradient is left as it
  // is, and its own number of steps too.
  void step(const Gradients& gradients);

  double lr = 0;
  Index steps() const { return steps_; }
  const NamedParams& params() const { return params_; }

  // The memory (momentum, second moments, ...), lr, the number of steps, and the number of steps of
  // each parameter ("NAME.steps"); set_state refuses what does not fit. A state saved before the
  // parameters had numbers of their own is read as if each had taken every step.
  State state() const;
  void set_state(const State& state);

 protected:
  // What an optimiser remembers of each element.
  struct Memories {
    int count = 0;
    int squares = -1;  // which of them is a mean or sum of squares, never below 0; -1: none
  };
  Optimizer(NamedParams params, double lr, double weight_decay, const std::vector<Group>& groups,
            Memories memories);
  // What one step of one parameter is made with.
  struct Step {
    double lr, weight_decay;  // with its group's settings
    Index number;             // 1 for this parameter's first
  };
  // Changes `value` and the memory by the gradient, all of one shape and type and contiguous: by
  // writing into them or by assigning (value = value - gradient * step.lr). Of a table some of
  // whose rows have gradients it is called for runs of these rows, [K, D].
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

struct SGDOptions {
  double lr = 0.01, momentum = 0, weight_decay = 0;
  bool nesterov = false;
  std::vector<Group> groups = {};
};
class SGD : public Optimizer {
 public:
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
class RMSprop : public Optimizer {
 public:
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
// Duchi et al. 2011.
class Adagrad : public Optimizer {
 public:
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
// Kingma and Ba 2015; weight decay is added to the gradient.
class Adam : public Optimizer {
 public:
  explicit Adam(NamedParams params, const AdamOptions& options = {})
      : Adam(std::move(params), options, false) {}

 protected:
  Adam(NamedParams params, const AdamOptions& options, bool decoupled);
  void update(Tensor& value, const Tensor& gradient, std::span<Tensor> memory,
              const Step& step) override;

 private:
  AdamOptions o_;
  bool decoupled_;
};
struct AdamWOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.01;
  std::vector<Group> groups = {};
};
// Loshchilov and Hutter 2019: weight decay apart from the gradient.
class AdamW : public Adam {
 public:
  explicit AdamW(NamedParams params, const AdamWOptions& o = {})
      : Adam(std::move(params), {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.groups}, true) {}
};

// Scales all gradients so that their common 2-norm is at most `limit`; returns the norm before,
// which neither overflows nor underflows where it is a number of f64 itself. If it is NaN or
// infinite, the gradients are left as they are.
double clip_norm(Gradients& gradients, double limit);
// Brings every number into [-limit, limit].
void clip_value(Gradients& gradients, double limit);

}  // namespace unroll::optim
