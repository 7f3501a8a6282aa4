// Tensor: an n-d array of f32 or f64 with strides. It never records; see autograd/var.h for what
// does.
//
// A Tensor is a handle: copying it copies no numbers, and views (narrow, transpose, ...) share
// them, so that writing into one is seen through the other. `clone()` makes numbers of one's own.
// Const is that of the handle.
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

// One block of memory: this header, and behind it the numbers when the tensor owns them.
struct TensorData {
  std::atomic<std::uint32_t> references{1};
  DType dtype = DType::f32;
  bool contiguous = true;
  Shape shape;
  std::array<Index, Shape::kMaxRank> strides{};
  Index numel = 0;
  std::byte* data = nullptr;
  TensorData* owner = nullptr;  // of the numbers, when this is a view
  std::size_t bytes = 0;        // of the whole block
  // When the numbers were made, and last written to in place (0: never), on the clock of saved.h.
  std::uint64_t made = write_clock.load(std::memory_order_relaxed);
  std::atomic<std::uint64_t> written{0};
};

void destroy(TensorData* data) noexcept;
// Throws where a derivative runs on this thread and the numbers, which have been written to in
// place, are no longer those that its op was recorded with.
void check_saved(const TensorData& tensor);

// See saved.h.
bool rewritten(const Tensor& tensor, std::uint64_t made, std::uint64_t written);
void require_saved(const Tensor& tensor);

}  // namespace detail

class Tensor {
 public:
  Tensor() = default;  // undefined: no shape, no numbers
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

  // --- making one ---
  static Tensor empty(const Shape& shape, DType dtype = f32);  // numbers not set
  // The same of x's shape, type and, where x is a block of memory without gaps, memory order.
  static Tensor empty_like(const Tensor& x);
  static Tensor zeros(const Shape& shape, DType dtype = f32);
  static Tensor ones(const Shape& shape, DType dtype = f32);
  static Tensor full(const Shape& shape, double value, DType dtype = f32);
  static Tensor scalar(double value, DType dtype = f32);  // shape []
  static Tensor arange(Index n, DType dtype = f32);       // 0, 1, ..., n-1
  static Tensor eye(Index n, DType dtype = f32);
  // What nested braces show: of({1, 2}) is [2], of({{1}, {2}}) is [2, 1], and so on. Throws when
  // rows differ in length.
  static Tensor of(std::initializer_list<detail::Nested<double>> values, DType dtype = f32);
  // A copy of values in row-major order; throws when their number does not fit the shape. The type
  // is that of the values unless another is asked for; of numbers in braces f32.
  static Tensor from(std::span<const float> values, const Shape& shape, DType dtype = f32);
  static Tensor from(std::span<const double> values, const Shape& shape, DType dtype = f64);
  static Tensor from(std::initializer_list<detail::Nested<double>> values, const Shape& shape,
                     DType dtype = f32);

  // --- asking it ---
  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const { return impl().shape; }
  int rank() const { return impl().shape.rank(); }
  Index size(int axis) const { return shape()[shape().axis(axis, "size")]; }
  Index numel() const { return impl().numel; }
  DType dtype() const { return impl().dtype; }
  // Itself: what is written for Vars (f(x).value()) serves Tensors too.
  const Tensor& value() const { return *this; }
  std::span<const Index> strides() const {
    return {impl().strides.data(), static_cast<std::size_t>(rank())};
  }
  bool is_contiguous() const { return impl().contiguous; }  // row-major without gaps
  // True when nobody else can see these numbers, so that they may be overwritten.
  bool is_unique() const {
    return impl_ && !impl_->owner && impl_->references.load(std::memory_order_acquire) == 1;
  }
  bool shares_storage_with(const Tensor& other) const;

  double item() const;                                 // of a tensor with one element
  double at(std::initializer_list<AnyIndex> i) const;  // bounds are checked
  void set(std::initializer_list<AnyIndex> i, double value);
  template <class T>
  std::vector<T> to_vector() const;  // row-major; converts the type

  // The first element. T must be float for f32 and double for f64. Call mark_written() after
  // writing through it into numbers that somebody else may hold.
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

  // --- views: no numbers are copied, except by reshape where strides leave no other way ---
  Tensor reshape(const Shape& shape) const;
  Tensor reshape(std::initializer_list<AnyIndex> sizes) const;  // one size may be -1: what is left
  Tensor transpose(int a = -2, int b = -1) const;
  Tensor permute(std::initializer_list<int> axes) const {
    return permute(std::span(axes.begin(), axes.size()));
  }
  Tensor permute(std::span<const int> axes) const;
  Tensor narrow(int axis, Index start, Index length) const;
  Tensor select(int axis, Index index) const;  // one axis less
  Tensor expand(const Shape& shape) const;     // sizes of 1 repeat, stride 0
  Tensor unsqueeze(int axis) const;
  Tensor squeeze(int axis) const;  // throws unless the size is 1
  Tensor flatten() const { return reshape({numel()}); }

  // --- copies ---
  Tensor clone() const;
  Tensor contiguous() const;  // itself if it already is
  Tensor to(DType dtype) const;
  void copy_(const Tensor& source);  // same shape; converts the type; the two may overlap
  void fill_(double value);
  // Says that the numbers have been written to, as set, copy_ and fill_ do themselves: a tape that
  // saved the old ones then refuses to differentiate with the new ones.
  void mark_written();

  std::string str() const;  // as people expect to see it; long ones are shortened

 private:
  friend Tensor make_view(const Tensor& base, const Shape& shape, std::span<const Index> strides,
                          Index offset);
  friend bool detail::rewritten(const Tensor& tensor, std::uint64_t made, std::uint64_t written);
  friend void detail::require_saved(const Tensor& tensor);

  const detail::TensorData& storage() const { return impl_->owner ? *impl_->owner : *impl_; }
  void require_saved() const {
    if (storage().written.load(std::memory_order_relaxed) != 0) [[unlikely]]
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
    // The last owner needs no atomic subtraction: nobody is left to race with.
    if (impl_->references.load(std::memory_order_acquire) == 1 ||
        impl_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      detail::destroy(impl_);
    impl_ = nullptr;
  }

  detail::TensorData* impl_ = nullptr;
};

// Writes t.str().
std::ostream& operator<<(std::ostream& out, const Tensor& t);

// A view of any shape and strides (in elements) over base's numbers, `offset` elements from base's
// first; nothing is checked.
Tensor make_view(const Tensor& base, const Shape& shape, std::span<const Index> strides,
                 Index offset);

// Throws for a view that has one number in several places, as expand() makes it: what would be
// written there is not defined.
void check_writable(const char* op, const Tensor& target);

// Throws unless a and b have the same type; `op` begins the sentence.
void check_same_dtype(const char* op, const Tensor& a, const Tensor& b);

}  // namespace unroll

template <>
struct fmt::formatter<unroll::Tensor> : unroll::detail::StrFormatter<unroll::Tensor> {};
