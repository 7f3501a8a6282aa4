// One row for each public op: the same thing in unroll and in PyTorch, side by side, so that the
// list of what is measured stands here alone. run_ops.py hands PyTorch's half to pytorch_ops.py.
//
// A row is measured on inputs of 64, 4,096 and 1,048,576 elements [R, C] in several layouts: one
// case each.
#pragma once

#include "benchmarks/workloads.h"

#include <unroll/autograd/ops.h>

namespace bench {

// An input of a case. Its values follow from `at` (which input it is) and each element's place, so
// that PyTorch's side makes the same.
struct Input {
  std::string name = {};  // x, y, z, ids
  int at = 0;
  unroll::Shape shape = {};   // of what is allocated
  std::string layout = {};    // "contiguous"; "transposed": a view of it; "expanded": to [R, C]
  std::string kind = {};      // "number"; "constant": gets no gradient; "mask": 0 or 1; "ids"
  double low = -1, high = 1;  // numbers are within
  unroll::Index limit = 0;    // ids are below
};

// What a row's function sees.
struct Inputs {
  unroll::Var x = {}, y = {}, z = {};
  unroll::IndexTensor ids = {};
  unroll::Index R = 0, C = 0;
};

struct OpCase {
  std::string name;   // "add/outer/4096"
  std::string op;     // what unroll::Op calls it, or the name of a function without a derivative
  std::string torch;  // an expression of x, y, z, ids, R, C, torch and F
  std::vector<Input> inputs;
  bool forward_only = false;
  bool random = false;  // the result is another one each time
  unroll::Index R = 0, C = 0;
  std::function<unroll::Var(const Inputs&)> f;
};

const std::vector<OpCase>& op_cases();
// The sizes [R, C] that cases have.
const std::vector<unroll::Shape>& op_sizes();
// Ops of Op::all() without a row, each with the reason.
const std::vector<std::pair<std::string, std::string>>& ops_without_row();

// One run of a case; `backward`: forward and backward.
std::function<void()> prepare(const OpCase& c, bool backward);
// Sums of the result and of each gradient, weighted by place: PyTorch's side has the same.
std::vector<double> checksums(const OpCase& c);
// All cases in JSON, on one line.
std::string op_cases_json();

}  // namespace bench
