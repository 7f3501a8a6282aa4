#include <unroll/tensor/kernels/gemm.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/parallel_rows.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/threads.h>

#include <cblas.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

namespace unroll::kernels {
namespace {

// OpenBLAS chooses its kernels by the CPU model. For a model it does not know it falls back to its
// oldest ones, which are four times slower. The CPU's feature flags are more reliable, so we set
// OPENBLAS_CORETYPE accordingly and make OpenBLAS choose again.
struct Core {
  const char* name;
  const char* why;
};

Core best_core() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return {"SkylakeX", "the CPU has AVX-512"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {"Haswell", "the CPU has AVX2 and FMA"};
#endif
  return {nullptr, nullptr};
}

// Cores from before AVX2, which OpenBLAS falls back to.
bool is_old(const char* core) {
  for (const char* old : {"Prescott", "Core2", "Katmai", "Coppermine", "Northwood", "Banias",
                          "Atom", "Nehalem", "Penryn", "Dunnington", "Unknown", "Generic"})
    if (strcasecmp(core, old) == 0) return true;
  return false;
}

// We use our own threads. The threads that OpenBLAS starts when loaded would only compete with
// them.
void stop_threads() {
  openblas_set_num_threads(1);
  if (const auto stop = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "blas_thread_shutdown_")))
    stop();
}

