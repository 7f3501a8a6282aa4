#include <unroll/tensor/kernels/denormals.h>
#include <unroll/tensor/kernels/gemm.h>
#include <unroll/tensor/kernels/panels.h>
#include <unroll/tensor/kernels/scratch.h>
#include <unroll/tensor/threads.h>

#include <cblas.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace unroll::kernels {
namespace {

// OpenBLAS chooses its kernels by the model number of the CPU. On a model that it does not know it
// takes its oldest ones, four times slower. The CPU's features say better what it can do, so it is
// told the core of that family and made to choose again.
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

// Cores made before AVX2, which OpenBLAS falls back to.
bool is_old(const char* core) {
  for (const char* old : {"Prescott", "Core2", "Katmai", "Coppermine", "Northwood", "Banias",
                          "Atom", "Nehalem", "Penryn", "Dunnington", "Unknown", "Generic"})
    if (strcasecmp(core, old) == 0) return true;
  return false;
}

// The threads are ours; those that OpenBLAS started when it was loaded would only spin beside them.
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

void call(Index m, Index n, Index k, Matrix<float> a, Matrix<float> b, float beta, float* c,
          Index step) {
  cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
              b.transposed ? CblasTrans : CblasNoTrans, static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1, a.data,
              static_cast<blasint>(a.step), b.data, static_cast<blasint>(b.step), beta, c,
              static_cast<blasint>(step));
}
void call(Index m, Index n, Index k, Matrix<double> a, Matrix<double> b, double beta, double* c,
          Index step) {
  cblas_dgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
              b.transposed ? CblasTrans : CblasNoTrans, static_cast<blasint>(m),
              static_cast<blasint>(n), static_cast<blasint>(k), 1, a.data,
              static_cast<blasint>(a.step), b.data, static_cast<blasint>(b.step), beta, c,
              static_cast<blasint>(step));
}

// A product this small (m n k) is done before BLAS has begun.
constexpr Index kTiny = 512;

template <class T>
void tiny(Index m, Index n, Index k, Matrix<T> a, Matrix<T> b, bool add, T* c, Index step) {
  const Index ai = a.transposed ? 1 : a.step, ak = a.transposed ? a.step : 1;
  for (Index i = 0; i < m; ++i) {
    T* row = c + i * step;
    if (!add) std::fill_n(row, n, T{0});
    for (Index p = 0; p < k; ++p) {
      const T x = a.data[i * ai + p * ak];
      if (b.transposed) {
        for (Index j = 0; j < n; ++j) row[j] += x * b.data[p + j * b.step];
      } else {
        for (Index j = 0; j < n; ++j) row[j] += x * b.data[p * b.step + j];
      }
    }
  }
}

// C = A B, or C += A B.
template <class T>
void one(Index m, Index n, Index k, Matrix<T> a, Matrix<T> b, bool add, T* c, Index step) {
  if (m * n * k <= kTiny) return tiny(m, n, k, a, b, add, c, step);
  call(m, n, k, a, b, add ? T{1} : T{0}, c, step);
}

// From this many multiplications on a product is cut into pieces for the threads.
constexpr Index kLarge = Index{1} << 23;

// Rows of B in one pass: where A is transposed its rows are read across, a few from each of many
// lines, which must stay near.
template <class T>
Index depth_of(const Matrix<T>& a) {
  return a.transposed ? 256 : 512;
}

// Panels do without packing A, which pays while B (a weight; for a weight's gradient, the rows of
// the batch) is small enough to stay near and C has enough rows for the packing of B. Measured with
// AVX-512: 5 to 30 percent faster than BLAS within these bounds, even or slower beyond them. BLAS
// has kernels of its own for less than a million multiplications.
template <class T>
bool suits_panels(Index m, Index n, Index k, const Matrix<T>& a) {
  const Index width = panel_width<T>(), bytes = static_cast<Index>(sizeof(T));
  const Index padded = (n + width - 1) / width * width;
  return width * bytes == 128 && m * n * k >= (Index{1} << 20) && 4 * padded <= 5 * n &&
         m >= (a.transposed ? 12 : 48) && (a.transposed || k <= 1024) &&
         std::min(k, depth_of(a)) * n * bytes <= (Index{1} << 22);
}

