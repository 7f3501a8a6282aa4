// One fused update step of each optimizer over n elements. T is float or double.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::kernels {

struct Update {
  double lr = 0, weight_decay = 0;
  bool decoupled = false;  // decoupled weight decay (AdamW)
  double momentum = 0;
  bool nesterov = false;                                          // SGD
  double alpha = 0, eps = 0;                                      // RMSprop, Adagrad
  double beta1 = 0, beta2 = 0, correction1 = 1, correction2 = 1;  // Adam; corrections 1 - beta^step
};

template <class T>
void sgd(const Update& u, T* value, const T* gradient, T* velocity, Index n);
template <class T>
void rmsprop(const Update& u, T* value, const T* gradient, T* square, T* mean, T* velocity,
             Index n);
template <class T>
void adagrad(const Update& u, T* value, const T* gradient, T* sum, Index n);
template <class T>
void adam(const Update& u, T* value, const T* gradient, T* mean, T* square, Index n);

}  // namespace unroll::kernels
