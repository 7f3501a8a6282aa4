// Layers that treat every row alike: they map [.., D], and are applied to the rows of a Sequence or
// to the table of a Gathered.
#pragma once

#include <unroll/nn/gathered.h>
#include <unroll/nn/module.h>

#include <functional>

namespace unroll::nn {

// y = x weight + bias, x [.., in], y [.., out]. The weight is stored as [in, out]. Like all layers,
// it throws std::invalid_argument if options or shapes do not fit.
class Linear {
 public:
  struct Options {
    Index in = 0, out = 0;
    bool bias = true;
    DType dtype = f32;
    UNROLL_OPTIONS(in, out, bias, dtype)
  };
  explicit Linear(const Options& options);
  Var operator()(const In& x) const { return linear(x, weight, bias); }
  // Sparse rows, such as bags of words: [N, in] -> [N, out]. The gradient of the weight has only
  // the rows of columns that occur in x.
  Var operator()(const SparseRows& x, Where where = Where::here()) const;
  Sequence operator()(const Sequence& x, Where where = Where::here()) const {
    return {(*this)(In(x.rows, where)), x.layout};
  }
  Gathered operator()(const Gathered& x, Where where = Where::here()) const {
    const Caller caller(where);
    return x.map(std::cref(*this));
  }

  Param weight, bias;  // [in, out], [out]
  UNROLL_FIELDS(weight, bias)
};

// ids [..] -> [.., dim]. Initial rows are standard normal; the row of the padding id is 0 and gets
// no gradient.
class Embedding {
 public:
  struct Options {
    Index vocab = 0, dim = 0;
    Index padding_id = -1;  // -1: none
    bool frozen = false;    // true: the table is not trained
    DType dtype = f32;
    UNROLL_OPTIONS(vocab, dim, padding_id, frozen, dtype)
  };
  explicit Embedding(const Options& options);
  struct TableOptions {
    Index padding_id = -1;  // -1: none; its row keeps the given values
    bool frozen = true;     // true: the table is not trained
    UNROLL_OPTIONS(padding_id, frozen)
  };
  // Copies an existing table [vocab, dim], such as a pretrained one.
  explicit Embedding(const Tensor& table) : Embedding(table, TableOptions()) {}
  Embedding(const Tensor& table, const TableOptions& options);
  Var operator()(const IndexTensor& ids, Where where = Where::here()) const {
    check(ids.defined(), "Embedding: ids were required: got undefined ones");
    return embedding(ids, In(weight, where), {.padding_id = padding_id_});
  }
  // Returns a Gathered with a table of the used rows if ids occur twice or more on average.
  Gathered operator()(const Tokens& tokens, Where where = Where::here()) const;
  // Uses the table as the weight of an output layer (weight tying): x [.., dim] -> logits [..,
  // vocab]. Press and Wolf 2017.
  Var logits(const In& x) const { return matmul(x, transpose(weight)); }

  Param weight;  // [vocab, dim]
  UNROLL_FIELDS(weight)

 private:
  Index padding_id_ = -1;
};

// The sum or mean of the embeddings of a bag of ids (their order has no effect). An empty bag gives
// 0. As in PyTorch's EmbeddingBag.
class EmbeddingBag {
 public:
  enum class Mode { sum, mean };
  struct Options {
    Index vocab = 0, dim = 0;
    Mode mode = Mode::mean;
    Index padding_id = -1;  // its occurrences are left out; -1: none
    DType dtype = f32;
  };
  explicit EmbeddingBag(const Options& options);  // initial rows are standard normal
  // Weighted bags [B, vocab] -> [B, dim]: sum_k values_k weight[ids_k]. Mode::mean divides this by
  // sum_k values_k; values must then be at least 0, and a bag whose values are all 0 gives 0.
  Var operator()(const SparseRows& bags, Where where = Where::here()) const;
  Var operator()(const Tokens& tokens, Where where = Where::here()) const;    // one bag each
  Var operator()(const IndexTensor& ids, Where where = Where::here()) const;  // [B, T] -> [B, dim]

  Param weight;  // [vocab, dim]
  UNROLL_FIELDS(weight)

