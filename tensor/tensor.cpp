#include <unroll/tensor/memory.h>
#include <unroll/tensor/saved.h>
#include <unroll/tensor/strided.h>
#include <unroll/tensor/tensor.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>

namespace unroll {

using detail::TensorData;

namespace {

constexpr std::size_t kHeader = (sizeof(TensorData) + 63) / 64 * 64;

bool row_major(const Shape& shape, std::span<const Index> strides) {
  Index step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 1) continue;
    if (strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

// Computes strides so that `to` shows the elements of (from, strides) in row-major order. Returns
// false if there are none.
bool strides_for(const Shape& from, std::span<const Index> strides, const Shape& to,
                 std::array<Index, Shape::kMaxRank>& out) {
  int i = from.rank() - 1, j = to.rank() - 1;
  while (j >= 0) {
    if (to[j] == 1) {
      out[j--] = 1;
      continue;
    }
    while (i >= 0 && from[i] == 1) --i;
    Index have = from[i], want = to[j];
    out[j] = strides[i];
    while (have != want) {
      if (want < have) {
        const Index step = out[j] * to[j];
        if (--j < 0) return false;
        out[j] = step;
        want *= to[j];
      } else {
        const Index step = strides[i] * from[i];
        do {
          if (--i < 0) return false;
        } while (from[i] == 1);
        if (strides[i] != step) return false;
        have *= from[i];
      }
    }
    --i, --j;
  }
  return true;
}

Index offset_of(const Tensor& x, std::initializer_list<AnyIndex> index) {
  check(static_cast<int>(index.size()) == x.rank(),
        "at: one index for each axis of {} was required: got {} indices", x.shape(), index.size());
  Index offset = 0;
  int axis = 0;
  for (Index i : index) {
    const Index size = x.shape()[axis];
    check(i >= -size && i < size, "at: an index in [{}, {}) was required on axis {} of {}: got {}",
          -size, size, axis, x.shape(), i);
    offset += (i < 0 ? i + size : i) * x.strides()[axis++];
  }
  return offset;
}

template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape, DType dtype) {
  check(static_cast<Index>(values.size()) == shape.numel(),
        "from: {} values were required for the shape {}: got {}", shape.numel(), shape,
        values.size());
  Tensor out = Tensor::empty(shape, dtype);
  dispatch(dtype, [&]<class To>() {
    std::transform(values.begin(), values.end(), out.data<To>(),
                   [](T v) { return static_cast<To>(v); });
  });
  return out;
}

// Thrown when memory runs out; the message says what the memory was for.
struct OutOfMemory : std::bad_alloc {
  std::string text;
  OutOfMemory(const Shape& shape, DType dtype)
      : text(
            fmt::format("tensor: memory was required for {} elements {} of type {}: the system has "
                        "no more",
                        shape.numel(), shape, name_of(dtype))) {}
  const char* what() const noexcept override { return text.c_str(); }
};

}  // namespace

void detail::destroy(TensorData* data) noexcept {
  TensorData* owner = data->owner;
  const std::size_t bytes = data->bytes;
  data->~TensorData();
  memory::deallocate(data, bytes);
  if (owner && owner->references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(owner);
}

void Tensor::refuse_undefined() {
  fail(
      "tensor: a tensor with a value was required: got an undefined one (default constructed or "
      "moved from)");
}

void Tensor::refuse_dtype(DType asked) const {
  fail("tensor: elements of type {} were asked for: the tensor {} holds {} (see to())",
       name_of(asked), shape(), name_of(dtype()));
}

void check_same_dtype(const char* op, const Tensor& a, const Tensor& b) {
  check(a.dtype() == b.dtype(),
        "{}: tensors of one type were required: got {} {} and {} {} (see to())", op,
        name_of(a.dtype()), a.shape(), name_of(b.dtype()), b.shape());
}

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  const Index numel = shape.numel();
  if (numel > (Index{1} << 58)) throw OutOfMemory(shape, dtype);
  const std::size_t bytes = kHeader + static_cast<std::size_t>(numel) * size_of(dtype);
  TensorData* data;
  try {
    data = new (memory::allocate(bytes)) TensorData(shape, dtype);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(shape, dtype);
  }
  const std::span<const Index> sizes = shape.span();
  Index step = 1;
  for (std::size_t i = sizes.size(); i-- > 0; step *= sizes[i]) data->strides[i] = step;
  data->numel = numel;
  data->data = reinterpret_cast<std::byte*>(data) + kHeader;
  data->bytes = bytes;
  Tensor out;
  out.impl_ = data;
  return out;
}

Tensor Tensor::empty_like(const Tensor& x) {
  Tensor out = empty(x.shape(), x.dtype());
  if (x.is_contiguous() || detail::repeats(x)) return out;
  out.impl_->strides = detail::dense_strides(x);
  out.impl_->contiguous = row_major(out.shape(), out.impl_->strides);
  return out;
}

Tensor make_view(const Tensor& base, const Shape& shape, std::span<const Index> strides,
                 Index offset) {
  auto* data = new (memory::allocate(sizeof(TensorData))) TensorData(shape, base.dtype());
  std::copy(strides.begin(), strides.end(), data->strides.begin());
  data->numel = shape.numel();
  data->contiguous = row_major(shape, strides);
  data->data = base.impl_->data + offset * static_cast<Index>(size_of(data->dtype));
  data->owner = base.impl_->owner ? base.impl_->owner : base.impl_;
  data->owner->references.fetch_add(1, std::memory_order_relaxed);
  data->bytes = sizeof(TensorData);
  Tensor out;
  out.impl_ = data;
  return out;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor out = empty(shape, dtype);
  std::memset(out.impl_->data, 0, static_cast<std::size_t>(out.numel()) * size_of(dtype));
  return out;
}

Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1.0, dtype); }

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor out = empty(shape, dtype);
  dispatch(dtype,
           [&]<class T>() { detail::fill_run(out.data<T>(), out.numel(), static_cast<T>(value)); });
  return out;
}

