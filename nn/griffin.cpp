#include <unroll/autograd/sequence/conv.h>
#include <unroll/nn/griffin.h>
#include <unroll/nn/init.h>

#include <cmath>

namespace unroll::nn {
namespace {

const GriffinCellOptions& checked(const GriffinCellOptions& o) {
  check(o.in >= 1 && o.width >= 0,
        "Griffin: an in of at least 1 and a width of at least 0 were required: got {} and {}", o.in,
        o.width);
  check(o.conv >= 2 && o.conv <= 8, "Griffin: a convolution of 2 to 8 taps was required: got {}",
        o.conv);
  return o;
}
Index width_of(const GriffinCellOptions& o) { return o.width == 0 ? o.in : o.width; }

void check_width(const Var& x, Index width) {
  check_defined("Griffin", x);
  check(x.rank() == 2 && x.shape()[1] == width, "Griffin: rows [N, {}] were required: got {}",
        width, x.shape());
}

}  // namespace

GriffinCell::GriffinCell(const Options& o)
    : norm({.dim = checked(o).in, .eps = o.eps, .dtype = o.dtype}),
      in_proj({.in = o.in, .out = width_of(o), .dtype = o.dtype}),
      gate_proj({.in = o.in, .out = width_of(o), .dtype = o.dtype}),
      rg_lru({.in = width_of(o), .blocks = o.blocks, .dtype = o.dtype}),
      out_proj({.in = width_of(o), .out = o.in, .dtype = o.dtype}) {
  const double bound = 1 / std::sqrt(static_cast<double>(o.conv));
  conv_w = Param(uniform({o.conv, width_of(o)}, -bound, bound, {.dtype = o.dtype}));
  conv_b = Param(Tensor::zeros({width_of(o)}, o.dtype));
}

GriffinCell::State GriffinCell::operator()(const In& x, const State& s) const {
  check_width(*x, output_size());
  const Var n = norm(x);  // [B, D]
  State next{{}, s.conv, {}, {}};
  const Var u = causal_conv1d_step(in_proj(n), conv_w, conv_b, next.conv);  // [B, E]
  RGLRUCell::State y = rg_lru(u, {s.h, s.begins});
  next.out = x + out_proj(gelu(gate_proj(n)) * y.h);
  next.h = std::move(y.h), next.begins = std::move(y.begins);
  return next;
}

std::pair<Var, GriffinCell::State> GriffinCell::run(const Gathered& x, const State& s,
                                                    const UnrollOptions& options) const {
  check_width(x.table(), output_size());
  const SequenceLayout& layout = x.layout();
  const Gathered n = norm(x);
  const ConvOutput u = causal_conv1d(in_proj(n).rows(), conv_w, conv_b, s.conv, layout,
                                     {.reverse = options.reverse});  // [N, E]
  auto [y, state] = rg_lru.run(Sequence(u.rows, layout), {s.h, s.begins}, options);
  const Var gate = n.map([&](const Var& rows) { return gelu(gate_proj(rows)); }).rows();
  Var rows = x.rows() + out_proj(gate * y);  // [N, D]
  std::vector<Index> last;                   // rows, in the order of the state
  for (const Index b : layout.order()) last.push_back(layout.row(b, options.reverse ? 0 : -1));
  Var out = index_select(rows, 0, IndexTensor(std::move(last)));
  return {std::move(rows), {std::move(out), u.state, std::move(state.h), std::move(state.begins)}};
}

GriffinCell::State GriffinCell::initial(Index batch) const {
  RGLRUCell::State h = rg_lru.initial(batch);
  const DType dtype = conv_w.dtype();
  return {Tensor::zeros({batch, output_size()}, dtype),
          Tensor::zeros({batch, conv_w.shape()[0] - 1, conv_w.shape()[1]}, dtype), std::move(h.h),
          std::move(h.begins)};
}

}  // namespace unroll::nn
