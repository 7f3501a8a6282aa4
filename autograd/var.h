// Var: a Tensor that may stand on a tape. Models speak Var; data are Tensors, and a Tensor goes
// wherever a Var does (as a constant).
#pragma once

#include <unroll/autograd/param.h>

#include <functional>

namespace unroll {

class Tape;

class Var {
 public:
  Var() = default;                                 // undefined
  Var(Tensor value) : value_(std::move(value)) {}  // a constant
  Var(const Param& param);  // a leaf of the recording tape, if there is one; undefined if it is

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  int rank() const { return value_.rank(); }
  Index size(int axis) const { return value_.size(axis); }
  Index numel() const { return value_.numel(); }
  DType dtype() const { return value_.dtype(); }
  double item() const { return value_.item(); }

  // True when it stands on a tape, so that a gradient can reach it.
  bool requires_grad() const { return tape_ != 0; }
  // The same numbers off the tape: no gradient goes through.
  Var detach() const { return Var(value_); }
  // Calls f with the gradient of this value when backward gets to it; what f returns (unless
  // undefined) takes its place.
  void hook(std::function<Tensor(const Tensor& gradient)> f) const;
  // Which leaf it is (a parameter's id, or a watched value's); 0 for anything else.
  std::uint64_t leaf_id() const { return leaf_; }

 private:
  friend class Tape;
  friend struct Recorder;
  Var(Tensor value, std::uint64_t tape, std::uint32_t slot, std::uint64_t leaf = 0)
      : value_(std::move(value)), tape_(tape), leaf_(leaf), slot_(slot) {}

  Tensor value_;
  std::uint64_t tape_ = 0;  // serial number of the tape, 0 for a constant
  std::uint64_t leaf_ = 0;
  std::uint32_t slot_ = 0;  // its place there
};

// Writes v.value().str().
inline std::ostream& operator<<(std::ostream& out, const Var& v) { return out << v.value(); }

// The line of code that wrote something.
struct Where {
  const char* file = nullptr;
  int line = 0;
  static Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

// While it lives, what is recorded on this thread was called from that line: the outermost counts,
// so that anomaly mode names the line of a user's code beside the library's own. For functions and
// modules that are made of several ops.
class Caller {
 public:
  explicit Caller(Where where) : before_(current()) {
    if (!before_.file) current() = where;
  }
  ~Caller() { current() = before_; }
  Caller(const Caller&) = delete;
  static Where& current();

 private:
  Where before_;
};

// In: whatever may go into an op (a Var, Tensor, Param or number), with the line that wrote it
// down. Functions take `const In&`; nobody else needs the name.
class In {
 public:
  In(const Var& var, Where where = Where::here()) : var_(&var), where_(where) {}
  In(const Tensor& tensor, Where where = Where::here())
      : own_(tensor), var_(&own_), where_(where) {}
  In(const Param& param, Where where = Where::here()) : own_(param), var_(&own_), where_(where) {}
  // A number takes the type of what it meets.
  In(double number, Where where = Where::here())
      : var_(&own_), where_(where), number_(number), is_number_(true) {}
  In(const In&) = delete;
  In& operator=(const In&) = delete;

  const Var& operator*() const {
    if (is_number_ && !own_.defined()) own_ = Var(Tensor::scalar(number_));
    return *var_;
  }
  const Var* operator->() const { return &**this; }
  const Tensor& value() const { return (**this).value(); }
  bool requires_grad() const { return var_->requires_grad(); }
  bool is_number() const { return is_number_; }
  // For an op whose other argument is `other`: a number becomes a scalar of its type.
  const In& like(const In& other) const {
    if (is_number_ && !other.is_number_ && !own_.defined())
      own_ = Var(Tensor::scalar(number_, other->dtype()));
    return *this;
  }
  Where where() const { return where_; }

 private:
  mutable Var own_;
  const Var* var_;
  Where where_;
  double number_ = 0;
  bool is_number_ = false;
};

}  // namespace unroll
