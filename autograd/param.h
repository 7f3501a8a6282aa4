// Param: a trainable tensor. It has value semantics: copying a Param copies its elements and gives
// the copy a new identity; moving keeps the identity. SharedCopies makes copies keep it too.
#pragma once

#include <unroll/tensor/index_tensor.h>
#include <unroll/tensor/tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace unroll {

// The kind of a parameter, for code that saves, converts or trains a model.
enum class Role {
  weight,  // trained; with two axes it is [in, out]
  table,   // trained; a row for each id, [vocab, dim]
  buffer,  // saved, but never trained: see nn::Buffer
  ids      // the same, with ids instead of values: see nn::IndexBuffer
};

// The contents of a Param, at an address that does not change when the model is moved.
class ParamState {
 public:
  explicit ParamState(Tensor value);
  explicit ParamState(IndexTensor ids);  // Role::ids, not trainable
  ParamState(const ParamState& other);   // copies the elements; gets a new identity
  ParamState& operator=(const ParamState&) = delete;

  const Tensor& value() const { return value_; }   // undefined for Role::ids
  const IndexTensor& ids() const { return ids_; }  // undefined for all other roles
  const Shape& shape() const { return role == Role::ids ? ids_.shape() : value_.shape(); }
  // The elements, for in-place changes. Other holders of the old value (a tape, a Var) keep it
  // unchanged.
  Tensor& mutable_value();
  void set_value(const Tensor& value);   // copies; throws if shape or dtype differ
  void set_ids(const IndexTensor& ids);  // throws if the shape differs
  // Converts the elements, unless they are ids, to another dtype. This gives a new identity:
  // optimizers created before do not know the parameter any more.
  void convert(DType dtype);

  std::uint64_t id() const { return id_; }
  bool trainable = true;  // false: constant on every tape, and not updated by optimizers
  Role role = Role::weight;

  // The name under which nn::parameters() last listed it, for messages; empty if it never did. A
  // copy keeps the name.
  std::string name() const;
  void set_name(const std::string& name);

 private:
  Tensor value_;
  IndexTensor ids_;
  std::uint64_t id_;
  std::string name_;
};

class Param {
 public:
  Param() = default;  // no parameter, for example the bias of a layer without bias
  // Copies the value if it is shared.
  explicit Param(Tensor value) : state_(std::make_shared<ParamState>(std::move(value))) {}
  explicit Param(std::shared_ptr<ParamState> state) : state_(std::move(state)) {}
  Param(const Param& other);
  Param(Param&&) noexcept = default;
  Param& operator=(const Param& other) { return *this = Param(other); }
  Param& operator=(Param&&) noexcept = default;

  bool defined() const { return state_ != nullptr; }
  const Tensor& value() const { return state().value(); }
  const Shape& shape() const { return value().shape(); }
  DType dtype() const { return value().dtype(); }
  void set_value(const Tensor& value) { state().set_value(value); }
  void set_trainable(bool trainable) { state().trainable = trainable; }
  bool trainable() const { return state().trainable; }
  std::uint64_t id() const { return state().id(); }

  const std::shared_ptr<ParamState>& handle() const { return state_; }

 private:
  ParamState& state() const {
    if (!state_) [[unlikely]]
      refuse_undefined();
    return *state_;
  }
  [[noreturn]] static void refuse_undefined();

  std::shared_ptr<ParamState> state_;
};

// While alive, copies of a Param made on this thread are the same parameter. Used when a derivative
// must keep a model that may be destroyed before backward.
class SharedCopies {
 public:
  SharedCopies();
  ~SharedCopies();
  SharedCopies(const SharedCopies&) = delete;

 private:
  bool before_;
};

// A parameter and its name from its place in the model: "lstm.layers.0.wx".
struct NamedParam {
  std::string name;
  std::shared_ptr<ParamState> param;
};
using NamedParams = std::vector<NamedParam>;

}  // namespace unroll
