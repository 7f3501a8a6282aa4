// The kernel behind the products with packed panels, and the loops over it.
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/plan.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/kernels/tuning.h>

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "unroll/tensor/kernels/panels.cpp"
#include <hwy/foreach_target.h>

#include <unroll/tensor/kernels/simd_math.h>

HWY_BEFORE_NAMESPACE();
namespace unroll::kernels::HWY_NAMESPACE {
namespace {

template <class T>
HWY_INLINE Index width_of_panel() {
  return 2 * static_cast<Index>(hn::Lanes(hn::ScalableTag<T>()));
}

// Rows of one pass: as many as registers allow.
constexpr int kMaxRows = HWY_TARGET <= HWY_AVX3 ? tuning::kPanelRowsAvx512
                         : kBaseline            ? tuning::kPanelRowsBaseline
                                                : tuning::kPanelRows;

// Four rows of elements, `stride` apart, to four columns of rows of `width`.
template <class T>
HWY_INLINE void turn(const T* from, Index stride, T* to, Index width) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (sizeof(T) == 4) {
    const hn::FixedTag<T, 4> d;
    const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + stride);
    const auto c = hn::LoadU(d, from + 2 * stride), e = hn::LoadU(d, from + 3 * stride);
    const auto ac = hn::InterleaveLower(d, a, c), be = hn::InterleaveLower(d, b, e);
    const auto ac_up = hn::InterleaveUpper(d, a, c), be_up = hn::InterleaveUpper(d, b, e);
    hn::StoreU(hn::InterleaveLower(d, ac, be), d, to);
    hn::StoreU(hn::InterleaveUpper(d, ac, be), d, to + width);
    hn::StoreU(hn::InterleaveLower(d, ac_up, be_up), d, to + 2 * width);
    hn::StoreU(hn::InterleaveUpper(d, ac_up, be_up), d, to + 3 * width);
    return;
  }
#endif
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) to[i * width + j] = from[j * stride + i];
}

template <class T>
void pack_run(const Matrix<const T>& of, T* out) {
  const hn::ScalableTag<T> d;
  const Index k = of.rows, n = of.columns, stride_k = of.row_stride, stride_n = of.column_stride;
  const T* w = of.data;
  const Index width = width_of_panel<T>(), lanes = width / 2;
  for (Index j0 = 0; j0 < n; j0 += width, out += k * width) {
    const Index columns = std::min(width, n - j0);
    if (stride_n == 1 && columns == width) {
      for (Index p = 0; p < k; ++p) {
        const T* from = w + p * stride_k + j0;
        hn::StoreU(hn::LoadU(d, from), d, out + p * width);
        hn::StoreU(hn::LoadU(d, from + lanes), d, out + p * width + lanes);
      }
      continue;
    }
    // Rows of a transposed matrix are contiguous: four of them at a time, and no more of them than
    // stay near.
    const Index fours = stride_k == 1 ? columns / 4 * 4 : 0;
    for (Index p0 = 0; p0 < k; p0 += tuning::kPackedRows) {
      const Index end = std::min(k, p0 + tuning::kPackedRows), turned = p0 + (end - p0) / 4 * 4;
      for (Index j = 0; j < fours; j += 4)
        for (Index p = p0; p < turned; p += 4)
          turn(w + p + (j0 + j) * stride_n, stride_n, out + p * width + j, width);
      for (Index j = 0; j < width; ++j)
        for (Index p = j < fours ? turned : p0; p < end; ++p)
          out[p * width + j] = j < columns ? w[p * stride_k + (j0 + j) * stride_n] : T{0};
    }
  }
}

// One block of C: some rows by some vectors of columns.
template <class T>
struct Block {
  Index k;
  const T* a;
  Index stride_a;
  Panels<T> w;
  const T* init;
  Index stride_init;
  T* c;
  Index stride_c, columns;
  // For a transposed A only: where W's panel is packed on the way, or null.
  T* packed = nullptr;
};