Tensor Tensor::scalar(double value, DType dtype) { return full({}, value, dtype); }

Tensor Tensor::arange(Index n, DType dtype) {
  check(n >= 0, "arange: a length of at least 0 was required: got {}", n);
  Tensor out = empty({n}, dtype);
  dispatch(dtype, [&]<class T>() {
    T* to = out.data<T>();
    for (Index i = 0; i < n; ++i) to[i] = static_cast<T>(i);
  });
  return out;
}

Tensor Tensor::eye(Index n, DType dtype) {
  Tensor out = zeros({n, n}, dtype);
  for (Index i = 0; i < n; ++i) out.set({i, i}, 1.0);
  return out;
}

Tensor Tensor::of(std::initializer_list<detail::Nested<double>> values, DType dtype) {
  const auto flat = detail::Nested<double>::flat("of", values);
  return from(flat.values, flat.shape, dtype);
}

Tensor Tensor::from(std::span<const float> values, const Shape& shape, DType dtype) {
  return from_values(values, shape, dtype);
}
Tensor Tensor::from(std::span<const double> values, const Shape& shape, DType dtype) {
  return from_values(values, shape, dtype);
}
Tensor Tensor::from(std::initializer_list<detail::Nested<double>> values, const Shape& shape,
                    DType dtype) {
  return from(detail::Nested<double>::flat("from", values).values, shape, dtype);
}

bool Tensor::shares_storage_with(const Tensor& other) const {
  const auto root = [](const TensorData& data) { return data.owner ? data.owner : &data; };
  return root(impl()) == root(other.impl());
}

double Tensor::item() const {
  check(numel() == 1, "item: a tensor with one element was required: got the shape {}", shape());
  return dispatch(dtype(), [&]<class T>() { return static_cast<double>(*data<T>()); });
}

double Tensor::at(std::initializer_list<AnyIndex> i) const {
  const Index offset = offset_of(*this, i);
  return dispatch(dtype(), [&]<class T>() { return static_cast<double>(data<T>()[offset]); });
}

void Tensor::set(std::initializer_list<AnyIndex> i, double value) {
  const Index offset = offset_of(*this, i);
  dispatch(dtype(), [&]<class T>() { data<T>()[offset] = static_cast<T>(value); });
  mark_written();
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  const Tensor source = to(dtype_of<T>).contiguous();
  const T* first = source.data<T>();
  return std::vector<T>(first, first + source.numel());
}
template std::vector<float> Tensor::to_vector<float>() const;
template std::vector<double> Tensor::to_vector<double>() const;

