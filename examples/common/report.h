// The numbers of a program as one JSON object. The benchmarks use it too.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace program {

// Every number that is printed, under a dotted name, for --json.
class Report {
 public:
  void add(const std::string& name, double value) { metrics_[name] = value; }
  // Throws std::runtime_error with the name of the first number that is NaN or infinite.
  void check_finite() const;
  // {"program", "seed", "threads", "metrics": {name: number}}; null for what is not finite.
  void write(const std::string& path, const std::string& program, std::uint64_t seed,
             int threads) const;

 private:
  std::map<std::string, double> metrics_;
};

}  // namespace program
