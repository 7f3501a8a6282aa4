#include <unroll/nn/init.h>
#include <unroll/nn/layers.h>
#include <unroll/tensor/indexing.h>

#include <cmath>

namespace unroll::nn {

Linear::Linear(const Options& o) {
  check(o.in >= 1 && o.out >= 1, "Linear: in and out of at least 1 were required: got {} and {}",
        o.in, o.out);
  const double bound = 1 / std::sqrt(static_cast<double>(o.in));
  weight = Param(uniform({o.in, o.out}, -bound, bound, {.dtype = o.dtype}));
  if (o.bias) bias = Param(uniform({o.out}, -bound, bound, {.dtype = o.dtype}));
}

Embedding::Embedding(const Options& o) : padding_id_(o.padding_id) {
  check(o.vocab >= 1 && o.dim >= 1,
        "Embedding: vocab and dim of at least 1 were required: got {} and {}", o.vocab, o.dim);
  check(o.padding_id >= -1 && o.padding_id < o.vocab,
        "Embedding: a padding id in [0, {}), or -1 for none, was required: got {}", o.vocab,
        o.padding_id);
  Tensor table = normal({o.vocab, o.dim}, 0, 1, {.dtype = o.dtype});
  if (o.padding_id >= 0) table.select(0, o.padding_id).fill_(0);
  weight = Param(std::move(table));
  weight.set_trainable(!o.frozen);
  weight.handle()->role = Role::table;
}

Embedding::Embedding(const Tensor& table, const TableOptions& o) : padding_id_(o.padding_id) {
  check_defined("Embedding", table);
  check(table.rank() == 2, "Embedding: a table [vocab, dim] was required: got {}", table.shape());
  check(o.padding_id >= -1 && o.padding_id < table.size(0),
        "Embedding: a padding id in [0, {}), or -1 for none, was required: got {}", table.size(0),
        o.padding_id);
  weight = Param(table.clone());
  weight.set_trainable(!o.frozen);
  weight.handle()->role = Role::table;
}

Gathered Embedding::operator()(const Tokens& tokens, Where where) const {
  const Caller caller(where);
  check(tokens.ids.defined(), "Embedding: ids were required: got undefined ones");
  Distinct used = distinct("Embedding", {&tokens.ids, 1}, weight.shape()[0]);
  if (static_cast<Index>(used.ids.size()) > tokens.ids.numel() / 2)
    return Sequence((*this)(tokens.ids), tokens.layout);
  return {(*this)(IndexTensor(std::move(used.ids))), IndexTensor(std::move(used.places)),
          tokens.layout};
}

LayerNorm::LayerNorm(const Options& o) : eps_(o.eps) {
  check(o.dim >= 1, "LayerNorm: a dim of at least 1 was required: got {}", o.dim);
  check(o.eps >= 0, "LayerNorm: an eps of at least 0 was required: got {}", o.eps);
  gain = Param(Tensor::ones({o.dim}, o.dtype));
  if (o.bias) bias = Param(Tensor::zeros({o.dim}, o.dtype));
}

RMSNorm::RMSNorm(const Options& o) : eps_(o.eps) {
  check(o.dim >= 1, "RMSNorm: a dim of at least 1 was required: got {}", o.dim);
  check(o.eps >= 0, "RMSNorm: an eps of at least 0 was required: got {}", o.eps);
  gain = Param(Tensor::ones({o.dim}, o.dtype));
}

void check_dropout(const char* op, double p) {
  check(p >= 0 && p < 1, "{}: a probability in [0, 1) was required: got {}", op, p);
}

Dropout::Dropout(const Options& o) : p_(o.p) { check_dropout("Dropout", o.p); }

Sequence Dropout::variational(const Sequence& x, Where where) const {
  const Caller caller(where);
  check(x.rows.rank() == 2, "Dropout: rows [N, D] were required for one mask over time: got {}",
        x.rows.shape());
  if (!training() || p_ == 0) return x;
  // One mask row per sequence, [B, D].
  const Tensor ones = Tensor::ones({x.layout.sequences(), x.rows.shape().back()}, x.rows.dtype());
  const Tensor mask = dropout(ones, p_).value();
  // [B, D] -> [N, D]
  return {x.rows * index_select(mask, 0, x.layout.sequence_of_rows()), x.layout};
}

}  // namespace unroll::nn
