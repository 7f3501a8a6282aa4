# Reads every #include of the library and fails when one goes against docs/architecture.md:
#
#   tensor  <-  autograd  <-  { nn, optim }       tensor  <-  data
#
# and: only gemm and blas_core call BLAS, nothing that a program reaches from unroll.h brings in
# kernels, BLAS, SIMD or JSON, and unroll.h leaves no header out that is not a kernel's or private (below).
# usage: cmake -D root=DIR -P includes.cmake
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/PublicHeaders.cmake)

set(private data/text/saved_text.h tensor/joined.h tensor/json.h tensor/mamba_step.h tensor/recurrence.h tensor/recurrent.h tensor/saved.h
    tensor/stored.h tensor/strided.h tensor/unary.h autograd/engine.h autograd/tape_state.h autograd/ops/loss.h data/table/records.h)
set(may_include_tensor tensor)
set(may_include_autograd autograd tensor)
set(may_include_nn nn autograd tensor)
set(may_include_optim optim autograd tensor)
set(may_include_data data tensor)

cmake_path(ABSOLUTE_PATH root)
set(faults "")
macro(fault text)
  string(APPEND faults "  ${text}\n")
endmacro()

public_headers(${root} public)
set(files 0)
foreach(folder IN LISTS library_folders)
  file(GLOB_RECURSE sources RELATIVE ${root} ${root}/${folder}/*.h ${root}/${folder}/*.cpp)
  foreach(source IN LISTS sources)
    math(EXPR files "${files} + 1")
    file(STRINGS ${root}/${source} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
    foreach(line IN LISTS lines)
      string(REGEX MATCH "[<\"]([^>\"]+)" quoted "${line}")
      set(included ${CMAKE_MATCH_1})
      if(quoted MATCHES "^\"")
        fault("${source}: \"${included}\" is spelled <unroll/folder/file.h> here")
      elseif(included MATCHES "^unroll/tensor/kernels/" AND source IN_LIST public)
        fault("${source}: reached from unroll.h, must not know kernels: <${included}>")
      elseif(included MATCHES "^unroll/([^/]+)/")
        if(NOT CMAKE_MATCH_1 IN_LIST may_include_${folder})
          fault("${source}: ${folder}/ must not know ${CMAKE_MATCH_1}/: <${included}>")
        endif()
      elseif(included MATCHES "^unroll/")
        fault("${source}: the library itself never includes <${included}>")
      elseif(included MATCHES "^(cblas|openblas)" AND NOT source MATCHES "^tensor/kernels/(gemm|blas_core)")
        fault("${source}: only tensor/kernels/gemm and blas_core call BLAS: <${included}>")
      elseif(included MATCHES "^(cblas|openblas|hwy/|rapidjson/|immintrin)" AND source IN_LIST public)
        fault("${source}: reached from unroll.h, must not bring in <${included}>")
      endif()
    endforeach()
    if(source MATCHES "\\.h$" AND NOT source MATCHES "/kernels/"
       AND NOT source IN_LIST private AND NOT source IN_LIST public)
      fault("${source}: missing from unroll.h")
    endif()
  endforeach()
endforeach()
foreach(header IN LISTS public)
  if(NOT EXISTS ${root}/${header})
    fault("${header}: included, but not there")
  endif()
endforeach()
if(files EQUAL 0)
  fault("${root}: no source file here")
endif()

if(faults)
  message(FATAL_ERROR "docs/architecture.md is not kept:\n${faults}")
endif()
message(STATUS "${files} files keep docs/architecture.md")
