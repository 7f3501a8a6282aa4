// What makes a struct a module: one line that lists its parts.
//
//   struct SpliceNet {
//     nn::Embedding embed; nn::GRU gru; nn::Linear head;
//     UNROLL_FIELDS(embed, gru, head)
//   };
//
// No base class, nothing virtual. Names come from the line: "gru.layers.0.wx". Parts may be Params,
// Buffers, modules, and vectors, arrays, tuples and optionals of them; anything else does not
// compile. A struct that derives from a module names it, so that no parameter is lost:
//
//   struct Gated : nn::Linear {
//     nn::Linear gate;
//     UNROLL_FIELDS_WITH(Linear, gate)
//   };
//
// Parameters start from random numbers of the thread's default_generator(); init.h says which.
#pragma once

#include <unroll/autograd/mode.h>
#include <unroll/autograd/ops.h>
#include <unroll/nn/fields.h>

#define UNROLL_FIELDS(...)           \
  UNROLL_VISIT(, , __VA_ARGS__)      \
  UNROLL_VISIT(const, , __VA_ARGS__) \
  UNROLL_FIELDS_TAGS(false, __VA_ARGS__)

// The same for a struct that derives from the module `base`, whose parts come first.
#define UNROLL_FIELDS_WITH(base, ...)                            \
  UNROLL_VISIT(, base::visit_fields(visitor);, __VA_ARGS__)      \
  UNROLL_VISIT(const, base::visit_fields(visitor);, __VA_ARGS__) \
  UNROLL_FIELDS_TAGS(true, base, __VA_ARGS__)

namespace unroll::nn {

// A tensor that belongs to a model and is saved and loaded with it, but is not trained: a running
// mean, a table of positions, the scale of the data. Goes wherever a Param does, as a constant;
// copies have numbers of their own; set_value changes it.
class Buffer : public Param {
 public:
  Buffer() = default;  // none
  explicit Buffer(const Tensor& value) : Param(value.clone()) {
    Param::set_trainable(false);
    handle()->role = Role::buffer;
  }
  void set_trainable(bool) = delete;
};

namespace detail {
template <class M>
NamedParams listed(const M& model, bool params, bool buffers) {
  NamedParams out;
  auto collect = [&]<class P>(const std::string& name, const P& param) {
    if (std::is_same_v<P, Param> ? !params : !buffers) return;
    param.handle()->set_name(name);
    out.push_back({name, param.handle()});
  };
  for_each_param(std::string(), model, collect);
  return out;
}
}  // namespace detail

// Every parameter under its name. The list stays valid when the model is moved. Each parameter
// remembers the name, for messages.
template <class M>
NamedParams parameters(const M& model) {
  return detail::listed(model, true, false);
}
// Every buffer; and both, which is what is saved and loaded.
template <class M>
NamedParams buffers(const M& model) {
  return detail::listed(model, false, true);
}
template <class M>
NamedParams state(const M& model) {
  return detail::listed(model, true, true);
}

// Throws, with `op` first, when one of the list has no parameter under its name.
void check_params(const char* op, const NamedParams& params);

// The number of elements that training can change.
Index parameter_count(const NamedParams& params);

// A table: name, shape, type, elements, whether it is trained; and the sum.
std::string summary(const NamedParams& params);
template <class M>
std::string summary(const M& model) {
  return summary(state(model));
}

// Converts every parameter and buffer to a type, in place: nn::to(model, f64). They are new ones to
// an optimiser, so make that afterwards.
template <class M>
M& to(M& model, DType dtype) {
  for (const NamedParam& p : state(model)) p.param->convert(dtype);
  return model;
}

// A constant to the tape and to optimisers, and back.
template <class M>
void set_trainable(const M& model, bool trainable) {
  for (const NamedParam& p : parameters(model)) p.param->trainable = trainable;
}

using unroll::training;  // whether modules are in training: see autograd/mode.h

}  // namespace unroll::nn