// A function of its own, so that its sums get all registers.
template <int kRows, int kVectors, bool kTransposed, class T>
HWY_NOINLINE void block(const Block<T>& of) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d)), columns = of.columns;
  const Index k = of.k, stride_a = of.stride_a, stride_w = of.w.stride,
              panel_stride = of.w.panel_stride;
  const T *HWY_RESTRICT a = of.a, *HWY_RESTRICT w = of.w.data;
  using V = hn::Vec<decltype(d)>;
  V acc[kRows][kVectors];
  // Columns that do not fill the vectors go through a buffer, so that the code is there once.
  const Index width = kVectors * lanes;
  T edge[kRows * kVectors * hn::MaxLanes(d)];
  const T* init = of.init;
  T* to = of.c;
  Index stride_init = of.stride_init, stride_to = of.stride_c;
  if (columns < width) {
    for (int r = 0; r < kRows; ++r)
      for (Index j = 0; j < width; ++j)
        edge[r * width + j] = init && j < columns ? init[r * stride_init + j] : T{0};
    init = to = edge, stride_init = stride_to = width;
  }
  UNROLL_WRITTEN_OUT
  for (int r = 0; r < kRows; ++r) UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v)
    acc[r][v] = init ? hn::LoadU(d, init + r * stride_init + v * lanes) : hn::Zero(d);
  T* packed = of.packed;
  // Every third row of A has a pointer and the two after it are steps from it: a pointer for each
  // would be more than there are registers.
  constexpr int kThirds = (kRows + 2) / 3;
  const T* at[kThirds];
  UNROLL_WRITTEN_OUT
  for (int r = 0; r < kThirds; ++r) at[r] = a + 3 * r * stride_a;
  for (Index p = 0; p < k; ++p) {
    V b[kVectors];
    UNROLL_WRITTEN_OUT
    for (int v = 0; v < kVectors; ++v)
      b[v] = hn::LoadU(d, w + (v / 2) * panel_stride + p * stride_w + (v % 2) * lanes);
    if constexpr (kTransposed) {
      if (packed) {
        for (int v = 0; v < kVectors; ++v) {
          hwy::Prefetch(w + (p + tuning::kRowsAhead) * stride_w + v * lanes);
          hn::StoreU(b[v], d, packed + v * lanes);
        }
        packed += width;
      }
    }
    UNROLL_WRITTEN_OUT
    for (int r = 0; r < kRows; ++r) {
      const V x = hn::Set(d, kTransposed ? a[p * stride_a + r] : at[r / 3][r % 3 * stride_a]);
      UNROLL_WRITTEN_OUT
      for (int v = 0; v < kVectors; ++v) acc[r][v] = hn::MulAdd(x, b[v], acc[r][v]);
    }
    UNROLL_WRITTEN_OUT
    for (int r = 0; r < kThirds; ++r) ++at[r];
  }
#if HWY_COMPILER_GCC_ACTUAL
  // Nothing is known of these before: else g++ works out where each row goes ahead of the sums,
  // which leave no register for it.
  asm("" : "+r"(to), "+r"(stride_to));
#endif
  UNROLL_WRITTEN_OUT
  for (int r = 0; r < kRows; ++r) UNROLL_WRITTEN_OUT
  for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[r][v], d, to + r * stride_to + v * lanes);
  if (columns < width)
    for (int r = 0; r < kRows; ++r) std::copy_n(edge + r * width, columns, of.c + r * of.stride_c);
}

// Few rows leave registers for more columns, which hides the latency of the sums.
HWY_INLINE int panels_at_once(Index rows) {
  if constexpr (kMaxRows == 12) return rows <= 3 ? 4 : rows <= 6 ? 2 : 1;
  return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
}
// Rows of half a panel at once, of `rest` that are left.
constexpr Index rows_of_half(Index rest) { return rest >= kMaxRows ? kMaxRows : rest >= 4 ? 4 : 1; }
// The blocks that this comes to. A product of two blocks or more has more than half of kMaxRows
// rows in each but the last.
constexpr bool occurs(int rows, int vectors) {
  if (vectors == 1) return rows == rows_of_half(rows);
  if (vectors == 2) return rows <= kMaxRows;
  if constexpr (kMaxRows == 12) return vectors == 8 ? rows <= 3 : rows > 3 && rows <= 6;
  return vectors == 8 ? rows == 1 : vectors == 4 && (rows == 2 || rows == 3);
}

template <int kVectors, bool kTransposed, class T>
HWY_INLINE void rows_of(Index rows, const Block<T>& of) {
#define UNROLL_ROWS(n)                                                                \
  case n:                                                                             \
    if constexpr (occurs(n, kVectors)) return block<n, kVectors, kTransposed, T>(of); \
    break;
  switch (rows) {
    UNROLL_ROWS(1)
    UNROLL_ROWS(2)
    UNROLL_ROWS(3)
    UNROLL_ROWS(4)
    UNROLL_ROWS(5)
    UNROLL_ROWS(6)
    UNROLL_ROWS(7) UNROLL_ROWS(8) UNROLL_ROWS(9) UNROLL_ROWS(10) UNROLL_ROWS(11) UNROLL_ROWS(12)
  }
#undef UNROLL_ROWS
}

// Blocks of `each` rows, as even as can be.
Index rows_of_block(Index m) {
  const Index blocks = (m + kMaxRows - 1) / kMaxRows;
  return blocks ? (m + blocks - 1) / blocks : 0;
}

// Asks for the block of C that comes after that of `rows` at row r and `columns` at column j: down
// the rows, then along the columns. A block of few terms is done before it would be there.
template <class T>
HWY_INLINE void fetch_next(Index m, Index n, Index k, const T* c, Index stride_c, Index r,
                           Index rows, Index j, Index columns) {
  if (k < tuning::kFetchedTerms) return;
  constexpr Index kLine = 64 / sizeof(T);
  const bool below = r + rows < m;
  const Index row = below ? r + rows : 0, column = below ? j : j + columns;
  for (Index i = row; i < std::min(m, row + rows); ++i)
    for (Index q = column; q < std::min(n, column + columns); q += kLine)
      hwy::Prefetch(c + i * stride_c + q);
}

