// A struct becomes a module by one line that lists its parts.
//
//   struct SpliceNet {
//     nn::Embedding embed; nn::GRU gru; nn::Linear head;
//     UNROLL_FIELDS(embed, gru, head)
//   };
//
// There is no base class and nothing virtual. The line also gives the parameter names:
// "gru.layers.0.wx". Parts may be Params, Buffers, IndexBuffers, modules, and vectors, arrays,
// tuples and optionals of them; anything else does not compile. A struct that derives from a module
// must name it, so that no parameter is lost:
//
//   struct Gated : nn::Linear {
//     nn::Linear gate;
//     UNROLL_FIELDS_WITH(Linear, gate)
//   };
//
// Parameters are initialised randomly from the thread's default_generator(); see init.h.
#pragma once

#include <unroll/autograd/mode.h>
#include <unroll/autograd/ops.h>
#include <unroll/nn/fields.h>

#define UNROLL_FIELDS(...)           \
  UNROLL_VISIT(, , __VA_ARGS__)      \
  UNROLL_VISIT(const, , __VA_ARGS__) \
  UNROLL_FIELDS_TAGS(false, __VA_ARGS__)

// UNROLL_FIELDS for a struct that derives from the module `base`, whose parts come first.
#define UNROLL_FIELDS_WITH(base, ...)                            \
  UNROLL_VISIT(, base::visit_fields(visitor);, __VA_ARGS__)      \
  UNROLL_VISIT(const, base::visit_fields(visitor);, __VA_ARGS__) \
  UNROLL_FIELDS_TAGS(true, base, __VA_ARGS__)

namespace unroll::nn {

// A tensor that is saved and loaded with a model but not trained: a running mean, a table of
// positions, the scale of the data. It can be used wherever a Param can, as a constant. Copies have
// their own elements; set_value changes them.
class Buffer : public Param {
 public:
  Buffer() = default;  // none
  explicit Buffer(const Tensor& value) : Param(value.clone()) {
    Param::set_trainable(false);
    handle()->role = Role::buffer;
  }
  void set_trainable(bool) = delete;
};

// Ids that are saved and loaded with a model, as 64-bit integers: positions, a permutation, hashes.
// Usable wherever an IndexTensor is. Copies are independent; set_value changes the ids.
class IndexBuffer {
 public:
  IndexBuffer() = default;  // none
  explicit IndexBuffer(const IndexTensor& ids) : param_(std::make_shared<ParamState>(ids)) {}
  bool defined() const { return param_.defined(); }
  const IndexTensor& value() const;  // throws std::invalid_argument if there is none
  operator const IndexTensor&() const { return value(); }
  void set_value(const IndexTensor& ids);  // throws if the shape differs
  const std::shared_ptr<ParamState>& handle() const { return param_.handle(); }

 private:
  Param param_;  // holds ids; copied and moved like any other
};

// What UNROLL_FIELDS accepts as a part of a model.
template <class T>
concept Part = detail::is_field<T>();
// A model: a struct with UNROLL_FIELDS that lists the parts of a module it derives from, too.
template <class M>
concept Module = detail::Module<M> && detail::kHasPartsOfBase<M> && detail::kHasOwnParts<M>;

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

// All parameters with their names. The list stays valid when the model is moved. Each parameter
// remembers its name for messages.
template <class M>
NamedParams parameters(const M& model) {
  return detail::listed(model, true, false);
}
// All buffers (also of ids); and parameters and buffers together, which are saved and loaded.
template <class M>
NamedParams buffers(const M& model) {
  return detail::listed(model, false, true);
}
template <class M>
NamedParams state(const M& model) {
  return detail::listed(model, true, true);
}

// Throws, naming `op`, if a name in the list has no parameter.
void check_params(const char* op, const NamedParams& params);

// The number of trainable elements.
Index parameter_count(const NamedParams& params);

// A table with name, shape, dtype, number of elements and whether it is trained; and the totals.
std::string summary(const NamedParams& params);
template <class M>
std::string summary(const M& model) {
  return summary(state(model));
}

// Converts all parameters and buffers to a dtype, in place: nn::to(model, f64). An optimizer treats
// them as new parameters, so create it afterwards.
template <class M>
M& to(M& model, DType dtype) {
  for (const NamedParam& p : state(model)) p.param->convert(dtype);
  return model;
}

// Makes parameters constants for tapes and optimizers, and trainable again.
template <class M>
void set_trainable(const M& model, bool trainable) {
  for (const NamedParam& p : parameters(model)) p.param->trainable = trainable;
}

using unroll::training;  // true in training mode: see autograd/mode.h

}  // namespace unroll::nn
