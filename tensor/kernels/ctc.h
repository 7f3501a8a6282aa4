// Connectionist temporal classification (Graves et al. 2006) of one sequence: the forward-backward
// recursion over the S = 2 L + 1 states blank, label, blank, .., label, blank of its L labels.
//
// With y_t(s) the log probability of the symbol of state s in frame t:
//   alpha_t(s) = y_t(s) + logsumexp(alpha_{t-1}(s), alpha_{t-1}(s-1), alpha_{t-1}(s-2) + skip(s))
//   beta_t(s)  = y_t(s) + logsumexp(beta_{t+1}(s), beta_{t+1}(s+1), beta_{t+1}(s+2) + skip(s+2))
// In log space nothing underflows. From each frame the maximum of the frame before is subtracted,
// so that values stay small and their rounding errors too, however many frames there are.
#pragma once

#include <unroll/tensor/kernels/dispatch.h>

namespace unroll::kernels {

template <class T>
struct CTCKernels;

template <class T>
struct CTC {
  const T* logits;         // [N, V]
  const T *top, *log_sum;  // [N]; log softmax of row r is logits - top[r] - log_sum[r]
  Index classes;           // V
  const Index* rows;       // [T] the row of each frame
  Index frames;            // T
  const Index* symbols;    // [S] the symbol of each state
  const T* skip;           // [S + 2] 0 if state s may follow state s - 2, otherwise -inf
  Index states;            // S

  // Elements of a row of alpha: two elements of -inf before the states.
  Index stride() const { return states + 2; }
};

// Writes alpha [T, S + 2], each row less its own constant. Returns the log probability of the
// labels: -inf if there is no alignment.
template <class T>
double ctc_forward(const CTC<T>& c, T* alpha) {
  return table<CTCKernels, T>().forward(c, alpha);
}
// Subtracts `scale` times the probability that frame t emits symbol v from row t of d_logits [N,
// V]. Only for sequences with a log probability above -inf.
template <class T>
void ctc_backward(const CTC<T>& c, const T* alpha, T scale, T* d_logits) {
  table<CTCKernels, T>().backward(c, alpha, scale, d_logits);
}

template <class T>
struct CTCKernels {
  decltype(&kernels::ctc_forward<T>) forward;
  decltype(&kernels::ctc_backward<T>) backward;
};

}  // namespace unroll::kernels
