#include <unroll/tensor/kernels/plan.h>

#include <algorithm>
#include <limits>

namespace unroll::kernels {
namespace {

// Whether our panel kernels are used instead of BLAS. They do not pack A. This pays off if C has
// enough rows to amortise the packing of B, and the row stride of A causes no L1 conflict misses.
bool suits_panels(const ProductShape& of) {
  using namespace tuning;
  if (of.a_transposed && of.b_transposed) return false;  // BLAS copies both too, and faster
  const Index half = of.panel_width / 2, padded = (of.n + half - 1) / half * half;
  const std::size_t panel_bytes = static_cast<std::size_t>(of.panel_width) * of.bytes;
  if (panel_bytes < kPanelBytesAvx2 || of.m * of.n * of.k < kMinPanelProduct ||
      4 * padded > 5 * of.n)  // a quarter of the work would be padding
    return false;
  if (of.a_transposed)
    return of.m >= kMinPanelRowsTransposed &&
           (panel_bytes > kPanelBytesAvx2 ||
            of.m * static_cast<Index>(of.bytes) <= kMaxTransposedBytesAvx2);
  return of.m >= kMinPanelRows &&
         (of.k <= kMaxConflictTerms || !has_conflicts(of.stride_a, of.bytes));
}

// The maximal number of terms of k in a block, so that the part of A that is reused stays in cache.
// A transposed A with a power-of-two stride is copied into contiguous rows first, so its blocks can
// be deeper.
Index deepest(const ProductShape& of) {
  if (!of.a_transposed) return tuning::kPanelTerms;
  if (has_conflicts(of.stride_a, of.bytes)) return tuning::kPanelTermsGathered;
  const Index near = tuning::kNearBytes / static_cast<Index>(of.bytes);
  return std::clamp<Index>(3 * near / (2 * of.m), tuning::kMinPanelTermsTransposed,
                           tuning::kMaxPanelTermsTransposed);
}

Plan with_panels(const ProductShape& of, int threads) {
  // If A is transposed, as in the gradient of a weight, C has few rows compared with k, so B is
  // read once and packed on the fly.
  const bool once = of.a_transposed && !of.b_transposed;
  Plan plan{once ? Route::panels_once : Route::panels_packed};
  const Index most = deepest(of), passes = (of.k + most - 1) / most;
  plan.depth = (of.k + passes - 1) / passes;
  plan.rows = of.a_transposed ? tuning::kPanelBlockRowsTransposed : tuning::kPanelBlockRows;
  if (!once) {
    const Index near = tuning::kNearBytes / static_cast<Index>(of.bytes);
    plan.columns = near / (plan.depth * of.panel_width) * of.panel_width;
  } else {
    plan.columns =
        has_conflicts(of.stride_a, of.bytes) ? of.n : Index{tuning::kPanelBlockColumnsOnce};
  }
  const Index pieces = std::clamp<Index>(2 * of.m * of.n * of.k / tuning::kThreadedProduct, 1,
                                         threads > 1 ? 2 * threads : 1);
  const Index panels = (std::max(of.m, of.n) + of.panel_width - 1) / of.panel_width;
  plan.piece = (panels + pieces - 1) / pieces * of.panel_width;
  return plan;
}

}  // namespace

Plan plan_product(const ProductShape& of, int threads) {
  if (suits_panels(of)) return with_panels(of, threads);
  const Index product = of.m * of.n * of.k;
  constexpr Index kLimit = std::numeric_limits<std::int32_t>::max();  // of BLAS's integers
  if (product <= tuning::kTinyProduct ||
      std::max({of.m, of.n, of.k, of.stride_a, of.stride_b, of.stride_c}) > kLimit)
    return {Route::loops};
  if (product < tuning::kThreadedProduct) return {Route::blas};
  // In BLAS, tiling affects the order of summation and thus rounding, so tile sizes depend on the
  // problem size only, and results do not depend on the thread count. Each tile packs the other
  // operand again, so there are only two tiles, or up to eight along a long side.
  const Index side = std::max(of.m, of.n);
  const Index tile = std::max(std::min(Index{tuning::kBlasTile}, (side + 1) / 2), (side + 7) / 8);
  return {Route::blas, tile};
}

}  // namespace unroll::kernels
