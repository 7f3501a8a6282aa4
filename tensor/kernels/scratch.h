// A temporary buffer from the caching allocator.
#pragma once

#include <unroll/tensor/memory.h>

namespace unroll::kernels {

template <class T>
class Scratch {
 public:
  explicit Scratch(Index n)
      : bytes_(static_cast<std::size_t>(n) * sizeof(T)),
        data_(static_cast<T*>(memory::allocate(bytes_))) {}
  ~Scratch() { memory::deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace unroll::kernels
