// The layers that work row by row: on [.., D], and so on the rows of a Sequence, or on the table of
// a Gathered.
#pragma once

#include <unroll/nn/gathered.h>
#include <unroll/nn/module.h>

#include <functional>

namespace unroll::nn {

// y = x w + b, x [.., in], y [.., out]. The weight is kept as [in, out].
class Linear {
 public:
  struct Options {
    Index in = 0, out = 0;
    bool bias = true;
    DType dtype = f32;
  };
  explicit Linear(const Options& options);
  Var operator()(const In& x) const { return linear(x, weight, bias); }
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

// ids [..] -> [.., dim]. Rows start from a normal distribution; the padding id's row is 0 and gets
// no gradient.
class Embedding {
 public:
  struct Options {
    Index vocab = 0, dim = 0;
    Index padding_id = -1;  // none
    bool frozen = false;
    DType dtype = f32;
  };
  explicit Embedding(const Options& options);
  struct TableOptions {
    Index padding_id = -1;  // none; its row stays as it is given
    bool frozen = true;
  };
  // From a copy of a table [vocab, dim] that was trained elsewhere.
  explicit Embedding(const Tensor& table) : Embedding(table, TableOptions()) {}
  Embedding(const Tensor& table, const TableOptions& options);
  Var operator()(const IndexTensor& ids, Where where = Where::here()) const {
    check(ids.defined(), "Embedding: ids were required: got undefined ones");
    return embedding(ids, In(weight, where), padding_id_);
  }
  // Where ids come twice on average, the table of the rows that are used.
  Gathered operator()(const Tokens& tokens, Where where = Where::here()) const;
  // The same table as the weight of an output layer: x [.., dim] -> logits [.., vocab]. Press and
  // Wolf 2017.
  Var logits(const In& x) const { return matmul(x, transpose(weight)); }

  Param weight;  // [vocab, dim]
  UNROLL_FIELDS(weight)

 private:
  Index padding_id_ = -1;
};

class LayerNorm {
 public:
  struct Options {
    Index dim = 0;
    double eps = 1e-5;
    bool bias = true;
    DType dtype = f32;
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

class RMSNorm {
 public:
  struct Options {
    Index dim = 0;
    double eps = 1e-6;
    DType dtype = f32;
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

// Throws unless p can be the probability of dropout.
void check_dropout(const char* op, double p);

// Zeroes with probability p in training (see nn::training), and does nothing otherwise.
class Dropout {
 public:
  struct Options {
    double p = 0.5;
  };
  explicit Dropout(const Options& options);
  Var operator()(const In& x) const { return training() ? dropout(x, p_) : *x; }
  Sequence operator()(const Sequence& x, Where where = Where::here()) const {
    return {(*this)(In(x.rows, where)), x.layout};
  }
  // One mask for all time steps of a sequence. Gal and Ghahramani 2016.
  Sequence variational(const Sequence& x, Where where = Where::here()) const;
  UNROLL_FIELDS()

 private:
  double p_;
};

// An activation as a module, so that it can stand in Sequential: Activation(tanh).
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

// One after another: Sequential(Linear(..), Activation(relu), Linear(..)).
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
        return run<I + 1>(y.sequence);  // of a recurrent layer
      } else {
        return run<I + 1>(y);
      }
    }
  }
};

}  // namespace unroll::nn
