// Models of ids by name: those of --model, and those of the lab: "lru", "mamba-constant" (Mamba
// without selection) and "signed-scan".
#pragma once

#include "examples/lab/common/network.h"

#include <string>

namespace lab {

struct AnyModelOptions {
  std::string kind;
  Index ids = 0, outputs = 0;  // classes
  Index parameters = 0;        // about
  std::uint64_t seed = 1;      // of the initial parameters
};

struct AnyModel {
  Outputs outputs;
  unroll::NamedParams parameters;  // which outputs() uses
  Index size = 0;                  // how many are trained
};
AnyModel any_model(const AnyModelOptions& options);

}  // namespace lab
