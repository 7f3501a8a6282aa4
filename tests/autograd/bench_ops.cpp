// The bench of ops (benchmarks/op_rows.cpp) covers every op, and each of its cases runs.
#include "benchmarks/ops.h"
#include "tests/support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

using namespace unroll;

TEST_CASE("every op has a row in the bench, or a reason to have none") {
  std::set<std::string> covered;
  for (const bench::OpCase& c : bench::op_cases()) covered.insert(c.op);
  for (const auto& entry : bench::ops_without_row()) {
    const auto& op = entry.first;
    const auto& reason = entry.second;
    CAPTURE(op);
    CHECK(!reason.empty());
    CHECK_MESSAGE(covered.insert(op).second, "an op with a row needs no reason");
  }
  REQUIRE(Op::all().size() > 40);
  for (const Op* op : Op::all()) {
    const std::string name = op->name();
    if (name.rfind("test ", 0) == 0) continue;  // an op of the tests themselves
    CHECK_MESSAGE(covered.count(name), name, " has no row in benchmarks/op_rows.cpp");
  }
}

TEST_CASE("every case of the bench of ops runs, forward and backward, and gives finite sums") {
  for (const bench::OpCase& c : bench::op_cases()) {
    if (c.R * c.C > 64) continue;
    CAPTURE(c.name);
    bench::prepare(c, false)();
    if (!c.forward_only) bench::prepare(c, true)();
    const std::vector<double> sums = bench::checksums(c);
    CHECK(std::all_of(sums.begin(), sums.end(), [](double s) { return std::isfinite(s); }));
  }
}
