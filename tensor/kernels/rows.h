// Kernels over the rows of a contiguous matrix [rows, n]: sums, min and max, softmax,
// normalisation, cross entropy.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>

namespace unroll::kernels {

template <class T>
struct RowsKernels;

enum class Reduce : std::uint8_t { sum, max, min };

// y[r] = op over x[r, :]. An empty row gives the identity of op: 0, -inf or +inf.
template <class T>
void reduce_rows(Reduce op, const T* x, T* y, Index rows, Index n) {
  table<RowsKernels, T>().reduce_rows(op, x, y, rows, n);
}
// y[c] = op over x[:, c] for n columns; x has row stride `stride`.
template <class T>
void reduce_columns(Reduce op, const T* x, Index stride, T* y, Index rows, Index n) {
  table<RowsKernels, T>().reduce_columns(op, x, stride, y, rows, n);
}
// The sum of (x[i] / scale)^2, in f64.
template <class T>
double sum_of_squares(const T* x, Index n, double scale) {
  return table<RowsKernels, T>().sum_of_squares(x, n, scale);
}

// y = softmax(x) or log softmax(x) of each row. A row of only -inf gives zeros (log softmax: -inf),
// not NaN.
template <class T>
void softmax_rows(const T* x, T* y, Index rows, Index n, bool logarithm) {
  table<RowsKernels, T>().softmax_rows(x, y, rows, n, logarithm);
}
// dx from g and y: y (g - sum(g y)); for log softmax g - exp(y) sum(g).
template <class T>
void softmax_rows_gradient(const T* g, const T* y, T* dx, Index rows, Index n, bool logarithm) {
  table<RowsKernels, T>().softmax_rows_gradient(g, y, dx, rows, n, logarithm);
}

// log sum exp x[r, :] in two parts, top[r] = max x[r, :] and log_sum[r] = log sum exp(x[r, :] -
// top[r]). For a large top, their sum would round log_sum away.
template <class T>
void logsumexp_rows(const T* x, T* top, T* log_sum, Index rows, Index n) {
  table<RowsKernels, T>().logsumexp_rows(x, top, log_sum, rows, n);
}
// y[r, :] = exp(x[r, :] - top[r] - log_sum[r]) * scale[r]; y may be x
template <class T>
void scaled_softmax_rows(const T* x, const T* top, const T* log_sum, const T* scale, T* y,
                         Index rows, Index n) {
  table<RowsKernels, T>().scaled_softmax_rows(x, top, log_sum, scale, y, rows, n);
}

// y = (x - mean) * rstd * gain + bias for each row; gain and bias [n] may be null. Also writes mean
// and rstd [rows]. Without `centred` the mean is taken as 0 (RMS norm).
template <class T>
void normalise_rows(const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd, Index rows,
                    Index n, double eps, bool centred) {
  table<RowsKernels, T>().normalise_rows(x, gain, bias, y, mean, rstd, rows, n, eps, centred);
}
// Computes dx, and adds to dgain and dbias [n] unless they are null.
template <class T>
void normalise_rows_gradient(const T* g, const T* x, const T* gain, const T* mean, const T* rstd,
                             T* dx, T* dgain, T* dbias, Index rows, Index n, bool centred) {
  table<RowsKernels, T>().normalise_rows_gradient(g, x, gain, mean, rstd, dx, dgain, dbias, rows, n,
                                                  centred);
}

template <class T>
struct RowsKernels {
  decltype(&kernels::reduce_rows<T>) reduce_rows;
  decltype(&kernels::reduce_columns<T>) reduce_columns;
  decltype(&kernels::sum_of_squares<T>) sum_of_squares;
  decltype(&kernels::softmax_rows<T>) softmax_rows;
  decltype(&kernels::softmax_rows_gradient<T>) softmax_rows_gradient;
  decltype(&kernels::logsumexp_rows<T>) logsumexp_rows;
  decltype(&kernels::scaled_softmax_rows<T>) scaled_softmax_rows;
  decltype(&kernels::normalise_rows<T>) normalise_rows;
  decltype(&kernels::normalise_rows_gradient<T>) normalise_rows_gradient;
};

}  // namespace unroll::kernels
