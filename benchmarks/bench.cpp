// Runs the workloads: with Google Benchmark for interactive use, or one repetition at a time for
// run.py, which alternates them with PyTorch's.
#include "benchmarks/growth.h"
#include "benchmarks/ops.h"
#include "benchmarks/workloads.h"
#include "examples/common/report.h"

#include <unroll/tensor/build_info.h>
#include <unroll/tensor/memory.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/threads.h>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <hwy/targets.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& run) {
  const auto start = Clock::now();
  run();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const bench::Workload* find(const std::string& name) {
  for (const bench::Workload& w : bench::workloads())
    if (w.name == name) return &w;
  return nullptr;
}

// A function to time, and the number of runs per measurement.
struct Timed {
  std::function<void()> run;
  int times = 1;
  double per = 1;

  Timed() = default;
  Timed(std::function<void()> of, double seconds, double steps) : run(std::move(of)), per(steps) {
    for (int i = 0; i < 2; ++i) run();
    const double once = std::max(seconds_of(run), 1e-9);
    times = std::max(1, static_cast<int>(seconds / once));
  }
  double seconds() const {
    const double total = seconds_of([&] {
      for (int i = 0; i < times; ++i) run();
    });
    return total / times / per;
  }
};

constexpr double kWorkloadSeconds = 0.3, kOpSeconds = 0.01;  // duration of a measurement, about

const bench::OpCase* find_op(std::string_view name) {
  for (const bench::OpCase& c : bench::op_cases())
    if (c.name == name) return &c;
  return nullptr;
}

// The peak memory of a run after the first, in bytes, above what the model and its data take.
unroll::Index peak_of(const std::function<void()>& run) {
  run();
  unroll::memory::reset_peak();
  const unroll::Index before = unroll::memory::stats().in_use;
  run();
  return unroll::memory::stats().peak - before;
}

// The number of steps from which linear attention is faster than full attention, by interpolation
// of the logarithms between powers of two; 0 if there is none up to 8192.
double crossing() {
  const auto seconds = [](unroll::Index steps, bool linear) {
    const Timed timed(bench::attention_of(steps, linear), kOpSeconds, 1);
    double best = timed.seconds();
    for (int i = 0; i < 4; ++i) best = std::min(best, timed.seconds());
    return best;
  };
  double before = 0;  // log of linear over full
  for (unroll::Index steps = 32; steps <= 8192; steps *= 2) {
    const double now = std::log(seconds(steps, true) / seconds(steps, false));
    if (now < 0)
      return static_cast<double>(steps) * (steps == 32 ? 1 : std::pow(2, -now / (now - before)));
    before = now;
  }
  return 0;
}

// Answers each line of input with a line of output. The name of a workload: seconds per step.
// "ops": the cases of ops. "forward CASE" and "backward CASE": seconds per run. "check CASE": its
// checksums. "peak NAME": the bytes of a workload's step. "crossing": of linear attention, in
// steps.
void serve() {
  std::map<std::string, Timed> ready;
  std::pair<std::string, Timed> op;  // only the last one is kept: a case may need much memory
  const auto answer = [&](const std::string& line) -> std::string {
    if (line == "ops") return bench::op_cases_json();
    if (line == "crossing") return fmt::format("{:.9g}", crossing());
    if (line.starts_with("peak ")) {
      const bench::Workload* w = find(line.substr(5));
      return w ? fmt::format("{}", peak_of(w->prepare())) : "error: unknown workload " + line;
    }
    if (const bench::Workload* w = find(line)) {
      if (!ready.count(line)) {
        unroll::manual_seed(0);
        ready[line] = Timed(w->prepare(), kWorkloadSeconds, w->per);
      }
      return fmt::format("{:.9g}", ready[line].seconds());
    }
    const std::size_t space = line.find(' ');
    const bench::OpCase* c = space < line.size() ? find_op(line.substr(space + 1)) : nullptr;
    if (!c) return "error: unknown workload " + line;
    if (line.starts_with("check "))
      return fmt::format("{:.9g}", fmt::join(bench::checksums(*c), " "));
    if (op.first != line)
      op = {line, Timed(bench::prepare(*c, line.starts_with("backward ")), kOpSeconds, 1)};
    return fmt::format("{:.9g}", op.second.seconds());
  };
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{}\n", answer(line));
    std::fflush(stdout);
  }
}

// Collects the medians that Google Benchmark reports.
class Collector : public benchmark::ConsoleReporter {
 public:
  std::map<std::string, double> seconds;
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.aggregate_name == "median")
        seconds[run.run_name.function_name] =
            run.GetAdjustedRealTime() / benchmark::GetTimeUnitMultiplier(run.time_unit);
    ConsoleReporter::ReportRuns(runs);
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The workloads of the speed table", "bench");
  std::vector<std::string> only;
  std::string json;
  int threads = 1;
  bool serving = false, narrow = false, growth = false;
  app.add_option("--only", only, "Workloads, w3,w4")->delimiter(',');
  app.add_option("--threads", threads, "Threads")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--json", json, "Write the medians to this file");
  app.add_flag("--avx2", narrow, "Kernels as on a CPU without AVX-512");
  app.add_flag("--growth", growth, "Time and memory for 1,000 to 64,000 steps");
  app.add_flag("--serve", serving, "One repetition for each name read from standard input");
  CLI11_PARSE(app, argc, argv);
  unroll::set_threads(threads);
#if defined(__x86_64__)
  if (narrow) hwy::SetSupportedTargetsForTest(HWY_AVX2);
#endif
  for (const std::string& name : only)
    if (!find(name)) {
      std::vector<std::string> names;
      for (const bench::Workload& w : bench::workloads()) names.push_back(w.name);
      fmt::print(stderr, "bench: a workload among {} was required: got {}\n",
                 fmt::join(names, ", "), name);
      return 2;
    }
  if (serving) {
    serve();
    return 0;
  }
  fmt::print("{}\n", unroll::build_info());
  if (growth) {
    bench::print_growth();
    return 0;
  }
  for (const bench::Workload& w : bench::workloads()) {
    if (!only.empty() && std::find(only.begin(), only.end(), w.name) == only.end()) continue;
    benchmark::RegisterBenchmark(w.name.c_str(),
                                 [&w](benchmark::State& state) {
                                   unroll::manual_seed(0);
                                   const auto run = w.prepare();
                                   run();
                                   for (auto _ : state) run();
                                   if (w.tokens)
                                     state.SetItemsProcessed(state.iterations() * w.tokens);
                                   state.SetLabel(w.what);
                                 })
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime()
        ->Repetitions(5)
        ->ReportAggregatesOnly(true);
  }
  int none = 1;
  benchmark::Initialize(&none, argv);
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  if (json.empty()) return 0;
  program::Report report;
  for (const auto& [name, value] : collector.seconds) {
    const bench::Workload* w = find(name.substr(0, name.find('/')));
    if (!w) continue;
    report.add(w->name + ".seconds", value / w->per);
    if (w->tokens)
      report.add(w->name + ".tokens_per_second", static_cast<double>(w->tokens) / value);
  }
  report.write(json, "bench", 0, threads);
}
