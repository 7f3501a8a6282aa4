// Kernels over the rows of a contiguous matrix [rows, n]: sums, min and max, softmax,
// normalisation, cross entropy.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::kernels {

enum class Reduce : std::uint8_t { sum, max, min };

// y[r] = op over x[r, :]. An empty row gives the identity of op: 0, -inf or +inf.
template <class T>
void reduce_rows(Reduce op, const T* x, T* y, Index rows, Index n);
// y[c] = op over x[:, c] for n columns; x has row stride `stride`.
template <class T>
void reduce_columns(Reduce op, const T* x, Index stride, T* y, Index rows, Index n);
// The sum of (x[i] / scale)^2, in f64.
template <class T>
double sum_of_squares(const T* x, Index n, double scale);

// y = softmax(x) or log softmax(x) of each row. A row of only -inf gives zeros (log softmax: -inf),
// not NaN.
template <class T>
void softmax_rows(const T* x, T* y, Index rows, Index n, bool logarithm);
// dx from g and y: y (g - sum(g y)); for log softmax g - exp(y) sum(g).
template <class T>
void softmax_rows_gradient(const T* g, const T* y, T* dx, Index rows, Index n, bool logarithm);

// log sum exp x[r, :] in two parts, top[r] = max x[r, :] and log_sum[r] = log sum exp(x[r, :] -
// top[r]). For a large top, their sum would round log_sum away.
template <class T>
void logsumexp_rows(const T* x, T* top, T* log_sum, Index rows, Index n);
// y[r, :] = exp(x[r, :] - top[r] - log_sum[r]) * scale[r]; y may be x
template <class T>
void scaled_softmax_rows(const T* x, const T* top, const T* log_sum, const T* scale, T* y,
                         Index rows, Index n);

// y = (x - mean) * rstd * gain + bias for each row; gain and bias [n] may be null. Also writes mean
// and rstd [rows]. Without `centred` the mean is taken as 0 (RMS norm).
template <class T>
void normalise_rows(const T* x, const T* gain, const T* bias, T* y, T* mean, T* rstd, Index rows,
                    Index n, double eps, bool centred);
// Computes dx, and adds to dgain and dbias [n] unless they are null.
template <class T>
void normalise_rows_gradient(const T* g, const T* x, const T* gain, const T* mean, const T* rstd,
                             T* dx, T* dgain, T* dbias, Index rows, Index n, bool centred);

}  // namespace unroll::kernels
