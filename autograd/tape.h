// Tape: records ops while it is alive, and differentiates them in reverse.
//
//   Tape tape;                          // recording starts, on this thread
//   Var loss = model(x);                // every op records its derivative
//   Gradients g = tape.backward(loss);  // a loop from the last entry to the first
//
// The recording order is a topological order, so backward needs no recursion. An entry frees its
// saved values as soon as it has been used. Saved values are shared tensors, not copies: if one has
// been modified in place since, backward throws and names the op. Tapes nest: the innermost one
// records, and a Var of another tape is refused (see Var::detach).
#pragma once

#include <unroll/autograd/gradients.h>
#include <unroll/autograd/var.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace unroll {

class Engine;  // the backward loop, in engine.h

struct BackwardOptions {
  Tensor seed = {};     // gradient of the loss; default 1
  bool retain = false;  // keep the entries for another backward
};

// A tape must end on the thread that created it.
class Tape {
 public:
  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Makes a leaf: a value, not a parameter, whose gradient backward also computes.
  Var watch(const Tensor& value);
  // Gradients of `loss` (one element, unless a seed is given) with respect to all parameters and
  // watched values it depends on. Denormals are flushed to zero during backward. Throws
  // std::invalid_argument if loss is not on this tape, has several elements and no seed, or a saved
  // value was modified in place.
  Gradients backward(const Var& loss, const BackwardOptions& options = {});

  Index size() const;            // number of entries
  std::string dump() const;      // the recorded graph as text, one entry per line
  std::string dump_dot() const;  // the same in Graphviz's language

  // The recording tape of this thread, or nullptr.
  static Tape* current();

 private:
  friend std::vector<Var> grad(const Var& y, const std::vector<Var>& inputs,
                               const struct GradOptions& options);
  friend bool recording();
  friend class Engine;
  friend class GradientFlow;
  friend class Var;
  friend struct Recorder;
  struct Entry;
  struct State;
  std::vector<Var> gradients_of(const Var& y, const std::vector<Var>& inputs,
                                const struct GradOptions& options);
  std::unique_ptr<State> state_;
};

struct GradOptions {
  bool create_graph = false;  // record the gradient too, so that it can be differentiated
  bool retain = false;        // keep the entries (implied by create_graph)
  Var seed = {};              // gradient of y; default 1
};

// Gradients of y with respect to any Vars of the recording tape. A result is undefined if y does
// not depend on that Var.
std::vector<Var> grad(const Var& y, const std::vector<Var>& inputs,
                      const GradOptions& options = {});

// While alive, nothing is recorded on this thread, even by tapes created meanwhile.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
};

// While alive, the first NaN or infinity produced on this thread, forward or backward, throws
// std::runtime_error with the op, its shapes, and the line that called it (inside a loss or module:
// the line that called that one). A NaN from an input is reported as the input's. Passing on an
// infinite input, or filling with an infinite mask or padding value, is allowed.
class DetectAnomaly {
 public:
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;

 private:
  bool before_;
};

// Throws std::invalid_argument, naming the op, if the value is undefined.
inline void check_defined(const char* op, const Tensor& x) {
  if (!x.defined()) [[unlikely]]
    fail("{}: a value was required: got an undefined one (default constructed or moved from)", op);
}
inline void check_defined(const char* op, const Var& v) { check_defined(op, v.value()); }

// True if ops are recorded on this thread. Inside a derivative: true if the gradient itself is
// recorded.
bool recording();

}  // namespace unroll
