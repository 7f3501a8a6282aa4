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

Var Linear::operator()(const SparseRows& x, Where where) const {
  const Caller caller(where);
  const Var y = matmul(x, weight);
  return bias.defined() ? y + bias : y;
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

EmbeddingBag::EmbeddingBag(const Options& o) : mode_(o.mode), padding_id_(o.padding_id) {
  weight = std::move(
      Embedding({.vocab = o.vocab, .dim = o.dim, .padding_id = o.padding_id, .dtype = o.dtype})
          .weight);
}

Var EmbeddingBag::operator()(const SparseRows& bags, Where where) const {
  const Caller caller(where);
  Tensor values = bags.values();
  if (padding_id_ >= 0) {
    values = values.clone();
    for (Index k = 0; k < bags.stored(); ++k)
      if (bags.ids()[k] == padding_id_) values.set({k}, 0);
  }
  if (mode_ == Mode::mean && bags.stored() > 0) {
    check(min(values).item() >= 0,
          "EmbeddingBag: values of at least 0 were required for the mean: got {}",
          min(values).item());
    const Tensor sums = bags.with_values(values).sums();  // [B]
    values = values / index_select(sums + equal(sums, 0), 0, bags.row_of_values());
  }
  return matmul(bags.with_values(values), weight);
}

Var EmbeddingBag::operator()(const Tokens& tokens, Where where) const {
  check(tokens.ids.defined(), "EmbeddingBag: ids were required: got undefined ones");
  std::vector<std::vector<Index>> lists;
  for (Index b = 0; b < tokens.size(); ++b) {
    std::vector<Index>& list = lists.emplace_back();
    for (Index row : tokens.layout.rows_of(b)) list.push_back(tokens.ids[row]);
  }
  return (*this)(SparseRows::from(lists, weight.shape()[0], weight.dtype()), where);
}

Var EmbeddingBag::operator()(const IndexTensor& ids, Where where) const {
  check(ids.rank() == 2, "EmbeddingBag: ids [B, T] were required: got {}", ids.shape());
  const Index bags = ids.shape()[0], length = ids.shape()[1];
  std::vector<Index> starts;
  for (Index b = 0; b <= bags; ++b) starts.push_back(b * length);
  return (*this)(SparseRows(std::move(starts), ids.flatten(),
                            Tensor::ones({ids.numel()}, weight.dtype()), weight.shape()[0]),
                 where);
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
