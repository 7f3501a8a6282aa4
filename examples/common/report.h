// Collects the results of a program as one JSON object. Also used by the benchmarks.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace program {

// All printed results, under dotted names, for --json.
class Report {
 public:
  void add(const std::string& name, double value) { metrics_[name] = value; }
  // The values that write() left in a file. Throws std::runtime_error if it holds anything else.
  void add_all(const std::string& path);
  // Throws std::runtime_error with the name of the first value that is NaN or infinite.
  void check_finite() const;
  // Writes {"program", "seed", "threads", "metrics": {name: value}}; values that are not finite
  // become null.
  void write(const std::string& path, const std::string& program, std::uint64_t seed,
             int threads) const;

 private:
  std::map<std::string, double> metrics_;
};

}  // namespace program
