// Selective scan, minGRU, minLSTM, RG-LRU, Mamba and linear attention give the results of the
// papers' equations, which make_golden.py computes as loops over sequences and steps.
#include "tests/golden/golden.h"

#include <unroll/autograd/sequence/linear_attention.h>
#include <unroll/autograd/sequence/selective_scan.h>
#include <unroll/nn/mamba.h>
#include <unroll/nn/save.h>
#include <unroll/nn/scan.h>

using namespace unroll;

namespace {

using Named = std::vector<std::pair<std::string, Var>>;

Named watched(const golden::Case& c, Tape& tape, const std::vector<std::string>& names,
              DType dtype) {
  Named out;
  for (const std::string& name : names) out.emplace_back(name, tape.watch(c(name, dtype)));
  return out;
}

void check_selective(const golden::Case& c, DType dtype) {
  Tape tape;
  const Named in = watched(c, tape, {"x", "delta", "b", "c", "z", "a", "d", "bias", "h0"}, dtype);
  const auto lengths = c.integers("lengths");
  const auto rows = [&](std::size_t i) { return nn::Sequence::from_padded(in[i].second, lengths); };
  const SequenceLayout layout(lengths);
  const ScanOutput out = selective_scan({.x = rows(0).rows,
                                         .delta = rows(1).rows,
                                         .a = in[5].second,
                                         .b = rows(2).rows,
                                         .c = rows(3).rows,
                                         .d = in[6].second,
                                         .delta_bias = in[7].second,
                                         .z = rows(4).rows},
                                        index_select(in[8].second, 0, layout.order()), layout,
                                        {.reverse = c.flag("reverse")});
  const Gradients g =
      tape.backward(golden::checked_loss(c, {{"y", nn::Sequence(out.rows, layout).padded()},
                                             {"hn", index_select(out.last, 0, layout.place())}}));
  golden::check_gradients(c, g, in);
}

void check_linear_attention(const golden::Case& c, DType dtype) {
  Tape tape;
  const Named in = watched(c, tape, {"q", "k", "v", "h0"}, dtype);
  const auto lengths = c.integers("lengths");
  const SequenceLayout layout(lengths);
  const RowGroups groups = RowGroups::of(layout);
  const auto rows = [&](std::size_t i) {
    return nn::Sequence::from_padded(in[i].second, lengths).rows;
  };
  const ScanOutput out = linear_attention(rows(0), rows(1), rows(2),
                                          {.queries = groups,
                                           .keys = groups,
                                           .heads = static_cast<Index>(c.number("heads")),
                                           .causal = c.flag("causal"),
                                           .reverse = c.flag("reverse"),
                                           .eps = c.number("eps")},
                                          in[3].second);
  const Gradients g = tape.backward(
      golden::checked_loss(c, {{"y", nn::Sequence(out.rows, layout).padded()}, {"hn", out.last}}));
  golden::check_gradients(c, g, in);
}

// `state` makes the initial state of h0; `params` are the names of the cell's parameters, of which
// those of a Linear are stored transposed.
template <class C, class MakeState>
void check_cell(const golden::Case& c, DType dtype, bool fused, C cell,
                const std::vector<std::pair<std::string, Param*>>& params, MakeState state) {
  const auto turned = [](const std::string& name, const Tensor& t) {
    return name == "weight" ? t.transpose().contiguous() : t;
  };
  for (const auto& [name, param] : params) param->set_value(turned(name, c(name, dtype)));
  Tape tape;
  const Named in = watched(c, tape, {"x", "h0"}, dtype);
  const auto x = nn::Sequence::from_padded(in[0].second, c.integers("lengths"));
  const auto out =
      nn::run(cell, x, state(in[1].second), {.reverse = c.flag("reverse"), .fused = fused});
  const Gradients g =
      tape.backward(golden::checked_loss(c, {{"y", out.sequence.padded()}, {"hn", out.last.h}}));
  golden::check_gradients(c, g, in);
  for (const auto& [name, param] : params)
    golden::check_close(c.name() + " " + name, g[*param], turned(name, c("grad." + name, dtype)));
}

template <class C>
void check_minimal(const golden::Case& c, DType dtype, bool fused) {
  // Moved into check_cell, a cell keeps its parameters: their addresses are taken from the copy.
  auto cell = std::make_unique<C>(
      typename C::Options{.in = 3, .hidden = 5, .positive = c.flag("positive"), .dtype = dtype});
  check_cell<C&>(c, dtype, fused, *cell,
                 {{"weight", &cell->gates.weight}, {"bias", &cell->gates.bias}},
                 [](const Var& h0) { return typename C::State{h0}; });
}

void check_rg_lru(const golden::Case& c, DType dtype, bool fused) {
  nn::RGLRUCell cell({.in = 6, .blocks = static_cast<Index>(c.number("blocks")), .dtype = dtype});
  check_cell<nn::RGLRUCell&>(
      c, dtype, fused, cell,
      {{"wr", &cell.wr},
       {"br", &cell.br},
       {"wi", &cell.wi},
       {"bi", &cell.bi},
       {"lambda", &cell.lambda}},
      [&](const Var& h0) {
        return nn::RGLRUCell::State{h0, Tensor::full({h0.size(0), 1}, c.number("starts"), dtype)};
      });
}

struct Model {
  nn::Mamba backbone;
  UNROLL_FIELDS(backbone)
};

// The tensors of a case under the names of the published checkpoints.
NamedTensors published(const golden::Case& c, const std::string& prefix, DType dtype) {
  NamedTensors out;
  const auto take = [&](const std::string& name) { out.emplace(name, c(prefix + name, dtype)); };
  take("backbone.norm_f.weight");
  for (Index layer = 0; layer < static_cast<Index>(c.number("layers")); ++layer) {
    const std::string at = fmt::format("backbone.layers.{}.", layer);
    take(at + "norm.weight");
    for (const char* part : {"in_proj.weight", "conv1d.weight", "conv1d.bias", "x_proj.weight",
                             "dt_proj.weight", "dt_proj.bias", "A_log", "D", "out_proj.weight"})
      take(at + "mixer." + part);
  }
  return out;
}

void check_mamba(const golden::Case& c, DType dtype, bool fused) {
  const auto size = [&](const char* name) { return static_cast<Index>(c.number(name)); };
  Model model{nn::Mamba({.dim = size("dim"),
                         .layers = size("layers"),
                         .states = size("states"),
                         .conv = size("taps"),
                         .dt_rank = size("dt_rank"),
                         .dtype = dtype})};
  const NamedParams params = nn::parameters(model);
  nn::assign(c.name(), nn::mamba_tensors(published(c, "", dtype)), params);
  Tape tape;
  const Named in = watched(c, tape, {"x"}, dtype);
  const auto x = nn::Sequence::from_padded(in[0].second, c.integers("lengths"));
  const auto out = model.backbone(x, {}, {.fused = fused});
  const Gradients g = tape.backward(golden::checked_loss(c, {{"y", out.sequence.padded()}}));
  golden::check_gradients(c, g, in);
  const NamedTensors expected = nn::mamba_tensors(published(c, "grad.", dtype));
  for (const NamedParam& p : params)
    golden::check_close(c.name() + " " + p.name, g.find(p.param->id())->to_dense(),
                        expected.at(p.name));
}

}  // namespace

TEST_CASE("scans and the layers made of them give the results of the papers' equations") {
  const auto cases = golden::cases("scans");
  CHECK(cases.size() == 22);
  for (const golden::Case& c : cases)
    for (const DType dtype : {f32, f64})
      for (const bool fused : {true, false}) {
        const std::string op = c.option("op");
        if (op == "selective") check_selective(c, dtype);
        if (op == "min_gru") check_minimal<nn::MinGRUCell>(c, dtype, fused);
        if (op == "min_lstm") check_minimal<nn::MinLSTMCell>(c, dtype, fused);
        if (op == "rg_lru") check_rg_lru(c, dtype, fused);
        if (op == "linear_attention") check_linear_attention(c, dtype);
        if (op == "mamba") check_mamba(c, dtype, fused);
      }
}
