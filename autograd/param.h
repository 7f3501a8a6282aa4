// Param: a tensor that training changes. A value: copying a Param copies its numbers, moving it
// keeps its identity (see SharedCopies for a copy that keeps it too).
#pragma once

#include <unroll/tensor/tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace unroll {

// What a parameter is to those that save, convert or train a model.
enum class Role {
  weight,  // trained; two axes are [in, out]
  table,   // trained; a row for each id, [vocab, dim]
  buffer   // saved, but never trained: see nn::Buffer
};

// What a Param holds, at an address that survives moves of the model around it.
class ParamState {
 public:
  explicit ParamState(Tensor value);
  ParamState(const ParamState& other);  // numbers and identity of its own
  ParamState& operator=(const ParamState&) = delete;

  const Tensor& value() const { return value_; }
  // The numbers for changing in place. Whoever still holds the old ones (a tape, a Var) keeps them
  // unchanged.
  Tensor& mutable_value();
  void set_value(const Tensor& value);  // copies; throws when shape or type differ
  // The numbers in another type. A new identity: an optimiser made before does not know it.
  void convert(DType dtype);

  std::uint64_t id() const { return id_; }
  bool trainable = true;  // false: a constant to every tape, and left alone by optimisers
  Role role = Role::weight;

  // The name under which nn::parameters() last listed it, for messages; empty if it never did. A
  // copy keeps the name.
  std::string name() const;
  void set_name(const std::string& name);

 private:
  Tensor value_;
  std::uint64_t id_;
  std::string name_;
};

class Param {
 public:
  Param() = default;  // no parameter at all, as a layer without bias has
  // A copy of the value, unless nobody else holds it.
  explicit Param(Tensor value) : state_(std::make_shared<ParamState>(std::move(value))) {}
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

// While it lives, a copy of a Param made on this thread is the same parameter: for a model that a
// derivative must keep, whatever becomes of the one that was called.
class SharedCopies {
 public:
  SharedCopies();
  ~SharedCopies();
  SharedCopies(const SharedCopies&) = delete;

 private:
  bool before_;
};

// A parameter under the name that its place in the model gives it: "lstm.layers.0.wx".
struct NamedParam {
  std::string name;
  std::shared_ptr<ParamState> param;
};
using NamedParams = std::vector<NamedParam>;

}  // namespace unroll
