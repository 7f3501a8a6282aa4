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
  Var last;  // last state of each sequence, sorted like the steps of the layout
};

// h_t = a_t h_{t-1} + b_t, elementwise. a and b are [N, C]; the initial state [B, C] is sorted like
// the steps of the layout, and zero if undefined. Time and memory are linear in the number of
// steps; nothing is divided by products of a, so a may be 0. One step of a stream is a * h + b.
// Throws std::invalid_argument if shapes or dtypes do not match.
ScanOutput scan(const In& a, const In& b, const Var& initial, const SequenceLayout& layout,
                const ScanOptions& options = {});

namespace detail {
// Throws unless x is [rows, columns] of the dtype of `like`. `what` names it in the message.
void check_rows(const char* op, const char* what, const Var& x, const Shape& shape,
                const Var& like);
}  // namespace detail

}  // namespace unroll