template <class T>
void multiply_run(const Matrix<const T>& a, const Panels<T>& w, const Init<T>& init,
                  const Matrix<T>& c) {
  const Index m = c.rows, n = c.columns, k = a.columns;
  const bool transposed = a.transposed();
  const Index width = width_of_panel<T>(), each = rows_of_block(m);
  const Index wide = panels_at_once(each);
  for (Index j = 0; j < n;) {
    const Index panels = (n - j + width - 1) / width;
    const Index group = transposed || panels < wide ? 1 : wide;
    const Index columns = std::min(group * width, n - j);
    const bool half = 2 * columns <= width && !transposed;
    const Panels<T> panel{w.data + j / width * w.panel_stride, w.stride, w.panel_stride};
    for (Index r = 0, rows = 0; r < m; r += rows) {
      rows = half ? rows_of_half(m - r) : std::min(each, m - r);
      const Block<T> of{k,           a.at(r, 0), a.stride(),   panel,  init.part(r, j).data,
                        init.stride, c.at(r, j), c.row_stride, columns};
      fetch_next(m, n, k, c.data, c.row_stride, r, rows, j, columns);
      if (half) {
        rows_of<1, false>(rows, of);
      } else if (transposed) {
        rows_of<2, true>(rows, of);
      } else if (group == 4) {
        rows_of<8, false>(rows, of);
      } else if (group == 2) {
        rows_of<4, false>(rows, of);
      } else {
        rows_of<2, false>(rows, of);
      }
    }
    j += columns;
  }
}

// The first k columns of m rows of a transposed A by blocks of `each` rows, each block contiguous.
// Writes a vector more than m * k elements.
template <class T>
void gather(const Matrix<const T>& a, Index each, T* out) {
  const hn::ScalableTag<T> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d)), m = a.rows, k = a.columns;
  for (Index r = 0; r < m; r += each) {
    const Index rows = std::min(each, m - r);
    for (Index p = 0; p < k; ++p, out += rows) {
      const T* from = a.at(r, p);
      for (Index i = 0; i < rows; i += lanes) {
        if (r + i + lanes <= m) {
          hn::StoreU(hn::LoadU(d, from + i), d, out + i);
        } else {
          for (Index q = i; q < rows; ++q) out[q] = from[q];
        }
      }
    }
  }
}

// For a transposed A, a sum of many terms for few rows, so that packing W first would not pay: the
// first block of rows packs a panel as it reads it.
template <class T>
void multiply_transposed(const Matrix<const T>& a, const Matrix<const T>& w, const Init<T>& init,
                         const Matrix<T>& c) {
  const Index m = c.rows, n = c.columns, k = a.columns;
  const Index width = width_of_panel<T>(), each = rows_of_block(m);
  Scratch<T> packed(width * k);
  const bool gathers = gathers_rows(m, a.stride(), sizeof(T), kMaxRows);
  Scratch<T> near(gathers ? m * k + width : 0);
  if (gathers) gather(a, each, near.get());
  for (Index j = 0; j < n; j += width) {
    const Index columns = std::min(width, n - j);
    const bool whole = columns == width;  // else its vectors would read beyond the end of W
    if (!whole) pack_run(w.part(0, k, j, columns), packed.get());
    for (Index r = 0; r < m; r += each) {
      const Index rows = std::min(each, m - r);
      const bool first = whole && r == 0;
      Block<T> of{
          k,
          gathers ? near.get() + r * k : a.at(r, 0),
          gathers ? rows : a.stride(),
          first ? Panels<T>{w.at(0, j), w.row_stride, 0} : Panels<T>{packed.get(), width, 0},
          init.part(r, j).data,
          init.stride,
          c.at(r, j),
          c.row_stride,
          columns};
      fetch_next(m, n, k, c.data, c.row_stride, r, rows, j, columns);
      if (first) of.packed = packed.get();
      rows_of<2, true>(rows, of);
    }
  }
}

template <class T>
void multiply_once_run(const Matrix<const T>& a, const Matrix<const T>& w, const Init<T>& init,
                       const Matrix<T>& c) {
  if (a.transposed()) return multiply_transposed(a, w, init, c);
  const Index width = width_of_panel<T>(), n = c.columns;
  // Vectors of W that reach beyond its rows would read beyond its end.
  if (n % width == 0) return multiply_run(a, Panels<T>{w.data, w.row_stride, width}, init, c);
  Scratch<T> packed((n + width - n % width) * w.rows);
  pack_run(w, packed.get());
  multiply_run(a, Panels<T>{packed.get(), width, w.rows * width}, init, c);
}

}  // namespace

UNROLL_KERNELS(PanelKernels, width_of_panel<T>, pack_run<T>, multiply_run<T>, multiply_once_run<T>)

}  // namespace unroll::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace unroll::kernels {
UNROLL_EXPORT(PanelKernels)
}  // namespace unroll::kernels
#endif
