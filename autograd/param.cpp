#include <unroll/autograd/gradients.h>
#include <unroll/autograd/param.h>

#include <mutex>
#include <utility>

namespace unroll {

namespace {
thread_local bool t_shared_copies = false;
}  // namespace

SharedCopies::SharedCopies() : before_(std::exchange(t_shared_copies, true)) {}
SharedCopies::~SharedCopies() { t_shared_copies = before_; }

Param::Param(const Param& other) {
  if (!other.state_) return;
  state_ = t_shared_copies ? other.state_ : std::make_shared<ParamState>(*other.state_);
}

ParamState::ParamState(Tensor value) : value_(std::move(value)), id_(detail::next_leaf_id()) {
  check(value_.defined(), "param: a tensor with a value was required: got an undefined one");
  mutable_value();
}

ParamState::ParamState(IndexTensor ids)
    : trainable(false), role(Role::ids), ids_(std::move(ids)), id_(detail::next_leaf_id()) {
  check(ids_.defined(), "param: ids were required: got undefined ones");
}

ParamState::ParamState(const ParamState& other)
    : trainable(other.trainable),
      role(other.role),
      value_(other.role == Role::ids ? Tensor() : other.value_.clone()),
      ids_(other.ids_),
      id_(detail::next_leaf_id()),
      name_(other.name()) {}

namespace {
// Several threads that share a model may list its parameters at the same time.
std::mutex& name_mutex() {
  static std::mutex mutex;
  return mutex;
}
}  // namespace

std::string ParamState::name() const {
  const std::lock_guard lock(name_mutex());
  return name_;
}

void ParamState::set_name(const std::string& name) {
  const std::lock_guard lock(name_mutex());
  name_ = name;
}

Tensor& ParamState::mutable_value() {
  if (!value_.is_unique() || !value_.is_contiguous()) value_ = value_.clone();
  return value_;
}

void ParamState::convert(DType dtype) {
  if (role == Role::ids || value_.dtype() == dtype) return;
  value_ = value_.to(dtype);
  id_ = detail::next_leaf_id();
}

void ParamState::set_value(const Tensor& value) {
  check(value.shape() == value_.shape() && value.dtype() == value_.dtype(),
        "param: a value {} of type {} was required: got {} of type {}", value_.shape(),
        name_of(value_.dtype()), value.shape(), name_of(value.dtype()));
  value_ = value.clone();
}

void ParamState::set_ids(const IndexTensor& ids) {
  check(role == Role::ids && ids.defined() && ids.shape() == ids_.shape(),
        "param: ids of the shape {} were required: got {}", ids_.shape(),
        ids.defined() ? ids.shape().str() : "undefined ones");
  ids_ = ids;
}

void Param::refuse_undefined() {
  fail(
      "param: a parameter with a value was required: got an undefined one (default constructed or "
      "moved from)");
}

}  // namespace unroll
