// Chooses kernels for the CPU. A kernel file is compiled once per SIMD target, each time in another
// namespace (Highway's foreach_target.h). Its functions are in a table: a struct of function
// pointers for one element type. The first call chooses the tables of the best target.
//
//   // f.h: what the rest of the library calls
//   template <class T>
//   struct FKernels;
//   template <class T>
//   void f(const T* x, Index n) { table<FKernels, T>().f(x, n); }
//   template <class T>
//   struct FKernels {
//     decltype(&kernels::f<T>) f;
//   };
//
//   // f.cpp, in the namespace of the target
//   template <class T>
//   void f_run(const T* x, Index n) { ... }
//   UNROLL_KERNELS(FKernels, f_run<T>)
//   // f.cpp, at the end
//   #if HWY_ONCE
//   UNROLL_EXPORT(FKernels)
//   #endif
//
// f64, which serves mostly to check derivatives, has no AVX-512 kernels of its own but uses those
// of AVX2: that makes the library a twentieth smaller.
#pragma once

#include <unroll/tensor/types.h>

#include <atomic>

namespace unroll::kernels {

// The tables of one kernel file for one target.
template <template <class> class Table>
struct Tables {
  Table<float> of_f32;
  Table<double> of_f64;
  bool has_f64;  // otherwise those of AVX2 are used
};

// Chooses the tables of the best target of this CPU, and stores them. UNROLL_EXPORT defines it.
template <template <class> class Table>
const Tables<Table>& choose();

using Choice = std::atomic<const void*>;
template <template <class> class Table>
inline constinit Choice choice{nullptr};  // null until the first call

template <template <class> class Table, class T>
const Table<T>& table() {
  const auto* chosen =
      static_cast<const Tables<Table>*>(choice<Table>.load(std::memory_order_relaxed));
  if (!chosen) [[unlikely]]
    chosen = &choose<Table>();
  if constexpr (sizeof(T) == 4) {
    return chosen->of_f32;
  } else {
    return chosen->of_f64;
  }
}

void remember(Choice& choice, const void* tables);
// Makes the next call of every kernel choose again, for tests that change Highway's list of
// supported targets.
void choose_again();

}  // namespace unroll::kernels

// Whether a target has kernels for f64. Its arguments are macros of Highway.
#define UNROLL_HAS_F64(target, targets) ((target) > HWY_AVX3 || ((targets)&HWY_AVX2) == 0)

// In the namespace of a target: the tables with these functions of T, in the table's order.
#define UNROLL_KERNELS(Table, ...)                                                               \
  template <class T, bool kHas>                                                                  \
  constexpr Table<T> Table##_of() {                                                              \
    if constexpr (kHas) {                                                                        \
      return Table<T>{__VA_ARGS__};                                                              \
    } else {                                                                                     \
      return Table<T>{};                                                                         \
    }                                                                                            \
  }                                                                                              \
  const Tables<Table>& Table##_here() {                                                          \
    constexpr bool kHas = UNROLL_HAS_F64(HWY_TARGET, HWY_TARGETS);                               \
    static constexpr Tables<Table> tables{Table##_of<float, true>(), Table##_of<double, kHas>(), \
                                          kHas};                                                 \
    return tables;                                                                               \
  }

// In unroll::kernels, once per file.
#define UNROLL_EXPORT(Table)                                                                 \
  HWY_EXPORT(Table##_here);                                                                  \
  template <>                                                                                \
  const Tables<Table>& choose<Table>() {                                                     \
    const Tables<Table>* best = &HWY_DYNAMIC_DISPATCH(Table##_here)();                       \
    if (!best->has_f64) {                                                                    \
      static const Tables<Table> joined{best->of_f32, UNROLL_F64_TABLE(Table, *best), true}; \
      best = &joined;                                                                        \
    }                                                                                        \
    remember(choice<Table>, best);                                                           \
    return *best;                                                                            \
  }
