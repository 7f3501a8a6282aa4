// Tensor: an n-dimensional array of f32 or f64 with strides. It is never recorded on a tape; see
// autograd/var.h for Var, which is.
//
// A Tensor is a handle: copying it does not copy the elements, and views (narrow, transpose, ...)
// share them, so writing to one is visible in the others. `clone()` copies the elements. A const
// Tensor is a const handle; its elements may still be written to.
#pragma once

#include <unroll/tensor/nested.h>

#include <atomic>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace unroll {

class Tensor;

namespace detail {

extern std::atomic<std::uint64_t> write_clock;

// One block of memory: this header, followed by the elements if the tensor owns them. What most ops
// read fills the first cache line, which ends with the rank.
struct TensorData {
  TensorData(const Shape& of_shape, DType of_type) : dtype(of_type), shape(of_shape) {}

  std::atomic<std::uint32_t> references{1};
  DType dtype;
  bool contiguous = true;
  std::byte* data = nullptr;
  Index numel = 0;
  TensorData* owner = nullptr;  // of the elements, if this is a view
  // The times at which the elements were created and last written to in place (0: never), on the
  // clock of saved.h.
  std::uint64_t made = write_clock.load(std::memory_order_relaxed);
  std::atomic<std::uint64_t> written{0};
  std::size_t bytes = 0;  // of the whole block
  Shape shape;
  std::array<Index, Shape::kMaxRank> strides{};
};

void destroy(TensorData* data) noexcept;
// Throws if a derivative is running on this thread and the elements were modified in place after
// its op was recorded.
void check_saved(const TensorData& tensor);

// See saved.h.
bool written(const Tensor& tensor);
bool rewritten(const Tensor& tensor, std::uint64_t made, std::uint64_t written);
void require_saved(const Tensor& tensor);

class Borrowed;

}  // namespace detail

