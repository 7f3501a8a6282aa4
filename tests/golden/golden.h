// PyTorch's numbers, as make_golden.py wrote them, and how ours are held against them.
#pragma once

#include <unroll/autograd/ops.h>
#include <unroll/tensor/math.h>
#include <unroll/tensor/reduce.h>
#include <unroll/tensor/safetensors.h>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <sstream>

namespace unroll::golden {

// One case of a family: its options and its tensors. Every number that goes in is the same in f32
// and in f64.
class Case {
 public:
  Case(std::string name, const std::string& options, std::shared_ptr<const NamedTensors> all)
      : name_(std::move(name)), all_(std::move(all)) {
    std::istringstream words(options);
    for (std::string word; words >> word;) {
      const auto at = word.find('=');
      options_[word.substr(0, at)] = word.substr(at + 1);
    }
  }

  const std::string& name() const { return name_; }
  std::string option(const std::string& key) const {
    REQUIRE_MESSAGE(options_.count(key) == 1, name_, " has no option ", key);
    return options_.at(key);
  }
  double number(const std::string& key, double otherwise) const {
    const auto found = options_.find(key);
    return found == options_.end() ? otherwise : std::strtod(found->second.c_str(), nullptr);
  }
  double number(const std::string& key) const { return std::stod(option(key)); }
  bool flag(const std::string& key) const { return number(key, 0) != 0; }

  bool has(const std::string& tensor) const { return all_->count(name_ + "/" + tensor) == 1; }
  Tensor operator()(const std::string& tensor, DType dtype) const {
    return at(name_ + "/" + tensor, dtype);
  }
  // The case's tensors whose names begin with a prefix, without it.
  NamedTensors all_with(const std::string& prefix, DType dtype) const {
    NamedTensors out;
    const std::string begin = name_ + "/" + prefix;
    for (const auto& [key, tensor] : *all_)
      if (key.rfind(begin, 0) == 0) out.emplace(key.substr(begin.size()), tensor.to(dtype));
    return out;
  }
  // A tensor that several cases share.
  Tensor shared(const std::string& prefix, const std::string& tensor, DType dtype) const {
    return at(prefix + "/" + tensor, dtype);
  }
  std::vector<Index> integers(const std::string& tensor) const {
    std::vector<Index> out;
    for (double v : at(name_ + "/" + tensor, f64).to_vector<double>())
      out.push_back(static_cast<Index>(v));
    return out;
  }
  IndexTensor ids(const std::string& tensor) const {
    return IndexTensor(integers(tensor), at(name_ + "/" + tensor, f64).shape());
  }

 private:
  Tensor at(const std::string& key, DType dtype) const {
    REQUIRE_MESSAGE(all_->count(key) == 1, "no tensor ", key);
    return all_->at(key).to(dtype);
  }

  std::string name_;
  std::map<std::string, std::string> options_;
  std::shared_ptr<const NamedTensors> all_;
};

inline std::vector<Case> cases(const std::string& family) {
  Metadata options;
  const auto all = std::make_shared<const NamedTensors>(load_safetensors(
      std::string(UNROLL_SOURCE_DIR) + "/tests/golden/" + family + ".safetensors", &options));
  std::vector<Case> out;
  for (const auto& [name, text] : options) out.emplace_back(name, text, all);
  return out;
}

// Each number within the tolerance of the type, relative to 1 + |PyTorch's|.
inline void check_close(const std::string& what, const Tensor& ours, const Tensor& theirs) {
  const double tolerance = ours.dtype() == f32 ? 1e-5 : 1e-12;
  REQUIRE_MESSAGE(ours.shape() == theirs.shape(), what, ": ", ours.shape().str(), " against ",
                  theirs.shape().str());
  const auto a = ours.to_vector<double>(), b = theirs.to_vector<double>();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double off = std::abs(a[i] - b[i]) / (1 + std::abs(b[i]));
    if (!(off <= worst)) worst = off;  // NaN too
  }
  CHECK_MESSAGE(worst <= tolerance, what, " (", std::string(name_of(ours.dtype())), ") is off by ",
                worst);
}

// Our outputs, by the case's names, against the case's; and the loss that its cotangents make of
// them: sum(output * cotangent).
inline Var checked_loss(const Case& c, const std::vector<std::pair<std::string, Var>>& outputs) {
  Var loss = Tensor::scalar(0, outputs.front().second.dtype());
  for (const auto& [name, value] : outputs) {
    check_close(c.name() + " " + name, value.value(), c(name, f64));
    loss = loss + sum(value * c("cotangent." + name, value.dtype()));
  }
  return loss;
}

// Our gradients, by the case's names, against the case's.
inline void check_gradients(const Case& c, const Gradients& gradients,
                            const std::vector<std::pair<std::string, Var>>& inputs) {
  for (const auto& [name, leaf] : inputs)
    check_close(c.name() + " grad." + name, gradients[leaf], c("grad." + name, f64));
}

}  // namespace unroll::golden
