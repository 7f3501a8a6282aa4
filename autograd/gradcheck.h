// gradcheck: compares derivatives with finite differences, for your own ops and layers as well as
// the library's.
//
//   CHECK(gradcheck([](const auto& in) { return tanh(in[0]); }, {x}));
//
// With a random cotangent u, the gradient of <f(x), u> is compared with central differences for
// each element of each input. Inputs must be f64 and away from points where f is not
// differentiable.
#pragma once

#include <unroll/autograd/tape.h>

#include <functional>
#include <string>

namespace unroll {

// Takes the inputs as Vars on a tape. Must give the same result each time.
using Function = std::function<Var(const std::vector<Var>&)>;

struct GradcheckOptions {
  double step = 1e-5;       // relative to max(1, |x|)
  double tolerance = 1e-6;  // of |difference| / max(1, |values|)
  std::uint64_t seed = 0;   // of the cotangent
  std::string name = {};    // used in the message; default: the ops on the tape
};

struct GradcheckResult {
  bool ok = true;
  std::string message;  // op, input, element, and both values of the worst failure
  double worst = 0;     // the largest error seen
  explicit operator bool() const { return ok; }
};

// Checks first derivatives; gradgradcheck checks the derivatives of the gradient. A wrong
// derivative gives a result that is not ok. Throws std::invalid_argument if an input is not f64.
GradcheckResult gradcheck(const Function& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});
GradcheckResult gradgradcheck(const Function& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options = {});
// The same for the parameters that f uses.
GradcheckResult gradcheck_params(const std::function<Var()>& f, const NamedParams& params,
                                 const GradcheckOptions& options = {});

}  // namespace unroll
