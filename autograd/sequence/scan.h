// Linear recurrences along the sequences of a batch, as one fused op over all time steps.
//
// N rows in the order of the layout, B sequences, C channels.
#pragma once

#include <unroll/autograd/tape.h>
#include <unroll/tensor/sequence_layout.h>

namespace unroll {

struct ScanOptions {
  bool reverse = false;  // from each sequence's end to its beginning
};
struct ScanOutput {
  Var rows;  // [N, C]
  Var last;  // [B, ..] last state of each sequence, in the layout's sorted order
};

// h_t = a_t h_{t-1} + b_t, elementwise. a and b are [N, C]; the initial state [B, C] is in the
// layout's sorted order (longest sequence first), and zero if undefined. Time and memory are linear
// in the number of steps; nothing is divided by products of a, so a may be 0. In a stream, a step
// is a * h + b. Throws std::invalid_argument if shapes or dtypes do not match.
ScanOutput scan(const In& a, const In& b, const Var& initial, const SequenceLayout& layout,
                const ScanOptions& options = {});

struct MinGRUScanOptions {
  bool reverse = false;
  bool positive = false;  // g(v) instead of v: see min_gru_coefficients
};
// All steps of a minGRU: the scan of min_gru_coefficients(px). px [N, 2 H] -> rows [N, H]; the
// initial state is [B, H].
ScanOutput min_gru_sequence(const In& px, const Var& initial, const SequenceLayout& layout,
                            const MinGRUScanOptions& options = {});

// The coefficients of h' = a h + b.
struct ScanCoefficients {
  Var a, b;
};
// minGRU, Feng et al. 2024. px = [u v] [.., 2 H]: z = sigmoid(u), a = 1 - z, b = z v. If positive,
// v is replaced by g(v), which is v + 0.5 for v >= 0, otherwise sigmoid(v).
ScanCoefficients min_gru_coefficients(const Var& px, bool positive);
// minLSTM, Feng et al. 2024. px = [f i v] [.., 3 H]: a = sigmoid(f) / (sigmoid(f) + sigmoid(i)), b
// = (1 - a) v.
ScanCoefficients min_lstm_coefficients(const Var& px, bool positive);

namespace detail {
// Throws unless x is [rows, columns] of the dtype of `like`. `what` names it in the message.
void check_rows(const char* op, const char* what, const Var& x, const Shape& shape,
                const Var& like);
}  // namespace detail

}  // namespace unroll
