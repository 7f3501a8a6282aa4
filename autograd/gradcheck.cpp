#include <unroll/autograd/gradcheck.h>
#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>
#include <unroll/autograd/tape_state.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace unroll {
namespace {

std::string ops_on(const Tape& tape) {
  // The op names in a dump of the tape (between '=' and '('), each once.
  std::set<std::string> names;
  const std::string text = tape.dump();
  for (std::size_t at = 0; (at = text.find(" = ", at)) != std::string::npos; ++at)
    names.insert(text.substr(at + 3, text.find('(', at) - at - 3));
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// Compares analytic gradients with finite differences of `value`, a function of elements that can
// be set.
struct Comparison {
  const GradcheckOptions& options;
  std::string name;
  GradcheckResult result;

  void element(const std::string& input, Tensor& x, Index i, double analytic,
               const std::function<double()>& value) {
    double& number = x.data<double>()[i];
    const double before = number, h = options.step * std::max(1.0, std::abs(before));
    const auto at = [&](double shift) {
      number = before + shift;
      const double y = value();
      number = before;
      return y;
    };
    // Central differences with one Richardson extrapolation, so that a large third derivative is
    // not reported as an error.
    const double wide = (at(h) - at(-h)) / (2 * h), narrow = (at(h / 2) - at(-h / 2)) / h;
    const double numeric = (4 * narrow - wide) / 3;
    const double scale = std::max({1.0, std::abs(analytic), std::abs(numeric)});
    const double error = std::abs(analytic - numeric) / scale;
    if (error <= result.worst && !std::isnan(error)) return;
    result.worst = error;
    if (error <= options.tolerance) return;
    result.ok = false;
    result.message = fmt::format(
        "{}: the gradient of {}, element {}, is {:.12g}, finite differences give {:.12g}", name,
        input, i, analytic, numeric);
  }
};

void require_f64(const Tensor& x) {
  check(x.dtype() == f64, "gradcheck: inputs of type f64 were required: got {} {}",
        name_of(x.dtype()), x.shape());
}

// The inner product <f(x), u>.
double pair(const Tensor& y, const Tensor& u) { return sum(mul(y, u)).item(); }

GradcheckResult compare(const Function& f, const std::vector<Tensor>& given,
                        const GradcheckOptions& options, int order) {
  std::vector<Tensor> inputs;
  for (const Tensor& x : given) {
    require_f64(x);
    inputs.push_back(x.clone());
  }
  Comparison comparison{options, options.name, {}};
  Generator generator(options.seed + 1);
  Tensor u;
  std::vector<Tensor> analytic;
  {
    Tape tape;
    std::vector<Var> vars;
    for (const Tensor& x : inputs) vars.push_back(tape.watch(x));
    const Var y = f(vars);
    u = generator.uniform(y.shape(), 0.5, 1.5, f64);
    if (comparison.name.empty()) comparison.name = ops_on(tape);
    if (y.requires_grad()) {
      const GradientFlow flow;
      const Gradients g = tape.backward(y, {.seed = u});
      if (order == 1) flow.mark(vars, {}, 1);
      for (std::size_t i = 0; i < vars.size(); ++i)
        analytic.push_back(g.has(vars[i]) ? g[vars[i]].contiguous()
                                          : Tensor::zeros(inputs[i].shape(), f64));
    } else {
      for (const Tensor& x : inputs) analytic.push_back(Tensor::zeros(x.shape(), f64));
    }
  }
  // Finite differences need no gradient, but f may compute one itself (second order), which needs a
  // tape.
  const auto value = [&] {
    Tape tape;
    std::vector<Var> vars;
    for (const Tensor& x : inputs) vars.push_back(order == 1 ? Var(x) : tape.watch(x));
    return pair(f(vars).value(), u);
  };
  for (std::size_t k = 0; k < inputs.size(); ++k)
    for (Index i = 0; i < inputs[k].numel(); ++i)
      comparison.element(fmt::format("input {} {}", k, inputs[k].shape()), inputs[k], i,
                         std::as_const(analytic[k]).data<double>()[i], value);
  return comparison.result;
}

}  // namespace

GradcheckResult gradcheck(const Function& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options) {
  return compare(f, inputs, options, 1);
}

GradcheckResult gradgradcheck(const Function& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options) {
  // The first gradient as a function of the inputs and the cotangent, reduced to one value with
  // random weights.
  Generator generator(options.seed + 2);
  std::vector<Tensor> weights, extended = inputs;
  for (const Tensor& x : inputs) weights.push_back(generator.uniform(x.shape(), 0.5, 1.5, f64));
  extended.push_back(generator.uniform(f([&] {
                                         std::vector<Var> in;
                                         for (const Tensor& x : inputs) in.emplace_back(x);
                                         return in;
                                       }())
                                           .shape(),
                                       0.5, 1.5, f64));
  const Function first = [&](const std::vector<Var>& in) {
    std::vector<Var> x(in.begin(), in.end() - 1);
    const Var y = f(x);
    const Tensor zero = Tensor::scalar(0, f64);
    if (!y.requires_grad()) return Var(zero) * in.back();
    const GradientFlow flow;
    const std::vector<Var> g =
        grad(y, x, {.create_graph = true, .retain = true, .seed = in.back()});
    flow.mark(x, {}, 2);
    Var total = Var(zero);
    for (std::size_t i = 0; i < g.size(); ++i)
      if (g[i].defined()) total = total + sum(g[i] * weights[i]);
    return total;
  };
  return compare(first, extended, options, 2);
}

GradcheckResult gradcheck_params(const std::function<Var()>& f, const NamedParams& params,
                                 const GradcheckOptions& options) {
  Comparison comparison{options, options.name, {}};
  Generator generator(options.seed + 1);
  Tensor u;
  Gradients gradients;
  {
    Tape tape;
    const Var y = f();
    u = generator.uniform(y.shape(), 0.5, 1.5, f64);
    if (comparison.name.empty()) comparison.name = ops_on(tape);
    if (y.requires_grad()) {
      const GradientFlow flow;
      gradients = tape.backward(y, {.seed = u});
      flow.mark({}, params, 1);
    }
  }
  for (const NamedParam& p : params) {
    if (p.param->role == Role::ids) continue;  // an IndexBuffer has no gradient
    require_f64(p.param->value());
    const Gradient* found = gradients.find(p.param->id());
    const Tensor analytic =
        (found ? found->to_dense() : Tensor::zeros(p.param->value().shape(), f64)).contiguous();
    for (Index i = 0; i < analytic.numel(); ++i)
      comparison.element(p.name, p.param->mutable_value(), i, analytic.data<double>()[i],
                         [&] { return pair(f().value(), u); });
  }
  return comparison.result;
}

}  // namespace unroll
