// Seq2Seq gives PyTorch's numbers, with Bahdanau's and Luong's attention: logits, weights, and the
// gradients of all parameters.
#include "tests/golden/golden.h"

#include <unroll/nn/seq2seq.h>

using namespace unroll;

namespace {

constexpr Index kIn = 3, kHidden = 5, kVocab = 6;

// Lists of ids of the given lengths.
nn::Tokens tokens(const std::vector<Index>& ids, const std::vector<Index>& lengths) {
  std::vector<std::vector<Index>> out;
  auto at = ids.begin();
  for (const Index length : lengths) out.emplace_back(at, at + length), at += length;
  return nn::Tokens::from(out);
}

struct Pair {
  std::string name;
  const Param* ours;
  std::function<Tensor(const std::string& prefix, DType)> theirs;
};

std::vector<Pair> pairs_of(const golden::Case& c, const nn::Seq2Seq<nn::GRUCell>& model) {
  std::vector<Pair> out;
  const auto same = [&](const std::string& name, const Param& p) {
    out.push_back(
        {name, &p, [=](const std::string& prefix, DType d) { return c(prefix + name, d); }});
  };
  // PyTorch's weights are [out, in].
  const auto turned = [&](const std::string& name, const Param& p) {
    out.push_back({name, &p, [=](const std::string& prefix, DType d) {
                     return c(prefix + name, d).transpose().contiguous();
                   }});
  };
  const auto linear = [&](const std::string& name, const nn::Linear& layer) {
    turned(name + ".weight", layer.weight);
    if (layer.bias.defined()) same(name + ".bias", layer.bias);
  };
  // PyTorch has two biases of the gates r and z, each with the gradient of their sum.
  const auto gru = [&](const std::string& name, const nn::GRUCell& cell) {
    turned(name + ".weight_ih_l0", cell.wx);
    turned(name + ".weight_hh_l0", cell.wh);
    out.push_back({name + ".b", &cell.b, [=](const std::string& prefix, DType d) {
                     Tensor b = c(prefix + name + ".bias_ih_l0", d).clone();
                     if (prefix.empty()) {
                       Tensor gates = b.narrow(0, 0, 2 * kHidden);
                       gates.copy_(
                           add(gates, c(name + ".bias_hh_l0", d).narrow(0, 0, 2 * kHidden)));
                     }
                     return b;
                   }});
    out.push_back(
        {name + ".bhn", &cell.bhn, [=](const std::string& prefix, DType d) {
           return c(prefix + name + ".bias_hh_l0", d).narrow(0, 2 * kHidden, kHidden).contiguous();
         }});
  };
  same("source_embed.weight", model.source_embed.weight);
  same("target_embed.weight", model.target_embed.weight);
  gru("encoder", model.encoder.layers[0]);
  gru("decoder", model.decoder.layers[0]);
  linear("bridge", model.bridge);
  linear("combine", model.combine);
  linear("head", model.head);
  if (model.attention.additive) {
    linear("wq", model.attention.additive->wq);
    linear("wk", model.attention.additive->wk);
    turned("v.weight", model.attention.additive->v);
  } else if (model.attention.dot->wk) {
    linear("wk", *model.attention.dot->wk);
  }
  return out;
}

void check_case(const golden::Case& c, DType dtype) {
  const std::string score = c.option("score");
  nn::Seq2Seq<nn::GRUCell> model({.source_vocab = kVocab,
                                  .target_vocab = kVocab,
                                  .sos = 0,
                                  .embed = kIn,
                                  .encoder = {.hidden = kHidden},
                                  .decoder = {.hidden = kHidden},
                                  .score = score == "additive" ? nn::AttentionScore::additive
                                           : score == "dot"    ? nn::AttentionScore::dot
                                                               : nn::AttentionScore::general,
                                  .input_feeding = c.flag("feeding"),
                                  .dtype = dtype});
  const std::vector<Pair> pairs = pairs_of(c, model);
  CHECK(pairs.size() == nn::parameters(model).size());
  for (const Pair& p : pairs) const_cast<Param*>(p.ours)->set_value(p.theirs("", dtype));
  Tape tape;
  const nn::TeacherForced out =
      model.teacher_forced(tokens(c.integers("source"), c.integers("source_lengths")),
                           tokens(c.integers("target"), c.integers("target_lengths")));
  const Gradients gradients = tape.backward(
      golden::checked_loss(c, {{"logits", out.logits.rows}, {"weights", out.weights}}));
  for (const Pair& p : pairs)
    golden::check_close(c.name() + " grad." + p.name, gradients[*p.ours], p.theirs("grad.", f64));
}

}  // namespace

TEST_CASE("a sequence to sequence model gives PyTorch's results: logits, weights and gradients") {
  const auto cases = golden::cases("seq2seq");
  CHECK(cases.size() == 6);
  for (const golden::Case& c : cases)
    for (const DType dtype : {f32, f64}) check_case(c, dtype);
}
