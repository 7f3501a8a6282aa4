// Var: a Tensor that may be recorded on a tape. Models take and return Vars; data are Tensors, and
// a Tensor is accepted wherever a Var is (as a constant).
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

  // True if it is on a tape, so that it can receive a gradient.
  bool requires_grad() const { return tape_ != 0; }
  // The same elements off the tape: no gradient flows through.
  Var detach() const { return Var(value_); }
  // Registers f, to be called in backward with the gradient of this value. If f returns a defined
  // tensor, it replaces the gradient.
  void hook(std::function<Tensor(const Tensor& gradient)> f) const;
  // The id of the leaf (a parameter's or watched value's); 0 for anything else.
  std::uint64_t leaf_id() const { return leaf_; }

 private:
  friend class Tape;
  friend class In;
  friend struct Recorder;
  Var(Tensor value, std::uint64_t tape, std::uint32_t slot, std::uint64_t leaf = 0)
      : value_(std::move(value)), tape_(tape), leaf_(leaf), slot_(slot) {}

  Tensor value_;
  std::uint64_t tape_ = 0;  // serial number of the tape, 0 for a constant
  std::uint64_t leaf_ = 0;
  std::uint32_t slot_ = 0;  // its slot there
};

// Writes v.value().str().
inline std::ostream& operator<<(std::ostream& out, const Var& v) { return out << v.value(); }

// A line of source code.
struct Where {
  const char* file = nullptr;
  int line = 0;
  static Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

// While alive, ops recorded on this thread are attributed to the given line as well; the outermost
// Caller counts. With it, anomaly mode names the line of the user's code besides the library's own.
// For functions and modules made of several ops.
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

// The argument type of ops: a Var, Tensor, Param or number, with the source line of the call.
// Functions take `const In&`; user code does not need the name. A Var or Tensor must live as long
// as the In.
class In {
 public:
  In(const Var& var, Where where = Where::here()) : var_(&var), where_(where) {}
  In(const Tensor& tensor, Where where = Where::here())
      : own_(detail::Borrowed::handle(tensor)), var_(&own_), where_(where), is_borrowed_(true) {}
  In(const Param& param, Where where = Where::here()) : own_(param), var_(&own_), where_(where) {}
  // A number takes the dtype of the other operand.
  In(double number, Where where = Where::here())
      : var_(&own_), where_(where), number_(number), is_number_(true) {}
  ~In() {
    if (is_borrowed_) detail::Borrowed::give_back(own_.value_);
  }
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
  // For an op with two operands: turns a number into a scalar of the dtype of `other`.
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
  bool is_number_ = false, is_borrowed_ = false;
};

}  // namespace unroll
