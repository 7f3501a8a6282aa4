// The benchmark of single ops: one row per public op, with the same expression in unroll and in
// PyTorch. run_ops.py passes PyTorch's expressions to pytorch_ops.py.
//
// A row is measured for inputs of 64, 4,096 and 1,048,576 elements [R, C] in several layouts; each
// combination is a case.
#pragma once

#include "benchmarks/workloads.h"

#include <unroll/autograd/op.h>
#include <unroll/autograd/ops.h>

namespace bench {

// An input of a case. Its values depend only on `at` (the number of the input) and the position of
// the element, so that PyTorch's side creates the same ones.
struct Input {
  std::string name = {};  // x, y, z, ids
  int at = 0;
  unroll::Shape shape = {};   // of the allocated tensor
  std::string layout = {};    // "contiguous"; "transposed": a view of it; "expanded": to [R, C]
  std::string kind = {};      // "number"; "constant": gets no gradient; "mask": 0 or 1; "ids"
  double low = -1, high = 1;  // range of the values
  unroll::Index limit = 0;    // upper bound of ids
};

// The arguments of a row's function.
struct Inputs {
  unroll::Var x = {}, y = {}, z = {};
  unroll::IndexTensor ids = {};
  unroll::Index R = 0, C = 0;
};

struct OpCase {
  std::string name;   // "add/outer/4096"
  std::string op;     // the name of unroll::Op, or of a function without derivative
  std::string torch;  // a Python expression of x, y, z, ids, R, C, torch and F
  std::vector<Input> inputs;
  bool forward_only = false;
  bool random = false;  // the result differs between runs
  unroll::Index R = 0, C = 0;
  std::function<unroll::Var(const Inputs&)> f;
};

const std::vector<OpCase>& op_cases();
// The sizes [R, C] of the cases.
const std::vector<unroll::Shape>& op_sizes();
// Ops of Op::all() that have no row, each with the reason.
const std::vector<std::pair<std::string, std::string>>& ops_without_row();

// Prepares a function that runs a case once: forward, or forward and backward if `backward`.
std::function<void()> prepare(const OpCase& c, bool backward);
// Sums of the result and of each gradient, weighted by position. PyTorch's side computes the same.
std::vector<double> checksums(const OpCase& c);
// All cases in JSON, on one line.
std::string op_cases_json();

}  // namespace bench
