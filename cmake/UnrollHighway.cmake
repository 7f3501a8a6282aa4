# UNROLL_HWY_DISABLED: the SIMD targets that no kernel is compiled for. What remains on x86-64 is the
# baseline, AVX2 and AVX-512; the others would cost size and build time for a few percent.
find_path(UNROLL_HWY_HEADERS hwy/detect_targets.h HINTS ${hwy_INCLUDE_DIRS} REQUIRED)
mark_as_advanced(UNROLL_HWY_HEADERS)
set(unwanted SSSE3 SSE4 AVX3_DL AVX3_ZEN4 AVX3_SPR AVX10_2)
if(UNROLL_SANITIZE)
  list(APPEND unwanted AVX3)  # a sanitizer makes each target slow to compile
endif()
set(known "")
foreach(target IN LISTS unwanted)
  # Each release of Highway knows more targets; a name that it does not know would not compile.
  file(STRINGS ${UNROLL_HWY_HEADERS}/hwy/detect_targets.h found REGEX "#define HWY_${target} ")
  if(found)
    list(APPEND known HWY_${target})
  endif()
endforeach()
list(JOIN known "|" UNROLL_HWY_DISABLED)
set(UNROLL_HWY_DISABLED "(${UNROLL_HWY_DISABLED})")