BlasInfo choose_core() {
  BlasInfo info;
  stop_threads();
  info.version = openblas_get_config();
  const std::string found = openblas_get_corename();
  info.core = found;
  if (std::getenv("OPENBLAS_CORETYPE")) {
    info.reason = "OPENBLAS_CORETYPE is set";
    return info;
  }
  const Core best = best_core();
  if (!best.name || !is_old(found.c_str())) {
    info.reason = "chosen by OpenBLAS";
    return info;
  }
  using Hook = void (*)();
  const auto quit = reinterpret_cast<Hook>(dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit"));
  const auto init = reinterpret_cast<Hook>(dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init"));
  if (!quit || !init) {
    info.reason = "chosen by OpenBLAS, which cannot be told better (no gotoblas_dynamic_init)";
    return info;
  }
  setenv("OPENBLAS_CORETYPE", best.name, 1);
  quit();
  init();
  unsetenv("OPENBLAS_CORETYPE");
  stop_threads();
  info.core = openblas_get_corename();
  info.reason = std::string("OpenBLAS had taken ") + found + ", but " + best.why;
  return info;
}

const BlasInfo& ready() {
  static const BlasInfo info = choose_core();
  return info;
}

// C [m, n] = init + A [m, k] B [k, n], see gemm.h.
template <class T>
struct Product {
  Index m, n, k;
  Matrix<T> a, b;
  const T* init;
  Index stride_init;
  T* c;
  Index stride_c;
  // The product for some rows and columns of C.
  Product part(Index row, Index rows, Index column, Index columns) const {
    return {rows,
            columns,
            k,
            a.from(row, 0),
            b.from(0, column),
            init ? init + row * stride_init + column : nullptr,
            stride_init,
            c + row * stride_c + column,
            stride_c};
  }
};

// Runs f on the tiles of C along its longer side, `each` rows or columns per tile, on all threads.
template <class T, class F>
void each_piece(const Product<T>& of, Index each, F f) {
  const bool by_rows = of.m > of.n;
  const Index side = by_rows ? of.m : of.n;
  parallel_runs(side, each, [&](Index from, Index size) {
    f(by_rows ? of.part(from, size, 0, of.n) : of.part(0, of.m, from, size));
  });
}

// Products with at least this many multiplications are split over threads. For smaller ones, moving
// the operands between cores takes longer than the product.
constexpr Index kLarge = Index{1} << 25;

// Matrix-vector products: gemv reads the matrix once, while gemm first packs it.
template <class T>
void by_matrix_vector(const Product<T>& of) {
  const auto call = [] {
    if constexpr (std::is_same_v<T, float>)
      return &cblas_sgemv;
    else
      return &cblas_dgemv;
  }();
  // Some BLAS versions read y even with a beta of 0, and y is uninitialised.
  if (!of.init)
    for (Index i = 0; i < std::max(of.m, of.n); ++i) of.c[i * (of.n == 1 ? of.stride_c : 1)] = 0;
  // y = M x; a single row is computed as y = M' x with A and B exchanged.
  const bool column = of.n == 1;
  const Matrix<T>&matrix = column ? of.a : of.b, &x = column ? of.b : of.a;
  const bool transposed = matrix.transposed == column;
  const Index results = column ? of.m : of.n;
  call(CblasRowMajor, transposed ? CblasTrans : CblasNoTrans,
       static_cast<blasint>(transposed ? of.k : results),
       static_cast<blasint>(transposed ? results : of.k), 1, matrix.data,
       static_cast<blasint>(matrix.stride), x.data,
       static_cast<blasint>(x.transposed == column ? 1 : x.stride), 1, of.c,
       static_cast<blasint>(column ? of.stride_c : 1));
}

template <class T>
void by_blas(const Product<T>& of) {
  if (of.n == 1 || of.m == 1) return by_matrix_vector(of);
  const auto call = [] {
    if constexpr (std::is_same_v<T, float>)
      return &cblas_sgemm;
    else
      return &cblas_dgemm;
  }();
  call(CblasRowMajor, of.a.transposed ? CblasTrans : CblasNoTrans,
       of.b.transposed ? CblasTrans : CblasNoTrans, static_cast<blasint>(of.m),
       static_cast<blasint>(of.n), static_cast<blasint>(of.k), 1, of.a.data,
       static_cast<blasint>(of.a.stride), of.b.data, static_cast<blasint>(of.b.stride),
       of.init ? 1 : 0, of.c, static_cast<blasint>(of.stride_c));
}

// For sizes beyond BLAS's 32-bit integers, and for products too small to be worth a BLAS call.
constexpr Index kTiny = 512;

template <class T>
void by_loops(const Product<T>& of) {
  const Matrix<T>&a = of.a, &b = of.b;
  const Index ai = a.transposed ? 1 : a.stride, ak = a.transposed ? a.stride : 1;
  for (Index i = 0; i < of.m; ++i) {
    T* row = of.c + i * of.stride_c;
    if (!of.init) std::fill_n(row, of.n, T{0});
    for (Index p = 0; p < of.k; ++p) {
      const T x = a.data[i * ai + p * ak];
      if (b.transposed) {
        for (Index j = 0; j < of.n; ++j) row[j] += x * b.data[p + j * b.stride];
      } else {
        for (Index j = 0; j < of.n; ++j) row[j] += x * b.data[p * b.stride + j];
      }
    }
  }
}

// Whether our panel kernels are used instead of BLAS. They do not pack A. This pays off if C has
// enough rows to amortise the packing of B, and the row stride of A causes no L1 conflict misses.
// Measured: within these bounds 5 to 30 percent faster than BLAS with AVX-512, and 0 to 25 percent
// with AVX2, where the rows of a transposed A must be short; equal or slower outside. BLAS has
// special kernels for products with less than a million multiplications.
template <class T>
bool suits_panels(const Product<T>& of) {
  const Index width = panel_width<T>(), half = width / 2, padded = (of.n + half - 1) / half * half;
  const bool transposed = of.a.transposed;
  if (transposed && of.b.transposed) return false;            // BLAS copies both too, and faster
  const Index bytes = width * static_cast<Index>(sizeof(T));  // 128: AVX-512, 64: AVX2
  const Index longest = transposed && bytes == 64 ? 512 / static_cast<Index>(sizeof(T)) : of.m;
  return bytes >= 64 && of.m * of.n * of.k >= (Index{1} << 20) && 4 * padded <= 5 * of.n &&
         of.m >= (transposed ? 12 : 48) && of.m <= longest &&
         (transposed || of.k <= 1024 || !has_conflicts(of.a.stride, sizeof(T)));
}

// Elements that fit in half of the L2 cache: of A in one call, and of packed B.
template <class T>
constexpr Index kNear = (Index{1} << 19) / static_cast<Index>(sizeof(T));

// The depth of a block: the maximal number of terms of k processed at a time, so that the part of A
// that is reused stays in cache. A transposed A with a power-of-two stride is copied into
// contiguous rows first, so its blocks can be deeper.
template <class T>
Index deepest(const Product<T>& of) {
  if (!of.a.transposed) return 512;
  if (has_conflicts(of.a.stride, sizeof(T))) return 1024;
  return std::clamp<Index>(3 * kNear<T> / (2 * of.m), 256, 768);
}

// Computes the product on one thread in blocks of columns, with `deep` terms of k at a time. If A
// is transposed, as in the gradient of a weight, C has few rows compared with k, so B is read once
// and packed on the fly; otherwise a block of B is packed once for all rows.
template <class T>
void by_panels(const Product<T>& of, Index deep) {
  const bool transposed = of.a.transposed, once = transposed && !of.b.transposed;
  const Index width = panel_width<T>(),
              wide = once ? (has_conflicts(of.a.stride, sizeof(T)) ? of.n : 512)
                          : kNear<T> / (deep * width) * width;
  const Index tall = transposed ? 512 : 192;
  Scratch<T> packed(once ? 0 : packed_size<T>(deep, std::min(of.n, wide)));
  for (Index j = 0; j < of.n; j += wide) {
    const Index columns = std::min(wide, of.n - j);
    for (Index p = 0; p < of.k; p += deep) {
      const Index depth = std::min(deep, of.k - p);
      const Matrix<T> b = of.b.from(p, j);
      if (!once)
        pack(b.data, b.transposed ? 1 : b.stride, b.transposed ? b.stride : 1, depth, columns,
             packed.get());
      for (Index i = 0; i < of.m; i += tall) {
        Product<T> part = of.part(i, std::min(tall, of.m - i), j, columns);
        if (p > 0) part.init = part.c, part.stride_init = part.stride_c;
        const Left<T> a{of.a.from(i, p).data, of.a.stride, transposed};
        if (once) {
          multiply_once(part.m, columns, depth, a, b.data, b.stride, part.init, part.stride_init,
                        part.c, part.stride_c);
        } else {
          multiply(part.m, columns, depth, a, Packed<T>{packed.get(), depth}, part.init,
                   part.stride_init, part.c, part.stride_c);
        }
      }
    }
  }
}

}  // namespace

template <class T>
void gemm(Index m, Index n, Index k, Matrix<T> a, Matrix<T> b, const T* init, Index stride_init,
          T* c, Index stride_c) {
  if (m == 0 || n == 0) return;
  const FlushDenormals flush;
  Product<T> of{m, n, k, a, b, init, stride_init, c, stride_c};
  if (suits_panels(of)) {
    // The blocks of k determine the rounding, so the depth depends on the problem size only, not on
    // how C is tiled over threads.
    const Index most = deepest(of);
    const Index passes = (k + most - 1) / most, deep = (k + passes - 1) / passes;
    const Index pieces =
        std::clamp<Index>(2 * m * n * k / kLarge, 1, threads() > 1 ? 2 * threads() : 1);
    const Index width = panel_width<T>(), panels = (std::max(m, n) + width - 1) / width;
    return each_piece(of, (panels + pieces - 1) / pieces * width,
                      [&](const Product<T>& piece) { by_panels(piece, deep); });
  }
  if (init && init != c)
    for (Index i = 0; i < m; ++i) std::copy_n(init + i * stride_init, n, c + i * stride_c);
  if (init) of.init = c, of.stride_init = stride_c;
  // BLAS uses 32-bit integers.
  constexpr Index kLimit = std::numeric_limits<blasint>::max();
  if (m * n * k <= kTiny || std::max({m, n, k, a.stride, b.stride, stride_c}) > kLimit)
    return by_loops(of);
  // BLAS requires strides of at least 1 and at least the length of a row.
  of.a.stride = std::max(a.stride, std::max<Index>(1, a.transposed ? m : k));
  of.b.stride = std::max(b.stride, std::max<Index>(1, b.transposed ? k : n));
  of.stride_c = std::max(stride_c, n);
  ready();
  if (m * n * k < kLarge) return by_blas(of);
  // In BLAS, tiling affects the order of summation and thus rounding, so tile sizes depend on the
  // problem size only, and results do not depend on the thread count. Each tile packs the other
  // operand again, so there are only two tiles, or up to eight along a long side.
  const Index side = std::max(m, n);
  const Index tile = std::max(std::min<Index>(512, (side + 1) / 2), (side + 7) / 8);
  each_piece(of, tile, by_blas<T>);
}

template <class T>
void gemm_batched(Index count, Index m, Index n, Index k, Matrix<T> a, Index batch_stride_a,
                  Matrix<T> b, Index batch_stride_b, T* c, Index stride_c, Index batch_stride_c) {
  const auto each = [&](Index i) {
    Matrix<T> ai = a, bi = b;
    ai.data += i * batch_stride_a, bi.data += i * batch_stride_b;
    gemm<T>(m, n, k, ai, bi, nullptr, 0, c + i * batch_stride_c, stride_c);
  };
  if (count > 1 && m * n * k < kLarge && count * m * n * k >= kLarge)
    return parallel_for(count, each);
  for (Index i = 0; i < count; ++i) each(i);
}

template void gemm(Index, Index, Index, Matrix<float>, Matrix<float>, const float*, Index, float*,
                   Index);
template void gemm(Index, Index, Index, Matrix<double>, Matrix<double>, const double*, Index,
                   double*, Index);
template void gemm_batched(Index, Index, Index, Index, Matrix<float>, Index, Matrix<float>, Index,
                           float*, Index, Index);
template void gemm_batched(Index, Index, Index, Index, Matrix<double>, Index, Matrix<double>, Index,
                           double*, Index, Index);

BlasInfo blas_info() { return ready(); }

}  // namespace unroll::kernels
