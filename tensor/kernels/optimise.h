// One fused update step of each optimizer over n elements. T is float or double.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>

namespace unroll::kernels {

template <class T>
struct OptimiseKernels;

struct Update {
  double lr = 0, weight_decay = 0;
  bool decoupled = false;  // decoupled weight decay (AdamW)
  double momentum = 0;
  bool nesterov = false;                                          // SGD
  double alpha = 0, eps = 0;                                      // RMSprop, Adagrad
  double beta1 = 0, beta2 = 0, correction1 = 1, correction2 = 1;  // Adam; corrections 1 - beta^step
};

template <class T>
void sgd(const Update& u, T* value, const T* gradient, T* velocity, Index n) {
  table<OptimiseKernels, T>().sgd(u, value, gradient, velocity, n);
}
template <class T>
void rmsprop(const Update& u, T* value, const T* gradient, T* square, T* mean, T* velocity,
             Index n) {
  table<OptimiseKernels, T>().rmsprop(u, value, gradient, square, mean, velocity, n);
}
template <class T>
void adagrad(const Update& u, T* value, const T* gradient, T* sum, Index n) {
  table<OptimiseKernels, T>().adagrad(u, value, gradient, sum, n);
}
template <class T>
void adam(const Update& u, T* value, const T* gradient, T* mean, T* square, Index n) {
  table<OptimiseKernels, T>().adam(u, value, gradient, mean, square, n);
}

template <class T>
struct OptimiseKernels {
  decltype(&kernels::sgd<T>) sgd;
  decltype(&kernels::rmsprop<T>) rmsprop;
  decltype(&kernels::adagrad<T>) adagrad;
  decltype(&kernels::adam<T>) adam;
};

}  // namespace unroll::kernels
