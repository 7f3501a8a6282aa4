// Runs the workloads: by Google Benchmark for a person, or one repetition at a time for run.py,
// which alternates them with PyTorch's.
#include "benchmarks/workloads.h"
#include "examples/common/report.h"

#include <unroll/tensor/build_info.h>
#include <unroll/tensor/random.h>
#include <unroll/tensor/threads.h>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
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

// Reads a workload's name from a line, prints the seconds of one of its steps, measured over about
// 0.3 s.
void serve() {
  std::map<std::string, std::pair<std::function<void()>, int>> ready;
  for (std::string name; std::getline(std::cin, name);) {
    const bench::Workload* w = find(name);
    if (!w) {
      fmt::print("error: unknown workload {}\n", name);
      std::fflush(stdout);
      continue;
    }
    auto found = ready.find(name);
    if (found == ready.end()) {
      unroll::manual_seed(0);
      const auto run = w->prepare();
      for (int i = 0; i < 2; ++i) run();
      const double once = std::max(seconds_of(run), 1e-9);
      found = ready.emplace(name, std::pair(run, std::max(1, static_cast<int>(0.3 / once)))).first;
    }
    const auto& [run, times] = found->second;
    const double total = seconds_of([&, &run = run, &times = times] {
      for (int i = 0; i < times; ++i) run();
    });
    fmt::print("{:.9g}\n", total / times / w->per);
    std::fflush(stdout);
  }
}

// Keeps the medians that Google Benchmark reports.
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
  bool serving = false;
  app.add_option("--only", only, "Workloads, w3,w4")->delimiter(',');
  app.add_option("--threads", threads, "Threads")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--json", json, "Write the medians to this file");
  app.add_flag("--serve", serving, "One repetition for each name read from standard input");
  CLI11_PARSE(app, argc, argv);
  unroll::set_threads(threads);
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
