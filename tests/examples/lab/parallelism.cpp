// Parallelism: what does not depend on the clock.
#include "examples/lab/common/chunked_scan.h"

#include "tests/examples/run_program.h"
#include "tests/support.h"

#include <unroll/autograd/sequence/scan.h>

TEST_CASE("a scan in any number of chunks equals the scan in one piece") {
  for (const unroll::Index chunks : {1, 2, 3, 8, 24}) {
    CAPTURE(chunks);
    const unroll::Tensor a = unroll::random({24, 5}, 1), b = unroll::random({24, 5}, 2);
    const unroll::Tensor whole = scan(a, b, {}, unroll::SequenceLayout::equal(1, 24)).rows.value();
    const double size = unroll::distance(whole, unroll::Tensor::zeros(whole.shape(), unroll::f64));
    CHECK(unroll::distance(lab::chunked_scan(a, b, chunks), whole) < 1e-12 * size);
  }
  unroll::check_refused(
      [] {
        lab::chunked_scan(unroll::random({7, 1}, 1), unroll::random({7, 1}, 2), 2);
      },
      "a multiple of 2 steps was required: got 7");
}

TEST_CASE("a scan in chunks equals the whole, with a shorter chain; times are measured") {
  const Numbers of = numbers_of("lab/parallelism", {"--quick", "--threads", "2"});
  CHECK(of["parallelism.scan.chunk_error"] < 1e-5);
  CHECK(of["parallelism.scan.longest_chain"] == 24);  // of 128 steps: 16 chunks of 8
  CHECK(of["parallelism.threads"] == 2);
  for (const char* kind : {"gru", "lstm", "mingru", "mamba", "attention"}) {
    CAPTURE(kind);
    for (const char* figure : {"microseconds", "speedup", "speedup_of_batch", "gain_of_batch"})
      CHECK(of[fmt::format("parallelism.{}.{}", kind, figure)] > 0);
  }
}

TEST_CASE("with one thread no speedup is reported") {
  const Outcome run = run_program("lab/parallelism", {"--quick", "--threads", "1"});
  REQUIRE(run.code == 0);
  CHECK(run.out.find("With one thread no speedup can be measured.") != std::string::npos);
  CHECK(run.out.find("threads instead of one") == std::string::npos);
}