 private:
  Mode mode_;
  Index padding_id_;
};

// Layer norm over the last axis: (x - mean) / sqrt(variance + eps) * gain + bias. Ba et al. 2016.
class LayerNorm {
 public:
  struct Options {
    Index dim = 0;
    double eps = 1e-5;
    bool bias = true;
    DType dtype = f32;
    UNROLL_OPTIONS(dim, eps, bias, dtype)
  };
  explicit LayerNorm(const Options& options);
  Var operator()(const In& x) const { return layer_norm(x, gain, bias, eps_); }
  Sequence operator()(const Sequence& x, Where where = Where::here()) const {
    return {(*this)(In(x.rows, where)), x.layout};
  }
  Gathered operator()(const Gathered& x, Where where = Where::here()) const {
    const Caller caller(where);
    return x.map(std::cref(*this));
  }

  Param gain, bias;  // [dim]
  UNROLL_FIELDS(gain, bias)

 private:
  double eps_;
};

// x / sqrt(mean(x^2) + eps) * gain, over the last axis. Zhang and Sennrich 2019.
class RMSNorm {
 public:
  struct Options {
    Index dim = 0;
    double eps = 1e-6;
    DType dtype = f32;
    UNROLL_OPTIONS(dim, eps, dtype)
  };
  explicit RMSNorm(const Options& options);
  Var operator()(const In& x) const { return rms_norm(x, gain, eps_); }
  Sequence operator()(const Sequence& x, Where where = Where::here()) const {
    return {(*this)(In(x.rows, where)), x.layout};
  }
  Gathered operator()(const Gathered& x, Where where = Where::here()) const {
    const Caller caller(where);
    return x.map(std::cref(*this));
  }

  Param gain;  // [dim]
  UNROLL_FIELDS(gain)

 private:
  double eps_;
};

// Throws unless p is a valid dropout probability.
void check_dropout(const char* op, double p);

// Dropout: in training (see training() in autograd/mode.h) elements are zeroed with probability p
// in [0, 1) and the others divided by 1 - p; otherwise x is returned unchanged.
class Dropout {
 public:
  struct Options {
    double p = 0.5;
    UNROLL_OPTIONS(p)
  };
  explicit Dropout(const Options& options);
  Var operator()(const In& x) const { return training() ? dropout(x, p_) : *x; }
  Sequence operator()(const Sequence& x, Where where = Where::here()) const {
    return {(*this)(In(x.rows, where)), x.layout};
  }
  // The same mask for all time steps of a sequence. Gal and Ghahramani 2016.
  Sequence variational(const Sequence& x, Where where = Where::here()) const;
  UNROLL_FIELDS()

 private:
  double p_;
};

// An activation function as a module, for use in Sequential: Activation(tanh).
class Activation {
 public:
  explicit Activation(Var (*f)(const In&)) : f_(f) {
    check(f != nullptr, "Activation: a function was required: got a null pointer");
  }
  Var operator()(const In& x) const { return f_(x); }
  Sequence operator()(const Sequence& x, Where where = Where::here()) const {
    return {f_(In(x.rows, where)), x.layout};
  }
  Gathered operator()(const Gathered& x, Where where = Where::here()) const {
    const Caller caller(where);
    return x.map(std::cref(*this));
  }
  UNROLL_FIELDS()

 private:
  Var (*f_)(const In&);
};

// Applies its parts one after another: Sequential(Linear(..), Activation(relu), Linear(..)).
template <class... Parts>
class Sequential {
 public:
  explicit Sequential(Parts... given) : parts(std::move(given)...) {}
  template <class X>
  auto operator()(const X& x, Where where = Where::here()) const {
    const Caller caller(where);
    return run<0>(x);
  }

  std::tuple<Parts...> parts;
  UNROLL_FIELDS(parts)

 private:
  template <std::size_t I, class X>
  auto run(const X& x) const {
    if constexpr (I + 1 == sizeof...(Parts)) {
      return std::get<I>(parts)(x);
    } else {
      const auto y = std::get<I>(parts)(x);
      if constexpr (requires { y.sequence; }) {
        return run<I + 1>(y.sequence);  // the output of a recurrent layer
      } else {
        return run<I + 1>(y);
      }
    }
  }
};

}  // namespace unroll::nn
