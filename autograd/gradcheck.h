// gradcheck: is a derivative what finite differences say? For ops and layers of one's own as for
// the library's.
//
//   CHECK(gradcheck([](const auto& in) { return tanh(in[0]); }, {x}));
//
// With a random cotangent u, the gradient of <f(x), u> is compared with central differences in each
// element of each input. Inputs have to be f64, away from kinks.
#pragma once

#include <unroll/autograd/tape.h>

#include <functional>
#include <string>

namespace unroll {

using Function = std::function<Var(const std::vector<Var>&)>;

struct GradcheckOptions {
  double step = 1e-5;       // relative to max(1, |x|)
  double tolerance = 1e-6;  // of |difference| / max(1, |numbers|)
  std::uint64_t seed = 0;   // of the cotangent
  std::string name = {};    // for the message; the ops on the tape where not given
};

struct GradcheckResult {
  bool ok = true;
  std::string message;  // op, input, element and both numbers of the worst failure
  double worst = 0;     // the largest error seen
  explicit operator bool() const { return ok; }
};

// First derivatives; second ones: the same of the gradient itself.
GradcheckResult gradcheck(const Function& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options = {});
GradcheckResult gradgradcheck(const Function& f, const std::vector<Tensor>& inputs,
                              const GradcheckOptions& options = {});
// The same with respect to parameters that f uses.
GradcheckResult gradcheck_params(const std::function<Var()>& f, const NamedParams& params,
                                 const GradcheckOptions& options = {});

}  // namespace unroll