Tensor Tensor::reshape(const Shape& asked) const {
  if (asked == shape()) return *this;
  check(asked.numel() == numel(),
        "reshape: a shape with {} elements was required for {}: got {} with {}", numel(), shape(),
        asked, asked.numel());
  std::array<Index, Shape::kMaxRank> steps{};
  if (is_contiguous() || numel() == 0) {
    Index step = 1;
    for (int i = asked.rank() - 1; i >= 0; --i) {
      steps[i] = step;
      step *= asked[i];
    }
  } else if (!strides_for(shape(), strides(), asked, steps)) {
    return contiguous().reshape(asked);
  }
  return make_view(*this, asked, std::span(steps).first(asked.rank()), 0);
}

Tensor Tensor::reshape(std::initializer_list<AnyIndex> sizes) const {
  return reshape(infer_shape("reshape", sizes, shape()));
}

Tensor Tensor::transpose(int a, int b) const {
  a = shape().axis(a, "transpose"), b = shape().axis(b, "transpose");
  std::array<Index, Shape::kMaxRank> steps = impl_->strides;
  std::swap(steps[a], steps[b]);
  return make_view(*this, shape().swapped(a, b), std::span(steps).first(rank()), 0);
}

Tensor Tensor::permute(std::span<const int> axes) const {
  check(static_cast<int>(axes.size()) == rank(),
        "permute: each axis of {} once was required: got {} axes", shape(), axes.size());
  std::array<Index, Shape::kMaxRank> sizes{}, steps{};
  std::array<bool, Shape::kMaxRank> seen{};
  for (int i = 0; i < rank(); ++i) {
    const int axis = shape().axis(axes[i], "permute");
    check(!seen[axis], "permute: each axis of {} once was required: axis {} came twice", shape(),
          axis);
    seen[axis] = true;
    sizes[i] = shape()[axis];
    steps[i] = impl_->strides[axis];
  }
  const auto rank_size = static_cast<std::size_t>(rank());
  return make_view(*this, Shape(std::span<const Index>(sizes).first(rank_size)),
                   std::span(steps).first(rank_size), 0);
}

Tensor Tensor::narrow(int axis, Index start, Index length) const {
  axis = shape().axis(axis, "narrow");
  const Index size = shape()[axis];
  check(start >= 0 && length >= 0 && length <= size && start <= size - length,
        "narrow: a range within [0, {}) was required on axis {} of {}: got start {} and length {}",
        size, axis, shape(), start, length);
  return make_view(*this, shape().with(axis, length), strides(), start * impl_->strides[axis]);
}

Tensor Tensor::select(int axis, Index index) const {
  axis = shape().axis(axis, "select");
  const Index size = shape()[axis];
  check(index >= -size && index < size,
        "select: an index in [{}, {}) was required on axis {} of {}: got {}", -size, size, axis,
        shape(), index);
  if (index < 0) index += size;
  std::array<Index, Shape::kMaxRank> steps{};
  for (int i = 0, j = 0; i < rank(); ++i)
    if (i != axis) steps[j++] = impl_->strides[i];
  return make_view(*this, shape().without(axis), std::span(steps).first(rank() - 1),
                   index * impl_->strides[axis]);
}

Tensor Tensor::expand(const Shape& asked) const {
  if (asked == shape()) return *this;
  const int extra = asked.rank() - rank();
  std::array<Index, Shape::kMaxRank> steps{};
  bool fits = extra >= 0;
  for (int i = 0; fits && i < rank(); ++i) {
    fits = shape()[i] == asked[i + extra] || shape()[i] == 1;
    steps[i + extra] = shape()[i] == asked[i + extra] ? impl_->strides[i] : 0;
  }
  check(fits, "expand: a shape that {} broadcasts to was required: got {}", shape(), asked);
  return make_view(*this, asked, std::span(steps).first(asked.rank()), 0);
}

Tensor Tensor::unsqueeze(int axis) const {
  check(axis >= -rank() - 1 && axis <= rank(),
        "unsqueeze: an axis in [{}, {}] was required for {}: got {}", -rank() - 1, rank(), shape(),
        axis);
  return reshape(shape().inserted(axis < 0 ? axis + rank() + 1 : axis, 1));
}

