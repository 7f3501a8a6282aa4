#include <unroll/autograd/fused.h>
#include <unroll/autograd/sequence/conv.h>
#include <unroll/autograd/sequence/selective_scan.h>
#include <unroll/nn/init.h>
#include <unroll/nn/mamba.h>
#include <unroll/tensor/mamba_step.h>

#include <algorithm>
#include <cmath>

namespace unroll::nn {
namespace {

const MambaCellOptions& checked(const MambaCellOptions& o) {
  check(o.in >= 1 && o.states >= 1 && o.expand >= 1 && o.dt_rank >= 0,
        "Mamba: a dim, states and expand of at least 1 and a dt_rank of at least 0 were required: "
        "got {}, {}, {} and {}",
        o.in, o.states, o.expand, o.dt_rank);
  check(o.conv >= 2 && o.conv <= 8, "Mamba: a convolution of 2 to 8 taps was required: got {}",
        o.conv);
  return o;
}
Index inner(const MambaCellOptions& o) { return product_of("Mamba", o.expand, o.in); }
Index rank(const MambaCellOptions& o) { return o.dt_rank > 0 ? o.dt_rank : (o.in + 15) / 16; }

// The bias for which softplus gives steps that are log-uniform in [0.001, 0.1].
Tensor step_bias(Index channels, DType dtype) {
  Tensor bias = uniform({channels}, std::log(0.001), std::log(0.1), {.dtype = f64});
  for (Index i = 0; i < channels; ++i) {
    const double dt = std::max(std::exp(bias.at({i})), 1e-4);
    bias.set({i}, dt + std::log(-std::expm1(-dt)));  // the inverse of softplus
  }
  return bias.to(dtype);
}

Tensor state_logs(Index channels, Index states, DType dtype) {
  Tensor row = Tensor::empty({states}, f64);
  for (Index s = 0; s < states; ++s) row.set({s}, std::log(static_cast<double>(s + 1)));
  return row.expand({channels, states}).to(dtype).clone();
}

}  // namespace

MambaCell::MambaCell(const Options& o)
    : norm({.dim = checked(o).in, .eps = o.eps, .dtype = o.dtype}),
      in_proj(
          {.in = o.in, .out = product_of("Mamba", 2, inner(o)), .bias = false, .dtype = o.dtype}),
      x_proj({.in = inner(o),
              .out = rank(o) + product_of("Mamba", 2, o.states),
              .bias = false,
              .dtype = o.dtype}),
      dt_proj({.in = rank(o), .out = inner(o), .dtype = o.dtype}),
      out_proj({.in = inner(o), .out = o.in, .bias = false, .dtype = o.dtype}),
      eps_(o.eps) {
  const double bound = 1 / std::sqrt(static_cast<double>(o.conv));
  conv_w = Param(uniform({o.conv, inner(o)}, -bound, bound, {.dtype = o.dtype}));
  conv_b = Param(uniform({inner(o)}, -bound, bound, {.dtype = o.dtype}));
  dt_proj.bias.set_value(step_bias(inner(o), o.dtype));
  a_log = Param(state_logs(inner(o), o.states, o.dtype));
  d = Param(Tensor::ones({inner(o)}, o.dtype));
}

void MambaCell::scale_output(Index layers) {
  out_proj.weight.set_value(out_proj.weight.value() / std::sqrt(static_cast<double>(layers)));
}

// u z [N, 2 E] through convolution and scan: sets `rows` [N, D], without the residual, and returns
// the next state, whose `out` is not set. Without a layout it is one step.
MambaCell::State MambaCell::mixed(const Var& uz, const State& s, const SequenceLayout* layout,
                                  bool reverse, Var& rows) const {
  const Index channels = d.shape()[0], states = a_log.shape()[1],
              steps = dt_proj.weight.shape()[0];  // E, S, R
  State next{{}, s.conv, s.h};
  Var u = narrow(uz, 1, 0, channels);  // [N, E]
  if (layout) {
    ConvOutput out = causal_conv1d(u, conv_w, conv_b, s.conv, *layout, {.reverse = reverse});
    u = silu(out.rows);
    next.conv = std::move(out.state);
  } else {
    u = silu(causal_conv1d_step(u, conv_w, conv_b, next.conv));
  }
  const Var projected = x_proj(u);  // [N, R + 2 S]
  const SelectiveScanInputs in{.x = u,
                               .delta = matmul(narrow(projected, 1, 0, steps), dt_proj.weight),
                               .a = -exp(a_log),
                               .b = narrow(projected, 1, steps, states),
                               .c = narrow(projected, 1, steps + states, states),
                               .d = d,
                               .delta_bias = dt_proj.bias,
                               .z = narrow(uz, 1, channels, channels)};
  Var y;  // [N, E]
  if (layout) {
    ScanOutput out = selective_scan(in, s.h, *layout, {.reverse = reverse});
    y = std::move(out.rows);
    next.h = std::move(out.last);
  } else {
    y = selective_scan_step(in, next.h);
  }
  rows = out_proj(y);
  return next;
}

Var MambaCell::project(const In& x) const {
  check_defined("Mamba", *x);
  check(x->rank() == 2 && x->shape()[1] == output_size(),
        "Mamba: rows [N, {}] were required: got {}", output_size(), x->shape());
  return concat({in_proj(norm(x)), *x}, 1);
}

MambaCell::State MambaCell::step(const Var& px, const State& s) const {
  const Index dim = output_size(), gated = in_proj.weight.shape()[1];
  check_defined("Mamba", px);
  check(px.rank() == 2 && px.shape()[1] == gated + dim,
        "Mamba: a step's input [B, {}] was required: got {}", gated + dim, px.shape());
  Var rows;
  State next = mixed(narrow(px, 1, 0, gated), s, nullptr, false, rows);
  next.out = narrow(px, 1, gated, dim) + rows;
  return next;
}

// Whether the step is one of one stream that nothing observes, with a state of the right shape.
bool MambaCell::streams(const Var& x, const State& s) const {
  const Index channels = d.shape()[0];
  const auto is = [&](const Var& v, const Shape& shape) {
    return v.defined() && v.shape() == shape && v.dtype() == d.dtype();
  };
  if (x.shape()[0] != 1 || x.dtype() != d.dtype() || !plain() || UseReference::active() ||
      !is(s.conv, {1, conv_w.shape()[0] - 1, channels}) ||
      !is(s.h, {1, channels, a_log.shape()[1]}))
    return false;
  for (const Param* p : {&norm.gain, &in_proj.weight, &conv_w, &conv_b, &x_proj.weight,
                         &dt_proj.weight, &dt_proj.bias, &a_log, &d, &out_proj.weight})
    if (!p->value().is_contiguous()) return false;
  return true;
}

MambaCell::State MambaCell::operator()(const In& x, const State& s) const {
  check_defined("Mamba", *x);
  check(x->rank() == 2 && x->shape()[1] == output_size(),
        "Mamba: a step's input [B, {}] was required: got {}", output_size(), x->shape());
  if (streams(*x, s)) {
    const Tensor in = x->value().contiguous(), before = s.conv.value().contiguous();
    MambaStepResult r =
        mamba_step({in, norm.gain.value(), in_proj.weight.value(), conv_w.value(), conv_b.value(),
                    x_proj.weight.value(), dt_proj.weight.value(), dt_proj.bias.value(),
                    a_log.value(), d.value(), out_proj.weight.value(), before, s.h.value(), eps_});
    return {std::move(r.out), std::move(r.conv), std::move(r.h)};
  }
  Var rows;
  State next = mixed(in_proj(norm(x)), s, nullptr, false, rows);
  next.out = x + rows;
  return next;
}

std::pair<Var, MambaCell::State> MambaCell::run(const Gathered& x, const State& s,
                                                const UnrollOptions& options) const {
  const SequenceLayout& layout = x.layout();
  const Var in = x.rows();
  check(in.rank() == 2 && in.shape()[1] == output_size(),
        "Mamba: rows [N, {}] were required: got {}", output_size(), in.shape());
  Var rows;
  State next = mixed(x.map([&](const Var& v) { return in_proj(norm(v)); }).rows(), s, &layout,
                     options.reverse, rows);
  rows = in + rows;
  std::vector<Index> last;  // rows, in the order of the state
  for (const Index b : layout.order()) last.push_back(layout.row(b, options.reverse ? 0 : -1));
  next.out = index_select(rows, 0, IndexTensor(std::move(last)));
  return {std::move(rows), std::move(next)};
}

MambaCell::State MambaCell::initial(Index batch) const {
  const DType dtype = d.dtype();
  const Index channels = d.shape()[0];
  return {Tensor::zeros({batch, output_size()}, dtype),
          Tensor::zeros({batch, conv_w.shape()[0] - 1, channels}, dtype),
          Tensor::zeros({batch, channels, a_log.shape()[1]}, dtype)};
}

NamedTensors mamba_tensors(const NamedTensors& published) {
  NamedTensors out;
  const auto ends_with = [](const std::string& name, const std::string& end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  for (const auto& entry : published) {
    const std::string& given = entry.first;
    std::string name = given;
    Tensor value = entry.second;
    const auto replace = [&](const std::string& from, const std::string& to) {
      const auto at = name.find(from);
      if (at == std::string::npos) return false;
      name.replace(at, from.size(), to);
      return true;
    };
    const auto require_axes = [&](int count) {
      check_io(value.rank() == count, "mamba_tensors: \"{}\" with {} axes was required: got {}",
               given, count, value.shape());
    };
    if (name.rfind("backbone.layers.", 0) == 0) {
      replace("backbone.layers.", "backbone.blocks.layers.");
      replace(".mixer.", ".");
      replace(".norm.weight", ".norm.gain");
      replace(".A_log", ".a_log");
      if (ends_with(name, ".D")) name.back() = 'd';
      if (replace(".conv1d.weight", ".conv_w")) {
        require_axes(3);  // [E, 1, K] -> [K, E]
        value = value.select(1, 0).transpose();
      }
      replace(".conv1d.bias", ".conv_b");
    } else {
      replace("backbone.norm_f.weight", "backbone.norm_f.gain");
      replace("backbone.embeddings.", "embedding.");
      replace("backbone.embedding.", "embedding.");
    }
    if (ends_with(name, "_proj.weight") || name == "lm_head.weight") {
      require_axes(2);  // [out, in] -> [in, out]
      value = value.transpose();
    }
    out.emplace(std::move(name), value.contiguous());
  }
  return out;
}

}  // namespace unroll::nn