class Tensor {
 public:
  Tensor() = default;  // undefined: no shape, no elements
  Tensor(const Tensor& other) noexcept : impl_(other.impl_) { retain(); }
  Tensor(Tensor&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Tensor& operator=(const Tensor& other) noexcept {
    Tensor(other).swap(*this);
    return *this;
  }
  Tensor& operator=(Tensor&& other) noexcept {
    Tensor(std::move(other)).swap(*this);
    return *this;
  }
  ~Tensor() { release(); }
  void swap(Tensor& other) noexcept { std::swap(impl_, other.impl_); }

  // --- creation (default dtype f32) ---
  static Tensor empty(const Shape& shape, DType dtype = f32);  // elements are uninitialised
  // Uninitialised, with x's shape, dtype and memory order; row-major if expand() repeats elements.
  static Tensor empty_like(const Tensor& x);
  static Tensor zeros(const Shape& shape, DType dtype = f32);
  static Tensor ones(const Shape& shape, DType dtype = f32);
  static Tensor full(const Shape& shape, double value, DType dtype = f32);
  static Tensor scalar(double value, DType dtype = f32);  // shape []
  static Tensor arange(Index n, DType dtype = f32);       // 0, 1, ..., n-1
  static Tensor eye(Index n, DType dtype = f32);          // [n, n], ones on the diagonal
  // From nested braces: of({1, 2}) has shape [2], of({{1}, {2}}) has shape [2, 1]. Throws if rows
  // differ in length.
  static Tensor of(std::initializer_list<detail::Nested<double>> values, DType dtype = f32);
  // A copy of values in row-major order. Throws if their number does not fit the shape. Default
  // dtype: that of the values; f32 for values in braces.
  static Tensor from(std::span<const float> values, const Shape& shape, DType dtype = f32);
  static Tensor from(std::span<const double> values, const Shape& shape, DType dtype = f64);
  static Tensor from(std::initializer_list<detail::Nested<double>> values, const Shape& shape,
                     DType dtype = f32);

  // --- queries ---
  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const { return impl().shape; }
  int rank() const { return impl().shape.rank(); }  // number of axes
  // Size along an axis; negative axes count from the end.
  Index size(int axis) const { return shape()[shape().axis(axis, "size")]; }
  Index numel() const { return impl().numel; }  // number of elements
  DType dtype() const { return impl().dtype; }
  // Returns the tensor itself, so that f(x).value() works for both Var and Tensor.
  const Tensor& value() const { return *this; }
  // In elements; 0 along axes repeated by expand().
  std::span<const Index> strides() const {
    return {impl().strides.data(), static_cast<std::size_t>(rank())};
  }
  bool is_contiguous() const { return impl().contiguous; }  // row-major without gaps
  // True if this is the only handle of these elements, so that they may be overwritten.
  bool is_unique() const {
    return impl_ && !impl_->owner && impl_->references.load(std::memory_order_acquire) == 1;
  }
  bool shares_storage_with(const Tensor& other) const;

  double item() const;                                 // throws unless there is one element
  double at(std::initializer_list<AnyIndex> i) const;  // one index per axis; bounds are checked
  void set(std::initializer_list<AnyIndex> i, double value);
  template <class T>
  std::vector<T> to_vector() const;  // row-major; converts to T

  // A pointer to the first element. T must be float for f32 and double for f64. After writing
  // through it to elements that may be shared, call mark_written().
  template <class T>
  const T* data() const {
    require_dtype(dtype_of<T>);
    require_saved();
    return reinterpret_cast<const T*>(impl_->data);
  }
  template <class T>
  T* data() {
    require_dtype(dtype_of<T>);
    require_saved();
    return reinterpret_cast<T*>(impl_->data);
  }

  // --- views ---
  // Elements are not copied, except by reshape if the strides require it. Negative axes count from
  // the end. All throw std::invalid_argument if an axis, index or size does not fit.
  Tensor reshape(const Shape& shape) const;
  Tensor reshape(std::initializer_list<AnyIndex> sizes) const;  // one size may be -1
  Tensor transpose(int a = -2, int b = -1) const;  // swaps two axes; default: the last two
  Tensor permute(std::initializer_list<int> axes) const {
    return permute(std::span(axes.begin(), axes.size()));
  }
  // Axis i of the result is axis axes[i].
  Tensor permute(std::span<const int> axes) const;
  Tensor narrow(int axis, Index start, Index length) const;  // the slice [start, start + length)
  Tensor select(int axis, Index index) const;                // removes the axis
  Tensor expand(const Shape& shape) const;                   // repeats sizes of 1, with stride 0
  Tensor unsqueeze(int axis) const;                          // inserts an axis of size 1
  Tensor squeeze(int axis) const;                            // throws unless the size is 1
  Tensor flatten() const { return reshape({numel()}); }

  // --- copies ---
  Tensor clone() const;              // a row-major copy
  Tensor contiguous() const;         // the tensor itself if it is contiguous
  Tensor to(DType dtype) const;      // the tensor itself if it has the dtype
  void copy_(const Tensor& source);  // same shape; converts the dtype; may overlap
  void fill_(double value);
  // Marks the elements as modified in place; set, copy_ and fill_ do this themselves. A tape that
  // saved the old elements then refuses to differentiate with the new ones.
  void mark_written();

  std::string str() const;  // formatted for printing; long axes are shortened

 private:
  friend Tensor make_view(const Tensor& base, const Shape& shape, std::span<const Index> strides,
                          Index offset);
  friend bool detail::rewritten(const Tensor& tensor, std::uint64_t made, std::uint64_t written);
  friend bool detail::written(const Tensor& tensor);
  friend void detail::require_saved(const Tensor& tensor);
  friend class detail::Borrowed;

  const detail::TensorData& storage() const { return impl_->owner ? *impl_->owner : *impl_; }
  bool written() const { return storage().written.load(std::memory_order_relaxed) != 0; }
  void require_saved() const {
    if (written()) [[unlikely]]
      detail::check_saved(*impl_);
  }
  const detail::TensorData& impl() const {
    if (!impl_) [[unlikely]]
      refuse_undefined();
    return *impl_;
  }
  [[noreturn]] static void refuse_undefined();
  void require_dtype(DType dtype) const {
    if (impl().dtype != dtype) [[unlikely]]
      refuse_dtype(dtype);
  }
  [[noreturn]] void refuse_dtype(DType asked) const;
  void retain() noexcept {
    if (impl_) impl_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept {
    if (!impl_) return;
    // The last owner can skip the atomic subtraction: no other thread has a reference.
    if (impl_->references.load(std::memory_order_acquire) == 1 ||
        impl_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      detail::destroy(impl_);
    impl_ = nullptr;
  }

  detail::TensorData* impl_ = nullptr;
};

namespace detail {

// For arguments: a handle that is not counted, valid while x is. The counter is shared by threads,
// so each change of it costs several nanoseconds.
class Borrowed {
 public:
  static Tensor handle(const Tensor& x) {
    Tensor out;
    out.impl_ = x.impl_;
    return out;
  }
  // Must be called before the handle is destroyed.
  static void give_back(Tensor& handle) { handle.impl_ = nullptr; }
};

}  // namespace detail

// Writes t.str().
std::ostream& operator<<(std::ostream& out, const Tensor& t);

// A view of any shape and strides (in elements) that begins `offset` elements after base's first
// one. Nothing is checked.
Tensor make_view(const Tensor& base, const Shape& shape, std::span<const Index> strides,
                 Index offset);

// Throws if the view shows an element in several places, as after expand(): the result of writing
// to it would be undefined.
void check_writable(const char* op, const Tensor& target);

// Throws, naming `op`, unless a and b have the same dtype.
void check_same_dtype(const char* op, const Tensor& a, const Tensor& b);

}  // namespace unroll

template <>
struct fmt::formatter<unroll::Tensor> : unroll::detail::StrFormatter<unroll::Tensor> {};