Tensor Tensor::squeeze(int axis) const {
  axis = shape().axis(axis, "squeeze");
  check(shape()[axis] == 1, "squeeze: a size of 1 was required on axis {}: got the shape {}", axis,
        shape());
  return reshape(shape().without(axis));
}

Tensor Tensor::clone() const {
  Tensor out = empty(shape(), dtype());
  out.copy_(*this);
  return out;
}

Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }

Tensor Tensor::to(DType asked) const {
  if (asked == dtype()) return *this;
  if (detail::repeats(*this)) return detail::unrepeated(*this).to(asked).expand(shape()).clone();
  if (!detail::is_dense(*this)) return clone().to(asked);
  Tensor out = empty(shape(), asked);
  out.impl_->strides = impl_->strides;  // the same memory order
  out.impl_->contiguous = impl_->contiguous;
  out.copy_(*this);
  return out;
}

void check_writable(const char* op, const Tensor& target) {
  if (target.numel() == 0) return;
  for (int i = 0; i < target.rank(); ++i)
    check(target.strides()[i] != 0 || target.shape()[i] <= 1,
          "{}: a tensor whose elements do not overlap was required to write to: got an "
          "expanded one, shape {}",
          op, target.shape());
}

void Tensor::copy_(const Tensor& source) {
  check_writable("copy_", *this);
  check(shape() == source.shape(), "copy_: one shape was required: got {} into {}", source.shape(),
        shape());
  if (impl_ == source.impl_ || numel() == 0) return;
  const bool same_type = dtype() == source.dtype();
  source.require_saved();
  if (same_type && is_contiguous() && source.is_contiguous()) {
    std::memmove(impl_->data, source.impl_->data,
                 static_cast<std::size_t>(numel()) * size_of(dtype()));
    return mark_written();
  }
  if (shares_storage_with(source)) return copy_(source.clone());
  if (!same_type && !(detail::is_dense(*this) && detail::same_order(source, *this)))
    return copy_(is_contiguous() ? source.contiguous() : source.to(dtype()));
  dispatch(dtype(), [&]<class T>() {
    dispatch(source.dtype(), [&]<class S>() {
      if constexpr (std::is_same_v<T, S>) {
        detail::elementwise<T>(*this, {&source},
                               [](const T* const* from, const Index* steps, T* to, Index n) {
                                 if (steps[0] == 0) {
                                   detail::fill_run(to, n, *from[0]);
                                 } else {
                                   std::copy_n(from[0], n, to);
                                 }
                               });
      } else {
        T* to = data<T>();
        const S* from = source.data<S>();
        const Index n = numel();
        for (Index i = 0; i < n; ++i) to[i] = static_cast<T>(from[i]);
      }
    });
  });
  mark_written();
}

void Tensor::fill_(double value) {
  dispatch(dtype(), [&]<class T>() {
    if (is_contiguous()) {
      detail::fill_run(data<T>(), numel(), static_cast<T>(value));
    } else {
      Tensor once = detail::unrepeated(*this);
      once.copy_(scalar(value, dtype()).expand(once.shape()));
    }
  });
  mark_written();
}

void Tensor::mark_written() {
  (void)impl();
  if (is_unique()) return;
  TensorData& data = impl_->owner ? *impl_->owner : *impl_;
  data.written.store(detail::next_write_time(), std::memory_order_relaxed);
}

// --- modified saved tensors ---

std::atomic<std::uint64_t> detail::write_clock{1};

constinit thread_local const detail::Recorded* detail::reads_as_recorded = nullptr;

void detail::check_saved(const TensorData& tensor) {
  const Recorded* at = reads_as_recorded;
  if (!at) return;
  const TensorData& numbers = tensor.owner ? *tensor.owner : tensor;
  if (numbers.made > at->time || numbers.written.load(std::memory_order_relaxed) <= at->time)
    return;
  fail(
      "{}: values as they were when it was recorded (at {}:{}) were required of backward: the "
      "tensor {} of type {} has been written to in place since; write into a clone() of it, or "
      "after backward",
      at->op, at->file ? at->file : "unknown", at->line, tensor.shape, name_of(tensor.dtype));
}

}  // namespace unroll
