// Tuning constants, each with its unit and the reason for its value: "measured" where it comes from
// a measurement, otherwise the reasoning, usually about caches (L1 of 32 to 48 KB, L2 of at least 1
// MB) or registers. Constants marked [rounding] decide the order of sums: changing one changes
// results in the last bits.
#pragma once

#include <unroll/tensor/types.h>

namespace unroll::tuning {

// -- Memory --------------------------------------------------------------------------------------

// Bytes of a cache line.
inline constexpr std::size_t kLineBytes = 64;
// Bytes. Rows whose distance is a multiple of this share at most two sets of a 32 KB L1 cache of 8
// ways (64 sets of 64 bytes), so a block of 12 such rows evicts itself.
inline constexpr std::size_t kConflictBytes = 2048;
// Bytes of an operand that stay in the L2 cache: half of 1 MB.
inline constexpr Index kNearBytes = Index{1} << 19;
// Bytes. Smaller blocks of memory are cached per thread, larger ones by the process. Not measured.
inline constexpr std::size_t kThreadCachedBytes = std::size_t{1} << 16;
// Bytes by which a thread's small blocks grow before the peak of memory in use is updated: the
// update sums over all threads. This is also the error of the peak per thread. Not measured.
inline constexpr Index kPeakStepBytes = Index{1} << 16;

// -- Threads -------------------------------------------------------------------------------------

// Iterations of a helper thread that waits for work before it sleeps. In a model one parallel loop
// follows another closely, and waking a sleeping thread takes microseconds. Not measured.
inline constexpr int kSpins = 4000;
// Elements per task of loops over rows; loops below twice this run on the calling thread. Not
// measured.
inline constexpr Index kTaskElements = Index{1} << 17;
// Values of alpha per task of CTC, each with three exponentials and a logarithm. Not measured.
inline constexpr Index kTaskAlphas = Index{1} << 14;
// Rows per task in the backward of a norm [rounding: each task has its own sums]. Not measured.
inline constexpr Index kNormRows = 256;
// Multiplications from which a product is divided among threads. Below, moving the operands between
// cores takes longer than the product.
inline constexpr Index kThreadedProduct = Index{1} << 25;
// Multiplications from which a step of attention is divided among threads: about 0.2 ms of one
// thread, twenty times what waking another one takes. Not measured.
inline constexpr Index kThreadedStep = Index{1} << 21;
// Multiplications per shard of a recurrence. Below, moving data between cores costs more than a
// second core gains.
inline constexpr Index kMinShardWork = Index{1} << 24;
// Batch rows per shard of a recurrence: its product reads the whole weight in every step, whether
// for 2 rows or for 12. So a batch below 8 rows runs on one thread. Dividing it by channels instead
// needs a barrier in every step. Measured with a prototype of an LSTM step on two threads (f32,
// best of 60): with 128 hidden, 1.0 to 1.3 times as fast for 1 to 7 rows; with 256 hidden, 1.7
// times for 1 row. But with other processes on the cores it was 3 to 50 times slower, since threads
// waited at the barrier for one that was not scheduled. So it is not done.
inline constexpr Index kMinShardRows = 4;

// -- Products: which code computes them (plan.cpp) -----------------------------------------------

// Multiplications up to which plain loops beat the overhead of a BLAS call. [rounding]
inline constexpr Index kTinyProduct = 512;
// Products within the bounds of the following six constants use panels. Measured: within them 5 to
// 30 percent faster than BLAS with AVX-512, and 0 to 25 percent with AVX2; outside equal or slower.
// [rounding]
// Multiplications; OpenBLAS has special kernels for smaller products.
inline constexpr Index kMinPanelProduct = Index{1} << 20;
// Rows of C that amortise the packing of B.
inline constexpr Index kMinPanelRows = 48;
inline constexpr Index kMinPanelRowsTransposed = 12;
// Terms (k) up to which a power-of-two stride of A does not make panels slower.
inline constexpr Index kMaxConflictTerms = 1024;
// Bytes of a row of a panel with AVX2 (with AVX-512 twice as many), and maximal bytes of a row of a
// transposed A for which panels are faster with AVX2.
inline constexpr std::size_t kPanelBytesAvx2 = 64;
inline constexpr Index kMaxTransposedBytesAvx2 = 512;
// Maximal rows or columns of C in a tile of a large BLAS product, unless there would be more than
// eight tiles. [rounding]
inline constexpr Index kBlasTile = 512;
// Bytes of an input weight up to which a recurrent layer projects its input step by step: the
// weight stays in the L2 cache beside the recurrent one.
inline constexpr std::size_t kProjectedByStepBytes = std::size_t{1} << 16;
// Bytes on the stack for the products of a streamed step; larger ones are allocated.
inline constexpr std::size_t kStepBytes = 8192;

// -- Panels: blocks ------------------------------------------------------------------------------

// Terms of k per block, so that the reused part of A stays in the L2 cache: for A in rows; for a
// transposed A whose rows are gathered; and limits for any other transposed A. [rounding]
inline constexpr Index kPanelTerms = 512;
inline constexpr Index kPanelTermsGathered = 1024;
inline constexpr Index kMinPanelTermsTransposed = 256, kMaxPanelTermsTransposed = 768;
// Rows of A per block, and columns of B that are read per block of a transposed A.
inline constexpr Index kPanelBlockRows = 192, kPanelBlockRowsTransposed = 512;
inline constexpr Index kPanelBlockColumnsOnce = 512;
// Rows of A per pass, with two vectors of sums each: 24 of the 32 registers of AVX-512, 12 of the
// 16 of AVX2. The baseline target need not be fast, so it has fewer variants of the loop.
inline constexpr int kPanelRowsAvx512 = 12, kPanelRows = 6, kPanelRowsBaseline = 4;
// Rows of a transposed W that are packed at a time: 64 rows of 4 elements stay in the L1 cache.
inline constexpr Index kPackedRows = 64;
// Minimal terms of a block for which the next block of C is prefetched: a shorter block ends before
// the prefetch arrives.
inline constexpr Index kFetchedTerms = 100;
// Rows of prefetch distance in matrices with a large row stride, which the CPU does not prefetch.
inline constexpr Index kRowsAhead = 32;
// Vectors of sums of a streamed row: one register must remain for the element of the left operand.
inline constexpr int kRowSumsAvx512 = 16, kRowSums = 8;

// -- Reductions ----------------------------------------------------------------------------------

// Elements of a row, and rows of a column, that are summed one after the other; longer sums are
// halved (pairwise summation), so that the error grows with the logarithm of the length. [rounding]
inline constexpr Index kPairwiseElements = 1024, kPairwiseRows = 64;
// Adjacent vectors of columns that are reduced together: their cache lines are prefetched together.
inline constexpr int kReducedVectors = 4;
// Reduction over rows: bytes of a row that are read before the next row, and rows that are read
// together (at most the number of ways of the L1 cache).
inline constexpr Index kReducedRowBytes = 4096, kReducedRows = 8;
// Columns per unit of work when columns are reduced or summed cumulatively: whole cache lines.
inline constexpr Index kStripColumns = 64;
// Columns of a cumulative sum whose f64 sums (4 KB) stay in the L1 cache.
inline constexpr Index kCumsumColumns = 512;
// Queries per block of attention: their logits stay in the L2 cache for thousands of keys.
inline constexpr Index kAttentionQueries = 48;
// Rows per chunk of linear attention: within a chunk all pairs of rows are computed, between chunks
// only sums. [rounding]
inline constexpr Index kLinearChunk = 64;

// -- Ops over time -------------------------------------------------------------------------------
// Measured with f32 on one core of an AMD EPYC (Zen 5, L2 of 1 MB): a causal convolution of 4 taps
// on [8, 1024, 512] and [8, 1024, 2048], and a selective scan on [8, 1024, 256] with 16 states.

// Nanoseconds of one thread: minimal time of a part that another thread computes. Not measured;
// waking a sleeping thread takes microseconds.
inline constexpr double kMinPartTime = 200'000;
// Minimal channels of a tile: rows are then still read in runs of 4 cache lines (f32). Not
// measured.
inline constexpr Index kMinTileChannels = 64;
// Nanoseconds of one thread; they decide the number of threads only. A scan, per element: 12 and 24
// bytes at 10 GB/s. Measured: 0.2 to 0.3 and 0.5 to 0.7; with the gates of minGRU 0.6 and 1.0.
inline constexpr double kScanForwardTime = 1.2, kScanBackwardTime = 2.4;
// The same for a convolution, per element and tap; backward is the gradient of the weights.
// Measured: 0.1 to 0.15 and 0.2 to 0.4.
inline constexpr double kConvForwardTime = 0.4, kConvBackwardTime = 0.8;
// The same for a selective scan, per step, channel and state. Measured: 0.3 and 0.7.
inline constexpr double kSelectiveForwardTime = 0.4, kSelectiveBackwardTime = 1.2;
// Rows whose products are summed one after the other for the gradient of a convolution's weights,
// before the next channels. Measured: backward of 512 and 2048 channels takes 0.33 and 0.50 ns per
// element and tap with 8 rows, 0.36 and 0.43 with 4, 0.38 and 0.57 with 16, 0.49 and 1.0 with 32.
// [rounding]
inline constexpr Index kConvRows = 8;
// Steps of a chunk of a selective scan. More steps save fewer states, but backward keeps all states
// of a chunk: 512 KB with 64 steps, 64 channels and 16 states in f32, half of the L2 cache.
// Measured: backward 23 ms with 16 steps, 22 with 32 and 64, 23 with 128, 24 with 256. [rounding]
inline constexpr Index kSelectiveSteps = 64;
// Channels of a tile of a selective scan. Measured: backward 28 ms with 32, 22 with 64 and 128, 25
// with 256. [rounding: gradients of b and c are summed within a tile, then over the tiles]
inline constexpr Index kSelectiveChannels = 64;
// Steps of prefetch distance in a selective scan. Measured: forward 9.9 ms without prefetch, 9.2
// with 2 to 12 steps; no difference in backward.
inline constexpr Index kSelectiveStepsAhead = 6;

// -- Copies and elementwise passes ---------------------------------------------------------------

// Elements. Operands that are not contiguous are gathered in tiles of this size: whole cache lines
// along both axes, and three tiles of f64 (96 KB) in the L2 cache.
inline constexpr Index kTileRows = 32, kTileColumns = 128;
// Elements per unit of work of an elementwise pass over rows of any stride. Not measured.
inline constexpr Index kPassElements = 4096;
// Elements of an elementwise op of several passes that are computed before the next ones, so that
// they stay in the L1 cache.
inline constexpr Index kNearElements = 1024;
// Elements of a slice below which a loop copies it faster than a call of memcpy.
inline constexpr Index kShortSlice = 16;
// Columns of a table to which rows are added per unit of work. Each thread has its own columns, so
// that rows with equal ids are added in a fixed order.
inline constexpr Index kAddedColumns = 512;
// Elements written by a loop before fill() copies blocks of them.
inline constexpr Index kFilledElements = 1024;
// Elements of the rows that a product with sparse rows gathers at a time. Measured (f32, 64 of
// 20,000 columns in each of 1024 rows, times 512 columns, Zen 5): 0.38 ns per element, with 2^12
// elements 0.50, with 2^20 0.42, with all at once 0.69.
inline constexpr Index kGatheredElements = Index{1} << 16;
// Blocks of random words (16 bytes each) generated at a time, on the stack.
inline constexpr Index kRandomBlocks = 256;

// -- Autograd ------------------------------------------------------------------------------------

// Rows. A product with so many runs at full GEMM speed; collecting more rows for one product would
// only cost memory.
inline constexpr Index kFullSpeedRows = 2048;

}  // namespace unroll::tuning