// A sum runs over k in one order, whoever has the row.
template <class T>
void by_panels(Index m, Index n, Index k, Matrix<T> a, Matrix<T> b, const T* init, Index step_init,
               T* c, Index step_c) {
  const Index width = panel_width<T>(), strip = 8 * width;
  // Runs of 48 to 192 rows: fewer read the packed panels too often, more of A is not near. An even
  // number of them, since threads mostly are.
  const Index runs = std::max(std::clamp<Index>(m / 48, 1, 8), m / 192 + 1);
  const Index even = runs > 1 ? runs / 2 * 2 : 1, each = (m + even - 1) / even;
  const Index most = std::min(k, depth_of(a));
  // A pass over B has two calls of parallel_for. Where it is little work for that, the rows are
  // halved and each half packs for itself.
  const bool spread = m * n * most >= 2 * kLarge;
  if (!spread && threads() > 1 && m >= 48 && m * n * k >= kLarge)
    return parallel_for(2, [&](Index i) {
      const FlushDenormals flush;
      const Index row = i * (m / 2), rows = i == 0 ? m / 2 : m - m / 2;
      Matrix<T> part = a;
      part.data += a.transposed ? row : row * a.step;
      by_panels(rows, n, k, part, b, init ? init + row * step_init : nullptr, step_init,
                c + row * step_c, step_c);
    });
  const auto run = [&](Index count, const auto& task) {
    if (spread) return parallel_for(count, task);
    for (Index i = 0; i < count; ++i) task(i);
  };
  const Index down = b.transposed ? 1 : b.step, right = b.transposed ? b.step : 1;
  Scratch<T> packed(packed_size<T>(most, n));
  for (Index from = 0; from < k; from += most) {
    const Index depth = std::min(most, k - from);
    run((n + strip - 1) / strip, [&](Index i) {
      const Index j = i * strip;
      pack(b.data + from * down + j * right, down, right, depth, std::min(strip, n - j),
           packed.get() + j * depth);
    });
    const T* start = from > 0 ? c : init;
    const Index step_start = from > 0 ? step_c : step_init;
    run((m + each - 1) / each, [&](Index i) {
      const FlushDenormals flush;
      const Index row = i * each;
      const T* left = a.data + (a.transposed ? from * a.step + row : row * a.step + from);
      multiply(std::min(each, m - row), n, depth, Left<T>{left, a.step, a.transposed},
               Packed<T>{packed.get(), depth}, start ? start + row * step_start : nullptr,
               step_start, c + row * step_c, step_c);
    });
  }
}

}  // namespace

template <class T>
void gemm(Index m, Index n, Index k, Matrix<T> a, Matrix<T> b, const T* init, Index step_init, T* c,
          Index step_c) {
  if (m == 0 || n == 0) return;
  const FlushDenormals flush;
  if (suits_panels(m, n, k, a)) return by_panels(m, n, k, a, b, init, step_init, c, step_c);
  if (init && init != c)
    for (Index i = 0; i < m; ++i) std::copy_n(init + i * step_init, n, c + i * step_c);
  const bool add = init != nullptr;
  // BLAS counts in 32 bits.
  constexpr Index kLimit = std::numeric_limits<blasint>::max();
  if (std::max({m, n, k, a.step, b.step, step_c}) > kLimit)
    return tiny(m, n, k, a, b, add, c, step_c);
  // BLAS wants steps of at least 1 and of the row's length.
  a.step = std::max(a.step, std::max<Index>(1, a.transposed ? m : k));
  b.step = std::max(b.step, std::max<Index>(1, b.transposed ? k : n));
  step_c = std::max(step_c, n);
  ready();
  if (m * n * k < kLarge) return one(m, n, k, a, b, add, c, step_c);
  // Pieces along the longer side of C. BLAS sums an element in another order where a cut falls
  // elsewhere, so the cuts depend on the sizes and never on the number of threads. Each piece packs
  // the other operand again, so there are two, or up to eight of a long side.
  const bool by_rows = m > n;
  const Index side = by_rows ? m : n;
  const Index tile = std::max(std::min<Index>(512, (side + 1) / 2), (side + 7) / 8);
  const Index tiles = (side + tile - 1) / tile;
  parallel_for(tiles, [&](Index i) {
    const FlushDenormals flush_here;
    const Index from = i * tile, size = std::min(tile, side - from);
    if (by_rows) {
      Matrix<T> part = a;
      part.data += a.transposed ? from : from * a.step;
      one(size, n, k, part, b, add, c + from * step_c, step_c);
    } else {
      Matrix<T> part = b;
      part.data += b.transposed ? from * b.step : from;
      one(m, size, k, a, part, add, c + from, step_c);
    }
  });
}

template <class T>
void gemm_batched(Index count, Index m, Index n, Index k, Matrix<T> a, Index stride_a, Matrix<T> b,
                  Index stride_b, T* c, Index step_c, Index stride_c) {
  const auto each = [&](Index i) {
    Matrix<T> ai = a, bi = b;
    ai.data += i * stride_a;
    bi.data += i * stride_b;
    gemm<T>(m, n, k, ai, bi, nullptr, 0, c + i * stride_c, step_c);
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
